"""Estimates of a generalized Pareto tail beside the maximum of its likelihood, and the log-likelihood of any."""

from __future__ import annotations

import math

import numpy as np

from ._jit import compiled
from ._methods import HIGHEST, LOWEST


@compiled
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


@compiled
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


@compiled
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


@compiled
def _clipped(shape, scale):
    if not (shape >= LOWEST):
        return LOWEST, scale * LOWEST / shape if shape > -math.inf else 0.0
    return min(shape, HIGHEST), scale


@compiled
def empirical(x, c, n, m, inverse):
    """Scale and log-likelihood of the exponential law whose mean is the total of all values over the excesses."""
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
