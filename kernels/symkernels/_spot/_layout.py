"""Positions of a side's numbers in its arrays, and the constants of the method. Imports no compiler."""

from __future__ import annotations

import math

# Floats of a side: lowest value that is kept; level of the fit, threshold, and the limit above which a flag is not
# counted; the fit; number of values above the level (more than are stored, once these were thinned), now and at the
# last fit; share that is stored; number of values above the level after the warm-up.
BASE, LEVEL, Z, FAR, SHAPE, SCALE, LOGLIK, THETA, COUNT, FITTED, SHARE, FIRST = range(12)
# Integers of a side: stored values; counted flags; stored flags; flags beyond FAR; method and convergence of the fit;
# counted flags at the last fit; fits; head and length of the ring; values since the fit.
STORED, FLAGS, CENSORED, DROPPED, METHOD, CONVERGED, FITTED_FLAGS, FITS, HEAD, LENGTH, FRESH = range(11)
# Integers of the stream: values, missing ones, flagged ones, random state, position and fill of the moving mean.
N, MISSING, FLAGGED, RANDOM, AT, FILLED = range(6)
FLOATS, INTEGERS, GLOBALS = 12, 11, 6
EXCESS, COUNTED, BEYOND = 0, 1, 2  # kinds of events

GROWTH = 0.05  # relative growth of the tail before it is fitted again
POWER = 2.0 / 3.0  # of the stream's length: how the number of values in the fit grows
SPARE = 4.0  # values in the fit, at least, over those expected beyond the threshold
SLACK = 1.25  # values above the level, over those wanted, at which the level is raised
STRAY = 0.03  # times alpha: a flag with a smaller probability under the tail is not counted
MARGIN = 0.5  # times threshold - level: a flag so little above the threshold always counts, as tails may end there
DOUBT = 1.0  # standard deviations of a fit by which the share beyond its threshold may exceed alpha
IRREGULAR = -0.5  # shape below which maximum likelihood is irregular (Smith 1985)
FEW = 100.0  # values from which on such a shape is accepted
SIGMAS = 3.0  # standard deviations by which the flags may exceed the expected number, and still all count
MULTIPLIER, MODULUS = 48271, 2147483647  # Park and Miller's generator, as in C++'s minstd_rand


def explained(flags: float, due: float, count: float) -> float:
    """Number of flags that count: all while alpha explains them; of more a part that approaches ``due``.

    ``due`` is the expected number. A threshold fitted to ``count`` values is uncertain: for a shape near 0 the
    logarithm of the share beyond it has the variance L^2 (L^2 / 4 - L + 2) / count, where L is the logarithm of the
    share above the level over alpha.
    """
    logs = math.log(max(1.0, count / max(due, 1e-300)))
    deviation = logs * math.sqrt(((0.25 * logs - 1.0) * logs + 2.0) / max(1.0, count))
    limit = due * math.exp(min(DOUBT * deviation, 10.0)) + SIGMAS * math.sqrt(due)
    if flags <= limit:
        return flags
    return due + (limit - due) * limit / flags
