"""The algebra of learn, forget and merge: batches and order do not matter, merging is a commutative monoid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symkernels import ForgetError, Moments
from tests.symkernels._rows import assert_same_answers, learnt, scale_of, split_tables, tables

# A mean over few rows may cancel to a fraction of the scale; batches are held to the design's 1e-10.
BATCHES = 1e-10


@given(tables(), st.data())
def test_batches_do_not_matter(X: np.ndarray, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(X)), max_size=5)))
    m = Moments(X.shape[1], binary=[X.shape[1] - 1])
    for part in np.split(X, cuts):
        m.learn(part)
    assert_same_answers(m, learnt(X), scale_of(X), tol=BATCHES)


@given(tables(), st.randoms(use_true_random=False))
def test_order_does_not_matter(X: np.ndarray, random: object) -> None:
    order = np.arange(len(X))
    np.random.default_rng(random.randrange(2**32)).shuffle(order)  # type: ignore[attr-defined]
    assert_same_answers(learnt(X[order]), learnt(X), scale_of(X), tol=BATCHES)


@given(tables(gaps=False, min_rows=10))
def test_one_row_at_a_time_equals_all_at_once(X: np.ndarray) -> None:
    m = Moments(X.shape[1], binary=[X.shape[1] - 1])
    for row in X:
        m.learn(row[None, :])
    whole = learnt(X)
    assert_same_answers(m, whole, scale_of(X), tol=BATCHES)
    np.testing.assert_array_equal(m.min, whole.min)
    np.testing.assert_array_equal(m.max, whole.max)


@given(split_tables(2))
def test_merge_is_learning_both(parts: list[np.ndarray]) -> None:
    a, b = parts
    assert_same_answers(learnt(a) + learnt(b), learnt(np.concatenate(parts)), scale_of(*parts), tol=BATCHES)


@given(split_tables(2))
def test_merge_commutes(parts: list[np.ndarray]) -> None:
    a, b = map(learnt, parts)
    assert_same_answers(a + b, b + a, scale_of(*parts))


@given(split_tables(3))
def test_merge_is_associative(parts: list[np.ndarray]) -> None:
    a, b, c = map(learnt, parts)
    assert_same_answers((a + b) + c, a + (b + c), scale_of(*parts))


@given(tables())
def test_the_empty_state_is_the_identity(X: np.ndarray) -> None:
    m, empty = learnt(X), Moments(X.shape[1], binary=[X.shape[1] - 1])
    for same in (m + empty, empty + m, m - empty):
        assert_same_answers(same, m, np.zeros(X.shape[1]))


def test_two_empty_states_are_empty() -> None:
    m = Moments(2) + Moments(2)
    assert m.n_rows == 0
    assert np.isnan(m.mean()).all()
    assert np.isnan(m.covariance()).all()


@given(split_tables(2))
def test_taking_away_what_was_added_restores(parts: list[np.ndarray]) -> None:
    a, b = map(learnt, parts)
    before = a.copy()
    assert_same_answers((a + b) - b, before, scale_of(*parts))
    assert_same_answers(a, before, np.zeros(a.n_attributes))  # + and - do not change their operands


@given(split_tables(2))
def test_forgetting_what_was_learnt_restores(parts: list[np.ndarray]) -> None:
    a, b = parts
    assert_same_answers(learnt(a).learn(b).forget(b), learnt(a), scale_of(*parts))


@given(tables(min_rows=1))
def test_forgetting_everything_leaves_nothing(X: np.ndarray) -> None:
    m = learnt(X).forget(X)
    assert m.n_rows == 0
    assert m.weight == 0
    assert (m.count == 0).all()
    assert np.isnan(m.mean()).all()
    assert not m.needs_rebuild


@given(tables(min_rows=1, max_rows=15), st.data())
@settings(max_examples=50)
def test_merge_trees_agree(X: np.ndarray, data: st.DataObject) -> None:
    """Statistics do not depend on how rows are split among states, nor on the order of merging."""
    states = [learnt(X[i : i + 1]) for i in range(len(X))]
    while len(states) > 1:
        i = data.draw(st.integers(0, len(states) - 1))
        state = states.pop(i)
        j = data.draw(st.integers(0, len(states) - 1))
        states[j].merge(state)
    assert_same_answers(states[0], learnt(X), scale_of(X), tol=BATCHES)


@given(tables(gaps=False, min_rows=1), st.data())
def test_weights_equal_repeats(X: np.ndarray, data: st.DataObject) -> None:
    w = np.array(data.draw(st.lists(st.integers(0, 4), min_size=len(X), max_size=len(X))))
    weighted = Moments(X.shape[1], binary=[X.shape[1] - 1]).learn(X, sample_weight=w)
    repeated = learnt(np.repeat(X, w, axis=0))
    scale = scale_of(X)
    assert weighted.weight == w.sum()
    np.testing.assert_allclose(weighted.mean(), repeated.mean(), rtol=1e-12, atol=1e-12 * scale.max() + 1e-300)
    np.testing.assert_allclose(weighted.covariance(), repeated.covariance(), atol=1e-10 * scale.max() ** 2 + 1e-300)
    np.testing.assert_array_equal(weighted.min, repeated.min)


@given(tables(gaps=False, min_rows=2), st.floats(0.01, 100))
def test_scaling_all_weights_changes_no_mean(X: np.ndarray, factor: float) -> None:
    w = np.linspace(1, 2, len(X))
    a = Moments(X.shape[1]).learn(X, sample_weight=w)
    b = Moments(X.shape[1]).learn(X, sample_weight=w * factor)
    scale = scale_of(X)
    np.testing.assert_allclose(a.mean(), b.mean(), rtol=1e-12, atol=1e-11 * scale.max() + 1e-300)
    np.testing.assert_allclose(a.covariance(), b.covariance(), atol=1e-11 * scale.max() ** 2 + 1e-300)


@given(tables(min_rows=1), tables(min_rows=1))
def test_forgetting_more_than_was_learnt_changes_nothing(X: np.ndarray, Y: np.ndarray) -> None:
    m = learnt(X)
    before = m.arrays()
    too_many = np.concatenate([X, X[:1]])
    with pytest.raises(ForgetError, match="cannot forget"):
        m.forget(too_many)
    assert before.keys() == m.arrays().keys()
    for name, array in m.arrays().items():
        np.testing.assert_array_equal(array, before[name])


def test_forgetting_values_that_were_not_there_is_refused() -> None:
    m = Moments(1).learn([[1.0], [2.0], [3.0]])
    with pytest.raises(ForgetError, match="forget only rows that were learnt"):
        m.forget([[100.0]])
    assert m.mean() == 2.0


def test_forgetting_a_value_where_only_gaps_were_learnt_is_refused() -> None:
    m = Moments(2).learn([[1.0, np.nan], [2.0, np.nan], [3.0, 1.0]])
    with pytest.raises(ForgetError, match="attribute 1 would have fewer than 0 values"):
        m.forget([[1.0, 1.0], [2.0, 1.0]])


@pytest.mark.parametrize(("learn", "forget"), [((0, 1), (1,)), ((1, 0), (0, 1, 0))])
def test_forgetting_too_many_ones_is_refused(learn: tuple[int, ...], forget: tuple[int, ...]) -> None:
    m = Moments(1, binary=[0]).learn(np.array(learn * 3, float)[:, None])
    with pytest.raises(ForgetError):
        m.forget(np.array(forget * 4, float)[:, None])


def test_minimum_and_maximum_after_forgetting_are_bounds() -> None:
    m = Moments(1).learn([[1.0], [5.0], [9.0]])
    m.forget([[5.0]])
    assert m.min_exact[0]
    assert m.max_exact[0]
    m.forget([[9.0]])
    assert m.min_exact[0]
    assert not m.max_exact[0]
    assert (m.min[0], m.max[0]) == (1.0, 9.0)
    m.learn([[10.0]])  # a new maximum is exact again
    assert m.max_exact[0]
    m.forget([[10.0], [1.0]])
    assert m.n_rows == 0
    assert np.isnan(m.min[0])
    assert m.min_exact[0]


def test_minimum_and_maximum_of_01_attributes_stay_exact() -> None:
    m = Moments(1, binary=[0]).learn([[0.0], [1.0], [1.0]])
    m.forget([[0.0]])
    assert m.min[0] == 1.0
    assert m.min_exact[0]


def test_merging_with_itself_doubles() -> None:
    X = np.arange(6.0).reshape(3, 2)
    m = Moments(2).learn(X)
    m.merge(m)
    assert m.n_rows == 6
    np.testing.assert_allclose(m.covariance(), np.cov(X.T, ddof=0))
