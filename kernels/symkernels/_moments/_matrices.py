"""Covariance and correlation matrices from sums. Arrays are indexed by position; undefined values are NaN."""

from __future__ import annotations

from typing import Any

import array_api_compat as compat
import numpy as np

from .._arrays import Array, is_numpy
from ._answers import divide, variance
from ._backends import uses_compiled_covariance
from ._layout import Layout
from ._sums import Sums


def covariance(sums: Sums, layout: Layout, ddof: float) -> Array:
    """Return (P, P): the covariance of each pair over the rows where both attributes are present."""
    xp = sums.xp
    if sums.N is None:
        if not sums.weight > ddof:
            return xp.full(sums.S.shape, xp.nan, dtype=xp.float64, device=compat.device(sums.S))
        if uses_compiled_covariance(sums):
            from ._loops import mirrored_covariance

            C = mirrored_covariance(sums.S, sums.T, sums.weight, sums.weight - ddof)
            np.fill_diagonal(C, np.maximum(C.diagonal(), 0.0))
            return C
        C = (sums.both_triangles() - sums.T[:, None] * (sums.T / sums.weight)[None, :]) / (sums.weight - ddof)
    else:
        count, total, _ = sums.pairwise(layout)
        C = divide(xp, sums.both_triangles() - total * divide(xp, xp.matrix_transpose(total), count), count - ddof)
    i = sums.index(np.arange(layout.size))
    return xp.where(i[:, None] == i[None, :], variance(sums, layout, ddof)[:, None], C)


def correlation(sums: Sums, layout: Layout, noise: Array) -> Array:
    """Return (P, P): the correlation of each pair over their common rows, NaN where one of the two is constant there.

    ``noise`` bounds the rounding error of each sum of squares.
    """
    xp = sums.xp
    if sums.N is None:
        C = covariance(sums, layout, 0.0)
        v = variance(sums, layout, 0.0)
        deviation = xp.sqrt(xp.where(v > 0, v, xp.nan))
        C /= deviation[:, None] * deviation[None, :]
    else:
        count, total, square = sums.pairwise(layout)
        spread = square - total * divide(xp, total, count)
        # In a column that is constant there, the rest is rounding error, not variance.
        spread = xp.where(spread > noise[:, None], spread, xp.nan)
        product = sums.both_triangles() - total * divide(xp, xp.matrix_transpose(total), count)
        C = product / xp.sqrt(spread) / xp.sqrt(xp.matrix_transpose(spread))
    C = _within_one(C, xp)
    i = sums.index(np.arange(layout.size))
    diagonal = i[:, None] == i[None, :]
    return xp.where(diagonal & ~xp.isnan(C), 1.0, C)


def _within_one(C: Array, xp: Any) -> Array:
    """Return correlations that rounding has taken beyond -1 or 1 as -1 or 1; NaN stays. ``C`` may be overwritten."""
    if is_numpy(C):
        return np.clip(C, -1.0, 1.0, out=C)
    return xp.where(C > 1.0, 1.0, xp.where(C < -1.0, -1.0, C))  # few kernels on a GPU, where clip takes many
