"""Principal components: laws of the eigendecomposition, published values, and the contract's conventions."""

from __future__ import annotations

import array_api_compat.numpy as compat_numpy
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symkernels import pca
from symkernels._spectral._signs import _leading, _leading_in_blocks
from tests.symkernels._backends import assert_kind, assert_same, get, put, tolerance
from tests.symkernels._matrices import (
    EPS,
    SEEDS,
    correlation,
    covariance,
    hilbert_correlation,
    mixed,
    rotation,
    vector_tolerance,
)

SIZES = st.integers(1, 12)


def _sign_rule_holds(vectors: np.ndarray) -> bool:
    size = np.abs(vectors)
    first = (size >= size.max(axis=0) - 1e-8).argmax(axis=0)
    return bool((vectors[first, np.arange(vectors.shape[1])] > 0).all())


@settings(deadline=None, max_examples=50)
@given(seed=SEEDS, p=SIZES)
def test_is_an_eigendecomposition(xp, seed, p):
    C = covariance(mixed(seed, 40, p))
    given_C = put(xp, C)
    result = pca(given_C)
    assert_kind(result.values, given_C)
    assert_kind(result.vectors, given_C)
    values, vectors = get(result.values), get(result.vectors)
    size = tolerance("float64", p) * np.abs(C).max() * p
    assert np.abs(C @ vectors - vectors * values).max() <= size
    assert np.abs(vectors.T @ vectors - np.eye(p)).max() <= tolerance("float64", p)
    assert (np.diff(values) <= 0).all()
    assert abs(values.sum() - result.total) <= size
    assert result.total == pytest.approx(np.trace(C), rel=tolerance("float64", p))  # sums of p variances
    assert get(result.explained_ratio).sum() == pytest.approx(1, rel=tolerance("float64", p * p))  # values: p eps each
    assert _sign_rule_holds(vectors)
    assert result.rank == p
    assert result.psd
    # The smallest eigenvalue is right to p eps of the largest.
    assert result.condition == pytest.approx(np.linalg.cond(C), rel=tolerance("float64", p * np.linalg.cond(C)))
    assert result.smallest == values[-1]


@settings(deadline=None, max_examples=30)
@given(seed=SEEDS, p=st.integers(2, 12))
def test_values_survive_permutation_and_rotation(seed, p):
    C = covariance(mixed(seed, 40, p))
    values = pca(C).values
    order = np.random.default_rng(seed).permutation(p)
    Q = rotation(seed, p)
    turned = Q @ C @ Q.T
    atol = tolerance("float64", p) * values[0]
    np.testing.assert_allclose(pca(C[np.ix_(order, order)]).values, values, rtol=0, atol=atol)
    np.testing.assert_allclose(pca((turned + turned.T) / 2).values, values, rtol=0, atol=atol)


@settings(deadline=None, max_examples=30)
@given(seed=SEEDS, p=st.integers(2, 8))
def test_components_follow_a_permutation(seed, p):
    C = covariance(mixed(seed, 40, p))
    order = np.random.default_rng(seed).permutation(p)
    one, other = pca(C), pca(C[np.ix_(order, order)])
    gap = -np.diff(one.values).max(initial=-np.inf)
    if gap > 1e-3 * one.values[0]:  # each vector is then its own, right to p eps / 1e-3; cosines to the square of that
        cosines = np.abs((one.vectors[order] * other.vectors).sum(axis=0))
        np.testing.assert_allclose(cosines, 1, rtol=0, atol=1e-9)


@settings(deadline=None, max_examples=30)
@given(seed=SEEDS, p=st.integers(2, 8), exponent=st.integers(-200, 200))
def test_scales_by_powers_of_two_exactly(seed, p, exponent):
    C = covariance(mixed(seed, 40, p))
    one, other = pca(C), pca(C * 2.0**exponent)
    # LAPACK may scale the matrix before and the values after: right to p eps of the largest, as any other result.
    atol = tolerance("float64", p) * one.values[0]
    np.testing.assert_allclose(other.values * 2.0**-exponent, one.values, rtol=0, atol=atol)
    assert (np.abs(other.vectors - one.vectors) <= vector_tolerance(one.values)).all()


@settings(deadline=None, max_examples=40)
@given(seed=SEEDS, p=SIZES, k=st.integers(1, 15), explained=st.floats(0.01, 0.999))
def test_fewer_components_are_the_first_of_all(xp, seed, p, k, explained):
    R = put(xp, correlation(mixed(seed, 40, p)))
    every = pca(R)
    some = pca(R, n_components=k)
    assert get(some.values).tolist() == get(every.values)[:k].tolist()
    assert get(some.vectors).tolist() == get(every.vectors)[:, :k].tolist()
    assert (some.total, some.rank, some.condition, some.smallest) == (
        every.total,
        every.rank,
        every.condition,
        every.smallest,
    )

    share = pca(R, explained=explained)
    count = share.values.shape[0]
    reached = np.cumsum(get(every.values)) / every.total
    assert reached[count - 1] >= explained - tolerance("float64", p)  # a sum of up to p eigenvalues
    assert count == 1 or reached[count - 2] < explained
    assert pca(R, n_components=k, explained=explained).values.shape[0] == min(k, count)


def test_explained_share_that_is_met_exactly(xp):
    # Ten equal variances: three of them are 30%, although their sum may round to just below it.
    R = put(xp, np.eye(10))
    assert [pca(R, explained=share).values.shape[0] for share in (0.05, 0.1, 0.3, 0.7, 0.71, 1.0)] == [
        1,
        1,
        3,
        7,
        8,
        10,
    ]


def test_a_full_share_returns_components_without_variance(xp):
    X = mixed(0, 30, 3)
    result = pca(put(xp, covariance(np.c_[X, X[:, 0] + X[:, 1]])))
    assert result.values.shape[0] == 4
    assert result.rank == 3
    assert result.condition == np.inf


def test_signs_break_ties_by_the_first_entry(xp):
    # The two vectors of a 2 x 2 correlation matrix are (1, 1) and (1, -1) over root 2: ties up to rounding.
    for r in (0.5, -0.5, 1e-3, 0.999):
        vectors = get(pca(put(xp, [[1, r], [r, 1]])).vectors)
        assert (vectors[0] > 0).all()
        atol = vector_tolerance(np.array([1 + abs(r), 1 - abs(r)])).max()
        np.testing.assert_allclose(np.abs(vectors), np.sqrt(0.5), rtol=0, atol=atol)


@settings(deadline=None, max_examples=40)
@given(seed=SEEDS, p=st.integers(1, 300), k=st.integers(1, 300))
def test_signs_of_the_fast_path_are_those_of_the_generic_one(seed, p, k):
    rng = np.random.default_rng(seed)
    vectors = rng.choice([-1.0, -0.5, 0.5, 1.0], (p, k)) + rng.choice([0, 1e-9, 3e-8], (p, k))  # full of ties
    assert _leading_in_blocks(vectors).tolist() == _leading(vectors, compat_numpy).tolist()


def test_all_backends_agree(xp):
    C = covariance(mixed(7, 200, 20)) + np.diag(np.arange(20.0))
    expected = pca(C)
    result = pca(put(xp, C))
    assert_same(result.values, expected.values, put(xp, C), operations=20)
    # The smallest gap is 0.6, and the largest value 24: p eps of it over the gap, times 8, is 1.4e-12.
    assert_same(result.vectors, expected.vectors, put(xp, C), atol=vector_tolerance(expected.values).max())
    assert result.backend in ("numpy", "array_api_strict", "cupy")
    assert result.dtype == "float64"
    assert result.device == str(put(xp, C).device)


def test_float32_is_widened(xp):
    R = correlation(mixed(3, 50, 5)).astype("float32")
    R = (R + R.T) / 2
    result = pca(put(xp, R, "float32"))
    assert_same(result.values, pca(R.astype("float64")).values, put(xp, R), operations=5)  # p eps of the largest


def test_leaves_its_input_alone():
    C = covariance(mixed(1, 30, 6))
    C.setflags(write=False)
    before = C.copy()
    for k in (None, 2):
        result = pca(C, n_components=k)
        assert result.vectors.base is None or result.vectors.base.size == result.vectors.size
    assert (before == C).all()


def test_large_matrix_is_checked_and_signed_in_blocks():
    C = covariance(mixed(5, 900, 600))
    C = (C + C.T) / 2
    result = pca(C)
    # One routine of LAPACK gets the same symmetric matrix twice, so that even vectors of close values are the same.
    values, vectors = np.linalg.eigh(C)
    np.testing.assert_allclose(result.values, values[::-1], rtol=0, atol=1e-12)
    np.testing.assert_allclose(np.abs(result.vectors), np.abs(vectors[:, ::-1]), rtol=0, atol=1e-12)
    assert _sign_rule_holds(result.vectors)
    C[590, 3] += 1e-9
    with pytest.raises(ValueError, match=r"R\[590, 3\]"):
        pca(C)


# Eigenvalues of Fisher's iris data as printed in R's and scikit-learn's documentation: of the sample covariance matrix
# (prcomp(iris[, 1:4])$sdev^2) and of the correlation matrix (scale. = TRUE).
IRIS_COVARIANCE = [4.22824171, 0.24267075, 0.0782095, 0.02383509]
IRIS_CORRELATION = [2.91849782, 0.91403047, 0.14675688, 0.02071484]


def test_iris_has_its_published_eigenvalues(xp, iris):
    found = get(pca(put(xp, np.cov(iris, rowvar=False))).values)
    np.testing.assert_allclose(found, IRIS_COVARIANCE, rtol=0, atol=5.01e-9)  # eight decimals are printed
    result = pca(put(xp, correlation(iris)))
    np.testing.assert_allclose(get(result.values), IRIS_CORRELATION, rtol=0, atol=5.01e-9)
    assert result.total == pytest.approx(4, rel=tolerance("float64", 4))  # a sum of four ones, but for rounding


def test_is_the_svd_of_the_standardized_data(iris):
    Z = (iris - iris.mean(axis=0)) / iris.std(axis=0)
    _, s, Vt = np.linalg.svd(Z, full_matrices=False)
    result = pca(correlation(iris))
    # Both start from means and deviations of 150 rows: n eps of the largest value, 2.9; vectors, over the gap, 0.126.
    atol = len(Z) * EPS * result.values[0]
    np.testing.assert_allclose(result.values, s**2 / len(Z), rtol=0, atol=atol)
    np.testing.assert_allclose(np.abs(result.vectors), np.abs(Vt.T), rtol=0, atol=atol / 0.126)


def test_agrees_with_scikit_learn(iris):
    from sklearn.decomposition import PCA

    peer = PCA(svd_solver="full").fit(iris)
    result = pca(np.cov(iris, rowvar=False))
    # n eps of the largest value, 4.2, is 1.4e-13: 6e-12 of the smallest one, and over the least gap, 0.05, 3e-12.
    np.testing.assert_allclose(result.values, peer.explained_variance_, rtol=1e-10)
    np.testing.assert_allclose(result.explained_ratio, peer.explained_variance_ratio_, rtol=1e-10)
    np.testing.assert_allclose(np.abs(result.vectors), np.abs(peer.components_.T), rtol=0, atol=1e-10)


def test_small_eigenvalues_are_right_to_p_eps_of_the_largest():
    """That is the error bound of LAPACK's routine, with a modest constant; here it is 1.5 eps."""
    R = hilbert_correlation(9)
    with mpmath.workdps(60):
        exact = sorted((float(w) for w in mpmath.eigsy(mpmath.matrix(R.tolist()), eigvals_only=True)), reverse=True)
    result = pca(R)
    np.testing.assert_allclose(result.values, exact, rtol=0, atol=9 * EPS * exact[0])
    assert result.rank == 9


def test_rank_counts_what_is_above_rounding(xp):
    assert pca(put(xp, np.zeros((3, 3)))).rank == 0
    assert np.isnan(get(pca(put(xp, np.zeros((3, 3)))).explained_ratio)).all()
    assert pca(put(xp, np.ones((5, 5)))).rank == 1
    assert pca(put(xp, [[2.0]])).values.shape == (1,)
    assert pca(put(xp, np.diag([1.0, 1e-13, 1e-17]))).rank == 2


def test_reports_a_matrix_that_is_not_positive_semidefinite(xp):
    result = pca(put(xp, [[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]]))
    assert not result.psd
    assert result.smallest == pytest.approx(1 - 1.8, rel=0, abs=1.9 * tolerance("float64", 3))  # the largest is 1.9
    assert result.condition == np.inf
    assert result.total == 3
