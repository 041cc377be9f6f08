"""The highest maximum of a profile, with every root of its slope bracketed.

Between two points either of the two forms of the slope (see `_profile`) is bounded by what its parts are at the points,
so that an interval is shown to hold no root from two evaluations: by the first form where theta is large, by the second
where it is small. The bounds of the second are close: w and v are mixtures of falling exponentials (Laplace transforms
of positive functions), so that their logarithms are convex, below their chords and above their tangents. An interval
that cannot be excluded is halved.
"""

from __future__ import annotations

import math

import numpy as np

from ._jit import compiled
from ._methods import HIGHEST, LOWEST
from ._profile import (
    BEND,
    EVALUATED,
    HIGHEST_G,
    LOG_V,
    LOG_W,
    LOG_W_SLOPE,
    LOWEST_G,
    SLOPE,
    THETA,
    A,
    B,
    D,
    G,
    evaluate,
    profile,
    sums,
)

_FIRST_BELOW, _FIRST_ABOVE = -0.9, 0.75  # first points in g; half way between them no power sums are needed
_WIDEST = 2.5  # width in g of an interval with a maximum, concave at both ends, in which Newton steps begin
_FINEST = 0.25  # width in g of an interval that is halved no more
_BUDGET = 300  # evaluations in a search
_TO_SLOPE = LOG_W_SLOPE - LOG_W  # from the position of a logarithm to that of its slope


@compiled
def _over(p, q, upper, lower):
    """Whether one of log w and log v is larger than the other all the way from p to q, both falling and convex.

    The larger is above both its tangents, the smaller below its chord: two lines and one, to be compared at both ends
    and where the tangents meet.
    """
    above, beyond = p[upper] - p[lower], q[upper] - q[lower]
    if not (above > 0.0 and beyond > 0.0):
        return False
    width = q[THETA] - p[THETA]
    left, right = p[upper + _TO_SLOPE], q[upper + _TO_SLOPE]
    if not left < right:
        return False
    t = (q[upper] - right * width - p[upper]) / (left - right)
    return p[upper] + left * t > p[lower] + (q[lower] - p[lower]) * (t / width)


@compiled
def _refine(sample, low, high, g, known, out):
    """Newton steps inside a bracket with a rising profile at ``low`` and a falling one at ``high``.

    The evaluation at the maximum is left in ``out``. Returns whether it was reached, and whether power sums are known.
    """
    for _ in range(100):
        known = evaluate(sample, g, known, out)
        w = out[THETA] + 1.0 / sample.highest  # d theta / d g
        slope = out[SLOPE] * w
        bend = out[BEND] * w * w + slope
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
            known = evaluate(sample, g, known, out)
            return True, known
    return False, known


@compiled
def climb(sample, g, out):
    """Climb from g to the next maximum. Returns whether it was reached, and whether power sums are known."""
    known = evaluate(sample, g, False, out)
    low, high = g, g
    step = 0.125
    up = out[SLOPE] > 0.0
    for _ in range(12):
        w = out[THETA] + 1.0 / sample.highest
        bend = out[BEND] * w * w + out[SLOPE] * w
        newton = -out[SLOPE] * w / bend if bend < 0.0 else (step if up else -step)
        if abs(newton) > step:
            newton = step if up else -step
        if abs(newton) <= 1e-7:
            known = evaluate(sample, g + newton, known, out)
            return True, known
        g += newton
        known = evaluate(sample, g, known, out)
        if not (LOWEST < out[A] < HIGHEST):
            return False, known
        if (out[SLOPE] > 0.0) != up:
            low, high = (low, g) if up else (g, high)
            w = out[THETA] + 1.0 / sample.highest
            bend = out[BEND] * w * w + out[SLOPE] * w
            fresh = g - out[SLOPE] * w / bend if bend < 0.0 else 0.5 * (low + high)
            if not (low < fresh < high):
                fresh = 0.5 * (low + high)
            return _refine(sample, low, high, fresh, known, out)
        if up:
            low = g
        else:
            high = g
        step *= 2.0
    return False, known


@compiled
def best_at_shape(sample, shape, low):
    """The best theta above ``low`` for a shape at the edge of what is allowed, and its log-likelihood.

    For a fixed shape the slope in theta has the sign of theta times sum 1 / (1 + theta x) - sum(1 - 1 / (1 + theta z))
    / shape, which changes once.
    """
    x, c, inverse, highest, _ = sample
    n, m = x.shape[0], c.shape[0]
    left, right = low, (-1e-12 if shape < 0.0 else HIGHEST_G)
    for _ in range(200):
        g = 0.5 * (left + right)
        theta = math.expm1(g) / highest
        _, r, _ = sums(x, inverse, theta, g)
        _, q, _ = sums(c, inverse, theta, g)
        slope = (r - ((n - r) + (m - q)) / shape) * (1.0 if theta > 0.0 else -1.0)
        if slope > 0.0:
            left = g
        else:
            right = g
        if right - left <= 1e-10 * (1.0 + abs(g)):
            break
    g = 0.5 * (left + right)
    theta = math.expm1(g) / highest
    u, _, _ = sums(x, inverse, theta, g)
    v, _, _ = sums(c, inverse, theta, g)
    return theta, -n * math.log(shape / theta) - u - (u + v) / shape


@compiled
def _nothing_beyond(point, g, highest, constant):
    """Whether no root can lie further from 0: with A at most HIGHEST above, and below, as A is convex in g, over its
    tangent."""
    a, b, d, theta = point[A], point[B], point[D], point[THETA]
    if g > 0.0:
        return b * (1.0 + HIGHEST) + d < constant
    slope = (constant - b - d) * (1.0 + 1.0 / (theta * highest))  # dA / dg
    return b * (1.0 + a - slope * (g - LOWEST_G)) + d > constant


@compiled
def search(sample, known, best):
    """Write the highest maximum of the profile with a shape inside the bounds into ``best``.

    Returns whether there is one, whether all searches ended, and whether the profile still rises at the largest shape.
    """
    constant = 1.0 + sample.c.shape[0] / sample.x.shape[0]
    points = np.empty((_BUDGET + 2, EVALUATED + 1))  # the last entry of each is its g
    lefts, rights = np.empty(_BUDGET + 2, dtype=np.int64), np.empty(_BUDGET + 2, dtype=np.int64)
    used, top = 0, 0
    for side in (-1.0, 1.0):
        g, before = _FIRST_BELOW if side < 0.0 else _FIRST_ABOVE, -1
        while True:
            known = evaluate(sample, g, known, points[used])
            points[used, G] = g
            if before >= 0:
                lefts[top], rights[top] = (before, used) if side > 0.0 else (used, before)
                top += 1
            before = used
            used += 1
            a = points[before, A]
            if a <= LOWEST or a >= HIGHEST or g <= LOWEST_G or g >= HIGHEST_G:
                break
            if _nothing_beyond(points[before], g, sample.highest, constant):
                break
            g = max(3.0 * g, LOWEST_G) if side < 0.0 else min(2.0 * g, HIGHEST_G)
        if side < 0.0:
            count = used
    lefts[top], rights[top] = 0, count  # over 0
    top += 1
    rises = points[used - 1, A] >= HIGHEST and points[used - 1, SLOPE] > 0.0

    found, reached = False, True
    value = -math.inf
    while top:
        top -= 1
        i, j = lefts[top], rights[top]
        if points[j, A] <= LOWEST or points[i, A] >= HIGHEST:
            rises = rises or (points[i, A] >= HIGHEST and points[i, SLOPE] > 0.0)
            continue
        low, high = points[i, G], points[j, G]
        narrow = high - low <= _FINEST or used >= _BUDGET
        if not (points[i, SLOPE] > 0.0 and points[j, SLOPE] <= 0.0):
            if (
                narrow
                or points[j, LOG_W] > points[i, LOG_V]
                or points[i, LOG_W] < points[j, LOG_V]
                or points[j, B] * max(0.0, 1.0 + points[i, A]) + points[j, D] > constant
                or points[i, B] * (1.0 + min(HIGHEST, points[j, A])) + points[i, D] < constant
                or _over(points[i], points[j], LOG_W, LOG_V)
                or _over(points[i], points[j], LOG_V, LOG_W)
            ):
                continue
        elif narrow or (high - low <= _WIDEST and points[i, BEND] < 0.0 and points[j, BEND] < 0.0):
            g = low + (high - low) * _share(points[i, SLOPE], points[j, SLOPE])
            fresh = points[_BUDGET + 1]
            ended, known = _refine(sample, low, high, g, known, fresh)
            reached = reached and ended
            rises = rises or fresh[A] > HIGHEST
            if LOWEST <= fresh[A] <= HIGHEST:
                here = profile(fresh)
                if here > value:
                    value, found = here, True
                    for k in range(EVALUATED):
                        best[k] = fresh[k]
            continue
        middle = 0.5 * (low + high)
        known = evaluate(sample, middle, known, points[used])
        points[used, G] = middle
        rights[top] = used
        lefts[top + 1], rights[top + 1] = used, j
        used += 1
        top += 2
    return found, reached, rises


@compiled
def _share(left, right):
    """Where a straight line from a slope above 0 to one below crosses zero, from 0.1 to 0.9."""
    if not (0.0 < left - right < math.inf):
        return 0.5
    return min(0.9, max(0.1, left / (left - right)))
