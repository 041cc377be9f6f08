"""The chi-square test of a contingency table."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from symjobs._errors import InputError, UnsupportedTest
from symjobs._explore._attributes import Attribute, Category
from symjobs._explore._plan import Plan
from symjobs._explore._request import MetricRequest
from symjobs._explore._statistics import Statistics
from symjobs._explore._tails import chi2_upper


def chi_square(
    observed: ArrayLike, row_names: Sequence[str] | None = None, column_names: Sequence[str] | None = None
) -> dict[str, float]:
    """Test that the rows of a table have one distribution over its columns, without Yates' correction.

    Parameters
    ----------
    observed : (r, c) array_like
        Counts.
    row_names, column_names : sequence of str, optional
        What error messages call them; their numbers if not given.

    Returns
    -------
    dict of str to float
        ``chiStat``; ``df`` = (r - 1)(c - 1); ``pval``, the upper tail; ``coef``, Tschuprow's
        T = sqrt((chi2/n) / sqrt(df)), 0 without any association and 1 for a perfect one in a square table.

    Raises
    ------
    UnsupportedTest
        If there are fewer than two rows or columns, or one of them is empty: its expected counts would be 0.

    References
    ----------
    Pearson (1900), "On the criterion...", Philosophical Magazine 50, 157-175.
    Tschuprow (1939), Principles of the Mathematical Theory of Correlation.
    """
    table = np.asarray(observed, dtype=np.float64)
    rows, columns = table.shape
    _require_two(rows, "row")
    _require_two(columns, "column")
    row_sums, column_sums = table.sum(axis=1), table.sum(axis=0)
    for sums, names, kind in ((row_sums, row_names, "row"), (column_sums, column_names, "column")):
        for k in np.flatnonzero(~(sums > 0.0)):
            name = names[int(k)] if names is not None else str(k)
            raise UnsupportedTest(f"{kind} {name!r} of the chi2 test's table is empty; leave it out")
    n = table.sum()
    expected = row_sums[:, None] * (column_sums / n)
    statistic = float((((table - expected) / expected) * (table - expected)).sum())
    df = float((rows - 1) * (columns - 1))
    coefficient = math.sqrt(statistic / n / math.sqrt(df))
    return {"chiStat": statistic, "df": df, "pval": chi2_upper(statistic, df), "coef": coefficient}


def chi2(request: MetricRequest) -> Plan:
    """Test the table of binary inputs against binary targets, or of categories against their values.

    With targets a category stands for its members, those without rows left out. Without, the inputs are categories:
    each is one row, over the values that any of them has.
    """
    if request.targets:
        return _crossed(request.binaries(request.inputs), request.binaries(request.targets))
    categories = [request.discrete(name) for name in request.inputs]
    if not categories:
        raise InputError(f"{request.metric} takes binary inputs and binary targets, or categories; got no input")
    for item in categories:
        if not isinstance(item, Category):
            raise InputError(f"{request.metric} without targets takes categories, and {item.label!r} is an attribute")
    _require_two(len(categories), "row")
    return _homogeneity([item for item in categories if isinstance(item, Category)])


def _crossed(inputs: list[Attribute], targets: list[Attribute]) -> Plan:
    _require_two(len(inputs), "row")
    _require_two(len(targets), "column")

    def plan(statistics: Statistics) -> dict[str, float]:
        counts = statistics.joint(inputs, targets).both
        rows = [k for k, a in enumerate(inputs) if not a.implied or counts[k].any()]
        columns = [k for k, a in enumerate(targets) if not a.implied or counts[:, k].any()]
        return _tested(
            counts[np.ix_(rows, columns)], [inputs[k].label for k in rows], [targets[k].label for k in columns]
        )

    return plan


def _homogeneity(categories: list[Category]) -> Plan:
    def plan(statistics: Statistics) -> dict[str, float]:
        totals = [{c.value(member): statistics.total(member) for member in c.members} for c in categories]
        values = list(dict.fromkeys(value for row in totals for value, count in row.items() if count > 0.0))
        counts = np.array([[row.get(value, 0.0) for value in values] for row in totals]).reshape(len(totals), -1)
        labels = [c.label for c in categories]
        if counts.size and (np.count_nonzero(counts, axis=0) < 2).all():
            raise UnsupportedTest(
                f"the categories {', '.join(labels)} share no value, so their distributions cannot be compared; to "
                "test whether two categories are independent, give one as the input and the other as the target"
            )
        return _tested(counts, labels, values)

    return plan


def _tested(counts: np.ndarray, rows: list[str], columns: list[str]) -> dict[str, float]:
    observed = {f"obs${i}:{j}": float(counts[k, m]) for k, i in enumerate(rows) for m, j in enumerate(columns)}
    return chi_square(counts, rows, columns) | observed


def _require_two(found: int, kind: str) -> None:
    if found < 2:
        raise UnsupportedTest(f"the table of the chi2 test has {found} {kind}(s); it needs at least 2")
