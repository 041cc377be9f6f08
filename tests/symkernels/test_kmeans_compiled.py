"""The compiled engine against the generic one: same labels, sums, costs and potentials, whatever path it takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symkernels import _parallel
from symkernels._kmeans._compiled import CompiledPoints
from symkernels._kmeans._generic import GenericPoints
from symkernels._rows import as_rows, no_poll

few = settings(max_examples=30, deadline=None)
SHAPES = {
    "seed": st.integers(0, 2**32 - 1),
    "n": st.integers(1, 400),
    "d": st.sampled_from([1, 2, 5, 16, 33]),
    "k": st.integers(1, 40),
    "dtype": st.sampled_from(["float32", "float64"]),
    "weighted": st.booleans(),
}


def rows(seed: int, n: int, d: int, k: int, dtype: str, weighted: bool) -> tuple[Any, np.ndarray]:
    """Rows about k places, with an offset, and k of them (some of them again) as centers."""
    rng = np.random.default_rng(seed)
    X = (2 * rng.standard_normal((k, d))[rng.integers(k, size=n)] + rng.standard_normal((n, d)) + 100).astype(dtype)
    weight = rng.integers(0, 4, size=n).astype(float) if weighted else None
    if weight is not None:
        weight[0] = 1.0
    return as_rows(X, sample_weight=weight), X[rng.integers(n, size=k)].astype(float)


def moved(assigned: Any, centers: np.ndarray) -> np.ndarray:
    counts = assigned.counts[:, None]
    return np.where(counts > 0, assigned.sums / np.where(counts > 0, counts, 1), centers)


@few
@given(**SHAPES)
def test_passes_equal_those_of_the_generic_engine(seed, n, d, k, dtype, weighted):
    given_rows, centers = rows(seed, n, d, k, dtype, weighted)
    fast, slow = CompiledPoints(given_rows), GenericPoints(given_rows, no_poll)
    np.testing.assert_array_equal(fast.shift, slow.shift)
    # Sums of up to 400 squares up to 100: n eps of them is 1e-11. Panels of float32 round shifted rows to 1e-7.
    assert fast.variance == pytest.approx(slow.variance, rel=1e-9 if dtype == "float64" else 1e-5, abs=1e-12)
    centers = centers - fast.shift
    same_before = True  # labels
    for _ in range(6):
        a, b = fast.assign(centers, no_poll), slow.assign(centers, no_poll)
        if dtype == "float32" or (fast.labels != slow.labels).any():  # ties, in the precision of the rows
            own = ((fast.rows(np.arange(n)) - centers[fast.labels]) ** 2).sum(axis=1)
            best = ((fast.rows(np.arange(n)) - centers[slow.labels]) ** 2).sum(axis=1)
            eps = np.finfo(dtype).eps * 8 * (d + 2)
            assert (own <= best + eps * (best + (centers**2).sum(axis=1).max() + 1)).all()
            same_before = False
        else:
            assert a.changed == b.changed or not same_before
            same_before = True
        members = np.zeros((k, d))
        weight = np.ones(n) if fast.weight is None else fast.weight
        np.add.at(members, fast.labels, weight[:, None] * fast.rows(np.arange(n)))
        np.testing.assert_allclose(a.sums, members, rtol=1e-11, atol=1e-11 * (1 + np.abs(members).max()))
        np.testing.assert_allclose(a.counts, np.bincount(fast.labels, weight, minlength=k), rtol=1e-13, atol=0)
        direct = weight * ((fast.rows(np.arange(n)) - centers[fast.labels]) ** 2).sum(axis=1)
        expected = np.bincount(fast.labels, direct, minlength=k)
        np.testing.assert_allclose(fast.cost(centers, no_poll), expected, rtol=1e-12, atol=1e-300)
        centers = moved(a, centers)


class Eager(CompiledPoints):
    """Tries bounds at once and keeps them, so that their passes are taken on rows as few as a test has."""

    eager = True

    def assign(self, centers: np.ndarray, poll: Any) -> Any:
        if self.eager:
            self._wait, self._plain_seconds = -1, float("inf")
            self._changed = min(self._changed, int(0.1 * self.n))
        else:
            self._wait = 99
        return super().assign(centers, poll)


@few
@given(**{**SHAPES, "k": st.integers(17, 60)})
def test_bounds_change_no_label_and_no_sum(seed, n, d, k, dtype, weighted):
    d = max(d, 16)
    given_rows, start = rows(seed, n, d, k, dtype, weighted)
    bounded, plain = Eager(given_rows), Eager(given_rows)
    plain.eager = False
    centers = start - plain.shift
    looked = False
    for i in range(12):
        a, b = bounded.assign(centers, no_poll), plain.assign(centers, no_poll)
        looked |= bounded._bounds is not None
        assert plain._bounds is None
        np.testing.assert_array_equal(bounded.labels, plain.labels)
        assert i == 0 or a.changed == b.changed
        # Sums of up to 400 rows of size 10, kept by moving single rows: n eps of them is 1e-12.
        np.testing.assert_allclose(a.sums, b.sums, rtol=1e-12, atol=1e-11)
        centers = moved(b, centers)
    assert looked


@few
@given(**SHAPES)
def test_seeding_equals_that_of_the_generic_engine(seed, n, d, k, dtype, weighted):
    given_rows, _ = rows(seed, n, d, k, dtype, weighted)
    fast, slow = CompiledPoints(given_rows), GenericPoints(given_rows, no_poll)
    rng = np.random.default_rng(seed)
    rel = 1e-12 if dtype == "float64" else 1e-5  # 400 squared distances of some eps each, by differences in both
    chosen = [int(rng.integers(n))]
    potential = fast.seed_begin(chosen[0], no_poll)
    assert potential == pytest.approx(slow.seed_begin(chosen[0], no_poll), rel=rel, abs=1e-300)
    for _ in range(5):
        if potential == 0.0:
            break
        candidates = fast.seed_sample(rng.random(3))
        distances = ((fast.rows(candidates)[:, None] - fast.rows(np.array(chosen))[None]) ** 2).sum(axis=2)
        assert (distances > 0).all(), "a row that is already chosen was drawn again"
        if fast.weight is not None:
            assert (fast.weight[candidates] > 0).all()
        tried = fast.seed_try(candidates, no_poll)
        np.testing.assert_allclose(tried, slow.seed_try(candidates, no_poll), rtol=rel, atol=1e-9 * potential)
        best = int(tried.argmin())
        chosen.append(int(candidates[best]))
        potential = fast.seed_take(chosen[-1], no_poll)
        assert potential == pytest.approx(float(tried[best]), rel=rel, abs=1e-12)
        slow.seed_take(chosen[-1], no_poll)


def test_rows_are_drawn_in_proportion_to_weight_and_squared_distance():
    X = np.array([[0.0], [1.0], [2.0], [3.0], [0.0]])
    points = CompiledPoints(as_rows(X, sample_weight=np.array([1.0, 3.0, 1.0, 0.0, 1.0])))
    assert points.seed_begin(0, no_poll) == 3.0 + 4.0
    u = (np.arange(7000) + 0.5) / 7000
    assert np.bincount(points.seed_sample(u), minlength=5).tolist() == [0, 3000, 4000, 0, 0]


def test_memory_order_and_steps_do_not_matter():
    X = np.random.default_rng(0).standard_normal((500, 6))
    centers = X[:4] - CompiledPoints(as_rows(X)).shift
    wide = np.zeros((1000, 12))
    wide[::2, ::2] = X
    read_only = X.copy()
    read_only.flags.writeable = False
    expected = CompiledPoints(as_rows(X)).assign(centers, no_poll)
    for other in (np.asfortranarray(X), wide[::2, ::2], read_only):
        found = CompiledPoints(as_rows(other)).assign(centers, no_poll)
        np.testing.assert_array_equal(found.sums, expected.sums)


def test_a_stopped_pass_leaves_points_that_can_be_used_again(monkeypatch):
    monkeypatch.setattr("symkernels._kmeans._compiled._ROUND", 1e6)  # operations between two polls
    X = np.random.default_rng(0).standard_normal((30_000, 8))
    points = CompiledPoints(as_rows(X))
    centers = X[:50] - points.shift
    expected = points.assign(centers, no_poll)
    points.begin()
    calls = 0

    def stop() -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        points.assign(centers, stop)
    points.begin()
    found = points.assign(centers, no_poll)
    assert found.changed == len(X)
    np.testing.assert_array_equal(found.sums, expected.sums)


def test_a_stop_is_looked_for_every_million_rows_at_least(monkeypatch):
    # Few clusters and columns are little arithmetic; what a row costs then is that it is read at all.
    monkeypatch.setattr("symkernels._kmeans._compiled._ROUND", 256.0 * 1000)  # 1,000 rows of each thread
    monkeypatch.setattr("symkernels._kmeans._compiled._STRIPE", 1000)
    X = np.random.default_rng(0).standard_normal((40_000, 2))
    polls = 0

    def poll() -> None:
        nonlocal polls
        polls += 1

    points = CompiledPoints(as_rows(X), poll)
    centers = X[:2] - points.shift
    least = len(X) // (1000 * _parallel.thread_count() + 256)
    for work in (
        lambda: points.assign(centers, poll),
        lambda: points.cost(centers, poll),
        lambda: points.seed_begin(0, poll),
        lambda: points.seed_from(centers, poll),
        lambda: points.seed_try(np.array([5, 6]), poll),
        lambda: points.seed_take(7, poll),
    ):
        polls = 0
        work()
        assert polls >= least


def test_one_row_far_away_costs_the_others_nothing():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(1000, 2)) + 8 * rng.integers(0, 3, size=(1000, 1))
    X[17] = 1e9
    for dtype in ("float32", "float64"):
        points = CompiledPoints(as_rows(X.astype(dtype)))
        centers = np.array([[0.0, 0.0], [8.0, 8.0], [16.0, 16.0], [1e9, 1e9]]) - points.shift
        points.assign(centers, no_poll)
        squares = ((points.rows(np.arange(1000))[:, None] - centers[None]) ** 2).sum(axis=2)
        np.testing.assert_array_equal(points.labels, squares.argmin(axis=1))


@pytest.mark.parametrize("weighted", [False, True])
def test_the_farthest_rows_are_those_of_the_generic_engine(weighted):
    rng = np.random.default_rng(3)
    X = np.repeat(rng.standard_normal((300, 3)), rng.integers(1, 60, 300), axis=0)
    X = X[rng.permutation(len(X))]
    weight = rng.integers(0, 2, len(X)).astype(float) if weighted else None
    given_rows = as_rows(X, sample_weight=weight)
    fast, slow = CompiledPoints(given_rows), GenericPoints(given_rows, no_poll)
    centers = X[:3] - fast.shift
    fast.assign(centers, no_poll)
    slow.assign(centers, no_poll)
    for count in (1, 7, 200, 1000):
        found, expected = (points.farthest(centers, count, no_poll) for points in (fast, slow))
        np.testing.assert_allclose(fast.rows(found), slow.rows(expected), rtol=1e-12, atol=1e-12)
        assert len(np.unique(X[found], axis=0)) == len(found)
        assert weight is None or (weight[found] > 0).all()
