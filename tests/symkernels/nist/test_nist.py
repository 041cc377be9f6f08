"""The files hold what NIST certified: every value recomputed from the decimal text in 60-digit arithmetic."""

from __future__ import annotations

from decimal import Decimal, localcontext
from itertools import pairwise

import pytest

from tests.symkernels import nist

OBSERVATIONS = {
    "NumAcc1": 3,
    "NumAcc2": 1001,
    "NumAcc3": 1001,
    "NumAcc4": 1001,
    "Lew": 200,
    "Lottery": 218,
    "Mavro": 50,
    "Michelso": 100,
}


def _same(exact: Decimal, certified: str) -> bool:
    """Whether `exact` rounds to `certified` at its last printed digit."""
    printed = Decimal(certified)
    unit = Decimal(1).scaleb(printed.as_tuple().exponent)
    return abs(exact - printed) <= unit / 2


@pytest.mark.parametrize("name", nist.NAMES)
def test_certified_values_follow_from_the_file(name):
    data = nist.load(name)
    with localcontext() as context:
        context.prec = 60
        x = [Decimal(text) for text in data.texts]
        n = len(x)
        mean = sum(x) / n
        squares = sum((v - mean) ** 2 for v in x)
        sd = (squares / (n - 1)).sqrt()
        lag = sum((a - mean) * (b - mean) for a, b in pairwise(x)) / squares
        assert n == OBSERVATIONS[name]
        assert _same(mean, data.mean)
        assert _same(sd, data.sd)
        assert _same(lag, data.autocorrelation)


def test_load_all_gives_every_set_as_float64():
    rows = list(nist.load_all())
    assert [row[0] for row in rows] == list(nist.NAMES)
    assert all(row[1].dtype == "float64" and row[1].shape == (OBSERVATIONS[row[0]],) for row in rows)
