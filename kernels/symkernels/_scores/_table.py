"""A look-up table, checked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._arrays import as_floats
from .._errors import DataError, ShapeError


@dataclass(frozen=True, eq=False)
class LookupTable:
    """One or more piecewise linear functions of one column, which may jump at their knots.

    Histograms, empirical distribution functions and continuous piecewise linear functions have this form.

    Attributes
    ----------
    knots : (m,) float64
        Strictly ascending and finite; at least one.
    at : (T, m) float64
        Values of the T functions at the knots.
    low, high : (T, m + 1) float64
        Limits of each function at the lower and at the upper end of each interval: below the first knot, between two
        knots, above the last knot. In the first and the last interval, which have one end only, the two are equal.

    Examples
    --------
    A step from 0 to 1 at 5, where it is 0.5:

    >>> import numpy as np
    >>> from symkernels import LookupTable, LookupTables
    >>> step = LookupTable(np.array([5.0]), np.array([[0.5]]), np.array([[0.0, 1.0]]), np.array([[0.0, 1.0]]))
    >>> LookupTables([step]).sums(np.array([[4.0], [5.0], [9.0]]))
    array([[0. , 0.5, 1. ]])
    """

    knots: np.ndarray
    at: np.ndarray
    low: np.ndarray
    high: np.ndarray


def check_table(table: LookupTable, name: str) -> LookupTable:
    """Return a table of contiguous float64 arrays; raises `ShapeError` or `DataError`."""
    arrays = {}
    for field, ndim in (("knots", 1), ("at", 2), ("low", 2), ("high", 2)):
        array = np.ascontiguousarray(as_floats(getattr(table, field), ndim=ndim, name=f"{name}.{field}"), np.float64)
        if not np.isfinite(array).all():
            raise DataError(f"{name}.{field} holds a NaN or an infinity; it must be finite")
        arrays[field] = array
    knots, at, low, high = arrays.values()
    m, count = len(knots), len(at)
    if not m or at.shape != (count, m) or not low.shape == high.shape == (count, m + 1) or not count:
        raise ShapeError(
            f"{name} needs m knots, at least 1, and T functions, at least 1; at has shape (T, m), low and high have "
            f"(T, m + 1); got {m} knots and shapes {at.shape}, {low.shape} and {high.shape}"
        )
    with np.errstate(over="ignore"):
        gaps = np.diff(knots)
    if not ((gaps > 0) & np.isfinite(gaps)).all():
        raise DataError(f"{name}.knots must be strictly ascending, and the gaps between them must not overflow float64")
    if not ((low[:, 0] == high[:, 0]) & (low[:, -1] == high[:, -1])).all():
        raise DataError(
            f"{name}: low and high must be equal in the first and in the last interval, which end at one knot only"
        )
    return LookupTable(knots, at, low, high)
