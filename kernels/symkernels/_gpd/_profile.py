"""The profile log-likelihood of one generalized Pareto tail: its value and slopes at any point.

With theta = shape / scale, n excesses x and m right-censored c, and A(theta) the sum of log(1 + theta z) over both,
divided by n, the likelihood is largest at shape A(theta). What remains is the profile

    f(theta) = -log(A / theta) - mean log(1 + theta x) - 1        (the log-likelihood / n)

(Grimshaw, "Computing maximum likelihood estimates for the generalized Pareto distribution", 1993; the censored terms
leave its form). Its slope has the sign of

    h(theta) = b (1 + A) + d - (1 + m / n),    b = mean 1 / (1 + theta x),  d = sum 1 / (1 + theta c) / n,

with A rising, b and d falling, and also that of

    w - v,    w = (A / theta - A') / theta,  v = A / theta mean x / (1 + theta x),

both falling. `_search` uses these bounds.

Values are first multiplied by a power of two that brings the largest into [1/2, 1): results do not depend on the
scale. Points are given by g = log(1 + theta max), which gives both ends of theta's range room. Near theta = 0, where
all the terms cancel, power sums are used instead.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np

from ._jit import compiled, reassociated

LOWEST_G = -27.0  # 1 + theta max of 2e-12, up to which rounding leaves it some digits
HIGHEST_G = 300.0
TERMS = 12  # of a series: (1/32)^12 is far below rounding
_NEAR = 1.0 / 32  # |theta| max up to which power sums are used

# What an evaluation leaves, by position. A is also the best shape at theta, LOGS the mean of log(1 + theta x); SLOPE
# and BEND are the first and the second derivative of the profile in theta; B, D, w and v are those of the formulas
# above. The search adds where the point is.
A, LOGS, SLOPE, BEND, B, D, THETA, LOG_W, LOG_V, LOG_W_SLOPE, LOG_V_SLOPE = range(11)
EVALUATED = G = 11


class Sample(NamedTuple):
    """One tail's values, and how they are brought into range.

    Attributes
    ----------
    x, c : (n,), (m,) float64
        Excesses and right-censored ones, in the caller's unit.
    inverse : float
        The power of two that they are multiplied by.
    highest : float
        The largest of the products, in [1/2, 1).
    powers : (2, TERMS) float64
        Sums of the powers of the products of x and of c, once they are known.
    """

    x: np.ndarray
    c: np.ndarray
    inverse: float
    highest: float
    powers: np.ndarray


@compiled
def scale_of(largest):
    """The exponent of 2 that brings ``largest`` into [1/2, 1), as far as it is in range, and the factor that does."""
    exponent = min(1000, max(-1000, math.frexp(largest)[1]))
    return exponent, math.ldexp(1.0, -exponent)


@compiled
def unscaled(scale, exponent):
    """Undo `scale_of`; the largest float64 where the result would be beyond it."""
    half = exponent // 2
    return min(math.ldexp(math.ldexp(scale, half), exponent - half), 1.7976931348623157e308)


@reassociated
def _block(x, start, quarter, factor):
    """Product of t = 1 + factor x, sums of 1 / t and its square, of four quarters, with a division for four values."""
    product, first, second = 1.0, 0.0, 0.0
    first_x, second_x = x[start : start + quarter], x[start + quarter : start + 2 * quarter]
    third_x, fourth_x = x[start + 2 * quarter : start + 3 * quarter], x[start + 3 * quarter : start + 4 * quarter]
    for i in range(quarter):
        t1, t2 = 1.0 + factor * first_x[i], 1.0 + factor * second_x[i]
        t3, t4 = 1.0 + factor * third_x[i], 1.0 + factor * fourth_x[i]
        p, q = t1 * t2, t3 * t4
        pq = p * q
        r = 1.0 / pq
        product *= pq
        p, q = q * r, p * r  # 1 / (t1 t2), 1 / (t3 t4)
        first += (t1 + t2) * p + (t3 + t4) * q
        second += (t1 * t1 + t2 * t2) * (p * p) + (t3 * t3 + t4 * t4) * (q * q)
    return product, first, second


def _sums_of_arrays(x, inverse, theta, g):
    ty = theta * inverse * x
    r = 1.0 / (1.0 + ty)
    return float(np.log1p(ty).sum()), float(r.sum()), float((r * r).sum())


def _power_sums_of_arrays(x, inverse, out):
    out += np.power.outer(x * inverse, np.arange(1, TERMS + 1)).sum(axis=0)


# Nearly all the time is spent in these two: as Python they use arrays.
@partial(compiled, as_python=_sums_of_arrays)
def sums(x, inverse, theta, g):
    """Sums of log(1 + theta y), its inverse, and the inverse's square, for y = x inverse; g = log(1 + theta max y).

    Terms are multiplied for one logarithm while that cannot leave the range of numbers.
    """
    n = x.shape[0]
    logs, first, second = 0.0, 0.0, 0.0
    factor = theta * inverse
    quarter = int(min(64.0, 150.0 / abs(g)))
    start = 0
    while start < n and quarter > 0:
        quarter = min(quarter, (n - start) // 4)
        if quarter == 0:
            break
        product, r, s = _block(x, start, quarter, factor)
        logs += math.log(product)
        first += r
        second += s
        start += 4 * quarter
    for i in range(start, n):
        t = 1.0 + factor * x[i]
        r = 1.0 / t
        logs += math.log(t)
        first += r
        second += r * r
    return logs, first, second


@partial(compiled, as_python=_power_sums_of_arrays)
def _power_sums(x, inverse, out):
    for i in range(x.shape[0]):
        y = x[i] * inverse
        power = 1.0
        for k in range(TERMS):
            power *= y
            out[k] += power


@compiled
def _log_series(powers, theta):
    """Sum of log(1 + theta y) / theta, its derivative and second derivative."""
    value, slope, bend = 0.0, 0.0, 0.0
    for k in range(TERMS - 1, -1, -1):  # coefficients (-1)^k powers[k] / (k + 1) of theta^k
        c = powers[k] / (k + 1)
        if k % 2:
            c = -c
        bend = bend * theta + 2.0 * slope
        slope = slope * theta + value
        value = value * theta + c
    return value, slope, bend


@compiled
def evaluate(sample, g, known, out):
    """Write the profile at g into ``out``; return whether the power sums are known (``known``: whether they were)."""
    x, c, inverse, highest, powers = sample
    n, m = x.shape[0], c.shape[0]
    theta = math.expm1(g) / highest
    if theta == 0.0:
        theta = 1e-300  # only the ratio of A to theta is used
    if abs(theta) * highest <= _NEAR:
        if not known:
            _power_sums(x, inverse, powers[0])
            _power_sums(c, inverse, powers[1])
        u, u1, u2 = _log_series(powers[0], theta)
        v, v1, v2 = _log_series(powers[1], theta)
        s, s1, s2 = (u + v) / n, (u1 + v1) / n, (u2 + v2) / n
        u, u1, u2 = u / n, u1 / n, u2 / n
        out[A], out[LOGS] = s * theta, u * theta
        out[SLOPE] = -s1 / s - (u + theta * u1)
        out[BEND] = -s2 / s + (s1 / s) ** 2 - (2.0 * u1 + theta * u2)
        out[B], out[D] = 1.0 - theta * (u + theta * u1), (m - theta * (v + theta * v1)) / n
        out[THETA] = theta
        u1, u2 = u + theta * u1, 2.0 * u1 + theta * u2
        _logarithms(-s1, -s2, s * u1, s1 * u1 + s * u2, out)
        return True
    u, r, rr = sums(x, inverse, theta, g)
    v, q, qq = 0.0, 0.0, 0.0
    if m:
        v, q, qq = sums(c, inverse, theta, g)
    a = (u + v) / n
    a1 = ((n - r) + (m - q)) / (n * theta)
    a2 = -((n - 2.0 * r + rr) + (m - 2.0 * q + qq)) / (n * theta * theta)
    u1 = (n - r) / (n * theta)
    u2 = -(n - 2.0 * r + rr) / (n * theta * theta)
    out[A], out[LOGS] = a, u / n
    out[SLOPE] = 1.0 / theta - a1 / a - u1
    out[BEND] = -1.0 / (theta * theta) - a2 / a + (a1 / a) ** 2 - u2
    out[B], out[D], out[THETA] = r / n, q / n, theta
    w = (a / theta - a1) / theta
    _logarithms(w, -(2.0 * w + a2) / theta, a / theta * u1, -w * u1 + a / theta * u2, out)
    return known


@compiled
def _logarithms(w, w1, v, v1, out):
    """Logarithms of w and v, and their slopes; NaN, which excludes nothing, where rounding has left no digit."""
    safe = w > 0.0 and v > 0.0
    out[LOG_W], out[LOG_V] = (math.log(w), math.log(v)) if safe else (math.nan, math.nan)
    out[LOG_W_SLOPE], out[LOG_V_SLOPE] = (w1 / w, v1 / v) if safe else (math.nan, math.nan)


@compiled
def profile(point):
    """Log-likelihood / n of an evaluation, but for the scale of the values."""
    return -math.log(point[A] / point[THETA]) - point[LOGS] - 1.0
