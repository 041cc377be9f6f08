"""Compiled maximum likelihood for one generalized Pareto tail, in one dimension, with every root bracketed.

With theta = shape / scale, n excesses x and m right-censored c, and A(theta) the sum of log(1 + theta z) over both,
divided by n, the likelihood is largest at shape A(theta): what is left is the profile

    f(theta) = -log(A / theta) - mean log(1 + theta x) - 1        (the log-likelihood / n)

(Grimshaw, "Computing maximum likelihood estimates for the generalized Pareto distribution", 1993; the censored terms
leave its form). Its slope has the sign of

    h(theta) = b (1 + A) + d - (1 + m / n),    b = mean 1 / (1 + theta x),  d = sum 1 / (1 + theta c) / n,

with A rising, b and d falling, and also that of

    w - v,    w = (A / theta - A') / theta,  v = A / theta mean x / (1 + theta x),

both falling. Between two points either is bounded by what its parts are at the points, so that an interval is shown to
hold no root from two evaluations: by the first where theta is large, by the second where it is small. The bounds of the
second are close: w and v are mixtures of falling exponentials (Laplace transforms of positive functions), so that their
logarithms are convex, below their chords and above their tangents. What cannot be shown is halved.

Values are first multiplied by a power of two that brings the largest into [1/2, 1): results do not depend on the
scale. The search is in g = log(1 + theta max), which gives both ends of theta's range room. Near theta = 0, where all
the terms cancel, power sums are used instead.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._numba import numba_works
from ._methods import EMPIRICAL, FEW, HIGHEST, LIKELIHOOD, LOWEST, MOMENTS, PWM

_WORKS = numba_works()

if _WORKS:
    from numba import njit

    def _compiled(function: Any, **options: Any) -> Any:
        """As `_jit.compiled`; x / 0 is infinite, so that no loop has to look for it."""
        try:
            return njit(nogil=True, cache=True, error_model="numpy", **options)(function)
        except RuntimeError:  # a read-only installation, and no home folder either
            return njit(nogil=True, error_model="numpy", **options)(function)

else:  # the same functions run as Python

    def _compiled(function: Any, **options: Any) -> Any:
        return function


def _reassociated(function: Any) -> Any:
    """Compile sums whose terms may be added in any order: in vectors. NaN and infinity keep their meaning."""
    return _compiled(function, fastmath={"reassoc", "contract", "nsz"})


_FIRST_BELOW, _FIRST_ABOVE = -0.9, 0.75  # first points in g; half way between them no power sums are needed
_NEAR = 1.0 / 32  # |theta| max up to which power sums are used
_TERMS = 12  # of a series: (1/32)^12 is far below rounding
_LOWEST_G = -27.0  # 1 + theta max of 2e-12, up to which rounding leaves it some digits
_HIGHEST_G = 300.0
_WIDEST = 2.5  # width in g of an interval with a maximum, concave at both ends, in which Newton steps begin
_FINEST = 0.25  # width in g of an interval that is halved no more
_BUDGET = 300  # evaluations in a search
_G = _EVALUATED = 11  # A, mean log, slope, curvature, b, d, theta, log w, log v and their slopes, of an evaluation


@_reassociated
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


@_compiled
def _sums(x, inverse, theta, g):
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


@_compiled
def _power_sums(x, inverse, out):
    for i in range(x.shape[0]):
        y = x[i] * inverse
        power = 1.0
        for k in range(_TERMS):
            power *= y
            out[k] += power


if not _WORKS:  # all of the time is spent in these two

    def _sums(x, inverse, theta, g):
        ty = theta * inverse * x
        r = 1.0 / (1.0 + ty)
        return float(np.log1p(ty).sum()), float(r.sum()), float((r * r).sum())

    def _power_sums(x, inverse, out):
        out += np.power.outer(x * inverse, np.arange(1, _TERMS + 1)).sum(axis=0)


@_compiled
def _log_series(powers, theta):
    """Sum of log(1 + theta y) / theta, its derivative and second derivative."""
    value, slope, bend = 0.0, 0.0, 0.0
    for k in range(_TERMS - 1, -1, -1):  # coefficients (-1)^k powers[k] / (k + 1) of theta^k
        c = powers[k] / (k + 1)
        if k % 2:
            c = -c
        bend = bend * theta + 2.0 * slope
        slope = slope * theta + value
        value = value * theta + c
    return value, slope, bend


@_compiled
def _evaluate(x, c, inverse, highest, g, powers, known, out):
    """The profile at g; whether the power sums are known is returned."""
    n, m = x.shape[0], c.shape[0]
    theta = math.expm1(g) / highest
    if theta == 0.0:
        theta = 1e-300  # only its ratio to A is asked for
    if abs(theta) * highest <= _NEAR:
        if not known:
            _power_sums(x, inverse, powers[0])
            _power_sums(c, inverse, powers[1])
        u, u1, u2 = _log_series(powers[0], theta)
        v, v1, v2 = _log_series(powers[1], theta)
        s, s1, s2 = (u + v) / n, (u1 + v1) / n, (u2 + v2) / n
        u, u1, u2 = u / n, u1 / n, u2 / n
        out[0], out[1] = s * theta, u * theta
        out[2] = -s1 / s - (u + theta * u1)
        out[3] = -s2 / s + (s1 / s) ** 2 - (2.0 * u1 + theta * u2)
        out[4], out[5] = 1.0 - theta * (u + theta * u1), (m - theta * (v + theta * v1)) / n
        out[6] = theta
        u1, u2 = u + theta * u1, 2.0 * u1 + theta * u2
        _logs(-s1, -s2, s * u1, s1 * u1 + s * u2, out)
        return True
    u, r, rr = _sums(x, inverse, theta, g)
    v, q, qq = 0.0, 0.0, 0.0
    if m:
        v, q, qq = _sums(c, inverse, theta, g)
    a = (u + v) / n
    a1 = ((n - r) + (m - q)) / (n * theta)
    a2 = -((n - 2.0 * r + rr) + (m - 2.0 * q + qq)) / (n * theta * theta)
    u1 = (n - r) / (n * theta)
    u2 = -(n - 2.0 * r + rr) / (n * theta * theta)
    out[0], out[1] = a, u / n
    out[2] = 1.0 / theta - a1 / a - u1
    out[3] = -1.0 / (theta * theta) - a2 / a + (a1 / a) ** 2 - u2
    out[4], out[5], out[6] = r / n, q / n, theta
    w = (a / theta - a1) / theta
    _logs(w, -(2.0 * w + a2) / theta, a / theta * u1, -w * u1 + a / theta * u2, out)
    return known


@_compiled
def _logs(w, w1, v, v1, out):
    """Logarithms of w and v, and their slopes; NaN, which excludes nothing, where rounding has left no digit."""
    safe = w > 0.0 and v > 0.0
    out[7], out[8] = (math.log(w), math.log(v)) if safe else (math.nan, math.nan)
    out[9], out[10] = (w1 / w, v1 / v) if safe else (math.nan, math.nan)


@_compiled
def _over(p, q, upper, lower):
    """Whether one of log w and log v is larger than the other all the way from p to q, both falling and convex.

    The larger is above both its tangents, the smaller below its chord: two lines and one, to be compared at both ends
    and where the tangents meet.
    """
    above, beyond = p[upper] - p[lower], q[upper] - q[lower]
    if not (above > 0.0 and beyond > 0.0):
        return False
    width = q[6] - p[6]
    left, right = p[upper + 2], q[upper + 2]
    if not left < right:
        return False
    t = (q[upper] - right * width - p[upper]) / (left - right)
    return p[upper] + left * t > p[lower] + (q[lower] - p[lower]) * (t / width)


@_compiled
def _refine(x, c, inverse, highest, low, high, g, powers, known, out):
    """Newton steps inside a bracket with a rising profile at ``low`` and a falling one at ``high``.

    What is at the maximum is left in ``out``. Returns whether it was reached, and whether power sums are known.
    """
    for _ in range(100):
        known = _evaluate(x, c, inverse, highest, g, powers, known, out)
        w = out[6] + 1.0 / highest  # d theta / d g
        slope = out[2] * w
        bend = out[3] * w * w + slope
        if slope > 0.0:
            low = g
        elif slope < 0.0:
            high = g
        else:
            return True, known
        step = -slope / bend if bend < 0.0 else math.inf
        fresh = g + step
        if not (low < fresh < high):
            fresh = 0.5 * (low + high)
        moved = abs(fresh - g)
        g = fresh
        if moved <= 1e-5 * (1.0 + abs(g)) or high - low <= 1e-14 * (1.0 + abs(g)):
            known = _evaluate(x, c, inverse, highest, g, powers, known, out)
            return True, known
    return False, known


@_compiled
def _profile(out):
    """Log-likelihood / n of an evaluation, but for the scale of the values."""
    theta = out[6]
    scale = out[0] / theta
    return -math.log(scale) - out[1] - 1.0


@_compiled
def _climb(x, c, inverse, highest, g, powers, out):
    """The maximum next to g, uphill. Returns whether it was reached, and whether power sums are known."""
    known = _evaluate(x, c, inverse, highest, g, powers, False, out)
    low, high = g, g
    step = 0.125
    up = out[2] > 0.0
    for _ in range(12):
        w = out[6] + 1.0 / highest
        bend = out[3] * w * w + out[2] * w
        newton = -out[2] * w / bend if bend < 0.0 else (step if up else -step)
        if abs(newton) > step:
            newton = step if up else -step
        if abs(newton) <= 1e-7:
            known = _evaluate(x, c, inverse, highest, g + newton, powers, known, out)
            return True, known
        g += newton
        known = _evaluate(x, c, inverse, highest, g, powers, known, out)
        if not (LOWEST < out[0] < HIGHEST):
            return False, known
        if (out[2] > 0.0) != up:
            low, high = (low, g) if up else (g, high)
            w = out[6] + 1.0 / highest
            bend = out[3] * w * w + out[2] * w
            fresh = g - out[2] * w / bend if bend < 0.0 else 0.5 * (low + high)
            if not (low < fresh < high):
                fresh = 0.5 * (low + high)
            return _refine(x, c, inverse, highest, low, high, fresh, powers, known, out)
        if up:
            low = g
        else:
            high = g
        step *= 2.0
    return False, known


@_compiled
def _edge(x, c, inverse, highest, shape, low):
    """The best theta for a shape at the edge of what is allowed, above ``low``: theta and log-likelihood.

    For a fixed shape the slope in theta has the sign of theta times sum 1 / (1 + theta x) - sum(1 - 1 / (1 + theta z))
    / shape, which changes once.
    """
    n, m = x.shape[0], c.shape[0]
    left, right = low, (-1e-12 if shape < 0.0 else _HIGHEST_G)
    for _ in range(200):
        g = 0.5 * (left + right)
        theta = math.expm1(g) / highest
        _, r, _ = _sums(x, inverse, theta, g)
        q = 0.0
        if m:
            _, q, _ = _sums(c, inverse, theta, g)
        slope = (r - ((n - r) + (m - q)) / shape) * (1.0 if theta > 0.0 else -1.0)
        if slope > 0.0:
            left = g
        else:
            right = g
        if right - left <= 1e-10 * (1.0 + abs(g)):
            break
    g = 0.5 * (left + right)
    theta = math.expm1(g) / highest
    u, _, _ = _sums(x, inverse, theta, g)
    v = 0.0
    if m:
        v, _, _ = _sums(c, inverse, theta, g)
    return theta, -n * math.log(shape / theta) - u - (u + v) / shape


@_compiled
def _nothing_beyond(point, g, highest, constant):
    """Whether no root can lie further from 0: with A at most HIGHEST above, and below, as A is convex in g, over its
    tangent."""
    a, b, d, theta = point[0], point[4], point[5], point[6]
    if g > 0.0:
        return b * (1.0 + HIGHEST) + d < constant
    slope = (constant - b - d) * (1.0 + 1.0 / (theta * highest))  # dA / dg
    return b * (1.0 + a - slope * (g - _LOWEST_G)) + d > constant


@_compiled
def _search(x, c, inverse, highest, powers, known, best):
    """The highest of all maxima of the profile with a shape inside the bounds; False where there is none.

    Also whether all was reached, and whether the profile still rises at the largest shape.
    """
    constant = 1.0 + c.shape[0] / x.shape[0]
    points = np.empty((_BUDGET + 2, _EVALUATED + 1))  # the last entry of each is its g
    lefts, rights = np.empty(_BUDGET + 2, dtype=np.int64), np.empty(_BUDGET + 2, dtype=np.int64)
    used, top = 0, 0
    for side in (-1.0, 1.0):
        g, before = _FIRST_BELOW if side < 0.0 else _FIRST_ABOVE, -1
        while True:
            known = _evaluate(x, c, inverse, highest, g, powers, known, points[used])
            points[used, _G] = g
            if before >= 0:
                lefts[top], rights[top] = (before, used) if side > 0.0 else (used, before)
                top += 1
            before = used
            used += 1
            a = points[before, 0]
            if a <= LOWEST or a >= HIGHEST or g <= _LOWEST_G or g >= _HIGHEST_G:
                break
            if _nothing_beyond(points[before], g, highest, constant):
                break
            g = max(3.0 * g, _LOWEST_G) if side < 0.0 else min(2.0 * g, _HIGHEST_G)
        if side < 0.0:
            count = used
    lefts[top], rights[top] = 0, count  # over 0
    top += 1
    rises = points[used - 1, 0] >= HIGHEST and points[used - 1, 2] > 0.0

    found, reached = False, True
    value = -math.inf
    while top:
        top -= 1
        i, j = lefts[top], rights[top]
        if points[j, 0] <= LOWEST or points[i, 0] >= HIGHEST:
            rises = rises or (points[i, 0] >= HIGHEST and points[i, 2] > 0.0)
            continue
        low, high = points[i, _G], points[j, _G]
        narrow = high - low <= _FINEST or used >= _BUDGET
        if not (points[i, 2] > 0.0 and points[j, 2] <= 0.0):
            if (
                narrow
                or points[j, 7] > points[i, 8]
                or points[i, 7] < points[j, 8]
                or points[j, 4] * max(0.0, 1.0 + points[i, 0]) + points[j, 5] > constant
                or points[i, 4] * (1.0 + min(HIGHEST, points[j, 0])) + points[i, 5] < constant
                or _over(points[i], points[j], 7, 8)
                or _over(points[i], points[j], 8, 7)
            ):
                continue
        elif narrow or (high - low <= _WIDEST and points[i, 3] < 0.0 and points[j, 3] < 0.0):
            g = low + (high - low) * _share(points[i, 2], points[j, 2])
            fresh = points[_BUDGET + 1]
            ended, known = _refine(x, c, inverse, highest, low, high, g, powers, known, fresh)
            reached = reached and ended
            rises = rises or fresh[0] > HIGHEST
            if LOWEST <= fresh[0] <= HIGHEST:
                here = _profile(fresh)
                if here > value:
                    value, found = here, True
                    for k in range(_EVALUATED):
                        best[k] = fresh[k]
            continue
        middle = 0.5 * (low + high)
        known = _evaluate(x, c, inverse, highest, middle, powers, known, points[used])
        points[used, _G] = middle
        rights[top] = used
        lefts[top + 1], rights[top + 1] = used, j
        used += 1
        top += 2
    return found, reached, rises


@_compiled
def _share(left, right):
    """Where a straight line from a slope above 0 to one below crosses zero, away from both ends."""
    if not (0.0 < left - right < math.inf):
        return 0.5
    return min(0.9, max(0.1, left / (left - right)))


@_compiled
def log_likelihood(x, c, shape, scale):
    """Log-likelihood of a shape and a scale; -inf where a value is beyond their end."""
    n, m = x.shape[0], c.shape[0]
    if not scale > 0.0:
        return -math.inf
    logs, rest = 0.0, 0.0
    theta = shape / scale
    for i in range(n):
        if abs(shape) < 1e-12:
            rest += x[i] / scale
        elif 1.0 + theta * x[i] > 0.0:
            logs += math.log1p(theta * x[i])
        elif shape > LOWEST:
            return -math.inf
    for i in range(m):
        if abs(shape) < 1e-12:
            rest += c[i] / scale
        elif 1.0 + theta * c[i] > 0.0:
            rest += math.log1p(theta * c[i]) / shape
        else:
            return -math.inf
    if abs(shape) < 1e-12:
        return -n * math.log(scale) - rest
    return -n * math.log(scale) - (1.0 + 1.0 / shape) * logs - rest


@_compiled
def by_moments(x):
    """Shape and scale from mean and variance: Hosking & Wallis, "Parameter and quantile estimation for the generalized
    Pareto distribution", 1987."""
    n = x.shape[0]
    mean, squares = 0.0, 0.0
    for i in range(n):
        mean += x[i] / n
    for i in range(n):
        squares += (x[i] / mean - 1.0) ** 2
    ratio = (n - 1.0) / squares if squares > 0.0 else math.inf  # mean^2 / variance
    return _clipped(0.5 * (1.0 - ratio), 0.5 * mean * (ratio + 1.0))


@_compiled
def by_weighted_moments(x):
    """Shape and scale from probability-weighted moments, with Hosking & Wallis' positions (i - 0.35) / n."""
    ordered = np.sort(x)
    n = x.shape[0]
    a0, a1 = 0.0, 0.0
    for i in range(n):
        a0 += ordered[i] / n
        a1 += (n - (i + 0.65)) / n * (ordered[i] / n)
    rest = a0 - 2.0 * a1
    if not rest > 0.0:
        return LOWEST, 2.0 * a0
    return _clipped(2.0 - a0 / rest, 2.0 * a0 * a1 / rest)


@_compiled
def _clipped(shape, scale):
    if not (shape >= LOWEST):
        return LOWEST, scale * LOWEST / shape if shape > -math.inf else 0.0
    return min(shape, HIGHEST), scale


@_compiled
def _empirical(x, c, n, m, inverse):
    """The exponential law with the mean that the values have, censored ones included; scale and log-likelihood."""
    total = 0.0
    for i in range(n):
        total += x[i] * inverse
    for i in range(m):
        total += c[i] * inverse
    scale = total / max(n, 1)
    if n == 0:
        return scale, 0.0
    if scale <= 0.0:
        return 0.0, math.inf
    return scale, -n * math.log(scale) - total / scale


@_compiled
def fit(x, c, start):
    """Fit a generalized Pareto law to excesses x > 0 and right-censored ones c.

    Parameters
    ----------
    x, c : (n,), (m,) float64
        Finite. Each c is known only to have been larger than that. Either may be empty.
    start : float
        theta of an earlier fit to nearly the same values, from where the search starts; 0.0 for a search everywhere.

    Returns
    -------
    shape, scale, loglik : float
        Never NaN. ``scale`` is 0 where there are no values, or only zeros.
    code : int
        Index into `_methods.METHODS`.
    converged : bool
    theta : float
        shape / scale, to start from next time.
    """
    n, m = x.shape[0], c.shape[0]
    top, bottom, censored = 0.0, math.inf, 0.0
    for i in range(n):
        top, bottom = max(top, x[i]), min(bottom, x[i])
    for i in range(m):
        censored = max(censored, c[i])
    highest = max(top, censored)
    if highest <= 0.0:
        return 0.0, 0.0, (math.inf if n else 0.0), EMPIRICAL, False, 0.0
    exponent = min(1000, max(-1000, math.frexp(highest)[1]))
    inverse = math.ldexp(1.0, -exponent)
    unit = exponent * math.log(2.0)  # log of a unit of the scaled values
    if n < FEW or top <= bottom:
        scale, loglik = _empirical(x, c, n, m, inverse)
        return 0.0, _unscaled(scale, exponent), loglik - n * unit, EMPIRICAL, False, 0.0

    highest *= inverse
    powers = np.zeros((2, _TERMS))
    best = np.empty(_EVALUATED)
    found, reached, rises = False, True, False
    known = False
    if start != 0.0:
        growth = start / inverse * highest
        if -1.0 + 1e-9 < growth < 1e12:
            found, known = _climb(x, c, inverse, highest, math.log1p(growth), powers, best)
            found = found and LOWEST <= best[0] <= HIGHEST
    if not found:
        found, reached, rises = _search(x, c, inverse, highest, powers, known, best)
    shape, scale, theta, loglik = 0.0, 0.0, 0.0, -math.inf
    if found:
        theta = best[6]
        shape = best[0]
        scale = shape / theta
        loglik = n * (-math.log(scale) - best[1] - 1.0)
    # Shape -1: without censored values this is the uniform law up to the largest value.
    limit = -n * math.log(highest)
    if limit > loglik:
        edge, at_edge = -1.0 / highest, limit
        if m:
            edge, at_edge = _edge(x, c, inverse, highest, LOWEST, _LOWEST_G)
        if at_edge > loglik:
            shape, scale, theta, loglik = LOWEST, -1.0 / edge, edge, at_edge
    if rises:
        edge, at_edge = _edge(x, c, inverse, highest, HIGHEST, 0.1)
        if at_edge > loglik:
            shape, scale, theta, loglik = HIGHEST, HIGHEST / edge, edge, at_edge
    if abs(shape) < 1e-15:  # what stands for 0
        shape, theta = 0.0, 0.0
    code = LIKELIHOOD
    if not reached:  # else nothing has a better likelihood
        y, z = x * inverse, c * inverse
        for other in (PWM, MOMENTS):
            a, b = by_weighted_moments(y) if other == PWM else by_moments(y)
            here = log_likelihood(y, z, a, b)
            if here > loglik:
                shape, scale, theta, loglik, code = a, b, a / b, here, other
    return shape, _unscaled(scale, exponent), loglik - n * unit, code, reached, theta * inverse


@_compiled
def _unscaled(scale, exponent):
    half = exponent // 2
    return min(math.ldexp(math.ldexp(scale, half), exponent - half), 1.7976931348623157e308)


@_compiled
def examine(x):
    """How many values are missing, and where the first one is that is infinite or negative; -1 for none."""
    missing, bad = 0, -1
    for i in range(x.shape[0]):
        if x[i] != x[i]:
            missing += 1
        elif not (0.0 <= x[i] < math.inf) and bad < 0:
            bad = i
    return missing, bad


@_compiled
def fit_rows(X, C, start, stop, numbers, codes, reached, counts):
    """Fit some rows of X with the censored values in those of C; NaN where there is none."""
    x, c = np.empty(X.shape[1]), np.empty(C.shape[1])
    for i in range(start, stop):
        n, m = 0, 0
        for j in range(X.shape[1]):
            x[n] = X[i, j]
            n += x[n] == x[n]
            if n == X.shape[1]:
                break
        for j in range(C.shape[1]):
            c[m] = C[i, j]
            m += c[m] == c[m]
            if m == C.shape[1]:
                break
        shape, scale, loglik, code, ended, _ = fit(x[:n], c[:m], 0.0)
        numbers[0, i], numbers[1, i], numbers[2, i] = shape, scale, loglik
        codes[i], reached[i], counts[i] = code, ended, n


@_compiled
def _given_quantile(x, inverse, highest, z, log, shape):
    """Log-likelihood of excesses x (in scaled units) for a shape whose law is passed with probability exp(log) at z."""
    theta = math.expm1(-shape * log) / z
    if abs(shape * log) < 1e-9:
        shape, theta = 0.0, 0.0
    if theta * highest <= -1.0:
        return -math.inf
    n = x.shape[0]
    if theta == 0.0:
        total = 0.0
        for i in range(n):
            total += x[i] * inverse
        return -n * math.log(-z / log) + total * log / z
    logs, _, _ = _sums(x, inverse, theta, math.log1p(theta * highest))
    return -n * math.log(shape / theta) - (1.0 + 1.0 / shape) * logs


@_compiled
def _best_given_quantile(x, inverse, highest, z, log):
    """The largest log-likelihood of all shapes, by golden section."""
    ratio = 0.6180339887498949
    low, high = LOWEST, HIGHEST
    a, b = high - ratio * (high - low), low + ratio * (high - low)
    at_a = _given_quantile(x, inverse, highest, z, log, a)
    at_b = _given_quantile(x, inverse, highest, z, log, b)
    for _ in range(30):
        if at_a >= at_b and at_a > -math.inf:
            high, b, at_b = b, a, at_a
            a = high - ratio * (high - low)
            at_a = _given_quantile(x, inverse, highest, z, log, a)
        else:
            low, a, at_a = a, b, at_b
            b = low + ratio * (high - low)
            at_b = _given_quantile(x, inverse, highest, z, log, b)
    return max(at_a, at_b)


@_compiled
def quantile_interval(x, probability, middle, drop):
    """Excesses around ``middle`` at which the profile log-likelihood is ``drop`` below its largest value.

    Parameters
    ----------
    x : (n,) float64
        Excesses, not all equal.
    probability : float
        In (0, 1): with which the excess sought is passed.
    middle : float
        Its estimate.
    drop : float

    Returns
    -------
    low, high : float
        ``high`` is infinite where the likelihood does not fall by so much.
    """
    top = 0.0
    for i in range(x.shape[0]):
        top = max(top, x[i])
    exponent = min(1000, max(-1000, math.frexp(top)[1]))
    inverse = math.ldexp(1.0, -exponent)
    highest = top * inverse
    centre, log = middle * inverse, math.log(probability)
    wanted = _best_given_quantile(x, inverse, highest, centre, log) - drop
    ends = np.empty(2)
    for side in range(2):
        inner, outer = 1.0, 1.0
        reached = False
        for k in range(60):  # growing steps of the logarithm
            inner, outer = outer, outer * math.exp((-0.02 if side == 0 else 0.02) * 1.5**k)
            if not (1e-12 < outer < 1e12):
                break
            if _best_given_quantile(x, inverse, highest, centre * outer, log) < wanted:
                reached = True
                break
        if not reached:
            ends[side] = 0.0 if side == 0 else math.inf
            continue
        for _ in range(30):
            half = math.sqrt(inner * outer)
            if _best_given_quantile(x, inverse, highest, centre * half, log) < wanted:
                outer = half
            else:
                inner = half
        ends[side] = _unscaled(centre * math.sqrt(inner * outer), exponent)
    return ends[0], ends[1]
