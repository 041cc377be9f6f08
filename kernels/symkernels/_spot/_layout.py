"""Where a side's numbers lie, and the constants of the method; needs no compiler."""

from __future__ import annotations

import math

# Floats of a side: lowest value that is kept; level of the fit, threshold, and beyond what a flag is no tail's; the
# fit; values above the level (more than are stored, once these were thinned); that at the last fit; share that is
# stored; values above the level after the warm-up.
BASE, LEVEL, Z, FAR, SHAPE, SCALE, LOGLIK, THETA, COUNT, FITTED, SHARE, FIRST = range(12)
# Integers of a side: stored values; flags that count; the stored ones; flags beyond FAR; method and convergence of the
# fit; flags at the last fit; fits; head and length of the ring; arrivals since the fit.
STORED, FLAGS, CENSORED, DROPPED, METHOD, CONVERGED, FITTED_FLAGS, FITS, HEAD, LENGTH, FRESH = range(11)
# Of all: values, missing ones, flagged ones, random state, position and fill of the moving mean.
N, MISSING, FLAGGED, RANDOM, AT, FILLED = range(6)
FLOATS, INTEGERS, GLOBALS = 12, 11, 6
EXCESS, COUNTED, BEYOND = 0, 1, 2  # kinds of events

GROWTH = 0.05  # of the tail, before it is fitted again
POWER = 2.0 / 3.0  # of the stream's length, by which the values in the fit grow
SPARE = 4.0  # times the values that are due beyond the threshold, at least, are in the fit
SLACK = 1.25  # times the values wanted, before the level is raised
STRAY = 0.03  # times alpha: the tail's probability beyond which a flag is not the tail's
MARGIN = 0.5  # times threshold - level, that a flag may be above the threshold in any case: ends of tails are not known
DOUBT = 1.0  # standard deviations of a fit, by which the share beyond its threshold may be larger than alpha
IRREGULAR = -0.5  # shape below which maximum likelihood is irregular (Smith 1985)
FEW = 100.0  # values, fewer of which are not believed to have such a shape
SIGMAS = 3.0  # that flags may be above what is due, and all count
MULTIPLIER, MODULUS = 48271, 2147483647  # Park and Miller's generator, as in C++'s minstd_rand


def explained(flags: float, due: float, count: float) -> float:
    """How many of the flags count: all, while alpha explains them; ever closer to what is due, the more there are.

    A threshold fitted to ``count`` values is uncertain: where the shape is near 0, the logarithm of the share beyond it
    has the variance L^2 (L^2 / 4 - L + 2) / count, L the logarithm of the share above the level over alpha.
    """
    logs = math.log(max(1.0, count / max(due, 1e-300)))
    deviation = logs * math.sqrt(((0.25 * logs - 1.0) * logs + 2.0) / max(1.0, count))
    limit = due * math.exp(min(DOUBT * deviation, 10.0)) + SIGMAS * math.sqrt(due)
    if flags <= limit:
        return flags
    return due + (limit - due) * limit / flags
