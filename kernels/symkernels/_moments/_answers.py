"""Statistics read off sums. Arrays are indexed by position; undefined values are NaN."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import array_api_compat as compat
import numpy as np

from .._arrays import Array, is_numpy, namespace
from .._numba import numba_works
from ._layout import Layout
from ._sums import Sums

UNIT = 2.0**-53  # rounding unit of float64


def divide(xp: Any, a: Array, b: Array) -> Array:
    """a / b, NaN where b is not positive."""
    good = b > 0
    return xp.where(good, a / xp.where(good, b, 1.0), xp.nan)


def full_shift(sums: Sums, layout: Layout) -> Array:
    """(P,) shift of every attribute."""
    xp = sums.xp
    return xp.concat([sums.shift, xp.zeros((layout.n_sparse,), dtype=xp.float64, device=compat.device(sums.S))])


def mean(sums: Sums, layout: Layout) -> Array:
    return full_shift(sums, layout) + divide(sums.xp, sums.own_sums(layout), sums.own_counts(layout))


def central(sums: Sums, layout: Layout) -> Array:
    """(P,) sum of squared deviations from the mean, never negative."""
    total = sums.own_sums(layout)
    spread = sums.diagonal() - total * divide(sums.xp, total, sums.own_counts(layout))
    return sums.xp.where(spread < 0, 0.0, spread)


def variance(sums: Sums, layout: Layout, ddof: float) -> Array:
    return divide(sums.xp, central(sums, layout), sums.own_counts(layout) - ddof)


def standard_moments(sums: Sums, layout: Layout) -> tuple[Array, Array]:
    """Skewness and excess kurtosis (population)."""
    xp = sums.xp
    n, t, s = sums.own_counts(layout), sums.own_sums(layout), sums.diagonal()
    sparse = slice(layout.n_dense, layout.size)
    third, fourth = xp.concat([sums.M3, t[sparse]]), xp.concat([sums.M4, t[sparse]])
    with np.errstate(over="ignore", invalid="ignore"):  # fourth powers overflow from 1e77 on, and answer NaN
        return _standardise(xp, n, t, s, third, fourth, divide(xp, central(sums, layout), n))


def _standardise(xp: Any, n: Array, t: Array, s: Array, third: Array, fourth: Array, v: Array) -> tuple[Array, Array]:
    m = divide(xp, t, n)
    m3 = divide(xp, third - 3 * m * s + 2 * m * m * t, n)
    m4 = divide(xp, fourth - m * (4 * third - m * (6 * s - 3 * m * t)), n)
    skewness, kurtosis = divide(xp, m3, v * xp.sqrt(v)), divide(xp, m4, v * v) - 3.0
    return xp.where(xp.isfinite(skewness), skewness, xp.nan), xp.where(xp.isfinite(kurtosis), kurtosis, xp.nan)


def covariance(sums: Sums, layout: Layout, ddof: float) -> Array:
    """(P, P), pairwise where values are missing."""
    xp = sums.xp
    if sums.N is None:
        if not sums.weight > ddof:
            return xp.full(sums.S.shape, xp.nan, dtype=xp.float64, device=compat.device(sums.S))
        if is_numpy(sums.S) and sums.S.flags.c_contiguous and numba_works():
            return _mirrored_covariance(sums, ddof)
        C = (sums.whole() - sums.T[:, None] * (sums.T / sums.weight)[None, :]) / (sums.weight - ddof)
    else:
        count, total, _ = sums.pairwise(layout)
        C = divide(xp, sums.whole() - total * divide(xp, xp.matrix_transpose(total), count), count - ddof)
    i = sums.index(np.arange(layout.size))
    return xp.where(i[:, None] == i[None, :], variance(sums, layout, ddof)[:, None], C)


def _mirrored_covariance(sums: Sums, ddof: float) -> np.ndarray:
    from ._loops import mirrored_covariance

    C = mirrored_covariance(sums.S, sums.T, sums.weight, sums.weight - ddof)
    np.fill_diagonal(C, np.maximum(C.diagonal(), 0.0))
    return C


def correlation(sums: Sums, layout: Layout, noise: Array) -> Array:
    """(P, P) pairwise correlation; NaN where one of the two is constant over their common rows.

    ``noise`` is the rounding error of each sum of squares.
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
        # What is left of a constant column once the gaps' sums are taken away is rounding, not variance.
        spread = xp.where(spread > noise[:, None], spread, xp.nan)
        product = sums.whole() - total * divide(xp, xp.matrix_transpose(total), count)
        C = product / xp.sqrt(spread) / xp.sqrt(xp.matrix_transpose(spread))
    C = xp.where(C > 1.0, 1.0, xp.where(C < -1.0, -1.0, C))  # keeps NaN; CuPy's clip is many kernels
    i = sums.index(np.arange(layout.size))
    diagonal = i[:, None] == i[None, :]
    return xp.where(diagonal & ~xp.isnan(C), 1.0, C)


@dataclass(frozen=True)
class Condition:
    """Every attribute over the rows where one 0/1 attribute is 1 and both are present.

    Attributes
    ----------
    count, mean, var : (P,) float64
        Weight of those rows, mean and population variance.
    """

    count: Array
    mean: Array
    var: Array

    def variance(self, ddof: float = 0) -> Array:
        """(P,) variance with ``count - ddof`` in the denominator; NaN where that is not positive."""
        xp = namespace(self.var)
        return divide(xp, self.var * self.count, self.count - ddof)


def condition(sums: Sums, layout: Layout, position: int) -> Condition:
    xp, dense = sums.xp, layout.n_dense
    S = xp.concat([sums.S[:position, position], sums.S[position, position:]])
    if sums.N is None:
        count = xp.full((layout.size,), float(sums.T[position]), dtype=xp.float64, device=compat.device(sums.S))
    else:
        count = xp.take(sums.T[position, :], sums.index(layout.group))
    column = int(np.searchsorted(layout.binaries, position))
    squares = xp.concat([sums.V[:, column], S[dense:]])
    shifted = divide(xp, S, count)
    var = divide(xp, squares, count) - shifted * shifted
    return Condition(count, full_shift(sums, layout) + shifted, xp.where(var < 0, 0.0, var))


@dataclass(frozen=True)
class CrossSums:
    """Raw (unshifted) sums of two attributes x and y over the rows where both are present.

    Attributes
    ----------
    n : float
        Weight of those rows.
    sum_x, sum_y, sum_xx, sum_yy, sum_xy : float
        Sums of x, y, x^2, y^2 and x y.
    sum_xxy, sum_xxyy : float
        Sums of x^2 y and x^2 y^2; NaN where they are not kept.
    """

    n: float
    sum_x: float
    sum_y: float
    sum_xx: float
    sum_yy: float
    sum_xy: float
    sum_xxy: float
    sum_xxyy: float


def cross_sums(sums: Sums, layout: Layout, i: int, j: int) -> CrossSums:
    def pair(a: int, b: int) -> tuple[float, float, float]:
        """Count, sum and square sum of a over the rows where b is present too."""
        if sums.N is None or sums.Q is None:
            return sums.weight, float(sums.T[a]), float(sums.S[a, a])
        g, h = int(layout.group[a]), int(layout.group[b])
        return float(sums.N[g, h]), float(sums.T[a, h]), float(sums.Q[a, h])

    shift = full_shift(sums, layout)
    c, d = float(shift[i]), float(shift[j])
    n, x, xx = pair(i, j)
    _, y, yy = pair(j, i)
    xy = float(sums.S[min(i, j), max(i, j)])
    xxy = xxyy = float("nan")
    if layout.binary[j]:
        column = int(np.searchsorted(layout.binaries, j))
        xxy = float(sums.V[i, column]) if i < layout.n_dense else xy
        xxyy = xxy = xxy + c * (2 * xy + c * y)
    elif sums.D is not None and sums.F is not None:
        u2v, uv2, u2v2 = float(sums.D[i, j]), float(sums.D[j, i]), float(sums.F[i, j])
        xxy = u2v + d * xx + 2 * c * (xy + d * x) + c * c * (y + d * n)
        xxyy = (
            u2v2 + 2 * d * u2v + d * d * xx
            + 2 * c * (uv2 + 2 * d * xy + d * d * x)
            + c * c * (yy + 2 * d * y + d * d * n)
        )  # fmt: skip
    return CrossSums(
        n=n,
        sum_x=x + c * n,
        sum_y=y + d * n,
        sum_xx=xx + c * (2 * x + c * n),
        sum_yy=yy + d * (2 * y + d * n),
        sum_xy=xy + c * y + d * x + c * d * n,
        sum_xxy=xxy,
        sum_xxyy=xxyy,
    )
