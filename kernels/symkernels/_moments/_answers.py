"""Statistics of single attributes from sums. Arrays are indexed by position; undefined values are NaN."""

from __future__ import annotations

from typing import Any

import array_api_compat as compat
import numpy as np

from .._arrays import Array, namespace
from ._layout import Layout
from ._numbers import Parts
from ._sums import Sums

UNIT = 2.0**-53  # rounding unit of float64
_ROUNDED = 8 * UNIT  # a sum of squared deviations, its count and their quotients are rounded to float64


def divide(xp: Any, a: Array, b: Array) -> Array:
    """Return a / b, NaN where b is not positive."""
    good = b > 0
    return xp.where(good, a / xp.where(good, b, 1.0), xp.nan)


def relative(xp: Any, noise: Array, spread: Array, of_count: Array, count: Array) -> Array:
    """Return the relative error of variances: inf where they are 0 but need not be, NaN without rows.

    ``noise`` and ``of_count`` bound the errors of ``spread``, the sums of squared deviations, and of ``count``.
    """
    with np.errstate(over="ignore"):
        of_varied = noise / xp.where(spread > 0, spread, 1.0) + of_count / xp.where(count > 0, count, 1.0) + _ROUNDED
    bound = xp.where(spread > 0, of_varied, xp.where(noise == 0, noise, xp.inf))
    return xp.where(count > 0, bound, xp.nan)


def full_shift(sums: Sums, layout: Layout) -> Array:
    """Return the (P,) shifts of all attributes."""
    xp = sums.xp
    return xp.concat([sums.shift, xp.zeros((layout.n_sparse,), dtype=xp.float64, device=compat.device(sums.S))])


def mean(sums: Sums, layout: Layout) -> Array:
    """Return the (P,) means."""
    offset = sums.own_sums(layout).over(sums.own_masses(layout))
    return (offset + full_shift(sums, layout)).rounded()


def scale_of(sums: Sums) -> float:
    """Return a power of two near 1 / weight: the products of `cross_deviations` do not overflow with it."""
    return float(0.5 ** np.frexp(max(sums.weight, 0.5))[1])


def cross_deviations(product: Parts, one: Parts, other: Parts, count: Parts, scale: float) -> Parts:
    """Return sums of products of deviations from the means, times ``count`` and ``scale``.

    ``product`` are the sums of products, ``one`` and ``other`` the sums, all about the shifts. Without a division, sums
    of whole numbers stay whole numbers: a covariance that is 0 is exactly 0.
    """
    return product * count.each(lambda part: part * scale) - one * other.each(lambda part: part * scale)


def spread(total: Parts, square: Parts, count: Parts, scale: float) -> Array:
    """Return sums of squared deviations from the mean, from sums and sums of squares about the shift; NaN without rows.

    The result may be a little less than 0, by rounding.
    """
    found = cross_deviations(square, total, total, count, scale).rounded()
    return divide(namespace(found), found, count.high * scale)


def central(sums: Sums, layout: Layout) -> Array:
    """Return the (P,) sums of squared deviations from the mean, never negative."""
    found = spread(sums.own_sums(layout), sums.squares(layout), sums.own_masses(layout), scale_of(sums))
    return sums.xp.where(found < 0, 0.0, found)


def variance(sums: Sums, layout: Layout, ddof: float) -> Array:
    """Return the (P,) variances over ``count - ddof``."""
    return divide(sums.xp, central(sums, layout), sums.own_counts(layout) - ddof)


def standard_moments(sums: Sums, layout: Layout) -> tuple[Array, Array]:
    """Return the (P,) population skewness and excess kurtosis."""
    xp = sums.xp
    n, t, s = sums.own_masses(layout), sums.own_sums(layout), sums.squares(layout)
    sparse = t.stored()[:, layout.n_dense :]
    third, fourth = (Parts.of(xp.concat([powers, sparse], axis=1)) for powers in (sums.M3, sums.M4))
    with np.errstate(over="ignore", invalid="ignore"):  # fourth powers overflow from 1e77 on: NaN
        m = t.over(n)
        m3 = (third - m * (s * 3.0 - m * t * 2.0)).rounded()
        m4 = (fourth - m * (third * 4.0 - m * (s * 6.0 - m * t * 3.0))).rounded()
        v = variance(sums, layout, 0)
        skewness = divide(xp, divide(xp, m3, n.high), v * xp.sqrt(v))
        kurtosis = divide(xp, divide(xp, m4, n.high), v * v) - 3.0
    return xp.where(xp.isfinite(skewness), skewness, xp.nan), xp.where(xp.isfinite(kurtosis), kurtosis, xp.nan)
