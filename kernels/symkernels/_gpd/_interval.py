"""A confidence interval for a quantile of a tail, from the profile likelihood of that quantile."""

from __future__ import annotations

import math

import numpy as np

from ._jit import compiled
from ._methods import HIGHEST, LOWEST
from ._profile import scale_of, sums, unscaled


@compiled
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
    logs, _, _ = sums(x, inverse, theta, math.log1p(theta * highest))
    return -n * math.log(shape / theta) - (1.0 + 1.0 / shape) * logs


@compiled
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


@compiled
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
    exponent, inverse = scale_of(top)
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
        ends[side] = unscaled(centre * math.sqrt(inner * outer), exponent)
    return ends[0], ends[1]
