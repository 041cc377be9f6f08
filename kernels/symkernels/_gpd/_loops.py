"""A fit to one tail, or to some rows of a batch: compiled loops, from values to shape and scale."""

from __future__ import annotations

import math

import numpy as np

from ._estimates import by_moments, by_weighted_moments, empirical, log_likelihood
from ._jit import compiled
from ._methods import EMPIRICAL, FEW, HIGHEST, LIKELIHOOD, LOWEST, MOMENTS, PWM
from ._profile import EVALUATED, LOGS, LOWEST_G, TERMS, THETA, A, Sample, scale_of, unscaled
from ._search import best_at_shape, climb, search


@compiled
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
    exponent, inverse = scale_of(highest)
    unit = exponent * math.log(2.0)  # log of a unit of the scaled values
    if n < FEW or top <= bottom:
        scale, loglik = empirical(x, c, n, m, inverse)
        return 0.0, unscaled(scale, exponent), loglik - n * unit, EMPIRICAL, False, 0.0

    highest *= inverse
    sample = Sample(x, c, inverse, highest, np.zeros((2, TERMS)))
    best = np.empty(EVALUATED)
    found, reached, rises = False, True, False
    known = False
    if start != 0.0:
        growth = start / inverse * highest
        if -1.0 + 1e-9 < growth < 1e12:
            found, known = climb(sample, math.log1p(growth), best)
            found = found and LOWEST <= best[A] <= HIGHEST
    if not found:
        found, reached, rises = search(sample, known, best)
    shape, scale, theta, loglik = 0.0, 0.0, 0.0, -math.inf
    if found:
        theta = best[THETA]
        shape = best[A]
        scale = shape / theta
        loglik = n * (-math.log(scale) - best[LOGS] - 1.0)
    # Shape -1: without censored values this is the uniform law up to the largest value.
    limit = -n * math.log(highest)
    if limit > loglik:
        edge, at_edge = -1.0 / highest, limit
        if m:
            edge, at_edge = best_at_shape(sample, LOWEST, LOWEST_G)
        if at_edge > loglik:
            shape, scale, theta, loglik = LOWEST, -1.0 / edge, edge, at_edge
    if rises:
        edge, at_edge = best_at_shape(sample, HIGHEST, 0.1)
        if at_edge > loglik:
            shape, scale, theta, loglik = HIGHEST, HIGHEST / edge, edge, at_edge
    if abs(shape) < 1e-15:  # rounding of a shape of 0
        shape, theta = 0.0, 0.0
    code = LIKELIHOOD
    if not reached:  # otherwise no estimate has a better likelihood
        y, z = x * inverse, c * inverse
        for other in (PWM, MOMENTS):
            a, b = by_weighted_moments(y) if other == PWM else by_moments(y)
            here = log_likelihood(y, z, a, b)
            if here > loglik:
                shape, scale, theta, loglik, code = a, b, a / b, here, other
    return shape, unscaled(scale, exponent), loglik - n * unit, code, reached, theta * inverse


@compiled
def examine(x):
    """Number of missing values; index of the first infinite or negative one, or -1; smallest and largest value."""
    missing, bad = 0, -1
    low, high = math.inf, 0.0
    for i in range(x.shape[0]):
        if x[i] != x[i]:
            missing += 1
        elif not (0.0 <= x[i] < math.inf) and bad < 0:
            bad = i
        else:
            low, high = min(low, x[i]), max(high, x[i])
    return missing, bad, low, high


@compiled
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
