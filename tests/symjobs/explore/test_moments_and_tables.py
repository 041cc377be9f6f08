"""uni, bi, chi2 and gain on plain numbers, against pandas and SciPy."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from symjobs._errors import UnsupportedTest
from symjobs._explore._bivariate import conditional
from symjobs._explore._chi2 import chi_square
from symjobs._explore._gain import information_gain
from symjobs._explore._univariate import univariate


def described(x, **options):
    x = np.asarray(x, dtype=float)
    return univariate(float(len(x)), x.mean(), x.var(), stats.skew(x), stats.kurtosis(x), **options)


def test_univariate():
    x = np.random.default_rng(0).gamma(2.0, size=57)
    ours = described(x)
    assert ours == pytest.approx(
        {
            **{"count": 57.0, "mean": x.mean(), "variance": x.var(), "stddev": x.std()},
            **{"skewness": stats.skew(x), "kurtosis": stats.kurtosis(x), "stderr": x.std() / math.sqrt(57)},
            "meanMarginErrorC95": 1.959964 * x.std() / math.sqrt(57),
        },
        rel=1e-13,
    )


def test_univariate_unbiased_is_pandas():
    x = pd.Series(np.random.default_rng(1).gamma(2.0, size=23))
    ours = described(x, unbiased=True)
    reference = {"variance": x.var(), "stddev": x.std(), "skewness": x.skew(), "kurtosis": x.kurt(), "stderr": x.sem()}
    for key, value in reference.items():
        assert ours[key] == pytest.approx(value, rel=1e-12), key


@pytest.mark.parametrize(("n", "undefined"), [(1, 3), (2, 2), (3, 1), (4, 0)])
def test_univariate_unbiased_needs_enough_values(n, undefined):
    x = np.array([1.0, 2.0, 4.0, 9.0])[:n]
    ours = univariate(float(n), x.mean(), x.var(), 0.5, 0.5, unbiased=True)
    assert sum(math.isnan(ours[k]) for k in ("variance", "skewness", "kurtosis")) == undefined


def test_univariate_of_nothing_is_undefined():
    nan = math.nan
    ours = univariate(0.0, nan, nan, nan, nan)
    assert ours.pop("count") == 0.0
    assert all(math.isnan(value) for value in ours.values())


def test_conditional_under_a_binary_describes_the_group():
    rng = np.random.default_rng(2)
    x, y = rng.normal(5.0, 1.0, 80), rng.integers(0, 2, 80).astype(float)
    group = x[y == 1]
    for unbiased in (False, True):
        ours = conditional(len(group), group.sum(), group.mean(), group.var(), unbiased=unbiased)
        deviation = group.std(ddof=int(unbiased))
        margin = 1.959964 * deviation / math.sqrt(len(group))
        assert ours == pytest.approx(
            {
                **{"condMean": group.mean(), "condCount": len(group), "condSum": group.sum()},
                **{"condVariance": deviation**2, "condStddev": deviation},
                **{"biCi95Down": group.mean() - margin, "biCi95Up": group.mean() + margin},
            },
            rel=1e-13,
        )


def test_conditional_without_the_squares_gives_what_it_can():
    ours = conditional(4.0, 10.0, 2.5, math.nan)
    undefined = {key for key, value in ours.items() if math.isnan(value)}
    assert undefined == {"condVariance", "condStddev", "biCi95Down", "biCi95Up"}


def test_conditional_under_negative_weights_is_undefined_not_an_error():
    ours = conditional(-4.0, -10.0, 2.5, -1.0)
    assert ours["condSum"] == -10.0
    assert math.isnan(ours["condStddev"])
    assert math.isnan(ours["biCi95Up"])


def test_chi_square():
    table = [[10, 20, 30], [6, 9, 17]]
    ours = chi_square(table)
    reference = stats.chi2_contingency(table, correction=False)
    assert ours["chiStat"] == pytest.approx(reference.statistic, rel=1e-12)
    assert ours["pval"] == pytest.approx(reference.pvalue, rel=1e-11)
    assert ours["df"] == reference.dof
    assert ours["coef"] == pytest.approx(stats.contingency.association(table, method="tschuprow"), rel=1e-12)


def test_chi_square_of_a_perfect_association():
    ours = chi_square(np.diag([3.0, 5.0, 9.0]))
    assert ours["coef"] == pytest.approx(1.0)
    assert ours["chiStat"] == pytest.approx(34.0)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ([[1, 2]], r"1 row\(s\); it needs at least 2"),
        ([[1], [2]], r"1 column\(s\)"),
        ([[1, 2], [0, 0]], "row '1' of the chi2 test's table is empty"),
        ([[1, 0], [3, 0]], "column '1' of the chi2 test's table is empty"),
    ],
)
def test_tables_that_cannot_be_tested(table, message):
    with pytest.raises(UnsupportedTest, match=message):
        chi_square(table)


tables = hnp.arrays(
    np.int64, hnp.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=5), elements=st.integers(0, 60)
)


@given(tables.filter(lambda t: t.sum(0).all() and t.sum(1).all()))
def test_the_order_and_the_side_of_a_table_do_not_matter(table):
    ours = chi_square(table)
    assert chi_square(table.T[::-1]) == pytest.approx(ours, rel=1e-9, abs=1e-9)
    gain = information_gain(table)["gain"]
    assert information_gain(table[::-1].T)["gain"] == pytest.approx(gain, rel=1e-9, abs=1e-12)
    # The likelihood ratio statistic is 2 n ln 2 times the gain.
    ratio = stats.chi2_contingency(table, correction=False, lambda_="log-likelihood").statistic
    assert gain == pytest.approx(ratio / (2 * table.sum() * math.log(2)), rel=1e-9, abs=1e-12)


@given(tables.filter(lambda t: t.sum() > 0))
def test_gain_lies_between_zero_and_the_entropy_of_the_target(table):
    gain = information_gain(table)["gain"]
    entropy = stats.entropy(table.sum(axis=0), base=2)
    left = sum(row.sum() / table.sum() * stats.entropy(row, base=2) for row in table if row.sum())
    assert 0.0 <= gain <= entropy + 1e-12
    assert gain == pytest.approx(entropy - left, abs=1e-12)


def test_gain_of_quinlan_1986():
    # Table 1 of the paper: outlook (sunny, overcast, rain) against play (P, N); the paper gives 0.246 bits.
    assert information_gain([[2, 3], [4, 0], [3, 2]])["gain"] == pytest.approx(0.2467, abs=5e-5)
    assert information_gain([[7, 0], [0, 9]])["gain"] == pytest.approx(stats.entropy([7, 9], base=2))


def test_gain_of_nothing():
    with pytest.raises(UnsupportedTest, match="color and size has no row"):
        information_gain(np.zeros((2, 3)), "color and size")
