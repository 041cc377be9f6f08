"""Statistics of single attributes from sums. Arrays are indexed by position; undefined values are NaN."""

from __future__ import annotations

from typing import Any

import array_api_compat as compat
import numpy as np

from .._arrays import Array
from ._layout import Layout
from ._sums import Sums

UNIT = 2.0**-53  # rounding unit of float64


def divide(xp: Any, a: Array, b: Array) -> Array:
    """Return a / b, NaN where b is not positive."""
    good = b > 0
    return xp.where(good, a / xp.where(good, b, 1.0), xp.nan)


def full_shift(sums: Sums, layout: Layout) -> Array:
    """Return the (P,) shifts of all attributes."""
    xp = sums.xp
    return xp.concat([sums.shift, xp.zeros((layout.n_sparse,), dtype=xp.float64, device=compat.device(sums.S))])


def mean(sums: Sums, layout: Layout) -> Array:
    """Return the (P,) means."""
    return full_shift(sums, layout) + divide(sums.xp, sums.own_sums(layout), sums.own_counts(layout))


def central(sums: Sums, layout: Layout) -> Array:
    """Return the (P,) sums of squared deviations from the mean, never negative."""
    total = sums.own_sums(layout)
    spread = sums.diagonal() - total * divide(sums.xp, total, sums.own_counts(layout))
    return sums.xp.where(spread < 0, 0.0, spread)


def variance(sums: Sums, layout: Layout, ddof: float) -> Array:
    """Return the (P,) variances over ``count - ddof``."""
    return divide(sums.xp, central(sums, layout), sums.own_counts(layout) - ddof)


def standard_moments(sums: Sums, layout: Layout) -> tuple[Array, Array]:
    """Return the (P,) population skewness and excess kurtosis."""
    xp = sums.xp
    n, t, s = sums.own_counts(layout), sums.own_sums(layout), sums.diagonal()
    sparse = slice(layout.n_dense, layout.size)
    third, fourth = xp.concat([sums.M3, t[sparse]]), xp.concat([sums.M4, t[sparse]])
    with np.errstate(over="ignore", invalid="ignore"):  # fourth powers overflow from 1e77 on: NaN
        return _standardize(xp, n, t, s, third, fourth, divide(xp, central(sums, layout), n))


def _standardize(xp: Any, n: Array, t: Array, s: Array, third: Array, fourth: Array, v: Array) -> tuple[Array, Array]:
    m = divide(xp, t, n)
    m3 = divide(xp, third - 3 * m * s + 2 * m * m * t, n)
    m4 = divide(xp, fourth - m * (4 * third - m * (6 * s - 3 * m * t)), n)
    skewness, kurtosis = divide(xp, m3, v * xp.sqrt(v)), divide(xp, m4, v * v) - 3.0
    return xp.where(xp.isfinite(skewness), skewness, xp.nan), xp.where(xp.isfinite(kurtosis), kurtosis, xp.nan)
