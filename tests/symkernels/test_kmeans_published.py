"""k-means beside scikit-learn's from the same centers, published optima, and sums of more digits than float64 has."""

from __future__ import annotations

import math
import warnings

import mpmath
import numpy as np
import pytest

from symkernels import kmeans
from tests.symkernels._matrices import EPS

sklearn_cluster = pytest.importorskip("sklearn.cluster")
sklearn_datasets = pytest.importorskip("sklearn.datasets")

# The same labels, added up in another order: WSSSE is right to n d eps (28,000 squares: 6e-12), and centers to n eps of
# the rows. Errors of so many terms mostly cancel: the tolerances leave room.

# WSSSE of the best partition known of the 150 irises, four columns, for k = 2 to 6.
IRIS = {
    2: 152.3479517603579,
    3: 78.8514414261460,
    4: 57.22847321428572,
    5: 46.44618205128205,
    6: 39.03998724608725,
}


def blobs(n: int, d: int, seed: int, dtype: str = "float64") -> np.ndarray:
    """Overlapping normal blobs."""
    rng = np.random.default_rng(seed)
    middles = rng.normal(size=(12, d)) * 0.8
    return (middles[rng.integers(0, 12, n)] + rng.normal(size=(n, d))).astype(dtype)


def start_of(X: np.ndarray, k: int, seed: int) -> np.ndarray:
    """k different rows."""
    distinct = np.unique(X, axis=0)
    return distinct[np.random.default_rng(seed).choice(len(distinct), k, replace=False)]


def theirs(X: np.ndarray, start: np.ndarray, weight: np.ndarray | None = None, **options: float):
    """scikit-learn's Lloyd from these centers."""
    model = sklearn_cluster.KMeans(len(start), init=start.astype(X.dtype), n_init=1, algorithm="lloyd", **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged, where few iterations are asked for
        return model.fit(X, sample_weight=weight)


def fair_labels(X: np.ndarray, centers: np.ndarray, ours: np.ndarray, other: np.ndarray, slack: float) -> None:
    """Labels differ on ties alone: where both centers are equally far, by differences."""
    apart = np.flatnonzero(ours != other)
    rows = X[apart].astype(np.float64)
    first = np.sum((rows - centers[ours[apart]]) ** 2, axis=1)
    second = np.sum((rows - centers[other[apart]]) ** 2, axis=1)
    np.testing.assert_allclose(first, second, rtol=slack)


def exact_wssse(X: np.ndarray, centers: np.ndarray, labels: np.ndarray) -> float:
    """The sum of squared differences, each exact and added up exactly, rounded once."""
    with mpmath.workprec(400):
        total = mpmath.fsum(
            (mpmath.mpf(float(x)) - mpmath.mpf(float(c))) ** 2
            for row, label in zip(X, labels, strict=True)
            for x, c in zip(row, centers[label], strict=True)
        )
        return float(total)


@pytest.mark.parametrize(
    ("n", "d", "k"),
    [(300, 1, 3), (500, 2, 7), (1_000, 16, 10), (999, 17, 20), (2_000, 3, 64), (400, 70, 5), (60, 4, 60)],
)
@pytest.mark.parametrize("tol", [1e-4, 0.0])
def test_same_start_same_run(n: int, d: int, k: int, tol: float) -> None:
    X = blobs(n, d, seed=n + k)
    start = start_of(X, k, seed=k)
    expected = theirs(X, start, max_iter=300, tol=tol)
    found = kmeans(X, k, init=start, max_iter=300, tol=tol)
    assert found.n_iter == expected.n_iter_
    assert found.converged
    np.testing.assert_allclose(found.centers, expected.cluster_centers_, rtol=1e-9, atol=1e-12)
    assert math.isclose(found.wssse, expected.inertia_, rel_tol=1e-10, abs_tol=1e-18)
    fair_labels(X, found.centers, found.labels, expected.labels_, 1e-12)
    np.testing.assert_array_equal(found.counts, np.bincount(found.labels, minlength=k))


@pytest.mark.parametrize("iterations", [1, 2, 5, 20])
@pytest.mark.parametrize(("n", "d", "k"), [(3_000, 8, 12), (6_000, 10, 30)])
def test_stopped_early(n: int, d: int, k: int, iterations: int) -> None:
    X = blobs(n, d, seed=7)
    start = start_of(X, k, seed=8)
    expected = theirs(X, start, max_iter=iterations, tol=0.0)
    found = kmeans(X, k, init=start, max_iter=iterations, tol=0.0)
    assert expected.n_iter_ == found.n_iter == iterations
    assert not found.converged
    np.testing.assert_allclose(found.centers, expected.cluster_centers_, rtol=1e-9, atol=1e-12)
    assert math.isclose(found.wssse, expected.inertia_, rel_tol=1e-10)
    fair_labels(X, found.centers, found.labels, expected.labels_, 1e-12)


@pytest.mark.parametrize("kind", ["fractions", "whole", "some 0", "tiny", "huge"])
def test_weights(kind: str) -> None:
    rng = np.random.default_rng(3)
    X = blobs(1_500, 6, seed=4)
    weight = {
        "fractions": rng.random(len(X)),
        "whole": rng.integers(1, 6, len(X)).astype(float),
        "some 0": rng.integers(0, 2, len(X)) * rng.random(len(X)),
        "tiny": 1e-200 * rng.random(len(X)),
        "huge": 1e200 * rng.random(len(X)),
    }[kind]
    start = start_of(X[weight > 0], 9, seed=5)
    expected = theirs(X, start, weight, max_iter=300, tol=1e-4)
    found = kmeans(X, 9, init=start, sample_weight=weight, max_iter=300, tol=1e-4)
    # scikit-learn's tolerance is relative to the variance without the weights, so that it may stop at another time.
    full = kmeans(X, 9, init=start, sample_weight=weight, max_iter=300, tol=0.0)
    expected_full = theirs(X, start, weight, max_iter=300, tol=0.0)
    assert full.n_iter == expected_full.n_iter_
    assert math.isclose(full.wssse, expected_full.inertia_, rel_tol=1e-10)
    fair_labels(X, full.centers, full.labels, expected_full.labels_, 1e-12)
    assert math.isclose(found.wssse, expected.inertia_, rel_tol=1e-3)
    np.testing.assert_allclose(found.counts.sum(), weight.sum(), rtol=1e-12)


@pytest.mark.parametrize("repeats", [2, 50])
def test_duplicate_points(repeats: int) -> None:
    X = np.repeat(blobs(80, 3, seed=9), repeats, axis=0)
    X = X[np.random.default_rng(1).permutation(len(X))]
    start = start_of(X, 8, seed=2)
    expected = theirs(X, start, max_iter=300, tol=0.0)
    found = kmeans(X, 8, init=start, max_iter=300, tol=0.0)
    assert found.n_iter == expected.n_iter_
    assert math.isclose(found.wssse, expected.inertia_, rel_tol=1e-10)
    fair_labels(X, found.centers, found.labels, expected.labels_, 1e-12)


def test_a_cluster_for_each_distinct_row() -> None:
    values = np.arange(12.0).reshape(6, 2) ** 2
    X = np.repeat(values, 5, axis=0)
    found = kmeans(X, 6, seed=1)
    assert found.wssse == 0
    # Each center is a row less the shift, and back: two roundings of numbers up to 121.
    np.testing.assert_allclose(np.sort(found.centers, axis=0), np.sort(values, axis=0), rtol=0, atol=2 * 121 * EPS)


@pytest.mark.parametrize("k", IRIS)
def test_iris(k: int) -> None:
    X = sklearn_datasets.load_iris().data
    found = kmeans(X, k, n_init=60, tol=0.0, seed=0)
    assert math.isclose(found.wssse, IRIS[k], rel_tol=1e-12)


@pytest.mark.parametrize("k", IRIS)
def test_iris_optima_from_their_own_centers(k: int) -> None:
    """The optima are fixed points: from the centers found, one assignment changes nothing."""
    X = sklearn_datasets.load_iris().data
    best = kmeans(X, k, n_init=60, tol=0.0, seed=0)
    again = kmeans(X, k, init=best.centers, tol=0.0)
    assert again.n_iter <= 2
    np.testing.assert_array_equal(again.labels, best.labels)
    assert math.isclose(exact_wssse(X, best.centers, best.labels), best.wssse, rel_tol=1e-13)


@pytest.mark.parametrize(("n", "d", "k"), [(2_000, 5, 8), (1_500, 33, 16)])
def test_float32(n: int, d: int, k: int) -> None:
    """Three iterations, before rounding can lead the two apart: float32's accuracy, and WSSSE in float64."""
    X = blobs(n, d, seed=21, dtype="float32")
    start = start_of(X, k, seed=22)
    expected = theirs(X.astype(np.float64), start.astype(np.float64), max_iter=3, tol=0.0)
    found = kmeans(X, k, init=start, max_iter=3, tol=0.0)
    assert found.centers.dtype == np.float64
    np.testing.assert_allclose(found.centers, expected.cluster_centers_, rtol=1e-3, atol=1e-3)
    assert math.isclose(found.wssse, expected.inertia_, rel_tol=1e-5)
    fair_labels(X, found.centers, found.labels, _nearest(X, found.centers), 1e-5)
    assert math.isclose(found.wssse, exact_wssse(X, found.centers, found.labels), rel_tol=1e-13)


def _nearest(X: np.ndarray, centers: np.ndarray) -> np.ndarray:
    return np.array([np.argmin(np.sum((row - centers) ** 2, axis=1)) for row in X.astype(np.float64)])


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e6, 1e9])
def test_wssse_on_an_offset(offset: float) -> None:
    """The offset rounds the rows before we see them; of what we see, the WSSSE has nearly every digit."""
    X = blobs(700, 4, seed=31) + offset
    found = kmeans(X, 6, init=start_of(X, 6, seed=32), tol=0.0)
    assert math.isclose(found.wssse, exact_wssse(X, found.centers, found.labels), rel_tol=1e-12 + 1e-15 * offset**0.5)
    fair_labels(X, found.centers, found.labels, _nearest(X, found.centers), 1e-6)


def test_the_expanded_form_fails_there() -> None:
    """Why distances are by differences: at 1e6 the expanded form has lost half of the digits, at 1e9 all of them."""
    X = blobs(700, 4, seed=31) + 1e9
    found = kmeans(X, 6, init=start_of(X, 6, seed=32), tol=0.0)
    own = found.centers[found.labels]
    expanded = float(np.sum(np.sum(X**2, axis=1) - 2 * np.sum(X * own, axis=1) + np.sum(own**2, axis=1)))
    exact = exact_wssse(X, found.centers, found.labels)
    assert abs(expanded / exact - 1) > 1
    assert abs(found.wssse / exact - 1) < 1e-6


@pytest.mark.parametrize("scale", [1e-150, 1e-30, 1e30, 1e150])
def test_scale_changes_nothing_but_the_units(scale: float) -> None:
    X = blobs(600, 3, seed=41)
    start = start_of(X, 5, seed=42)
    unit = kmeans(X, 5, init=start, tol=0.0)
    scaled = kmeans(X * scale, 5, init=start * scale, tol=0.0)
    np.testing.assert_array_equal(scaled.labels, unit.labels)
    assert scaled.n_iter == unit.n_iter
    np.testing.assert_allclose(scaled.centers, unit.centers * scale, rtol=1e-9)
    assert math.isclose(scaled.wssse, unit.wssse * scale * scale, rel_tol=1e-10)
