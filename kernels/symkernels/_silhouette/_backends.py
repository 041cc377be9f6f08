"""Which body computes silhouettes: the fast path for CuPy, then that for NumPy, else one for every array library."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .._arrays import Array, is_cupy, is_numpy
from .._numba import uses_loops
from . import _closed_form, _generic
from ._labels import Labeling
from ._scores import Progress

METRICS = ("euclidean", "sqeuclidean", "precomputed")

_GENERIC = {
    "euclidean": _generic.euclidean,
    "sqeuclidean": _closed_form.squared_euclidean,
    "precomputed": _generic.precomputed,
}
_SECONDS = 2e-9  # of the generic body for a distance, by column
_ENTRIES = 2**19  # numbers in a tile of the generic bodies on a CPU: 4 MiB stay in the cache
_GPU_ENTRIES = 2**25  # a GPU wants large tiles; this bounds what they take of its memory


def uses_cuda(X: Array, metric: str) -> bool:
    """Whether a CUDA kernel takes the rows: Euclidean distances of CuPy arrays.

    The kernel holds no tile of distances in memory. The other metrics have no tile to avoid: squared distances have a
    closed form of a few matrix products, and a matrix of distances is there already.
    """
    return is_cupy(X) and metric == "euclidean"


def uses_compiled(X: Array, metric: str, rows: int) -> bool:
    """Whether compiled loops take the rows: NumPy arrays, once the loops are compiled, but for a matrix of distances.

    To read such a matrix costs more than to add it up, so that compiled loops would gain nothing.
    """
    pairs = X.shape[0] * (rows if metric == "euclidean" else 1)
    return is_numpy(X) and metric != "precomputed" and uses_loops("silhouette", _SECONDS * pairs * X.shape[1])


def scores_of(
    X: Array,
    labelings: Sequence[Labeling],
    metric: str,
    weight: Array | None,
    progress: Progress,
    rows: np.ndarray | None = None,
) -> Array:
    """(labelings, n) float64: the silhouettes of every row in every labeling, on the device of X.

    With ``rows``, which no CUDA kernel takes: (labelings, m), those of these m rows, each against all n, for Euclidean
    distances.
    """
    if uses_cuda(X, metric):
        from . import _cuda

        return _cuda.euclidean(X, labelings, weight, progress)
    if uses_compiled(X, metric, X.shape[0] if rows is None else len(rows)):
        from . import _compiled

        if metric == "sqeuclidean":
            return _compiled.squared_euclidean(X, labelings, weight, progress)
        return _compiled.euclidean(X, labelings, weight, progress, rows)
    if rows is not None:
        return _generic.euclidean(X, labelings, weight, progress, _ENTRIES, rows)
    return _GENERIC[metric](X, labelings, weight, progress, _GPU_ENTRIES if is_cupy(X) else _ENTRIES)
