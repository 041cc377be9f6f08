"""Euclidean silhouettes on CuPy arrays: a kernel reduces distances to each row's own sum and its least other mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import cuda
from .._arrays import Array, namespace, to_numpy
from ._labels import Labeling
from ._scores import Progress, scale_of

_COLUMNS = 64  # rows of one cluster in a tile of silhouette.cu
_LARGEST_WORK = 1e11  # differences of one launch: about 10 ms on an H200 in float32, twice that in float64
_NULL = np.uint64(0)  # CuPy has no other spelling of a null pointer


def _synchronize() -> None:
    import cupy

    cupy.cuda.get_current_stream().synchronize()


def tiles_of(sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Starts, stops and clusters of the tiles of rows sorted by cluster, of which there are ``sizes`` (k,).

    A tile never crosses into the next cluster. One more tile, of no cluster, ends the lists.
    """
    each = -(-sizes // _COLUMNS)
    cluster = np.repeat(np.arange(len(sizes)), each)
    place = np.arange(len(cluster)) - np.repeat(np.cumsum(each) - each, each)
    first = (np.cumsum(sizes) - sizes)[cluster]
    starts = first + place * _COLUMNS
    stops = np.minimum(starts + _COLUMNS, first + sizes[cluster])
    end = int(sizes.sum())
    return np.append(starts, end), np.append(stops, end), np.append(cluster, -1).astype(np.int32)


def euclidean(X: Array, labelings: Sequence[Labeling], weight: Array | None, progress: Progress) -> Array:
    """(labelings, n) float64: silhouettes with Euclidean distances, in the dtype of X; one labeling after the other."""
    xp = namespace(X)
    scale = xp.asarray(scale_of(X, progress), dtype=X.dtype)
    found = []
    for i, labeling in enumerate(labelings):
        found.append(_one(X, scale, labeling, weight, progress, i, len(labelings)))
    return xp.stack(found)


def _one(
    X: Array, scale: Any, labeling: Labeling, weight: Array | None, progress: Progress, index: int, count: int
) -> Array:
    xp = namespace(X)
    n, d = (int(size) for size in X.shape)
    order = xp.argsort(labeling.labels, stable=True)
    rows = xp.asarray(xp.take(X, order, axis=0) * scale, order="C")
    labels = xp.astype(xp.take(labeling.labels, order), xp.int32)
    counts = xp.astype(labeling.counts, xp.float64)
    weights: Any = _NULL if weight is None else xp.astype(xp.take(weight, order), xp.float64)
    sizes = np.bincount(to_numpy(labels), minlength=labeling.k)
    tiles = tiles_of(sizes)
    starts, stops, clusters = (xp.asarray(part) for part in tiles)
    carried, own = xp.zeros((n,), dtype=xp.float64), xp.zeros((n,), dtype=xp.float64)
    other = xp.full((n,), float("inf"), dtype=xp.float64)
    itemsize = int(rows.dtype.itemsize)
    aligned = "_aligned" if d * itemsize % 16 == 0 else ""  # the rows are a copy, and start where an allocation does
    run = cuda.kernel("silhouette", f"silhouette_f{8 * itemsize}{aligned}")
    grid, last = -(-n // (128 if itemsize == 4 else 64)), len(tiles[0]) - 1
    step = max(1, int(_LARGEST_WORK / (float(n) * _COLUMNS * d)))
    for first in range(0, last, step):
        stop = min(first + step, last)
        lists = (rows, weights, labels, counts, starts, stops, clusters, carried, own, other)
        run((grid,), (256,), (*lists, np.int64(n), np.int64(d), np.int64(first), np.int64(stop)))
        _synchronize()
        progress(index * last + stop, count * last)
    size = xp.take(counts, labels)
    alone = size <= 1
    a = own / xp.where(alone, xp.ones_like(size), size - 1)  # the row itself is at distance 0, and does not count
    top = xp.where(a > other, a, other)
    undefined = alone | (top == 0)
    scores = xp.where(undefined, xp.zeros_like(a), (other - a) / xp.where(undefined, xp.ones_like(top), top))
    result = xp.empty((n,), dtype=xp.float64)
    result[order] = scores
    return result
