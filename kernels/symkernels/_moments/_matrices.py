"""Covariance and correlation matrices from sums. Arrays are indexed by position; undefined values are NaN."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

import array_api_compat as compat
import numpy as np

from .. import _parallel
from .._arrays import Array, is_numpy
from ._answers import cross_deviations, divide, scale_of, spread
from ._backends import uses_compiled_covariance
from ._layout import Layout
from ._limits import LOST
from ._numbers import Parts
from ._state import State
from ._sums import Sums

_PAIRS_PER_THREAD = 1_000_000  # from which on a further thread saves time


def covariance(state: State, ddof: float) -> Array:
    """Return (P, P): the covariance of each pair over the rows where both attributes are present.

    It is exactly 0 where one of the two is constant there.
    """
    sums, layout, xp = state.sums, state.layout, state.sums.xp
    own = divide(xp, state.own_spread()[0], sums.own_counts(layout) - ddof)
    if sums.N is None:
        divisor = (sums.everywhere(layout.size) + -float(ddof)).rounded()
        C = _of_complete_rows(sums, layout, xp.where(divisor > 0, divisor, xp.nan), xp.ones_like(divisor))
        constant = own == 0
        if bool(xp.any(constant)):
            C = xp.where((constant[:, None] | constant[None, :]) & ~xp.isnan(C), 0.0, C)
    else:
        count, C, known, _ = _of_pairs(state)
        constant = (known == 0) | (xp.matrix_transpose(known) == 0)
        C = divide(xp, xp.where(constant, 0.0, C), (count + -float(ddof)).rounded())
    if is_numpy(C):
        np.fill_diagonal(C, own)
        return C
    i = sums.index(np.arange(layout.size))
    return xp.where(i[:, None] == i[None, :], own[:, None], C)


def correlation(state: State) -> Array:
    """Return (P, P): the correlation of each pair over their common rows.

    It is NaN where one of the two is constant there, or has lost its digits.
    """
    sums, layout, xp = state.sums, state.layout, state.sums.xp
    if sums.N is None:
        deviation = _deviation(xp, *state.own_spread())
        C = _of_complete_rows(sums, layout, deviation, deviation)
    else:
        _, C, known, noise = _of_pairs(state)
        deviation = _deviation(xp, known, noise)
        C /= deviation * xp.matrix_transpose(deviation)
    C = _within_one(C, xp)
    if is_numpy(C):
        np.fill_diagonal(C, np.where(np.isnan(C.diagonal()), np.nan, 1.0))
        return C
    i = sums.index(np.arange(layout.size))
    return xp.where((i[:, None] == i[None, :]) & ~xp.isnan(C), 1.0, C)


def _deviation(xp: Any, known: Array, noise: Array) -> Array:
    """Return the roots of sums of squared deviations, NaN where their digits are lost."""
    return xp.sqrt(xp.where(LOST * known > noise, known, xp.nan))


def _of_complete_rows(sums: Sums, layout: Layout, left: Array, right: Array) -> Array:
    """Return (P, P): the sums of products of deviations over all rows, divided by ``left[i] * right[j]``; NaN without
    rows. The diagonal is not used.
    """
    xp, scale = sums.xp, scale_of(sums)
    if not sums.weight > 0:
        return xp.full((layout.size, layout.size), xp.nan, dtype=xp.float64, device=compat.device(sums.S))
    if uses_compiled_covariance(sums):
        S = sums.square(layout).stored() if layout.n_sparse else sums.S
        return _mirrored(S, sums.T, np.array(sums.mass) * scale, scale, left, right)
    total = Parts.of(sums.T)
    one, other = total.each(lambda part: part[:, None]), total.each(lambda part: part[None, :])
    product = cross_deviations(sums.square(layout), one, other, sums.everywhere(1, 1), scale).rounded()
    return product / (sums.weight * scale) / (left[:, None] * right[None, :])


def _mirrored(S: np.ndarray, T: np.ndarray, mass: np.ndarray, scale: float, left: Array, right: Array) -> np.ndarray:
    """Run `_loops.mirrored_deviations` in as many threads as save time."""
    from ._loops import EDGE, mirrored_deviations

    P = S.shape[1]
    C = np.empty((P, P))
    n = max(1, min(_parallel.thread_count(), P * P // _PAIRS_PER_THREAD))
    if n == 1:
        mirrored_deviations(0, P, S, T, mass, scale, left, right, C)
        return C
    # The first rows are the longest: equal areas of a triangle.
    ends = [int(P * (1.0 - (1.0 - k / n) ** 0.5)) // EDGE * EDGE for k in range(n)] + [P]
    _parallel.run_all(
        [partial(mirrored_deviations, a, b, S, T, mass, scale, left, right, C) for a, b in pairwise(ends) if a < b]
    )
    return C


def _of_pairs(state: State) -> tuple[Parts, Array, Array, Array]:
    """Return (P, P) arrays for pairs over their common rows.

    They are the count, the sum of products of deviations, and the sum of squared deviations of i with its noise.
    """
    sums, layout, xp = state.sums, state.layout, state.sums.xp
    count, total, square = sums.pairwise(layout)
    scale = scale_of(sums)
    deviations = spread(total, square, count, scale)
    offset = divide(xp, total.rounded(), count.high)
    noise = state.noise(deviations, offset, *_pair_errors(sums, layout))
    known, noise = state.settled(deviations, noise, total, count)
    product = cross_deviations(sums.square(layout), total, total.each(xp.matrix_transpose), count, scale)
    return count, divide(xp, product.rounded(), count.high * scale), known, noise


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
