"""What k-means promises, on every backend: its laws, and scikit-learn's answers from the same start."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from symkernels import assign_clusters, kmeans
from symkernels._kmeans import count_distinct, points_of
from symkernels._rows import as_rows, no_poll
from tests.symkernels._backends import get, put, tolerance
from tests.symkernels._matrices import EPS, SEEDS

Array = Any

# Runs that add up the same rows in different orders have the same labels, as no row of these is as near to two centers.
# Centers differ by n eps of the rows' size: 120 rows of size 10 by 3e-13; WSSSE, of 720 squares, by 2e-13 of itself.
# Tolerances are three times that and more.

few = settings(deadline=None, max_examples=15)
SHAPES = {"n": st.integers(8, 120), "d": st.integers(1, 6), "k": st.integers(1, 7)}


def groups(seed: int, n: int, d: int, k: int) -> np.ndarray:
    """Rows about k places, near enough to each other that Lloyd's algorithm has something to do."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((k, d))[rng.integers(k, size=n)] * 3 + rng.standard_normal((n, d))


def some(seed: int, X: np.ndarray, k: int) -> np.ndarray:
    return X[np.random.default_rng(seed).choice(len(X), k, replace=False)].astype(np.float64)


def squares(X: np.ndarray, centers: np.ndarray) -> np.ndarray:
    """(n, k) squared distances, by differences."""
    return ((X.astype(np.float64)[:, None, :] - centers[None]) ** 2).sum(axis=2)


def assert_of_one_moment(X: np.ndarray, result: Any, weight: np.ndarray | None = None) -> None:
    """Labels are nearest centers, and WSSSE and counts those of these labels and centers."""
    centers, labels = get(result.centers), get(result.labels)
    weight = np.ones(len(X)) if weight is None else weight
    all_squares = squares(X, centers)
    own = all_squares[np.arange(len(X)), labels]
    # Scores are rounded in the precision of the rows: a center that is nearer by less than that may be passed over.
    slack = tolerance(X.dtype, X.shape[1]) * (np.abs(X - X.mean(axis=0)).max() ** 2 + 1e-300) * X.shape[1]
    assert (own <= all_squares.min(axis=1) + slack).all()
    total = float(weight @ own)
    # The centers are rounded to the digits of X when the shift is added back: an error of that size in each difference.
    entries, rounding = float(weight.sum()) * X.shape[1], tolerance("float64") * float(np.abs(X).max())
    atol = 2 * rounding * (entries * total) ** 0.5 + entries * rounding**2
    assert result.wssse == pytest.approx(total, rel=tolerance(X.dtype, 4), abs=atol)
    np.testing.assert_allclose(get(result.counts), np.bincount(labels, weight, minlength=result.k), rtol=1e-13)
    assert labels.dtype == np.int32
    assert centers.dtype == np.float64


@few
@given(seed=SEEDS, dtype=st.sampled_from(["float32", "float64"]), weighted=st.booleans(), **SHAPES)
def test_all_of_a_result_is_of_one_moment(xp, seed, dtype, weighted, n, d, k):
    X = groups(seed, n, d, k).astype(dtype)
    weight = np.random.default_rng(seed).random(n) + 0.1 if weighted else None
    given = None if weight is None else put(xp, weight)
    for max_iter in (1, 2, 300):  # stopped on its way, and at its end
        result = kmeans(put(xp, X, dtype), k, max_iter=max_iter, sample_weight=given, seed=seed)
        assert_of_one_moment(X, result, weight)
        assert 1 <= result.n_iter <= max_iter
    assert result.converged
    # At the end of a run without tolerance each center is the mean of its rows.
    result = kmeans(put(xp, X, dtype), k, tol=0, sample_weight=given, seed=seed)
    for j in range(k):
        mine = get(result.labels) == j
        assert mine.any()
        mean = np.average(X[mine].astype(np.float64), axis=0, weights=None if weight is None else weight[mine])
        np.testing.assert_allclose(get(result.centers)[j], mean, atol=tolerance("float64", 16) * np.abs(X).max())


@few
@given(seed=SEEDS, tol=st.sampled_from([0.0, 1e-4, 1e-2]), max_iter=st.sampled_from([1, 3, 300]), **SHAPES)
def test_equals_scikit_learn_from_the_same_start(xp, seed, tol, max_iter, n, d, k):
    cluster = pytest.importorskip("sklearn.cluster")
    X = groups(seed, n, d, k)
    start = some(seed, X, k)
    theirs = cluster.KMeans(k, init=start, n_init=1, tol=tol, max_iter=max_iter, algorithm="lloyd")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it did not converge
        theirs.fit(X)
    ours = kmeans(put(xp, X), k, init=put(xp, start), tol=tol, max_iter=max_iter)
    np.testing.assert_array_equal(get(ours.labels), theirs.labels_)
    np.testing.assert_allclose(get(ours.centers), theirs.cluster_centers_, rtol=0, atol=1e-12)
    assert ours.wssse == pytest.approx(theirs.inertia_, rel=1e-10, abs=1e-20)
    # Theirs may take one more where rounding keeps the centers moving by an eps.
    assert ours.n_iter == theirs.n_iter_ or (tol == 0 and abs(ours.n_iter - theirs.n_iter_) <= 1)


@few
@given(seed=SEEDS, **SHAPES)
def test_weights_equal_repeats(xp, seed, n, d, k):
    X = groups(seed, n, d, k)
    start = some(seed, X, k)
    weight = np.random.default_rng(seed).integers(1, 4, n)
    one = kmeans(put(xp, X), k, init=put(xp, start), sample_weight=put(xp, weight))
    other = kmeans(put(xp, np.repeat(X, weight, axis=0)), k, init=put(xp, start))
    np.testing.assert_array_equal(np.repeat(get(one.labels), weight), get(other.labels))
    np.testing.assert_allclose(get(one.centers), get(other.centers), rtol=0, atol=1e-11)
    np.testing.assert_allclose(get(one.counts), get(other.counts))
    assert one.wssse == pytest.approx(other.wssse, rel=1e-10, abs=1e-20)
    assert abs(one.n_iter - other.n_iter) <= 1  # centres that move by rounding errors may need another look


@few
@given(seed=SEEDS, zeros=st.integers(1, 8), **SHAPES)
def test_rows_of_weight_0_are_labelled_and_nothing_else(xp, seed, zeros, n, d, k):
    X = groups(seed, n, d, k)
    start = some(seed, X, k)
    stray = np.full((zeros, d), 50.0) * np.random.default_rng(seed).standard_normal((zeros, d))
    weight = np.r_[np.ones(n), np.zeros(zeros)]
    one = kmeans(put(xp, np.r_[X, stray]), k, init=put(xp, start), sample_weight=put(xp, weight))
    other = kmeans(put(xp, X), k, init=put(xp, start))
    np.testing.assert_array_equal(get(one.labels)[:n], get(other.labels))
    assert one.wssse == pytest.approx(other.wssse, rel=1e-10, abs=1e-20)
    np.testing.assert_array_equal(get(one.labels)[n:], squares(stray, get(one.centers)).argmin(axis=1))


@few
@given(seed=SEEDS, power=st.integers(-40, 40), dtype=st.sampled_from(["float32", "float64"]), **SHAPES)
def test_scaling_by_a_scales_wssse_by_its_square(xp, seed, power, dtype, n, d, k):
    """By powers of two, so that nothing is rounded otherwise; in float32 squares would leave the range of the type.

    Then float64 is taken, and float32's eps of 1.2e-7 separates the two.
    """
    X = groups(seed, n, d, k).astype(dtype)
    a = 2.0**power
    one = kmeans(put(xp, X, dtype), k, n_init=2, seed=seed)
    other = kmeans(put(xp, X * X.dtype.type(a), dtype), k, n_init=2, seed=seed)
    assert other.wssse == pytest.approx(one.wssse * a * a, rel=1e-6 if dtype == "float32" else 1e-12)
    np.testing.assert_array_equal(get(one.labels), get(other.labels))


@few
@given(seed=SEEDS, **SHAPES)
def test_the_order_of_rows_and_columns_does_not_matter(xp, seed, n, d, k):
    X = groups(seed, n, d, k)
    start = some(seed, X, k)
    rng = np.random.default_rng(seed)
    across, down = rng.permutation(d), rng.permutation(n)
    one = kmeans(put(xp, X), k, init=put(xp, start))
    other = kmeans(put(xp, X[down][:, across]), k, init=put(xp, start[:, across]))
    np.testing.assert_array_equal(get(one.labels)[down], get(other.labels))
    np.testing.assert_allclose(get(one.centers)[:, across], get(other.centers), rtol=0, atol=1e-11)
    assert one.wssse == pytest.approx(other.wssse, rel=1e-11, abs=1e-20)


@few
@given(seed=SEEDS, **SHAPES)
def test_more_starts_are_never_worse(xp, seed, n, d, k):
    X = put(xp, groups(seed, n, d, k))
    found = [kmeans(X, k, n_init=starts, seed=seed) for starts in (1, 2, 5)]
    assert found[0].wssse >= found[1].wssse >= found[2].wssse
    assert [result.n_init for result in found] == [1, 2, 5]
    again = kmeans(X, k, n_init=5, seed=seed)
    assert again.wssse == found[2].wssse
    np.testing.assert_array_equal(get(again.labels), get(found[2].labels))


def test_no_seed_is_a_new_one(xp):
    X = put(xp, groups(0, 400, 3, 5))
    assert len({kmeans(X, 20, max_iter=1, seed=None).wssse for _ in range(5)}) > 1


@few
@given(seed=SEEDS, **SHAPES)
def test_an_offset_of_1e8_costs_only_what_the_input_has_lost(xp, seed, n, d, k):
    X = np.round(groups(seed, n, d, k) * 2**20) / 2**20  # so that the offset loses nothing
    start = some(seed, X, k)
    one = kmeans(put(xp, X), k, init=put(xp, start))
    other = kmeans(put(xp, X + 1e8), k, init=put(xp, start + 1e8))
    np.testing.assert_array_equal(get(one.labels), get(other.labels))
    assert other.wssse == pytest.approx(one.wssse, rel=1e-7)  # centers near 1e8 are rounded to 1e-8


@few
@given(seed=SEEDS, **SHAPES)
def test_float32_is_as_near_as_it_can_be(xp, seed, n, d, k):
    X = groups(seed, n, d, k).astype(np.float32)
    start = some(seed, X, k)
    # A row may go to the second nearest center where float32 cannot tell the two apart. Then centers move elsewhere,
    # and a cluster that this leaves empty starts again at another row.
    slack = 2 * (d + 2) * np.finfo(np.float32).eps * ((X - X.mean(axis=0)) ** 2).sum(axis=1).max()
    nearest = np.sort(squares(X, start), axis=1)
    assume(k == 1 or (nearest[:, 1] - nearest[:, 0]).min() > slack)
    one = kmeans(put(xp, X, "float32"), k, init=put(xp, start), max_iter=1)
    other = kmeans(put(xp, X.astype(np.float64)), k, init=put(xp, start), max_iter=1)
    # From the same centers on, a row at the second nearest center costs no more than rounding: some 1e-6 of a square.
    assert one.wssse == pytest.approx(other.wssse, rel=1e-4)
    assert_of_one_moment(X, one)


@pytest.mark.parametrize("start", ["far away", "all equal", "two equal"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_empty_clusters_are_refilled(xp, start, dtype):
    X = groups(3, 300, 4, 6).astype(dtype)
    centers = some(3, X, 6)
    if start == "far away":
        centers[:3] = 1e4
    elif start == "all equal":
        centers[:] = centers[0]
    else:
        centers[4] = centers[1]
    result = kmeans(put(xp, X, dtype), 6, init=put(xp, centers))
    assert (get(result.counts) > 0).all()
    assert_of_one_moment(X, result)
    assert result.wssse < 2 * kmeans(put(xp, X, dtype), 6, n_init=5).wssse


def test_a_refilled_cluster_is_scikit_learns(xp):
    cluster = pytest.importorskip("sklearn.cluster")
    X = groups(3, 300, 4, 6)
    centers = some(3, X, 6)
    centers[0] = 1e4
    theirs = cluster.KMeans(6, init=centers, n_init=1).fit(X)
    ours = kmeans(put(xp, X), 6, init=put(xp, centers))
    np.testing.assert_array_equal(get(ours.labels), theirs.labels_)
    assert ours.n_iter == theirs.n_iter_
    assert ours.wssse == pytest.approx(theirs.inertia_, rel=1e-12)


@few
@given(seed=SEEDS, n=st.integers(1, 12), spare=st.integers(0, 5))
def test_lone_rows_far_from_their_centers_are_not_taken_from_their_clusters(xp, seed, n, spare):
    """Every row ends in a cluster of its own, wherever the centers start."""
    X = np.arange(n, dtype=np.float64)[:, None] ** 2
    start = np.random.default_rng(seed).standard_normal((n, 1)) * 10.0**spare
    result = kmeans(put(xp, X), n, init=put(xp, start), tol=0)
    assert result.wssse == 0
    assert sorted(get(result.labels)) == list(range(n))


def test_as_many_clusters_as_rows(xp):
    X = groups(0, 30, 3, 4)
    result = kmeans(put(xp, X), 30)
    assert result.wssse < 1e-25  # each center is a row, about the mean of the columns and back
    np.testing.assert_array_equal(get(result.counts), 1)


def test_one_cluster_is_the_mean(xp):
    X = groups(0, 200, 3, 4) + 100
    result = kmeans(put(xp, X), 1)
    np.testing.assert_allclose(get(result.centers)[0], X.mean(axis=0), rtol=len(X) * EPS)
    assert result.wssse == pytest.approx(((X - X.mean(axis=0)) ** 2).sum(), rel=1e-12)
    assert result.converged
    assert result.k == 1


@pytest.mark.parametrize("value", [0.0, 0.1, 1e8 + 0.1, -1e-30])
def test_identical_rows_make_one_cluster(xp, value):
    result = kmeans(put(xp, np.full((50, 3), value)), 1)
    assert result.wssse == pytest.approx(0, abs=1e-28 * value * value)  # 150 squares of eps of a mean are 1e-29
    assert result.converged
    np.testing.assert_array_equal(get(result.labels), 0)


@few
@given(seed=SEEDS, distinct=st.integers(1, 9), repeats=st.integers(1, 40), weighted=st.booleans())
def test_distinct_rows_are_counted(xp, seed, distinct, repeats, weighted):
    rng = np.random.default_rng(seed)
    X = rng.permutation(np.repeat(rng.standard_normal((distinct, 2)) * 10.0 ** rng.integers(-8, 9), repeats, axis=0))
    weight = put(xp, rng.integers(1, 4, len(X))) if weighted else None
    points = points_of(as_rows(put(xp, X), sample_weight=weight))
    assert count_distinct(points, 20, no_poll) == distinct
    assert count_distinct(points, min(distinct, 2), no_poll) == min(distinct, 2)


@few
@given(seed=SEEDS, dtype=st.sampled_from(["float32", "float64"]), **SHAPES)
def test_rows_are_assigned_to_the_nearest_center(xp, seed, dtype, n, d, k):
    X = groups(seed, n, d, k).astype(dtype)
    result = kmeans(put(xp, X, dtype), k, seed=seed)
    labels, distances = assign_clusters(put(xp, X, dtype), result.centers)
    np.testing.assert_array_equal(get(labels), get(result.labels))
    own = squares(X, get(result.centers))[np.arange(n), get(labels)]
    np.testing.assert_allclose(get(distances), own, rtol=1e-9, atol=1e-12)
    assert float(get(distances).sum()) == pytest.approx(
        result.wssse, rel=1e-5 if dtype == "float32" else 1e-9, abs=1e-12
    )
    assert type(labels) is type(result.centers)


def test_rows_with_gaps_get_no_cluster(xp):
    X = np.array([[0.0, 0.0], [np.nan, 1.0], [9.0, 9.0], [np.inf, 0.0]])
    labels, distances = assign_clusters(put(xp, X), put(xp, [[0.0, 0.0], [8.0, 9.0]]), nonfinite="drop")
    np.testing.assert_array_equal(get(labels), [0, -1, 1, -1])
    np.testing.assert_array_equal(get(distances), [0, np.nan, 1, np.nan])
    labels, distances = assign_clusters(put(xp, X[:0]), put(xp, [[0.0, 0.0]]))
    assert get(labels).shape == get(distances).shape == (0,)


def test_rows_with_gaps_are_dropped_and_counted(xp):
    X = groups(1, 60, 3, 3)
    start = put(xp, some(1, X, 3))
    holes = np.insert(X, [0, 10, 60], [[np.nan, 0, 0], [0, np.inf, 0], [0, 0, -np.inf]], axis=0)
    weight = np.arange(1.0, 61.0)
    one = kmeans(
        put(xp, holes), 3, init=start, nonfinite="drop", sample_weight=put(xp, np.insert(weight, [0, 10, 60], 1e9))
    )
    other = kmeans(put(xp, X), 3, init=start, sample_weight=put(xp, weight))
    assert one.n_dropped == 3
    assert other.n_dropped == 0
    dropped = np.zeros(63, dtype=bool)
    dropped[[0, 11, 62]] = True
    np.testing.assert_array_equal(get(one.labels)[dropped], -1)
    np.testing.assert_array_equal(get(one.labels)[~dropped], get(other.labels))
    assert one.wssse == other.wssse


def test_results_say_where_they_are(xp):
    X = put(xp, groups(0, 20, 2, 2), "float32")
    result = kmeans(X, 2)
    assert type(result.centers) is type(result.labels) is type(result.counts) is type(X)
    assert result.backend in {"numpy", "array_api_strict", "cupy"}
    assert result.device == str(getattr(X, "device", "cpu"))
    assert result.dtype == "float64"


@pytest.mark.parametrize("scale", [1e-30, 1e-18, 1e18, 1e30])
def test_float32_beyond_the_squares_of_its_range(xp, scale):
    X = groups(0, 100, 3, 4).astype(np.float32) * np.float32(scale)
    start = some(0, X, 4)
    result = kmeans(put(xp, X, "float32"), 4, init=put(xp, start))
    expected = kmeans(put(xp, X.astype(np.float64)), 4, init=put(xp, start))
    assert result.wssse == pytest.approx(expected.wssse, rel=1e-6)  # eps of float32 is 1e-7
    np.testing.assert_array_equal(get(result.labels), get(expected.labels))


@pytest.mark.parametrize("order", ["F", "reversed", "every other", "read-only"])
def test_any_memory_order(order):
    X = groups(0, 90, 4, 3)
    given = {"F": np.asfortranarray(X), "reversed": X[::-1][::-1], "every other": np.repeat(X, 2, axis=0)[::2]}
    given["read-only"] = X.copy()
    given["read-only"].setflags(write=False)
    before = X.copy()
    start = some(0, X, 3)
    start.setflags(write=False)
    result = kmeans(given[order], 3, init=start)
    expected = kmeans(X, 3, init=start.copy())
    np.testing.assert_array_equal(result.labels, expected.labels)
    assert result.wssse == pytest.approx(expected.wssse, rel=1e-13)
    np.testing.assert_array_equal(given[order], before)


def test_sequences_and_integers_are_taken():
    result = kmeans([[0], [1], [10], [11]], 2, init=[[0], [10]])
    np.testing.assert_array_equal(result.centers, [[0.5], [10.5]])
    assert kmeans(np.array([[True], [False]]), 2).wssse == 0
