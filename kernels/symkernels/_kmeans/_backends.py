"""Which engine holds the rows: the fast path for CuPy, then that for NumPy, else the body for every array library."""

from __future__ import annotations

from .._arrays import is_cupy, is_numpy
from .._numba import uses_loops
from .._rows import Poll, Rows
from ._generic import GenericPoints
from ._points import Points

_SECONDS = 3e-9  # of the generic body for the distance of a row from a centre, by column
_ITERATIONS = 10  # of a run, about


def uses_cuda(rows: Rows) -> bool:
    """Whether CUDA kernels take the rows: CuPy arrays, of either precision."""
    return is_cupy(rows.X)


def uses_compiled(rows: Rows, centers: float) -> bool:
    """Whether compiled loops take the rows: NumPy arrays, once the loops are compiled."""
    return is_numpy(rows.X) and uses_loops("kmeans", _SECONDS * _ITERATIONS * rows.X.size * centers)


def engine_of(rows: Rows, poll: Poll, centers: float) -> Points:
    """Prepare rows in the engine that is the fastest for them; ``centers`` are those of all runs together."""
    if uses_cuda(rows):
        from ._cuda import CudaPoints

        return CudaPoints(rows, poll)
    if uses_compiled(rows, centers):
        from ._compiled import CompiledPoints

        return CompiledPoints(rows, poll)
    return GenericPoints(rows, poll)
