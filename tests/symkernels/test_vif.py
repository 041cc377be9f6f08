"""Variance inflation factors: published values, exact arithmetic, exact collinearity, and laws."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symkernels import DataError, Moments, vif
from symkernels._spectral._spectrum import standardize
from symkernels._spectral._symmetric import default_tol
from symkernels._vif import _by_cholesky, _by_eigenvalues
from tests.symkernels._backends import assert_kind, assert_same, get, put, tolerance
from tests.symkernels._exact_regression import inflation
from tests.symkernels._matrices import EPS, SEEDS, correlation, covariance, hilbert_correlation, mixed, one_hot

# NIST's certified regression does not list them; these are in every textbook treatment of Longley (1967), for example
# statsmodels' and R's (car::vif) output, in the order of the data: GNPDEFL, GNP, UNEMP, ARMED, POP, YEAR.
LONGLEY = [135.53, 1788.51, 33.62, 3.59, 399.15, 758.98]


def test_longley_has_its_published_factors(xp, longley):
    R = put(xp, correlation(longley))
    result = vif(R)
    assert_kind(result.values, R)
    np.testing.assert_allclose(get(result.values), LONGLEY, rtol=0, atol=0.005)
    np.testing.assert_allclose(get(vif(put(xp, covariance(longley))).values), LONGLEY, rtol=0, atol=0.005)
    assert result.rank == 6
    assert result.psd
    assert not get(result.collinear).any()
    assert not get(result.constant).any()


def test_agrees_with_statsmodels(longley, iris):
    from statsmodels.stats.outliers_influence import variance_inflation_factor

    for X in (longley, iris):
        design = np.c_[X, np.ones(len(X))]
        expected = [variance_inflation_factor(design, i) for i in range(X.shape[1])]
        # statsmodels regresses the raw columns. Longley's have a condition number of 5e9: coefficients are right to
        # 1e-6. This error enters the sum of squared residuals, which is at its minimum, by its square.
        np.testing.assert_allclose(vif(correlation(X)).values, expected, rtol=1e-8)


@pytest.mark.parametrize("p", [2, 4, 6, 8])
def test_ill_conditioned_matrix_against_exact_arithmetic(xp, p):
    R = hilbert_correlation(p)
    with mpmath.workdps(60):
        inverse = mpmath.matrix(R.tolist()) ** -1
        exact = [float(inverse[i, i]) for i in range(p)]
    # An inverse is right to a few p eps times the condition number.
    np.testing.assert_allclose(get(vif(put(xp, R)).values), exact, rtol=4 * p * EPS * np.linalg.cond(R))


@settings(deadline=None, max_examples=50)
@given(seed=SEEDS, p=st.integers(1, 12))
def test_is_the_diagonal_of_the_inverse(xp, seed, p):
    R = correlation(mixed(seed, 60, p))
    result = vif(put(xp, R))
    operations = p * np.linalg.cond(R)  # the error of an inverse, in eps
    assert_same(result.values, np.diag(np.linalg.inv(R)), put(xp, R), operations=operations)
    assert (get(result.values) >= 1 - tolerance("float64", operations)).all()


@settings(deadline=None, max_examples=40)
@given(seed=SEEDS, p=st.integers(2, 100))
def test_cholesky_and_eigenvalues_agree(seed, p):
    R = correlation(mixed(seed, 2 * p + 10, p))
    R = (R + R.T) / 2
    tol = default_tol(p)
    fast = _by_cholesky(standardize(R, "R", tol))
    generic, rank, psd = _by_eigenvalues(R, tol)
    assert fast is not None
    assert rank == p
    assert psd
    np.testing.assert_allclose(fast, generic, rtol=8 * p * EPS * np.linalg.cond(R))


@settings(deadline=None, max_examples=40)
@given(seed=SEEDS, p=st.integers(2, 8))
def test_scale_and_order_of_the_attributes_do_not_matter(seed, p):
    rng = np.random.default_rng(seed)
    C = covariance(mixed(seed, 60, p))
    order, scale = rng.permutation(p), 10.0 ** rng.integers(-8, 9, p)
    values = vif(C).values
    sd = np.sqrt(np.diag(C))
    rtol = tolerance("float64", p * np.linalg.cond(C / np.outer(sd, sd)))  # of an inverse; scaling rounds each entry
    np.testing.assert_allclose(vif(C[np.ix_(order, order)]).values, values[order], rtol=rtol)
    np.testing.assert_allclose(vif(C * np.outer(scale, scale)).values, values, rtol=rtol)


@settings(deadline=None, max_examples=80)
@given(
    seed=SEEDS, free=st.integers(1, 4), summed=st.integers(2, 5), constants=st.integers(0, 2), spread=st.integers(0, 8)
)
def test_exact_collinearity_is_infinite_and_harms_nobody_else(xp, seed, free, summed, constants, spread):
    """Sums of columns, shuffled and scaled: inf for collinear columns, NaN for constants, others as without these."""
    rng = np.random.default_rng(seed)
    group = rng.standard_normal((200, summed))
    others = mixed(seed + 1, 200, free) + 0.3 * group[:, :1]
    X = np.c_[others, group, group.sum(axis=1), np.full((200, constants), 0.1)]
    kind = np.array(["free"] * free + ["group"] * (summed + 1) + ["constant"] * constants)
    alone = np.diag(np.linalg.inv(correlation(X[:, : free + summed])))[:free]

    order = rng.permutation(X.shape[1])
    C = covariance(X[:, order] * 10.0 ** rng.integers(-spread, spread + 1, X.shape[1]))
    result = vif(put(xp, C))
    back = np.argsort(order)
    values = get(result.values)[back]
    assert np.isinf(values[kind == "group"]).all()
    assert np.isnan(values[kind == "constant"]).all()
    # The independent columns have condition numbers below 100: an inverse is right to some 1e-13, and each covariance
    # of 200 rows to 200 eps.
    np.testing.assert_allclose(values[kind == "free"], alone, rtol=1e-9)
    assert get(result.collinear)[back].tolist() == (kind == "group").tolist()
    assert get(result.constant)[back].tolist() == (kind == "constant").tolist()
    assert result.rank == free + summed
    assert result.psd


@settings(deadline=None, max_examples=40)
@given(seed=SEEDS, n=st.integers(20, 3000), count=st.integers(2, 6))
def test_dummy_trap(xp, seed, n, count):
    rng = np.random.default_rng(seed)
    labels = np.r_[np.arange(count), rng.integers(0, count, n)]
    x = rng.standard_normal(len(labels)) + 0.2 * labels
    values = get(vif(put(xp, correlation(np.c_[one_hot(labels, count), x]))).values)
    assert np.isinf(values[:count]).all()
    between = np.array([x[labels == k].mean() for k in range(count)])[labels]
    share = between.var() / x.var()  # R squared of x on the group
    # Sums over n rows are right to n eps, and so is the unexplained share, of which this is the inverse.
    assert values[count] == pytest.approx(1 / (1 - share), rel=tolerance("float64", len(x)) / (1 - share))


@pytest.mark.parametrize("factor", [1e-8, -1.0, 1e8])
def test_duplicates(xp, factor):
    X = mixed(0, 500, 5)
    values = get(vif(put(xp, correlation(np.c_[X, factor * X[:, 2]]))).values)
    assert np.isinf(values).tolist() == [False, False, True, False, False, True]
    # The others have a condition number of 4, and correlations of 500 rows are right to 500 eps.
    np.testing.assert_allclose(values[[0, 1, 3, 4]], np.diag(np.linalg.inv(correlation(X)))[[0, 1, 3, 4]], rtol=1e-10)


def test_a_copy_in_single_precision_ties_only_its_twin(xp):
    X = mixed(0, 300, 6)
    values = get(vif(put(xp, correlation(np.c_[X, X[:, 2].astype("float32")]))).values)
    assert np.isinf(values).tolist() == [False, False, True, False, False, False, True]
    others = [0, 1, 3, 4, 5]
    # The twin differs by 6e-8 of each value; that is another column, so that the factors are not the same.
    np.testing.assert_allclose(values[others], np.diag(np.linalg.inv(correlation(X)))[others], rtol=1e-6)


def test_a_small_part_of_an_exact_sum_is_found(xp):
    # The last is the sum of the others, one of which has a 100,000th of their scale.
    X = mixed(0, 300, 4) * [1, 1, 1, 1e-5]
    assert np.isinf(get(vif(put(xp, correlation(np.c_[X, X.sum(axis=1)]))).values)).all()


def test_a_near_duplicate_beside_an_exact_one_stays_finite(xp):
    rng = np.random.default_rng(3)
    X = rng.standard_normal((5000, 12))
    noise = rng.standard_normal(5000)
    X = np.c_[X, X[:, 0] + 1e-6 * noise, X[:, 2:12].sum(axis=1)]
    values = get(vif(put(xp, correlation(X))).values)
    assert np.isinf(values).tolist() == [False, False] + [True] * 10 + [False, True]
    # eps times the condition number is 1e-3; the variances of 5,000 rows deviate from 1 by some 3%.
    assert values[0] == pytest.approx(1e12, rel=0.1)
    assert values[12] == pytest.approx(1e12, rel=0.1)
    # Columns 0 and 12 span the plane of column 0 and the noise, which two explain some 2e-4 of column 1. Their
    # difference, and so this share, is right to 1e-3.
    alone = np.diag(np.linalg.inv(correlation(np.c_[X[:, :12], noise])))
    assert values[1] == pytest.approx(alone[1], rel=1e-5)


def test_many_duplicates_at_once():
    X = mixed(8, 400, 80)
    C = covariance(np.c_[X, X[:, :60] * 3.0])
    result = vif(C)
    assert np.isinf(result.values).tolist() == [True] * 60 + [False] * 20 + [True] * 60
    R = correlation(X)
    # An inverse is right to some p eps times the condition number, 127; correlations of 400 rows to 400 eps.
    np.testing.assert_allclose(
        result.values[60:80], np.diag(np.linalg.inv(R))[60:], rtol=tolerance("float64", 400 * np.linalg.cond(R))
    )
    assert result.rank == 80


def test_small_cases(xp):
    assert get(vif(put(xp, [[7.0]])).values).tolist() == [1.0]
    assert get(vif(put(xp, np.eye(3))).values).tolist() == [1.0] * 3
    assert np.isinf(get(vif(put(xp, [[1, -1], [-1, 1]])).values)).all()
    for constant in ([[0.0]], [[np.nan]]):
        result = vif(put(xp, constant))
        assert np.isnan(get(result.values)).all()
        assert (result.rank, get(result.constant).tolist()) == (0, [True])
    undefined = vif(put(xp, [[1, np.nan, 0.5], [np.nan, np.nan, np.nan], [0.5, np.nan, 1]]))
    rtol = tolerance("float64", 2 * 3)  # p times the condition number, 1.5 / 0.5
    np.testing.assert_allclose(get(undefined.values), [4 / 3, np.nan, 4 / 3], rtol=rtol)
    assert undefined.rank == 2


def test_tol_decides_what_counts_as_exact(xp):
    R = put(xp, [[1, 1 - 1e-9], [1 - 1e-9, 1]])
    assert np.isfinite(get(vif(R).values)).all()
    assert np.isinf(get(vif(R, tol=1e-8).values)).all()
    # 1 - 1e-9 is rounded by up to eps / 2, and an inverse is right to p eps times the condition number, 2e9.
    assert get(vif(R, tol=0).values)[0] == pytest.approx(5e8, rel=4 * 2 * EPS * 2e9)


def test_a_matrix_that_is_not_positive_semidefinite(xp):
    R = np.eye(4)
    R[:3, :3] = [[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]]
    result = vif(put(xp, R))
    assert not result.psd
    values = get(result.values)
    assert np.isinf(values).tolist() == [True, True, True, False]
    # 1 over an eigenvalue, which is right to p eps of the largest one, 1.9.
    assert values[3] == pytest.approx(1, rel=tolerance("float64", 4 * 1.9))


def learnt(xp, X, **options):
    return Moments(np.shape(X)[1], **options).learn(put(xp, X))


def times(noise):
    """(300, 3) start, end and duration, in seconds: exact in float64 but for the noise."""
    k = np.arange(300.0)
    duration, start = (7 * k % 13 + 1) / 8, 1.7e9 + 1e5 * k
    return np.column_stack([start, start + duration + noise, duration])


def test_an_end_is_a_start_and_a_duration(xp):
    """Of the span of 3e7, the durations are the ninth digit, of which a correlation matrix sees nothing."""
    result = vif(learnt(xp, times(0.0)))
    assert get(result.values).tolist() == [np.inf] * 3
    assert result.rank == 2
    assert not get(result.at_least).any()
    assert_kind(result.values, learnt(xp, times(0.0)).mean())
    noisy = times(np.random.default_rng(0).standard_normal(300))
    result = vif(learnt(xp, noisy))
    np.testing.assert_allclose(get(result.values), inflation(noisy), rtol=1e-11)
    assert get(result.values)[2] < 2
    assert result.rank == 3


def test_what_is_left_beside_a_large_common_part(xp):
    rng = np.random.default_rng(1)
    x, z, noise = rng.standard_normal((3, 60)) * [[1e3], [1.0], [0.1]]
    X = np.column_stack([x, x + 1e-4 * z, z + noise])
    values = get(vif(learnt(xp, X)).values)
    np.testing.assert_allclose(values, inflation(X), rtol=1e-11)
    assert 50 < values[2] < 200
    assert get(vif(learnt(xp, X).correlation()).values)[2] < 1.5  # float64 has lost it


@settings(deadline=None, max_examples=25)
@given(seed=SEEDS, p=st.integers(2, 6), closeness=st.integers(0, 13), scale=st.sampled_from([1.0, 1e-100, 1e100]))
def test_from_moments_against_exact_fractions(seed, p, closeness, scale):
    """Columns that agree in many digits, in groups: several levels of elimination."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((20, 2))[:, rng.integers(0, 2, p)]
    X = scale * (X + 10.0 ** rng.uniform(-closeness, 0, p) * rng.standard_normal((20, p)))
    result = vif(learnt(np, X))
    # What four roundings of the values explain counts as nothing.
    exact = np.array(inflation(X))
    np.testing.assert_allclose(np.where(np.isinf(result.values), exact, result.values), exact, rtol=1e-10)
    assert (exact[np.isinf(result.values)] > 1e27).all()
    assert not result.at_least.any()


@settings(deadline=None, max_examples=25)
@given(seed=SEEDS, offset=st.sampled_from([0.0, 1e6]), p=st.integers(3, 70))
def test_from_moments_a_computed_sum_is_a_linear_function(seed, offset, p):
    """Sums and multiples that were rounded: what is left is the rounding. The others keep their factors."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((p + 30, p)) + offset
    X[:, 2] = 0.3 * X[:, 0] - 1.7 * X[:, 1] + 5
    order = rng.permutation(p)
    result = vif(learnt(np, X[:, order]))
    place = np.argsort(order)
    assert sorted(np.flatnonzero(result.collinear)) == sorted(place[:3])
    assert result.rank == p - 1
    others = np.delete(np.arange(p), 2)
    np.testing.assert_allclose(result.values[place[3:]], vif(correlation(X[:, others])).values[2:], rtol=1e-9)


def test_from_moments_members_of_a_category(xp):
    labels = np.arange(400) % 5
    x = np.random.default_rng(0).standard_normal(400) + labels
    result = vif(learnt(xp, np.c_[one_hot(labels, 5), x], binary=range(5)))
    assert np.isinf(get(result.values)[:5]).all()
    right = vif(correlation(np.c_[one_hot(labels, 5)[:, 1:], x])).values[-1]
    assert get(result.values)[5] == pytest.approx(right, rel=1e-12)


def test_sums_in_float64_say_at_least():
    """So many rows are summed in float64. A copy is one as far as these sums know; that is no proof."""
    rng = np.random.default_rng(2)
    X = rng.standard_normal((200_000, 42))
    X[:, 40] = X[:, 0]
    X[:, 41] = X[:, 1] + 1e-3 * X[:, 41]
    result = vif(learnt(np, X))
    assert np.flatnonzero(result.at_least).tolist() == [0, 40]
    assert not result.collinear.any()
    assert (result.values[[0, 40]] > 1e9).all()
    assert result.rank == 41
    np.testing.assert_allclose(result.values[[1, 41]], 1e6, rtol=0.02)
    assert (result.values[3:40] < 1.01).all()
    exact = vif(learnt(np, X, exact=True))
    assert np.flatnonzero(exact.collinear).tolist() == [0, 40]
    np.testing.assert_allclose(result.values[[1, 41]], exact.values[[1, 41]], rtol=1e-4)


def test_from_moments_of_some_attributes(xp, longley):
    moments = learnt(xp, np.c_[longley, np.ones(16), longley[:, 0] / 3])
    result = vif(moments, indices=[5, 0, 6, 1])
    right = get(vif(put(xp, correlation(longley[:, [5, 0, 1]]))).values)
    np.testing.assert_allclose(get(result.values)[[0, 1, 3]], right, rtol=1e-10)
    assert np.isnan(get(result.values)[2])
    assert get(result.constant).tolist() == [False, False, True, False]
    assert get(vif(moments, indices=[0, 7]).values).tolist() == [np.inf] * 2
    assert np.isnan(get(vif(moments, indices=[6]).values)).all()


def test_from_moments_with_missing_values(longley):
    """The same rows for all: the digits of the sums decide. Rows of their own for each pair: their matrix does."""
    X = np.c_[longley, longley[:, 0] - 2 * longley[:, 1]]
    gaps = np.vstack([X, np.full((3, 7), np.nan)])
    np.testing.assert_allclose(vif(learnt(np, gaps)).values, vif(learnt(np, X)).values, rtol=1e-12)
    gaps[0, 0] = np.nan
    some = learnt(np, gaps)
    np.testing.assert_array_equal(vif(some).values, vif(some.correlation()).values)


def test_a_tolerance_is_one_of_the_matrix(longley):
    moments = learnt(np, np.c_[longley, longley[:, 0] + 1e-5 * longley[:, 3]])
    for tol in (0.0, 1e-8):
        np.testing.assert_array_equal(vif(moments, tol).values, vif(moments.correlation(), tol).values)


def test_the_work_from_moments_can_be_stopped():
    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        vif(learnt(np, times(0.0)), checkpoint=stop)


def test_bad_input_from_moments():
    with pytest.raises(ValueError, match="indices choose attributes of Moments"):
        vif(np.eye(3), indices=[0])
    m = Moments(2)
    assert np.isnan(vif(m).values).all()  # no rows: nothing varies
    m.learn(np.array([[1.0, np.nan], [np.nan, 1.0], [2.0, np.nan], [np.nan, 3.0]]))
    with pytest.raises(DataError, match="NaN between attribute 0 and 1"):
        vif(m)


def _kahan(n):
    """Columns of which each leaves a fair share after those before, and which are together nearly singular."""
    c = 0.45
    s = (1 - c * c) ** 0.5
    triangle = np.diag(s ** np.arange(n)) @ (np.eye(n) + np.triu(np.full((n, n), -c), 1))
    return np.linalg.qr(np.random.default_rng(0).standard_normal((n + 10, n)))[0] @ triangle


HARD = {
    **{f"Hilbert {p}": [[1 / (i + j + 1) for j in range(p)] for i in range(40)] for p in (5, 8, 10, 12)},
    **{f"Vandermonde {p}": np.vander(np.linspace(0, 1, 30), p + 1)[:, :-1] for p in (5, 8, 12)},
    "Kahan": _kahan(22),
}


@pytest.mark.parametrize("name", HARD)
def test_from_moments_of_matrices_that_are_hard(name):
    X = np.array(HARD[name])
    result = vif(learnt(np, X))
    np.testing.assert_allclose(result.values, inflation(X), rtol=1e-11)
    assert result.rank == X.shape[1]
