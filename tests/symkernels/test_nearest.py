"""The nearest correlation matrix: Higham's examples, optimality, and the properties of the result."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symkernels import nearest_correlation, psd_report, vif
from tests.symkernels._backends import assert_kind, get, put, tolerance
from tests.symkernels._matrices import EPS, SEEDS, correlation, mixed


def _is_correlation(X: np.ndarray) -> bool:
    p = len(X)
    rounding = 8 * p * EPS * np.abs(np.linalg.eigvalsh(X)).max()
    return bool((X == X.T).all() and (np.diag(X) == 1).all() and np.linalg.eigvalsh(X)[0] >= -rounding)


def _random_correlation(rng: np.random.Generator, p: int) -> np.ndarray:
    B = rng.standard_normal((p, rng.integers(1, p + 1)))
    B /= np.linalg.norm(B, axis=1)[:, None]
    return B @ B.T


def test_example_of_the_paper(xp):
    """Higham (2002), section 4: the 3 x 3 example with its solution and distance."""
    A = put(xp, [[1, 1, 0], [1, 1, 1], [0, 1, 1]])
    result = nearest_correlation(A)
    assert_kind(result.values, A)
    expected = [[1, 0.7607, 0.1573], [0.7607, 1, 0.7607], [0.1573, 0.7607, 1]]
    np.testing.assert_allclose(get(result.values), expected, rtol=0, atol=5e-5)
    assert result.distance == pytest.approx(0.5278, abs=5e-5)
    assert result.converged


def test_tridiagonal_example(xp):
    """The 4 x 4 second-difference matrix; the solution as the NAG Library prints it in the example of G02AAF."""
    A = 2 * np.eye(4) - np.eye(4, k=1) - np.eye(4, k=-1)
    X = get(nearest_correlation(put(xp, A)).values)
    expected = [
        [1.0000, -0.8084, 0.1916, 0.1068],
        [-0.8084, 1.0000, -0.6562, 0.1916],
        [0.1916, -0.6562, 1.0000, -0.8084],
        [0.1068, 0.1916, -0.8084, 1.0000],
    ]
    np.testing.assert_allclose(X, expected, rtol=0, atol=5e-5)


@settings(deadline=None, max_examples=30)
@given(seed=SEEDS, p=st.integers(2, 7))
def test_is_a_correlation_matrix_and_no_other_is_nearer(xp, seed, p):
    rng = np.random.default_rng(seed)
    A = rng.uniform(-1, 1, (p, p))
    A = np.triu(A, 1) + np.triu(A, 1).T + np.eye(p)
    result = nearest_correlation(put(xp, A))
    X = get(result.values)
    assert _is_correlation(X)
    assert result.distance == pytest.approx(np.linalg.norm(X - A), rel=tolerance("float64", p * p))  # as many squares
    # A projection on a convex set: the way to A makes no acute angle with the way to any other member.
    for _ in range(20):
        Y = _random_correlation(rng, p)
        assert np.sum((A - X) * (Y - X)) <= 1e-6  # the last iteration changed X by up to 1e-10: see `tol`
    again = nearest_correlation(put(xp, X))
    np.testing.assert_allclose(get(again.values), X, rtol=0, atol=1e-9)  # ten times `tol`


@settings(deadline=None, max_examples=30)
@given(seed=SEEDS, p=st.integers(1, 10))
def test_leaves_a_correlation_matrix_alone(xp, seed, p):
    R = correlation(mixed(seed, 60, p))
    R = (R + R.T) / 2
    np.fill_diagonal(R, 1)
    result = nearest_correlation(put(xp, R))
    assert get(result.values).tolist() == R.tolist()
    assert (result.distance, result.n_iter, result.converged) == (0, 0, True)


def test_repairs_pairwise_correlations(xp):
    """More attributes than rows, a third of the entries missing: pairwise correlations as pandas gives them."""
    import pandas as pd

    rng = np.random.default_rng(0)
    X = mixed(0, 20, 12)
    X[rng.random(X.shape) < 0.33] = np.nan
    R = pd.DataFrame(X).corr().to_numpy()
    report = psd_report(put(xp, R))
    assert not report.psd
    result = nearest_correlation(put(xp, R))
    assert result.converged
    assert _is_correlation(get(result.values))
    assert psd_report(result.values).psd
    assert vif(result.values).psd
    assert report.distance <= result.distance <= 5 * report.distance


def test_unconverged_is_a_result_and_still_a_correlation_matrix(xp):
    A = put(xp, [[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]])
    result = nearest_correlation(A, max_iter=1)
    assert not result.converged
    assert result.change > 1e-10
    assert _is_correlation(get(result.values))
    best = nearest_correlation(A)
    assert result.distance >= best.distance * (1 - tolerance("float64", 9))  # equal here, but for rounding: 9 squares


def test_checkpoint_sees_every_iteration_and_can_stop(xp):
    A = put(xp, [[1, 1, 0], [1, 1, 1], [0, 1, 1]])
    seen = []
    result = nearest_correlation(A, checkpoint=lambda done, most: seen.append((done, most)))
    assert seen == [(i, 10_000) for i in range(1, result.n_iter + 1)]

    def stop(done, most):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        nearest_correlation(A, checkpoint=stop)


@pytest.mark.parametrize(("keyword", "value"), [("tol", 0.0), ("tol", float("nan")), ("max_iter", 0)])
def test_refuses_limits_that_mean_nothing(keyword, value):
    with pytest.raises(ValueError, match=f"{keyword} must be"):
        nearest_correlation(np.eye(2), **{keyword: value})


def test_report_says_how_far(xp):
    report = psd_report(put(xp, np.diag([2.0, -3.0, -4.0])))
    assert (report.psd, report.n_negative) == (False, 2)
    size = 4 * tolerance("float64", 3)  # eigenvalues are right to p eps of the largest magnitude
    assert (report.smallest, report.largest) == pytest.approx((-4, 2), rel=0, abs=size)
    assert report.distance == pytest.approx(5, rel=0, abs=2 * size)  # of two of them
    good = psd_report(put(xp, np.ones((3, 3))))
    assert (good.psd, good.n_negative) == (True, 0)
    assert good.distance <= good.tolerance
