"""Which engine holds the rows: one place that chooses, and says why."""

from __future__ import annotations

import dataclasses
import math

from .._arrays import is_cupy, is_numpy, namespace
from .._errors import DataError
from .._numba import numba_works
from .._rows import Poll, Rows, no_poll
from ._generic import GenericPoints
from ._points import Points

# Between these the squares of float32 rows, and what they differ by, are neither infinite nor lost.
_FLOAT32_SMALL, _FLOAT32_LARGE = 1e-24, 1e36
_FLOAT64_SMALL = 1e-304  # below, squared distances are subnormal or 0


def points_of(rows: Rows, poll: Poll = no_poll) -> Points:
    """Prepare rows for k-means.

    Raises
    ------
    DataError
        The rows are so large, or differ by so little, that their squared distances leave the range of float64.
    """
    points = _engine(rows, poll)
    total = points.variance * points.d * points.total_weight  # no squared distance from the mean is larger than this
    if not math.isfinite(total * 4):
        raise DataError("X: values so large that their squared distances overflow float64; rescale the columns")
    if points.variance * points.d < _FLOAT64_SMALL and _differ(rows):
        raise DataError("X: rows that differ by so little that their squared distances underflow; rescale the columns")
    xp = namespace(rows.X)
    if (
        rows.X.dtype == xp.float32
        and points.variance > 0
        and not (points.variance > _FLOAT32_SMALL and total < _FLOAT32_LARGE)
    ):
        points = _engine(dataclasses.replace(rows, X=xp.astype(rows.X, xp.float64)), poll)
    return points


def _differ(rows: Rows) -> bool:
    """Whether the rows that count are not all the same."""
    xp, X = namespace(rows.X), rows.X
    if rows.weight is not None:
        X = X[rows.weight > 0]
    return bool(xp.any(X[:1, :] != X))


def _engine(rows: Rows, poll: Poll) -> Points:
    """The compiled loops for NumPy where Numba works, CUDA kernels for CuPy, the array API standard for all others."""
    if is_numpy(rows.X) and numba_works():
        from ._compiled import CompiledPoints

        return CompiledPoints(rows, poll)
    if is_cupy(rows.X):
        from ._cuda import CudaPoints

        return CudaPoints(rows, poll)
    return GenericPoints(rows, poll)
