"""What no function takes: masks and zeros that would be lost, dates, and labels that are missing. And empty batches."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import scipy.sparse

from symkernels import (
    DataError,
    DriftSpot,
    Moments,
    QuantileSketch,
    ShapeError,
    Spot,
    StreamingKMeans,
    assign_clusters,
    fit_gpd,
    kmeans,
    kmeans_sweep,
    nearest_correlation,
    pca,
    pot_threshold,
    psd_report,
    silhouette_score,
    svd,
    svd_select,
    vif,
)

X = np.random.default_rng(0).normal(size=(20, 2))
LABELS = np.arange(20) % 2

MATRICES = {
    "Moments": lambda x: Moments(2).learn(x),
    "forget": lambda x: Moments(2).learn(X).forget(x),
    "StreamingKMeans": lambda x: StreamingKMeans(2).learn(x),
    "kmeans": lambda x: kmeans(x, 2),
    "kmeans_sweep": lambda x: kmeans_sweep(x, range(2, 4)),
    "assign_clusters": lambda x: assign_clusters(x, X[:2]),
    "silhouette_score": lambda x: silhouette_score(x, LABELS),
    "QuantileSketch": lambda x: QuantileSketch().update(x),
    "fit_gpd": fit_gpd,
    "pca": pca,
    "svd": svd,
    "vif": vif,
    "svd_select": svd_select,
    "nearest_correlation": nearest_correlation,
    "psd_report": psd_report,
}
VECTORS = {
    "Spot": lambda x: Spot().update(x),
    "DriftSpot": lambda x: DriftSpot().update(x),
    "pot_threshold": pot_threshold,
    "weights": lambda x: Moments(2).learn(X, x),
    "weights of silhouettes": lambda x: silhouette_score(X, LABELS, sample_weight=x),
}
MASK = np.arange(40).reshape(20, 2) == 3


@pytest.mark.parametrize("name", [*MATRICES, *VECTORS])
@pytest.mark.parametrize("dtype", ["float64", "int64"])
def test_masked_arrays_are_refused(name, dtype):
    values, function = (X, MATRICES[name]) if name in MATRICES else (X[:, 0], VECTORS[name])
    mask = MASK if name in MATRICES else MASK[:, 1]
    with pytest.raises(ShapeError, match=r"masked array.*filled\(nan\)"):
        function(np.ma.masked_array(np.abs(values).astype(dtype), mask))


@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize("kind", [scipy.sparse.csr_matrix, scipy.sparse.csr_array, scipy.sparse.coo_array])
def test_sparse_matrices_are_refused_with_the_remedy(name, kind):
    with pytest.raises(ShapeError, match=r"is sparse .*use \w+\.toarray\(\)"):
        MATRICES[name](kind(X))


@pytest.mark.parametrize("name", [*MATRICES, *VECTORS])
@pytest.mark.parametrize(("dtype", "advice"), [("M8[s]", "dates and times; subtract"), ("m8[s]", "durations; divide")])
def test_dates_and_durations_are_refused_with_the_remedy(name, dtype, advice):
    shape, function = ((20, 2), MATRICES[name]) if name in MATRICES else (20, VECTORS[name])
    with pytest.raises(ShapeError, match=advice):
        function(np.zeros(shape, dtype))


@pytest.mark.parametrize(
    ("mark", "kind"),
    [(np.nan, float), (np.inf, float), (np.nan, object), (None, object), (np.datetime64("NaT"), object)],
)
def test_labels_that_are_missing_are_named(mark, kind):
    labels = LABELS.astype(kind)
    labels[3] = mark
    with pytest.raises(DataError, match=r"labels\[3\] is .*; leave out rows"):
        silhouette_score(X, labels)


def test_labels_with_a_mask_and_dates_without_a_date():
    with pytest.raises(ShapeError, match="labels are a masked array"):
        silhouette_score(X, np.ma.masked_array(LABELS, MASK[:, 1]))
    days = np.array(["2020-01-01", "2020-01-02"] * 10, "M8[D]")
    assert silhouette_score(X, days) == silhouette_score(X, LABELS)
    days[7] = np.datetime64("NaT")
    with pytest.raises(DataError, match=r"labels\[7\] is NaT"):
        silhouette_score(X, days)


def test_attribute_numbers_with_a_mask_are_refused():
    masked = np.ma.masked_array([0, 1], [True, False])
    with pytest.raises(ShapeError, match="binary is a masked array"):
        Moments(2, binary=masked)
    with pytest.raises(ShapeError, match="attribute numbers is a masked array"):
        Moments(2).learn(X).covariance(indices=masked)


def test_distances_of_rows_to_themselves_may_be_rounding_errors():
    D = np.abs(X[:, :1] - X[:, 0])
    right = silhouette_score(D, LABELS, metric="precomputed")
    for diagonal in (1e-16, 1e-9):
        np.fill_diagonal(D, diagonal)
        assert silhouette_score(D, LABELS, metric="precomputed") == pytest.approx(right, abs=1e-8)
    np.fill_diagonal(D, 0.1)
    with pytest.raises(DataError, match=r"distance of row 0 to itself is 0\.1"):
        silhouette_score(D, LABELS, metric="precomputed")


STREAMS: dict[str, tuple[Any, Any, Any]] = {
    "Moments": (lambda: Moments(2), Moments.learn, X[:0]),
    "Moments.forget": (lambda: Moments(2), Moments.forget, X[:0]),
    "StreamingKMeans": (lambda: StreamingKMeans(2), StreamingKMeans.learn, X[:0]),
    "Spot": (lambda: Spot(), Spot.update, X[:0, 0]),
    "DriftSpot": (lambda: DriftSpot(), DriftSpot.update, X[:0, 0]),
    "QuantileSketch": (lambda: QuantileSketch(), QuantileSketch.update, X[:0, 0]),
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_batch_without_rows_changes_nothing(name):
    make, feed, nothing = STREAMS[name]
    stream = make()
    feed(stream, nothing)
    assert getattr(stream, "n_rows", getattr(stream, "n", 0)) == 0


@pytest.mark.parametrize("known", [False, True])
def test_a_batch_whose_weights_are_all_0_changes_nothing(known):
    stream, moments = StreamingKMeans(2, seed=0), Moments(2)
    if known:
        stream.learn(X)
        moments.learn(X)
    before = stream.n_rows
    stream.learn(X + 5, np.zeros(20))
    assert stream.n_rows == before
    stream.learn(X)
    right = StreamingKMeans(2, seed=0).learn(X)
    if known:
        right.learn(X)
    np.testing.assert_array_equal(stream.coreset().centers, right.coreset().centers)
    mean, weight = moments.mean(), moments.weight
    moments.learn(X + 5, np.zeros(20))
    np.testing.assert_array_equal(moments.mean(), mean)
    assert moments.weight == weight


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
@pytest.mark.parametrize("make", [lambda: Spot(warmup=50), lambda: DriftSpot(depth=5, warmup=50), QuantileSketch])
def test_a_copy_of_a_stream_is_its_own(copied, make):
    rng = np.random.default_rng(0)
    stream, twin = make(), make()
    x, later = rng.normal(size=500), rng.normal(3.0, 1.0, 500)
    for each in (stream, twin):
        each.update(x)
    other = copied(stream)
    other.update(later)
    assert (stream.n, other.n) == (twin.n, twin.n + 500)
    stream.update(x)
    twin.update(x)
    if isinstance(stream, QuantileSketch):
        assert stream.quantile(0.9) == twin.quantile(0.9)
    else:
        assert stream.threshold == twin.threshold
        assert stream.threshold != other.threshold
