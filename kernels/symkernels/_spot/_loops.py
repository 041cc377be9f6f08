"""The compiled loop of the streaming threshold: the tail of each side, value by value.

A side is a row of each array here; the lower one holds the values with their sign turned, so that both look upwards.
What a side knows lies in a row of ``F`` (floats) and of ``I`` (integers), at the positions named below; the values above
its level in ``P``, the thresholds that counted flags passed in ``C``. With a window, every event of the tail is kept
with its position in ``V``, ``T`` and ``K``, which are rings, and ``P`` and ``C`` are filled from them for a fit.
"""

from __future__ import annotations

import math

import numpy as np

from .._gpd._loops import METHODS, fit

try:
    from .._jit import compiled
except ImportError:  # without Numba the same functions run as Python
    from collections.abc import Callable
    from typing import TypeVar

    _F = TypeVar("_F", bound=Callable[..., object])

    def compiled(function: _F) -> _F:
        return function


# Floats of a side: lowest value that is kept; level of the fit, threshold, and beyond what a flag is no tail's; the fit;
# values above the level (more than are stored, once these were thinned); that at the last fit; share that is stored;
# values above the level after the warm-up.
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
STRAY = 0.01  # times alpha: the tail's probability beyond which a flag is not the tail's
SIGMAS = 3.0  # that flags may be above what is due, and all count
MULTIPLIER, MODULUS = 48271, 2147483647  # Park and Miller's generator, as in C++'s minstd_rand


@compiled
def explained(flags, due):
    """How many of the flags count: all, while alpha explains them; ever closer to what is due, the more there are."""
    limit = due + SIGMAS * math.sqrt(due)
    if flags <= limit:
        return flags
    return due + SIGMAS * math.sqrt(due) * limit / flags


@compiled
def _above(shape, scale, logs):
    """The excess that is passed with probability exp(-logs)."""
    y = shape * logs
    if abs(y) < 1e-9:
        return scale * logs * (1.0 + 0.5 * y)
    return scale * (math.expm1(y) / shape)


@compiled
def _judge(alpha, n, F, I):
    """Threshold of a side from its fit and counts."""
    if not F[SCALE] > 0.0:
        F[Z] = math.nan
        F[FAR] = math.nan
        return
    counted = n - I[DROPPED]
    flags = float(I[FLAGS])
    count = explained(flags, alpha * counted)
    rate = (F[COUNT] + count) / ((counted - (flags - count)) * alpha)
    logs = max(0.0, math.log(rate)) if rate > 0.0 else 0.0
    F[Z] = F[LEVEL] + _above(F[SHAPE], F[SCALE], logs)
    F[FAR] = F[LEVEL] + _above(F[SHAPE], F[SCALE], logs - math.log(STRAY))


@compiled
def _raise_level(P, F, I, wanted):
    """Leave the largest values only, about ``wanted`` of those that the stored ones stand for."""
    stored = I[STORED]
    keep = int(stored * (wanted / F[COUNT]))
    if keep < 1 or keep >= stored:
        return
    P[:stored].sort()
    level = P[stored - keep - 1]
    while keep > 0 and P[stored - keep] <= level:
        keep -= 1
    if 2 * keep < stored * (wanted / F[COUNT]):  # ties
        return
    for j in range(keep):
        P[j] = P[stored - keep + j]
    F[COUNT] = F[COUNT] * keep / stored
    F[THETA] = F[THETA] / (1.0 + F[THETA] * (level - F[LEVEL]))
    F[LEVEL] = level
    F[BASE] = level
    I[STORED] = keep


@compiled
def _halve(P, F, I):
    """Leave every second value in order of size; each stands for twice as many."""
    stored = I[STORED]
    P[:stored].sort()
    keep = stored // 2
    for j in range(keep):
        P[j] = P[2 * j + 1]
    F[SHARE] = F[SHARE] * keep / stored
    I[STORED] = keep


@compiled
def _gather(n, window, most, first, warmup, P, C, V, T, K, F, I):
    """Fill a fit's values from the ring: the largest in the window."""
    size = V.shape[0]
    stored, censored = 0, 0
    for j in range(I[LENGTH]):
        at = (I[HEAD] + j) % size
        if K[at] == EXCESS:
            P[stored] = V[at]
            stored += 1
        elif K[at] == COUNTED:
            C[censored] = V[at]
            censored += 1
    wanted = first * (min(n, window) / warmup) ** POWER
    keep = int(min(wanted, most))
    level = F[BASE]
    if 1 <= keep < stored:
        P[:stored].sort()
        above = P[stored - keep - 1]
        while keep > 0 and P[stored - keep] <= above:
            keep -= 1
        if keep > 0:
            level = above
            for j in range(keep):
                P[j] = P[stored - keep + j]
            stored = keep
    scale = 1.0 + F[THETA] * (level - F[LEVEL])
    F[THETA] = F[THETA] / scale if scale > 0.0 else 0.0
    F[LEVEL] = level
    F[COUNT] = stored
    I[STORED] = stored
    I[CENSORED] = censored


@compiled
def refit(alpha, window, most, warmup, n, P, C, V, T, K, F, I):
    """Fit a side's tail again, and set its threshold."""
    seen = min(n, window) if window > 0 else n
    counted = seen - I[DROPPED]
    if window > 0:
        _gather(n, window, most, F[FIRST], warmup, P, C, V, T, K, F, I)
    else:
        wanted = max(min(F[FIRST] * (counted / warmup) ** POWER, most / SLACK), SPARE * alpha * counted)
        if F[COUNT] > SLACK * wanted:
            _raise_level(P, F, I, wanted)
        while I[STORED] >= most and I[STORED] > 1:
            _halve(P, F, I)
    stored, level = I[STORED], F[LEVEL]
    flags = float(I[FLAGS])
    share = stored / F[COUNT] if F[COUNT] > 0.0 else 1.0
    used = min(I[CENSORED], int(round(explained(flags, alpha * counted) * share)))
    x = np.empty(stored)
    for j in range(stored):
        x[j] = P[j] - level
    c = np.empty(used)
    for j in range(used):
        c[j] = max(0.0, C[j * I[CENSORED] // used] - level)
    shape, scale, loglik, method, converged, theta = fit(x, c, F[THETA])
    F[SHAPE], F[SCALE], F[LOGLIK], F[THETA] = shape, scale, loglik, theta
    F[FITTED] = F[COUNT]
    I[METHOD], I[CONVERGED], I[FITTED_FLAGS] = method, converged, I[FLAGS]
    I[FITS] += 1
    I[FRESH] = 0
    _judge(alpha, seen, F, I)


@compiled
def _expire(n, window, V, T, K, F, I):
    """Take what has left the window out of a side's counts."""
    size = V.shape[0]
    while I[LENGTH] > 0:
        at = I[HEAD]
        if T[at] > n - window:
            break
        if K[at] == EXCESS:
            if V[at] > F[LEVEL]:
                F[COUNT] -= 1.0
        elif K[at] == COUNTED:
            I[FLAGS] -= 1
        else:
            I[DROPPED] -= 1
        I[HEAD] = (at + 1) % size
        I[LENGTH] -= 1


@compiled
def _event(y, alpha, window, most, warmup, G, P, C, V, T, K, F, I):
    """A value above a side's base: flag it, keep what is kept of it, fit again if the tail has changed enough."""
    n = G[N]
    if window > 0:
        _expire(n, window, V, T, K, F, I)
    z = F[Z]
    flagged = y > z
    kind = EXCESS
    if flagged:
        kind = BEYOND if y > F[FAR] or y == math.inf else COUNTED
    elif y == math.inf:
        kind = BEYOND
    if kind == COUNTED:
        I[FLAGS] += 1
    elif kind == BEYOND:
        I[DROPPED] += 1
    elif y > F[LEVEL]:
        F[COUNT] += 1.0
        I[FRESH] += 1
    if window > 0:
        at = (I[HEAD] + I[LENGTH]) % V.shape[0]
        V[at] = y if kind == EXCESS else z
        T[at] = n
        K[at] = kind
        I[LENGTH] += 1
    elif kind == COUNTED:
        if I[CENSORED] == C.shape[0]:  # every second one stands for all
            for j in range(I[CENSORED] // 2):
                C[j] = C[2 * j + 1]
            I[CENSORED] //= 2
        C[I[CENSORED]] = z
        I[CENSORED] += 1
    elif kind == EXCESS:
        keep = True
        if F[SHARE] < 1.0:
            G[RANDOM] = G[RANDOM] * MULTIPLIER % MODULUS
            keep = G[RANDOM] < F[SHARE] * MODULUS
        if keep:
            P[I[STORED]] = y
            I[STORED] += 1
    seen = min(n, window) if window > 0 else n
    due = alpha * (seen - I[DROPPED])
    changed = I[FRESH] > GROWTH * F[FITTED]
    if kind == COUNTED and not changed:
        changed = I[FLAGS] <= due + SIGMAS * math.sqrt(due) and I[FLAGS] - I[FITTED_FLAGS] > GROWTH * I[FITTED_FLAGS]
    if changed or (window == 0 and I[STORED] >= most):
        refit(alpha, window, most, warmup, n, P, C, V, T, K, F, I)
    else:
        _judge(alpha, seen, F, I)
    return flagged


@compiled
def run(x, start, alpha, window, most, warmup, sides, G, F, I, P, C, V, T, K, D, M, flags, upper, lower):
    """Judge values from ``start`` on. Stops early where a side's room is full, and returns where."""
    depth = D.shape[0]
    n, missing, flagged_all = G[N], G[MISSING], G[FLAGGED]
    high, low = F[0, BASE], -math.inf
    z, bottom = F[0, Z], math.nan
    if sides == 2:
        low, bottom = -F[1, BASE], -F[1, Z]
    i = start
    while i < x.shape[0]:
        value = x[i]
        if value != value:
            missing += 1
            flags[i] = False
            upper[i] = math.nan
            if sides == 2:
                lower[i] = math.nan
            i += 1
            continue
        centre = M[0] / depth if depth > 0 else 0.0
        y = value - centre
        upper[i] = z + centre
        if sides == 2:
            lower[i] = bottom + centre
        flagged = False
        if y > high or y < low:
            side = 0 if y > high else 1
            if window > 0:
                full = I[side, LENGTH] >= V.shape[1]
            else:
                full = I[side, STORED] >= P.shape[1] or (I[side, CENSORED] >= C.shape[1] and C.shape[1] < most)
            if full:
                break
            G[N] = n + 1
            flagged = _event(
                y if side == 0 else -y, alpha, window, most, warmup, G,
                P[side], C[side], V[side], T[side], K[side], F[side], I[side],
            )  # fmt: skip
            high = F[0, BASE]
            if flagged:
                y = z if side == 0 else bottom
                flagged_all += 1
            z = F[0, Z]
            if sides == 2:
                low, bottom = -F[1, BASE], -F[1, Z]
        n += 1
        flags[i] = flagged
        if depth > 0:
            push(y + centre if flagged or math.isfinite(value) else centre, D, M, G)
        i += 1
    G[N], G[MISSING], G[FLAGGED] = n, missing, flagged_all
    return i


@compiled
def push(value, D, M, G):
    """A value into the moving mean; its sum is added up afresh in each round, so that rounding cannot pile up."""
    at = G[AT]
    M[0] += value - D[at]
    D[at] = value
    at += 1
    if at == D.shape[0]:
        at = 0
        total = 0.0
        for j in range(D.shape[0]):
            total += D[j]
        M[0] = total
    G[AT] = at
    if G[FILLED] < D.shape[0]:
        G[FILLED] += 1


@compiled
def centred(x, D, M, G, out):
    """Warm-up of the moving mean: what values are above the mean of those before. Returns how many there were."""
    count = 0
    for i in range(x.shape[0]):
        value = x[i]
        if G[FILLED] == D.shape[0]:
            centre = M[0] / D.shape[0]
            out[count] = value - centre
            count += 1
            if not math.isfinite(value):
                value = centre
        elif not math.isfinite(value):
            continue
        push(value, D, M, G)
    return count

