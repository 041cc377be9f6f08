"""Covariance and correlation matrices from sums. Arrays are indexed by position; undefined values are NaN."""

from __future__ import annotations

from typing import Any

import array_api_compat as compat
import numpy as np

from .._arrays import Array, is_numpy
from ._answers import divide, spread, variance
from ._backends import uses_compiled_covariance
from ._layout import Layout
from ._limits import LOST
from ._numbers import Parts
from ._state import State
from ._sums import Sums


def covariance(sums: Sums, layout: Layout, ddof: float) -> Array:
    """Return (P, P): the covariance of each pair over the rows where both attributes are present."""
    xp = sums.xp
    if sums.N is None:
        if not sums.weight > ddof:
            return xp.full(sums.S.shape[1:], xp.nan, dtype=xp.float64, device=compat.device(sums.S))
        mean = sums.own_sums(layout).over(sums.own_masses(layout))
        divisor = (Parts(*sums.mass) + -float(ddof)).rounded()
        if uses_compiled_covariance(sums):
            from ._loops import mirrored_covariance

            return mirrored_covariance(sums.S, sums.T, mean.stored(), divisor)
        around = Parts.of(sums.T).each(lambda part: part[:, None]) * mean.each(lambda part: part[None, :])
        C = (sums.both_triangles() - around).rounded() / divisor
    else:
        count, total, _ = sums.pairwise(layout)
        product = sums.both_triangles() - total * total.each(xp.matrix_transpose).over(count)
        C = divide(xp, product.rounded(), (count + -float(ddof)).rounded())
    i = sums.index(np.arange(layout.size))
    return xp.where(i[:, None] == i[None, :], variance(sums, layout, ddof)[:, None], C)


def correlation(state: State) -> Array:
    """Return (P, P): the correlation of each pair over their common rows.

    It is NaN where one of the two is constant there, or has lost its digits.
    """
    sums, layout, xp = state.sums, state.layout, state.sums.xp
    if sums.N is None:
        C = covariance(sums, layout, 0.0)
        known, noise = state.own_spread()
        deviation = xp.sqrt(xp.where(LOST * known > noise, known, xp.nan) / sums.weight)
        C /= deviation[:, None] * deviation[None, :]
    else:
        count, total, square = sums.pairwise(layout)
        offset = total.over(count)
        known = spread(total, square, offset)
        noise = state.noise(known, offset.rounded(), *_pair_errors(sums, layout))
        known, noise = state.settled(known, noise, count.high, offset)
        known = xp.where(LOST * known > noise, known, xp.nan)
        product = (sums.both_triangles() - total * offset.each(xp.matrix_transpose)).rounded()
        C = product / xp.sqrt(known) / xp.sqrt(xp.matrix_transpose(known))
    C = _within_one(C, xp)
    i = sums.index(np.arange(layout.size))
    diagonal = i[:, None] == i[None, :]
    return xp.where(diagonal & ~xp.isnan(C), 1.0, C)


def _pair_errors(sums: Sums, layout: Layout) -> tuple[Array, Array]:
    """Return (dense, P) arrays: the bounds for sums of squares of i over the rows where j is present, and of ones."""
    xp, d, group = sums.xp, layout.n_dense, sums.index(layout.group)
    of_one = xp.take(sums.N_error, sums.index(layout.group[:d]), axis=0)
    return xp.take(sums.Q_error, group, axis=1), xp.take(of_one, group, axis=1)


def _within_one(C: Array, xp: Any) -> Array:
    """Return correlations that rounding has taken beyond -1 or 1 as -1 or 1; NaN stays. ``C`` may be overwritten."""
    if is_numpy(C):
        return np.clip(C, -1.0, 1.0, out=C)
    return xp.where(C > 1.0, 1.0, xp.where(C < -1.0, -1.0, C))  # few kernels on a GPU, where clip takes many
