"""The compiled loop of the streaming threshold: the tail of each side, value by value.

A side is a row of each array here; the lower one holds the values with their sign turned, so that both look upwards.
What a side knows lies in a row of ``F`` (floats) and of ``J`` (integers), at the positions named in `_layout`; the
values above its level in ``P``, the thresholds that counted flags passed in ``C``. With a window, every event of the
tail is kept with its position in ``V``, ``T`` and ``K``, which are rings, and ``P`` and ``C`` are filled from them for
a fit.
"""

from __future__ import annotations

import math

import numpy as np

from .._gpd import _level
from .._gpd._jit import compiled
from .._gpd._loops import fit
from .._gpd._methods import MOMENTS
from . import _layout
from ._layout import (
    AT,
    BASE,
    BEYOND,
    CENSORED,
    CONVERGED,
    COUNT,
    COUNTED,
    DROPPED,
    EXCESS,
    FAR,
    FEW,
    FILLED,
    FIRST,
    FITS,
    FITTED,
    FITTED_FLAGS,
    FLAGGED,
    FLAGS,
    FRESH,
    GROWTH,
    HEAD,
    IRREGULAR,
    LENGTH,
    LEVEL,
    LOGLIK,
    MARGIN,
    METHOD,
    MISSING,
    MODULUS,
    MULTIPLIER,
    POWER,
    RANDOM,
    SCALE,
    SHAPE,
    SHARE,
    SLACK,
    SPARE,
    STORED,
    STRAY,
    THETA,
    N,
    Z,
)

explained, just_above = compiled(_layout.explained), compiled(_level.just_above)

# The loops take their arrays one by one. In named tuples, the arrays' reference counts are touched in each loop that
# takes a tuple apart: measured, a value above the level takes 25 ns more, a fifth of its time. A call of `run` from
# Python takes 2 us more, and calls for single values make many of them.


@compiled
def _above(shape, scale, logs):
    """The excess that a value passes with probability exp(-logs)."""
    y = shape * logs
    if abs(y) < 1e-9:
        return scale * logs * (1.0 + 0.5 * y)
    if y > 709.0:  # beyond any number; Python's exponential would raise
        return math.inf
    return scale * (math.expm1(y) / shape)


@compiled
def _judge(alpha, n, F, J):
    """Threshold of a side from its fit and counts."""
    if not F[SCALE] > 0.0:
        F[Z] = math.nan
        F[FAR] = math.nan
        return
    counted = n - J[DROPPED]
    flags = float(J[FLAGS])
    count = explained(flags, alpha * counted, F[COUNT])
    if counted - (flags - count) <= 0.0:  # all values in the window are uncounted flags
        return
    rate = (F[COUNT] + count) / ((counted - (flags - count)) * alpha)
    logs = max(0.0, math.log(rate)) if rate > 0.0 else 0.0
    F[Z] = F[LEVEL] + _above(F[SHAPE], F[SCALE], logs)
    far = F[LEVEL] + _above(F[SHAPE], F[SCALE], logs - math.log(STRAY))
    F[FAR] = max(far, F[Z] + MARGIN * (F[Z] - F[LEVEL]))


@compiled
def _move_theta(level, F):
    """Move the level, and the start of the next fit with it."""
    scale = 1.0 + F[THETA] * (level - F[LEVEL])
    F[THETA] = F[THETA] / scale if scale > 0.0 else 0.0
    F[LEVEL] = level


@compiled
def _raise_level(P, F, J, wanted):
    """Keep only the largest values: about ``wanted`` of all those that the stored values represent."""
    stored = J[STORED]
    keep = int(stored * (wanted / F[COUNT]))
    if keep < 1 or keep >= stored:
        return
    P[:stored].sort()
    level = P[stored - keep - 1]
    while keep > 0 and P[stored - keep] <= just_above(level):
        keep -= 1
    if 2 * keep < stored * (wanted / F[COUNT]):  # ties
        return
    for j in range(keep):
        P[j] = P[stored - keep + j]
    F[COUNT] = F[COUNT] * keep / stored
    _move_theta(level, F)
    F[BASE] = level
    J[STORED] = keep


@compiled
def _halve(P, F, J):
    """Keep every second value in order of size; each then represents twice as many."""
    stored = J[STORED]
    P[:stored].sort()
    keep = stored // 2
    for j in range(keep):
        P[j] = P[2 * j + 1]
    F[SHARE] = F[SHARE] * keep / stored
    J[STORED] = keep


@compiled
def _gather(wanted, most, P, C, V, K, F, J):
    """Fill the values of a fit from the ring: the ``wanted`` largest in the window, or ``most`` spread over them."""
    size = V.shape[0]
    stored, censored = 0, 0
    for j in range(J[LENGTH]):
        at = (J[HEAD] + j) % size
        if K[at] == EXCESS:
            P[stored] = V[at]
            stored += 1
        elif K[at] == COUNTED:
            C[censored] = V[at]
            censored += 1
    keep = int(wanted)
    level = F[BASE]
    if keep < stored or most < stored:
        P[:stored].sort()
    if 1 <= keep < stored:
        above = P[stored - keep - 1]
        while keep > 0 and P[stored - keep] <= just_above(above):
            keep -= 1
        if keep > 0:
            level = above
            for j in range(keep):
                P[j] = P[stored - keep + j]
            stored = keep
    _move_theta(level, F)
    F[COUNT] = stored
    if stored > most:
        for j in range(most):
            P[j] = P[int((j + 0.5) * (stored / most))]
        stored = most
    J[STORED] = stored
    J[CENSORED] = censored


@compiled
def _regular(x, c):
    """Scale and log-likelihood at the last regular shape: by the mean, with every value inside the law's end."""
    total, largest = 0.0, 0.0
    for values in (x, c):
        for value in values:
            total += value
            largest = max(largest, value)
    scale = max((1.0 - IRREGULAR) * total / len(x), -1.1 * IRREGULAR * largest)
    loglik = -len(x) * math.log(scale)
    for value in x:
        loglik -= (1.0 + 1.0 / IRREGULAR) * math.log1p(IRREGULAR * value / scale)
    for value in c:
        loglik -= math.log1p(IRREGULAR * value / scale) / IRREGULAR
    return scale, loglik


@compiled
def refit(alpha, window, most, warmup, n, P, C, V, T, K, F, J):
    """Fit a side's tail again, and set its threshold."""
    seen = min(n, window) if window > 0 else n
    counted = seen - J[DROPPED]
    largest = most if window > 0 else most / SLACK
    wanted = max(min(F[FIRST] * (counted / warmup) ** POWER, largest), SPARE * alpha * counted)
    if window > 0:
        _gather(wanted, most, P, C, V, K, F, J)
    else:
        if F[COUNT] > SLACK * wanted or (J[STORED] >= most and F[COUNT] > 1.1 * wanted):
            _raise_level(P, F, J, wanted)
        while J[STORED] >= most and J[STORED] > 1:
            _halve(P, F, J)
    stored, level = J[STORED], F[LEVEL]
    flags = float(J[FLAGS])
    share = stored / F[COUNT] if F[COUNT] > 0.0 else 1.0
    used = min(J[CENSORED], round(explained(flags, alpha * counted, F[COUNT]) * share))
    x = np.empty(stored)
    for j in range(stored):
        x[j] = P[j] - level
    c = np.empty(used)
    for j in range(used):
        c[j] = max(0.0, C[j * J[CENSORED] // used] - level)
    shape, scale, loglik, method, converged, theta = fit(x, c, F[THETA])
    if shape < IRREGULAR and F[COUNT] < FEW:
        shape, method, converged, theta = IRREGULAR, MOMENTS, False, 0.0
        scale, loglik = _regular(x, c)
    F[SHAPE], F[SCALE], F[LOGLIK], F[THETA] = shape, scale, loglik, theta
    F[FITTED] = F[COUNT]
    J[METHOD], J[CONVERGED], J[FITTED_FLAGS] = method, converged, J[FLAGS]
    J[FITS] += 1
    J[FRESH] = 0
    _judge(alpha, seen, F, J)


@compiled
def expire(n, window, V, T, K, F, J):
    """Take the events that have left the window out of a side's counts."""
    size = V.shape[0]
    while J[LENGTH] > 0:
        at = J[HEAD]
        if T[at] > n - window:
            break
        if K[at] == EXCESS:
            if V[at] > just_above(F[LEVEL]):
                F[COUNT] -= 1.0
        elif K[at] == COUNTED:
            J[FLAGS] -= 1
        else:
            J[DROPPED] -= 1
        J[HEAD] = (at + 1) % size
        J[LENGTH] -= 1


@compiled
def _event(y, alpha, window, most, warmup, G, P, C, V, T, K, F, J):
    """Handle a value above a side's base: flag it or not, store it, and fit again if the tail has changed enough."""
    n = G[N]
    if window > 0:
        expire(n, window, V, T, K, F, J)
    z = F[Z]
    flagged = y > just_above(z)
    kind = EXCESS
    if flagged:
        kind = BEYOND if y > F[FAR] or y == math.inf else COUNTED
    elif y == math.inf:
        kind = BEYOND
    if kind == COUNTED:
        J[FLAGS] += 1
    elif kind == BEYOND:
        J[DROPPED] += 1
    elif y > just_above(F[LEVEL]):
        F[COUNT] += 1.0
        J[FRESH] += 1
    if window > 0:
        at = (J[HEAD] + J[LENGTH]) % V.shape[0]
        V[at] = y if kind == EXCESS else z
        T[at] = n
        K[at] = kind
        J[LENGTH] += 1
    elif kind == COUNTED:
        if J[CENSORED] >= most:  # keep every second one, which represents two
            for j in range(J[CENSORED] // 2):
                C[j] = C[2 * j + 1]
            J[CENSORED] //= 2
        C[J[CENSORED]] = z
        J[CENSORED] += 1
    elif kind == EXCESS:
        keep = True
        if F[SHARE] < 1.0:
            G[RANDOM] = G[RANDOM] * MULTIPLIER % MODULUS
            keep = G[RANDOM] < F[SHARE] * MODULUS
        if keep:
            P[J[STORED]] = y
            J[STORED] += 1
    seen = min(n, window) if window > 0 else n
    due = alpha * (seen - J[DROPPED])
    changed = J[FRESH] > GROWTH * F[FITTED]
    if kind == COUNTED and not changed:
        flags = float(J[FLAGS])
        more = flags - J[FITTED_FLAGS] > GROWTH * J[FITTED_FLAGS]
        changed = more and explained(flags, due, F[COUNT]) == flags
    if changed or (window == 0 and J[STORED] >= most):
        refit(alpha, window, most, warmup, n, P, C, V, T, K, F, J)
    else:
        _judge(alpha, seen, F, J)
    return flagged


@compiled
def run(x, start, alpha, window, most, warmup, sides, G, F, J, P, C, V, T, K, D, M, flags, upper, lower):
    """Compare values from ``start`` on with the thresholds, and learn them; return where room ran out, or the end."""
    depth = D.shape[0]
    n, missing, flagged_all = G[N], G[MISSING], G[FLAGGED]
    high, low = just_above(F[0, BASE]), -math.inf
    z, bottom = F[0, Z], math.nan
    if sides == 2:
        low, bottom = -just_above(F[1, BASE]), -F[1, Z]
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
                full = J[side, LENGTH] >= V.shape[1]
            else:
                full = J[side, STORED] >= P.shape[1] or (C.shape[1] <= J[side, CENSORED] < most)
            if full:
                break
            G[N] = n + 1
            flagged = _event(
                y if side == 0 else -y, alpha, window, most, warmup, G,
                P[side], C[side], V[side], T[side], K[side], F[side], J[side],
            )  # fmt: skip
            high = just_above(F[0, BASE])
            if flagged:
                y = z if side == 0 else bottom
                flagged_all += 1
            z = F[0, Z]
            if sides == 2:
                low, bottom = -just_above(F[1, BASE]), -F[1, Z]
        n += 1
        flags[i] = flagged
        if depth > 0:
            push(y + centre if flagged or math.isfinite(value) else centre, D, M, G)
        i += 1
    G[N], G[MISSING], G[FLAGGED] = n, missing, flagged_all
    return i


@compiled
def push(value, D, M, G):
    """Add a value to the moving mean. Its sum is computed again in each round, so that rounding does not accumulate."""
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
    """Fill the moving mean; write the differences of further values from it to ``out``, and return how many."""
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
