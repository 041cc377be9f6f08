"""Numerically hard data: NIST's reference sets, large offsets, outliers learnt and forgotten, constant columns."""

from __future__ import annotations

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest

from symkernels import Moments
from tests.symkernels._matrices import EPS
from tests.symkernels.nist import NAMES, load


def digits(found: float, certified: str) -> float:
    """Return the number of correct digits: NIST's log relative error, at most 15, as certified values have 15."""
    with mpmath.workdps(40):
        error = abs(mpmath.mpf(found) - mpmath.mpf(certified))
        if error == 0:
            return 15.0
        return min(15.0, float(-mpmath.log10(error / abs(mpmath.mpf(certified)))))


def two_pass(x: np.ndarray) -> tuple[float, float]:
    """Return the result of the corrected two-pass algorithm (Chan, Golub & LeVeque 1983, (1.7)), with sums by fsum."""
    mean = math.fsum(x) / len(x)
    d = x - mean
    return mean, math.sqrt((math.fsum(d * d) - math.fsum(d) ** 2 / len(x)) / (len(x) - 1))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("batch", [1, 7, 10_000])
def test_nist_univariate_sets(name: str, batch: int) -> None:
    """At least as many digits as a corrected two-pass computation in float64, also one row at a time."""
    data = load(name)
    m = Moments(1)
    for start in range(0, len(data.values), batch):
        m.learn(data.values[start : start + batch, None])
    mean, sd = two_pass(data.values)
    # A mean is a value of the data plus a small correction, with one rounding: 14.9 digits are 6 eps.
    assert digits(m.mean()[0], data.mean) >= min(digits(mean, data.mean), 14.9)
    # Of the 15 digits that NIST prints, the last one is allowed to differ by rounding.
    assert digits(math.sqrt(m.var(ddof=1)[0]), data.sd) >= min(digits(sd, data.sd), 14) - 0.3


def naive_covariance(X: np.ndarray) -> np.ndarray:
    n = len(X)
    return X.T @ X / n - np.outer(X.mean(axis=0), X.mean(axis=0))


@pytest.mark.parametrize("offset", [1e4, 1e8, -1e8])
@pytest.mark.parametrize("learn", ["at once", "batches", "merged", "gaps", "weights", "rows"])
def test_an_offset_costs_only_the_rounding_of_the_input(offset: float, learn: str) -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((2000, 4)) + offset
    if learn == "gaps":
        X[rng.random(X.shape) < 0.1] = np.nan
    exact = X - offset  # the subtraction is exact: the rounded input is the truth
    here = ~np.isnan(exact)
    truth = np.array(
        [[_covariance(exact[:, i], exact[:, j], here[:, i] & here[:, j]) for j in range(4)] for i in range(4)]
    )
    m = Moments(4)
    if learn == "batches":
        for part in np.array_split(X, 13):
            m.learn(part)
    elif learn == "merged":
        m = Moments(4).learn(X[:3]) + Moments(4).learn(X[3:])
    elif learn == "rows":
        for row in X:
            m.learn(row[None, :].copy())
    else:
        m.learn(X, sample_weight=np.ones(len(X)) if learn == "weights" else None)
    assert np.abs(m.covariance() - truth).max() < len(X) * EPS  # the bound of a sum of as many products of size 1
    if abs(offset) == 1e8 and learn == "at once":
        assert np.abs(naive_covariance(X) - truth).max() > 0.1  # the error that this test detects


def _covariance(x: np.ndarray, y: np.ndarray, here: np.ndarray) -> float:
    x, y = x[here], y[here]
    return math.fsum((x - math.fsum(x) / len(x)) * (y - math.fsum(y) / len(y))) / len(x)


def test_random_rows_against_exact_arithmetic() -> None:
    """Second to fourth moments against rational arithmetic."""
    X = np.random.default_rng(1).standard_normal((300, 1)) * 3 + 100
    values = [Fraction(float(x)) for x in X[:, 0]]
    mean = sum(values) / len(values)
    m2, m3, m4 = (float(sum((v - mean) ** k for v in values) / len(values)) for k in (2, 3, 4))
    m = Moments(1).learn(X)
    # The mean is a value of the data plus a correction, 50 times smaller, which is right to some eps: one rounding. The
    # bound of a sum of squares is n eps; third and fourth powers cancel to a tenth of their size.
    assert m.mean()[0] == pytest.approx(float(mean), rel=2e-16)
    assert m.var()[0] == pytest.approx(m2, rel=300 * EPS)
    assert m.skewness()[0] == pytest.approx(m3 / m2**1.5, rel=1e-12)
    assert m.kurtosis()[0] == pytest.approx(m4 / m2**2 - 3, rel=1e-12)


@pytest.mark.parametrize("value", [0.1, 1e8 + 0.1, -1e-300, 0.0])
@pytest.mark.parametrize("gaps", [False, True])
def test_a_constant_column_has_variance_exactly_0(value: float, gaps: bool) -> None:
    X = np.column_stack([np.full(1000, value), np.random.default_rng(2).standard_normal(1000)])
    if gaps:
        X[np.random.default_rng(3).random(X.shape) < 0.1] = np.nan
    m = Moments(2)
    for part in np.array_split(X, 7):
        m.learn(part)
    m += Moments(2).learn(X)
    m.forget(X[:100])
    assert m.var()[0] == 0
    assert m.mean()[0] == value
    assert m.covariance()[0, 1] == 0
    assert np.isnan(m.correlation()[0, 1])
    assert np.isnan(m.skewness()[0])
    assert m.error_bound[0] == 0


@pytest.mark.parametrize("outlier", [1e8, 1e15, 1e40])
@pytest.mark.parametrize("place", ["first row", "first of a batch", "alone"])
def test_a_forgotten_outlier_restores_the_state_or_is_reported(outlier: float, place: str) -> None:
    X = np.random.default_rng(4).standard_normal((1000, 2))
    bad = np.array([[outlier, 0.5]])
    m = Moments(2)
    if place == "first row":
        m.learn(bad).learn(X)
    elif place == "first of a batch":
        m.learn(np.concatenate([bad, X]))
    else:
        m.learn(X).learn(bad)
    assert not m.needs_rebuild  # while the outlier is in the state, errors are relative to it
    m.forget(bad)
    truth, found, bound = X.var(axis=0), m.var(), m.error_bound
    assert (np.abs(found - truth) <= bound * np.maximum(truth, found)).all()
    if outlier < 1e20:
        assert bound[0] < 1e-10
    else:
        assert m.needs_rebuild
    assert bound[1] < 1e-14  # the other column is as accurate as before


@pytest.mark.parametrize("alone", [False, True])
def test_an_outlier_that_comes_first_and_is_forgotten(alone: bool) -> None:
    """1e8 comes first and is forgotten later: with a shift at the first value no digit would be left."""
    X = np.random.default_rng(5).standard_normal((10_000, 1))
    X[0] = 1e8
    m = Moments(1)
    if alone:
        m.learn(X[:1]).learn(X[1:])
    else:
        m.learn(X)
    m.forget(X[:1])
    assert m.error_bound[0] < 1
    assert abs(m.var()[0] / X[1:].var() - 1) < 1e-3
    assert abs(m.var()[0] / X[1:].var() - 1) <= m.error_bound[0]


@pytest.mark.parametrize("n", [100, 20_000])
@pytest.mark.parametrize("offset", [0, 1e6])
def test_the_error_bound_holds_and_is_not_idle(n: int, offset: float) -> None:
    X = np.random.default_rng(n).standard_normal((n, 1)) + offset
    truth = _covariance(X[:, 0] - offset, X[:, 0] - offset, np.ones(n, bool))
    m = Moments(1)
    for start in range(0, n, 64):
        m.learn(X[start : start + 64])
    error = abs(m.var()[0] / truth - 1)
    assert error <= m.error_bound[0] < 1e-10


@pytest.mark.parametrize("batch", [1, 8, 1000])
@pytest.mark.parametrize("seed", range(4))
def test_equal_rows_all_round_to_one_side(batch: int, seed: int) -> None:
    """Equal rows all round in the same direction. Errors stay within the bound, and earlier rows can be forgotten."""
    rng = np.random.default_rng(seed)
    X, equal = rng.standard_normal((1000, 2)), np.tile(rng.standard_normal(2), (3000, 1))
    m = Moments(2).learn(X)
    for start in range(0, len(equal), batch):
        m.learn(equal[start : start + batch])
    both = np.concatenate([X, equal])
    for j in range(2):
        truth = _covariance(both[:, j], both[:, j], np.ones(len(both), bool))
        assert abs(m.var()[j] / truth - 1) <= m.error_bound[j]
    m.forget(X)
    assert m.n_rows == 3000
    assert (m.var() < 1e-9).all()


def test_the_shift_follows_a_mean_that_leaves_it() -> None:
    """A window follows a level that drifts by 10,000 standard deviations: errors stay within their small bound."""
    rng = np.random.default_rng(6)
    batches = [rng.standard_normal((50, 1)) + 10 * level for level in range(1000)]
    m = Moments(1)
    for i, batch in enumerate(batches):
        m.learn(batch)
        if i >= 20:
            m.forget(batches[i - 20])
    window = np.concatenate(batches[-20:])[:, 0]
    truth = _covariance(window, window, np.ones(len(window), bool))
    assert abs(m.var()[0] / truth - 1) < 1e-12  # 1,000 rows: n eps is 2e-13
    assert m.error_bound[0] < 1e-3


@pytest.mark.parametrize("jump", [1e9, 1e30])
def test_a_jump_is_survived_or_reported(jump: float) -> None:
    rng = np.random.default_rng(7)
    early, late = rng.standard_normal((100, 1)), rng.standard_normal((5000, 1)) + jump
    m = Moments(1).learn(early).learn(late)
    assert not m.needs_rebuild
    if jump < 1e12:
        m.forget(early)
        for rows, x in ((late, late[:, 0]), (early, early[:, 0])):
            values = [Fraction(value) for value in x.tolist()]
            mean = sum(values) / len(values)
            truth = float(sum((value - mean) ** 2 for value in values) / len(values))
            assert m.n_rows == len(rows)
            assert abs(m.var()[0] / truth - 1) <= m.error_bound[0] < 1e-14
            if rows is late:
                m.learn(early).forget(late)
    else:
        assert m.forget(late).needs_rebuild


@pytest.mark.parametrize("scale", [1e-150, 1e-20, 1e20, 1e70])
def test_scale_and_shift_behave(scale: float) -> None:
    X = np.random.default_rng(7).standard_normal((500, 3))
    a, b = Moments(3).learn(X), Moments(3).learn(X * scale)
    # Scaling rounds each value: some eps of an average product, and n eps is 1e-13. Kurtosis has powers of four.
    np.testing.assert_allclose(b.covariance() / scale**2, a.covariance(), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(b.correlation(), a.correlation(), rtol=1e-12, atol=1e-14)
    if scale > 1e-50:
        np.testing.assert_allclose(b.kurtosis(), a.kurtosis(), rtol=1e-9)


def test_fourth_powers_that_overflow_answer_nan_and_spare_the_rest() -> None:
    X = np.random.default_rng(9).standard_normal((100, 1)) * 1e100
    m = Moments(1).learn(X[:50]).learn(X[50:]).forget(X[:10])
    assert np.isnan(m.kurtosis()[0])
    assert m.var()[0] == pytest.approx(X[10:].var(), rel=1e-12)  # 110 rows came and went: n eps is 2e-14


def test_one_row_and_two() -> None:
    m = Moments(2).learn([[1.0, np.nan]])
    assert m.mean()[0] == 1
    assert m.var()[0] == 0
    assert np.isnan(m.var(ddof=1)[0])
    assert np.isnan(m.mean()[1])
    assert np.isnan(m.covariance(ddof=1)).all()
    m.learn([[2.0, np.nan]])
    assert m.var(ddof=1)[0] == 0.5


def test_more_attributes_than_rows() -> None:
    X = np.random.default_rng(8).standard_normal((5, 40))
    C = Moments(40).learn(X).covariance()
    np.testing.assert_allclose(C, np.cov(X.T, ddof=0), rtol=0, atol=1e-14)  # 5 products of size 1: some eps
    values = np.linalg.eigvalsh(C)
    assert values[0] > -40 * EPS * values[-1]  # p eps of the largest
