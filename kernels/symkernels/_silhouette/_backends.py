"""Which body computes silhouettes: one place that chooses, and says why."""

from __future__ import annotations

from collections.abc import Sequence

from .._arrays import Array, is_cupy, is_numpy
from .._numba import numba_works
from . import _closed_form, _generic
from ._labels import Labeling
from ._scores import Progress

METRICS = ("euclidean", "sqeuclidean", "precomputed")

_ENTRIES = 2**19  # numbers in a tile of the generic bodies on a CPU: 4 MiB stay in the cache
_GPU_ENTRIES = 2**25  # a GPU wants large tiles; this bounds what they take of its memory


def scores_of(X: Array, labelings: Sequence[Labeling], metric: str, weight: Array | None, progress: Progress) -> Array:
    """(labelings, n) float64: the silhouettes of every row in every labeling, on the device of X."""
    entries = _GPU_ENTRIES if is_cupy(X) else _ENTRIES
    if metric == "precomputed":  # reading the matrix costs more than adding it up, on every backend
        return _generic.precomputed(X, labelings, weight, progress, entries)
    if is_numpy(X) and numba_works():
        from . import _compiled

        body = _compiled.squared_euclidean if metric == "sqeuclidean" else _compiled.euclidean
        return body(X, labelings, weight, progress)
    if metric == "sqeuclidean":
        return _closed_form.squared_euclidean(X, labelings, weight, progress, entries)
    if is_cupy(X):  # reduced in a kernel: no tile of distances in memory
        from . import _cuda

        return _cuda.euclidean(X, labelings, weight, progress)
    return _generic.euclidean(X, labelings, weight, progress, entries)
