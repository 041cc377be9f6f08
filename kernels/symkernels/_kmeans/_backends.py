"""Which engine holds the rows: the fast path for CuPy, then that for NumPy, else the body for every array library."""

from __future__ import annotations

from .._arrays import is_cupy, is_numpy
from .._numba import numba_works
from .._rows import Poll, Rows
from ._generic import GenericPoints
from ._points import Points


def uses_cuda(rows: Rows) -> bool:
    """Whether CUDA kernels take the rows: CuPy arrays, of either precision."""
    return is_cupy(rows.X)


def uses_compiled(rows: Rows) -> bool:
    """Whether compiled loops take the rows: NumPy arrays, where Numba works."""
    return is_numpy(rows.X) and numba_works()


def engine_of(rows: Rows, poll: Poll) -> Points:
    """Prepare rows in the engine that is the fastest for them."""
    if uses_cuda(rows):
        from ._cuda import CudaPoints

        return CudaPoints(rows, poll)
    if uses_compiled(rows):
        from ._compiled import CompiledPoints

        return CompiledPoints(rows, poll)
    return GenericPoints(rows, poll)
