"""Feature selection by SVD: kept attributes are not singular, dropped ones are linear functions of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symkernels import Moments, svd_select, vif
from tests.symkernels._backends import put
from tests.symkernels._matrices import SEEDS, correlation, covariance, mixed, one_hot

# Coefficients solve linear systems whose condition numbers are below 100, from covariances of 100 to 500 rows: n eps
# times the condition number is 1e-11.
COEFFICIENT = 1e-10


@settings(deadline=None, max_examples=60)
@given(seed=SEEDS, p=st.integers(1, 6), extra=st.integers(0, 4), spread=st.integers(0, 6))
def test_finds_exact_dependencies_in_any_order_and_scale(xp, seed, p, extra, spread):
    rng = np.random.default_rng(seed)
    base = rng.integers(-50, 50, (200, p)).astype(float)
    X = np.c_[base, base @ rng.integers(1, 4, (p, extra)).astype(float), np.full(200, 0.1)]
    X = X[:, rng.permutation(X.shape[1])] * 2.0 ** rng.integers(-spread, spread + 1, X.shape[1])
    result = svd_select(put(xp, covariance(X)))

    # The greedy rule, on the data itself: an attribute is kept if it is not linear in the kept ones before it.
    centred = X - X.mean(axis=0)
    kept: list[int] = []
    for j in range(X.shape[1]):
        unit = centred[:, [*kept, j]] / np.maximum(np.abs(centred[:, [*kept, j]]).max(axis=0), 1e-300)
        if np.abs(centred[:, j]).max() > 1e-9 and np.linalg.matrix_rank(unit, tol=1e-6) > len(kept):
            kept.append(j)
    assert result.kept == tuple(kept)
    assert result.rank == p
    assert sorted(result.kept + result.dropped) == list(range(X.shape[1]))
    assert set(result.dependencies) == set(result.dropped)
    for d, terms in result.dependencies.items():
        assert set(terms) <= set(kept)
        explained = sum((c * centred[:, k] for k, c in terms.items()), np.zeros(len(X)))
        atol = 100 * COEFFICIENT * max(np.abs(X[:, d]).max(), 1e-8)  # terms may be larger than their sum
        np.testing.assert_allclose(explained, centred[:, d], rtol=0, atol=atol)
        assert (d in result.constant) == (not terms)


@settings(deadline=None, max_examples=40)
@given(seed=SEEDS, p=st.integers(2, 6))
def test_scale_does_not_matter(seed, p):
    rng = np.random.default_rng(seed)
    X = mixed(seed, 100, p)
    X = np.c_[X, X[:, 0] - X[:, 1]]
    scale = 10.0 ** rng.integers(-8, 9, p + 1)
    one, other = svd_select(covariance(X)), svd_select(covariance(X * scale))
    assert one.kept == other.kept
    assert [set(terms) for terms in one.dependencies.values()] == [set(terms) for terms in other.dependencies.values()]
    for d, terms in one.dependencies.items():
        for k, c in terms.items():
            assert other.dependencies[d][k] * scale[k] / scale[d] == pytest.approx(c, rel=COEFFICIENT)


def test_names_what_each_dropped_attribute_depends_on(xp):
    X = mixed(0, 100, 4)
    X = np.c_[X[:, :2], 2 * X[:, 0] - 3 * X[:, 1] + 7, X[:, 2], np.full(100, 5.0), X[:, 3], 1e6 * X[:, 3]]
    result = svd_select(put(xp, covariance(X)))
    assert result.kept == (0, 1, 3, 5)
    assert result.dropped == (2, 4, 6)
    assert result.constant == (4,)
    assert {d: set(terms) for d, terms in result.dependencies.items()} == {2: {0, 1}, 4: set(), 6: {5}}
    assert result.dependencies[2][0] == pytest.approx(2, rel=COEFFICIENT)
    assert result.dependencies[2][1] == pytest.approx(-3, rel=COEFFICIENT)
    assert result.dependencies[6][5] == pytest.approx(1e6, rel=COEFFICIENT)


def test_of_a_correlation_matrix_the_coefficients_are_in_standard_deviations(xp):
    X = mixed(0, 100, 2)
    X = np.c_[X, 2 * X[:, 0] - 3 * X[:, 1]]
    sd = X.std(axis=0)
    terms = svd_select(put(xp, correlation(X))).dependencies[2]
    assert terms[0] == pytest.approx(2 * sd[0] / sd[2], rel=COEFFICIENT)
    assert terms[1] == pytest.approx(-3 * sd[1] / sd[2], rel=COEFFICIENT)


def test_one_member_of_a_one_hot_group_goes(xp):
    rng = np.random.default_rng(0)
    X = np.c_[one_hot(rng.integers(0, 4, 500), 4), rng.standard_normal(500), one_hot(rng.integers(0, 3, 500), 3)]
    result = svd_select(put(xp, covariance(X)))
    assert result.kept == (0, 1, 2, 4, 5, 6)
    assert result.dependencies[3] == {k: pytest.approx(-1, rel=COEFFICIENT) for k in (0, 1, 2)}
    assert result.dependencies[7] == {k: pytest.approx(-1, rel=COEFFICIENT) for k in (5, 6)}


def test_keeps_no_pair_that_is_a_duplicate_up_to_rounding(xp):
    # x1 is x0 + 1e-9 x2. Dropping x2, the last, would leave x0 and x1, which float64 correlations cannot tell apart.
    rng = np.random.default_rng(0)
    x0, x2 = rng.standard_normal((2, 1000))
    result = svd_select(put(xp, covariance(np.c_[x0, x0 + 1e-9 * x2, x2])))
    assert result.kept == (0, 2)
    assert result.dependencies[1][0] == pytest.approx(1, rel=1e-7)  # x1 is x0 up to 1e-9


def test_an_exact_dependency_beside_one_that_is_nearly_exact(xp):
    rng = np.random.default_rng(1)
    X = rng.standard_normal((2000, 31))
    near = X[:, 30] + 1e-6 * rng.standard_normal(2000)
    X = np.c_[X, near, X[:, :30].sum(axis=1)]
    result = svd_select(put(xp, covariance(X)))
    assert result.dropped == (32,)
    assert set(result.dependencies[32]) == set(range(30))
    loose = svd_select(put(xp, covariance(X)), tol=1e-9)
    assert loose.dropped == (31, 32)
    assert set(loose.dependencies[31]) == {30}


def test_agrees_with_vif_about_what_is_collinear(xp):
    X = mixed(4, 300, 6)
    X = np.c_[X, X[:, 0] + X[:, 1], X[:, 2] * 3]
    C = put(xp, covariance(X))
    selection, factors = svd_select(C), vif(C)
    involved = set(selection.dropped).union(*selection.dependencies.values())
    assert involved == {i for i in range(8) if bool(factors.collinear[i])}
    assert selection.rank == factors.rank
    assert not np.isinf(vif(covariance(X[:, selection])).values).any()


def test_is_a_sequence_of_what_is_kept():
    selection = svd_select(np.ones((3, 3)))
    assert list(selection) == [0]
    assert len(selection) == 1
    assert selection[0] == 0
    assert selection[:] == (0,)
    assert np.zeros((2, 3))[:, selection].shape == (2, 1)


def test_keeps_everything_or_nothing(xp):
    everything = svd_select(put(xp, np.eye(4)))
    assert (everything.kept, everything.dropped, everything.dependencies) == ((0, 1, 2, 3), (), {})
    nothing = svd_select(put(xp, np.zeros((2, 2))))
    assert (nothing.kept, nothing.dropped, nothing.constant) == ((), (0, 1), (0, 1))
    undefined = svd_select(put(xp, [[1, np.nan], [np.nan, np.nan]]))
    assert (undefined.kept, undefined.constant) == ((0,), (1,))


def test_from_moments_more_digits_count(xp):
    """The last column is the first two, up to the ninth digit: independent, which a matrix in float64 cannot know."""
    rng = np.random.default_rng(3)
    X = rng.standard_normal((50, 4))
    close = np.c_[X, X[:, 0] - 2 * X[:, 3] + 1e-9 * rng.standard_normal(50)]
    computed = np.c_[X, X[:, 0] - 2 * X[:, 3]]
    assert svd_select(Moments(5).learn(put(xp, close))).kept == (0, 1, 2, 3, 4)
    assert svd_select(put(xp, covariance(close))).kept == (0, 1, 2, 3)
    found = svd_select(Moments(6).learn(put(xp, np.c_[computed, np.ones(50)])))
    assert (found.kept, found.dropped, found.constant, found.undecided) == ((0, 1, 2, 3), (4, 5), (5,), ())
    assert found.dependencies[4] == {0: pytest.approx(1.0, rel=1e-15), 3: pytest.approx(-2.0, rel=1e-15)}
    assert found.dependencies[5] == {}


@settings(deadline=None, max_examples=25)
@given(seed=SEEDS, p=st.integers(2, 80))
def test_from_moments_the_rank_is_right_and_relations_hold(seed, p):
    """Whole numbers, for which a matrix of float64 is exact and the rank is not in doubt."""
    rng = np.random.default_rng(seed)
    basis = rng.integers(-50, 50, (p + 20, max(p // 2, 1))).astype(float)
    take = rng.integers(0, basis.shape[1], (p, 2))
    X = basis[:, take[:, 0]] - 3 * basis[:, take[:, 1]]
    found = svd_select(Moments(p).learn(X))
    moved = X - X.mean(axis=0)
    assert found.rank == np.linalg.matrix_rank(moved)
    assert found.rank == np.linalg.matrix_rank(moved[:, found.kept])
    for i, on in found.dependencies.items():
        left = X[:, i] - sum((c * X[:, k] for k, c in on.items()), np.zeros(len(X)))
        np.testing.assert_allclose(left, left[0], rtol=0, atol=1e-10)


def test_sums_in_float64_are_undecided_about_a_copy():
    X = np.random.default_rng(0).standard_normal((200_000, 41))
    X[:, 40] = X[:, 7]
    found = svd_select(Moments(41).learn(X))
    assert found.dropped == found.undecided == (40,)
    assert found.dependencies[40] == {7: pytest.approx(1.0, rel=1e-9)}
    exact = svd_select(Moments(41, exact=True).learn(X))
    assert (exact.dropped, exact.undecided) == ((40,), ())


def test_bad_input_from_moments():
    with pytest.raises(ValueError, match="indices choose attributes of Moments"):
        svd_select(np.eye(3), indices=[0])
    assert svd_select(Moments(2)).constant == (0, 1)
