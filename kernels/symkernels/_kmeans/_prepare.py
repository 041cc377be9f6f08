"""Rows prepared for k-means, in a precision that holds their squared distances."""

from __future__ import annotations

import dataclasses
import math

from .._arrays import namespace
from .._errors import DataError
from .._rows import Poll, Rows, no_poll
from ._backends import engine_of
from ._points import Points

# Between these, float32 holds the squares of float32 rows and the differences between them without loss.
_FLOAT32_SMALL, _FLOAT32_LARGE = 1e-24, 1e36
_FLOAT64_SMALL = 1e-304  # below, squared distances are subnormal or 0


def points_of(rows: Rows, poll: Poll = no_poll, centers: float = 1.0) -> Points:
    """Prepare rows for k-means; ``centers``: how many centres all runs have together, about.

    Raises
    ------
    DataError
        The rows are so large, or differ by so little, that their squared distances leave the range of float64.
    """
    points = engine_of(rows, poll, centers)
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
        points = engine_of(dataclasses.replace(rows, X=xp.astype(rows.X, xp.float64)), poll, centers)
    return points


def _differ(rows: Rows) -> bool:
    """Whether the rows with weight are not all equal."""
    xp, X = namespace(rows.X), rows.X
    if rows.weight is not None:
        X = X[rows.weight > 0]
    return bool(xp.any(X[:1, :] != X))
