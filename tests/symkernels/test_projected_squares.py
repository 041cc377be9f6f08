"""Sums of squares of projected rows, compared with longdouble, on every backend and path."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symkernels import BackendError, DataError, ShapeError, projected_squares, thread_count
from symkernels._scores import _backends
from tests.symkernels._backends import assert_kind, get, put
from tests.symkernels._matrices import EPS, SEEDS


def expected(X, shift, W, split):
    """The definition, in extended precision."""
    Y = (np.asarray(X, np.longdouble) - shift) @ np.asarray(W, np.longdouble)
    return (Y[:, :split] ** 2).sum(axis=1), (Y[:, split:] ** 2).sum(axis=1)


def problem(seed, n, p, q):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, p)), rng.normal(size=p), rng.normal(size=(p, q))


@pytest.fixture(params=["compiled", "generic"])
def path(request, monkeypatch):
    """Both of NumPy's paths."""
    if request.param == "generic":
        monkeypatch.setattr(_backends, "uses_loops", lambda *_: False)
    return request.param


@settings(deadline=None, max_examples=40)
@given(seed=SEEDS, n=st.integers(1, 70), p=st.integers(1, 20), q=st.integers(0, 20), data=st.data())
def test_every_shape(xp, seed, n, p, q, data):
    split = data.draw(st.integers(0, q))
    X, shift, W = problem(seed, n, p, q)
    found = projected_squares(put(xp, X), put(xp, shift), put(xp, W), split)
    for part, exact in zip(found, expected(X, shift, W, split), strict=True):
        assert_kind(part, put(xp, X))
        # A projection is right to p eps of |x| |w|, some 30: where it nearly cancels, its square is right to less of
        # itself, but to 1e-13.
        np.testing.assert_allclose(get(part), exact.astype(float), rtol=50 * p * EPS, atol=1e-13)


@pytest.mark.parametrize("shape", [(100_000, 7, 3), (5_000, 150, 100), (40, 600, 5), (9_999, 33, 0), (9_999, 33, 33)])
def test_tiles_and_threads(xp, shape):
    n, p, split = shape
    X, shift, W = problem(1, n, p, p)
    found = projected_squares(put(xp, X), put(xp, shift), put(xp, W), split)
    Y = (X - shift) @ W
    # A projection is right to p eps of its terms' size: 1e-13 of it where p is 600. The least of 100,000 sums of three
    # squares has projections of a hundredth of that size.
    for part, exact in zip(found, [(Y[:, :split] ** 2).sum(1), (Y[:, split:] ** 2).sum(1)], strict=True):
        np.testing.assert_allclose(get(part), exact, rtol=1e-11, atol=1e-20)


def test_a_small_part_beside_a_large_one_keeps_its_digits(path):
    """Rows 1e-9 from a plane and 1e6 along it: a difference of squares would lose all digits."""
    rng = np.random.default_rng(0)
    Q, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    Y = np.concatenate([1e6 * rng.normal(size=(500, 3)), 1e-3 * rng.normal(size=(500, 3))], axis=1)
    X = (Y @ Q.T).astype(np.longdouble)
    rounded = X.astype(float)
    _, residual = projected_squares(rounded, np.zeros(6), Q, 3)
    _, exact = expected(rounded, np.zeros(6), Q, 3)
    np.testing.assert_allclose(residual, exact.astype(float), rtol=1e-4)  # eps of 1e6 is 1e-7 of 1e-3
    cancelled = (rounded**2).sum(axis=1) - projected_squares(rounded, np.zeros(6), Q, 3)[0]
    assert not np.allclose(cancelled, exact.astype(float), rtol=1e-1)


@pytest.mark.parametrize("unit", [1e-12, 1.0, 1e12])
def test_units_cancel(path, unit):
    X, shift, W = problem(2, 300, 9, 9)
    plain = projected_squares(X, shift, W, 4)
    scaled = projected_squares(X * unit, shift * unit, W / unit, 4)
    for a, b in zip(plain, scaled, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)  # scaling rounds each number once: a projection to p eps


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_row_that_is_not_finite_is_nan_in_both(xp, bad):
    X, shift, W = problem(3, 100, 5, 5)
    X[7, 2] = X[64, 0] = X[99, 4] = bad
    for split in (0, 2, 5):
        for part in projected_squares(put(xp, X), put(xp, shift), put(xp, W), split):
            assert np.flatnonzero(np.isnan(get(part))).tolist() == [7, 64, 99]
    for part in projected_squares(put(xp, X), put(xp, shift), put(xp, W[:, :0]), 0):  # W has no column
        assert np.flatnonzero(np.isnan(get(part))).tolist() == [7, 64, 99]


def test_what_overflows_is_infinite(xp):
    X = np.array([[1e200, 1.0], [1.7e308, -1.7e308], [1.0, 1.0]])
    first, second = projected_squares(put(xp, X), put(xp, [0.0, 0.0]), put(xp, [[10.0, 0.0], [10.0, 1.0]]), 1)
    assert np.isinf(get(first)).tolist() == [True, True, False]
    assert get(second)[[0, 2]].tolist() == [1.0, 1.0]
    assert not np.isnan(get(first)).any()
    assert not np.isnan(get(second)).any()


def test_memory_order_and_precision_change_nothing(path):
    X, shift, W = problem(4, 1000, 11, 8)
    X, W = X.astype(np.float32), W.astype(np.float32)
    plain = projected_squares(X.astype(float), shift, W.astype(float), 3)
    read_only = X.copy()
    read_only.flags.writeable = False
    double = np.repeat(np.repeat(X, 2, axis=0), 2, axis=1)
    for rows in (X, np.asfortranarray(X), read_only, double[::2, ::2], X[::-1][::-1]):
        for a, b in zip(projected_squares(rows, shift, np.asfortranarray(W), 3), plain, strict=True):
            # BLAS may add up the 11 products of a projection in another order: 11 eps of products, which add up to 14
            # times the result where they cancel most.
            np.testing.assert_allclose(a, b, rtol=1e-13 if path == "compiled" else 1e-12)
    whole = (X * 100).astype(int)
    for a, b in zip(projected_squares(whole, shift, W, 3), projected_squares(whole * 1.0, shift, W, 3), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_row_has_the_same_bits_in_any_batch():
    X, shift, W = problem(5, 3000, 13, 13)
    whole = np.array(projected_squares(X, shift, W, 4))
    rng = np.random.default_rng(0)
    edges = np.unique(np.r_[0, 1, rng.integers(0, 3000, 40), 3000])
    for order in (np.ascontiguousarray, np.asfortranarray):
        pieces = [projected_squares(order(X[a:b]), shift, W, 4) for a, b in itertools.pairwise(edges)]
        np.testing.assert_array_equal(np.concatenate(pieces, axis=1), whole)


def test_the_number_of_threads_changes_no_bit(monkeypatch):
    X, shift, W = problem(6, 50_000, 20, 20)
    many = np.array(projected_squares(X, shift, W, 4))
    monkeypatch.setenv("SYMKERNELS_NUM_THREADS", "1")
    thread_count.cache_clear()
    try:
        np.testing.assert_array_equal(np.array(projected_squares(X, shift, W, 4)), many)
    finally:
        thread_count.cache_clear()


class Stop(Exception):
    pass


def test_it_tells_how_far_it_is_and_can_be_stopped(path):
    X, shift, W = problem(8, 60_000, 100, 100)
    seen = []
    with_checkpoint = projected_squares(X, shift, W, 4, checkpoint=lambda done, n: seen.append((done, n)))
    assert len(seen) > 1
    assert seen == sorted(seen)
    assert seen[-1] == (60_000, 60_000)
    if path == "compiled":
        np.testing.assert_array_equal(with_checkpoint, projected_squares(X, shift, W, 4))

    def stop(done, n):
        raise Stop

    with pytest.raises(Stop):
        projected_squares(X, shift, W, 4, checkpoint=stop)


def test_no_rows(xp):
    for part in projected_squares(put(xp, np.zeros((0, 3))), put(xp, np.zeros(3)), put(xp, np.eye(3)), 1):
        assert_kind(part, put(xp, np.zeros(3)))
        assert part.shape == (0,)


def test_nothing_is_written_to(path):
    X, shift, W = problem(7, 50, 4, 4)
    copies = X.copy(), shift.copy(), W.copy()
    projected_squares(X, shift, W, 2)
    for before, after in zip(copies, (X, shift, W), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"X": np.zeros(3)}, ShapeError, "X must have 2 dimension"),
        ({"X": np.zeros((4, 2))}, ShapeError, r"X has 2 columns, so shift must have shape \(2,\)"),
        ({"X": np.zeros((4, 0))}, ShapeError, "X must have at least one column"),
        ({"X": np.array([["a"]])}, ShapeError, "X must hold real numbers"),
        ({"shift": np.zeros(2)}, ShapeError, r"got \(2,\) and \(3, 3\)"),
        ({"shift": np.zeros((3, 1))}, ShapeError, "shift must have 1 dimension"),
        ({"shift": np.array([0, np.nan, 0])}, DataError, "shift holds a NaN"),
        ({"W": np.full((3, 3), np.inf)}, DataError, "W holds a NaN or an infinity"),
        ({"split": 4}, ValueError, "split must be from 0 to the 3 columns of W, got 4"),
        ({"split": -1}, ValueError, "got -1"),
        ({"split": 1.5}, ValueError, "split must be a whole number"),
    ],
)
def test_what_is_refused(change, error, match):
    given = {"X": np.zeros((4, 3)), "shift": np.zeros(3), "W": np.eye(3), "split": 1, **change}
    with pytest.raises(error, match=match):
        projected_squares(*given.values())


def test_arrays_of_two_libraries_are_refused():
    strict = pytest.importorskip("array_api_strict")
    with pytest.raises(BackendError, match="one library"):
        projected_squares(strict.asarray(np.zeros((4, 3))), np.zeros(3), np.eye(3), 1)
