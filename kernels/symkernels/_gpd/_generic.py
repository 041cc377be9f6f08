"""Many tails at once in the array API: for GPUs, and for NumPy without Numba. `_profile` has the mathematics.

Every row's values are divided by their largest, so that all rows share the points at which their profiles are
evaluated: four to an octave of g = log(1 + theta). Roots are bracketed by a change of sign between two points.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from .._arrays import Array, namespace
from .._rows import blocks
from ._methods import EMPIRICAL, FEW, HIGHEST, LIKELIHOOD, LOWEST

_NEAR = 1.0 / 32
_TERMS = 12
_LOWEST_G, _HIGHEST_G = -27.0, 300.0
_ROOTS = 3  # maxima of a row that are refined: more have never been seen
_OCTAVE = 4  # points
_STEPS = 60
_ENTRIES = 2**22  # numbers of a block of rows; a few copies of a block are made


class Fits(NamedTuple):
    """(m,) arrays: shape, scale, log-likelihood, index of the method, whether the search ended, number of excesses."""

    shape: Array
    scale: Array
    loglik: Array
    code: Array
    converged: Array
    n: Array


class _Point(NamedTuple):
    """The profile of every row at its theta; all (m,)."""

    theta: Array
    shape: Array
    logs: Array  # mean log(1 + theta x)
    slope: Array
    bend: Array

    def value(self, xp: Any) -> Array:
        ratio = self.shape / self.theta
        return -xp.log(ratio) - self.logs - 1.0


class _Rows:
    """Rows of values divided by their largest, with 0 for missing ones."""

    def __init__(self, X: Array, C: Array | None) -> None:
        self.xp = xp = namespace(X)
        zero = xp.zeros_like(X)
        present = ~xp.isnan(X)
        x = xp.where(present, X, zero)
        self.n = xp.sum(xp.astype(present, xp.float64), axis=1)
        self.top = xp.max(x, axis=1)
        low = xp.min(xp.where(present, X, xp.full_like(X, math.inf)), axis=1)
        self.m = xp.zeros_like(self.n)
        c = None
        highest = self.top
        if C is not None and C.shape[1]:
            known = ~xp.isnan(C)
            c = xp.where(known, C, xp.zeros_like(C))
            self.m = xp.sum(xp.astype(known, xp.float64), axis=1)
            highest = xp.maximum(highest, xp.max(c, axis=1))
        self.degenerate = (self.n < FEW) | (self.top <= low)
        self.highest = xp.where(highest > 0, highest, xp.ones_like(highest))
        self.x = x / self.highest[:, None]
        self.c = None if c is None else c / self.highest[:, None]
        self.count = xp.where(self.n > 0, self.n, xp.ones_like(self.n))
        self._x_powers = self._power_sums(self.x)
        self._c_powers = None if self.c is None else self._power_sums(self.c)

    def _power_sums(self, y: Array) -> list[Array]:
        sums, power = [], y
        for _ in range(_TERMS):
            sums.append(self.xp.sum(power, axis=1))
            power = power * y
        return sums

    def sums(self, theta: Array) -> tuple[Array, Array, Array, Array, Array, Array]:
        """Of log(1 + theta y), of its share e = theta y / (1 + theta y), and of e^2; of excesses and of censored."""
        zero = self.xp.zeros_like(theta)
        u, e, ee = self._sums(self.x, theta)
        return (u, e, ee, *(self._sums(self.c, theta) if self.c is not None else (zero, zero, zero)))

    def _sums(self, y: Array, theta: Array) -> tuple[Array, Array, Array]:
        xp = self.xp
        ty = theta[:, None] * y
        e = ty / (1.0 + ty)
        return xp.sum(xp.log1p(ty), axis=1), xp.sum(e, axis=1), xp.sum(e * e, axis=1)

    def at(self, g: Array) -> _Point:
        """The profile at g, one for each row."""
        xp, n = self.xp, self.count
        theta = xp.expm1(g)
        near = xp.abs(theta) <= _NEAR
        safe = xp.where(near, xp.ones_like(theta), theta)
        u, e, ee, v, q, qq = self.sums(safe)
        a, a1, a2 = (u + v) / n, (e + q) / (n * safe), -(ee + qq) / (n * safe * safe)
        u1, u2 = e / (n * safe), -ee / (n * safe * safe)
        a = xp.where(xp.abs(a) > 0, a, xp.ones_like(a))  # rows without values
        slope = 1.0 / safe - a1 / a - u1
        bend = -1.0 / (safe * safe) - a2 / a + (a1 / a) ** 2 - u2
        logs = u / n

        s, s1, s2 = self._series(self._x_powers, theta)
        w, w1, w2 = s / n, s1 / n, s2 / n
        if self._c_powers is not None:
            r, r1, r2 = self._series(self._c_powers, theta)
            s, s1, s2 = s + r, s1 + r1, s2 + r2
        s, s1, s2 = s / n, s1 / n, s2 / n
        s = xp.where(s > 0, s, xp.ones_like(s))
        # In place of 0: only the ratio A / theta is used at such a point.
        tiny = xp.where(xp.abs(theta) > 1e-300, theta, xp.full_like(theta, 1e-300))
        return _Point(
            xp.where(near, tiny, theta),
            xp.where(near, s * tiny, a),
            xp.where(near, w * theta, logs),
            xp.where(near, -s1 / s - (w + theta * w1), slope),
            xp.where(near, -s2 / s + (s1 / s) ** 2 - (2.0 * w1 + theta * w2), bend),
        )

    def _series(self, powers: list[Array], theta: Array) -> tuple[Array, Array, Array]:
        xp = self.xp
        theta = xp.where(xp.abs(theta) <= _NEAR, theta, xp.zeros_like(theta))
        value, slope, bend = (xp.zeros_like(theta) for _ in range(3))
        for k in range(_TERMS - 1, -1, -1):
            bend = bend * theta + 2.0 * slope
            slope = slope * theta + value
            value = value * theta + (-1.0) ** k * powers[k] / (k + 1)
        return value, slope, bend


def fit_rows(X: Array, C: Array | None) -> Fits:
    """Fit each row of X (m, n), with the censored values in that of C (m, k); float64, NaN where there is none."""
    xp = namespace(X)
    width = X.shape[1] + (0 if C is None else C.shape[1])
    parts = [
        _fit_block(X[part, :], None if C is None else C[part, :])
        for part in blocks(X.shape[0], max(1, _ENTRIES // max(1, width)))
    ] or [
        _fit_block(X, C)  # no rows
    ]
    return parts[0] if len(parts) == 1 else Fits(*(xp.concat(list(each)) for each in zip(*parts, strict=True)))


def _fit_block(X: Array, C: Array | None) -> Fits:
    xp = namespace(X)
    rows = _Rows(X, C)
    n = rows.count
    lows, highs, found, rises = _brackets(rows)
    none = xp.full_like(n, -math.inf)
    shape, scale, best = xp.zeros_like(n), xp.ones_like(n), none
    converged = xp.ones_like(rows.degenerate)
    for k in range(_ROOTS):
        live = found > k
        if not bool(xp.any(live)):
            break
        point, ended = _refine(rows, lows[k], highs[k], live)
        converged = converged & (ended | ~live)
        inside = live & (point.shape >= LOWEST) & (point.shape <= HIGHEST)
        rises = rises | (live & (point.shape > HIGHEST))
        value = xp.where(inside, n * point.value(xp), none)
        better = value > best
        shape = xp.where(better, point.shape, shape)
        scale = xp.where(better, point.shape / point.theta, scale)
        best = xp.where(better, value, best)
    for edge, wanted in ((LOWEST, best < 0), (HIGHEST, rises)):  # uniform up to the largest value: 0 in these units
        if bool(xp.any(wanted & ~rows.degenerate)):
            theta, value = _edge(rows, edge)
            better = wanted & (value > best)
            shape = xp.where(better, xp.full_like(shape, edge), shape)
            scale = xp.where(better, edge / theta, scale)
            best = xp.where(better, value, best)

    total = xp.sum(rows.x, axis=1)
    if rows.c is not None:
        total = total + xp.sum(rows.c, axis=1)
    mean = total / n
    safe = xp.where(mean > 0, mean, xp.ones_like(mean))
    exponential = -n * xp.log(safe) - total / safe
    nothing = xp.where(
        rows.n > 0, xp.full_like(mean, math.inf), xp.zeros_like(mean)
    )  # log-likelihood of zeros, or none
    exponential = xp.where((mean > 0) & (rows.n > 0), exponential, nothing)
    degenerate = rows.degenerate
    zero = xp.zeros_like(shape)
    loglik = xp.where(degenerate, exponential, best)
    limit = float(xp.finfo(xp.float64).max)
    code = xp.where(degenerate, xp.full_like(rows.n, EMPIRICAL), xp.full_like(rows.n, LIKELIHOOD))
    return Fits(
        xp.where(degenerate, zero, shape),
        xp.minimum(xp.where(degenerate, mean, scale) * rows.highest, xp.full_like(scale, limit)),
        xp.where(xp.isinf(loglik), loglik, loglik - rows.n * xp.log(rows.highest)),
        xp.astype(code, xp.int64),
        converged & ~degenerate,
        xp.astype(rows.n, xp.int64),
    )


def _points() -> list[float]:
    """Points g, in rising order, at which the profiles are evaluated."""
    octaves = [_NEAR * 2.0 ** (i / _OCTAVE) for i in range(1 + math.ceil(_OCTAVE * math.log2(_HIGHEST_G / _NEAR)))]
    left = [-each for each in octaves if each < -_LOWEST_G] + [_LOWEST_G]
    return [*reversed(left), 0.0, *octaves]


def _brackets(rows: _Rows) -> tuple[list[Array], list[Array], Array, Array]:
    """Ends of up to `_ROOTS` intervals with a maximum, how many, and whether the profile rises at the largest shape."""
    xp = rows.xp
    zero = xp.zeros_like(rows.n)
    lows, highs = [zero] * _ROOTS, [zero] * _ROOTS
    found, rises = xp.zeros_like(rows.n), xp.zeros_like(rows.degenerate)
    before, g_before = None, 0.0
    for g in _points():
        point = rows.at(xp.full_like(rows.n, g))
        if before is not None:
            crossing = (before.slope > 0) & (point.slope <= 0) & (point.shape > LOWEST) & (before.shape < HIGHEST)
            for k in range(_ROOTS):
                here = crossing & (found == k)
                lows[k] = xp.where(here, xp.full_like(zero, g_before), lows[k])
                highs[k] = xp.where(here, xp.full_like(zero, g), highs[k])
            found = xp.where(crossing, found + 1, found)
        rises = rises | ((point.shape >= HIGHEST) & (point.slope > 0))
        before, g_before = point, g
        if g > 0 and bool(xp.all((point.shape >= HIGHEST) | rows.degenerate)):
            break
    return lows, highs, found, rises


def _refine(rows: _Rows, low: Array, high: Array, live: Array) -> tuple[_Point, Array]:
    """Newton steps inside brackets; the points reached, and whether they are maxima."""
    xp = rows.xp
    g = 0.5 * (low + high)
    for _ in range(_STEPS):
        point = rows.at(g)
        w = xp.exp(g)  # d theta / d g
        slope = point.slope * w
        bend = point.bend * w * w + slope
        low, high = xp.where(slope > 0, g, low), xp.where(slope > 0, high, g)
        step = -slope / xp.where(bend < 0, bend, -xp.ones_like(bend))
        fresh = g + step
        fresh = xp.where((bend < 0) & (fresh > low) & (fresh < high), fresh, 0.5 * (low + high))
        ended = (xp.abs(fresh - g) <= 1e-7 * (1.0 + xp.abs(g))) | ~live
        g = fresh
        if bool(xp.all(ended)):
            break
    return rows.at(g), ended


def _edge(rows: _Rows, shape: float) -> tuple[Array, Array]:
    """The best theta of every row for a shape at the edge of what is allowed, and its log-likelihood."""
    xp, zero = rows.xp, rows.xp.zeros_like(rows.n)
    if shape < 0 and rows.c is None:
        return zero - 1.0, zero
    left, right = (_LOWEST_G, -1e-12) if shape < 0 else (0.1, _HIGHEST_G)
    low, high = zero + left, zero + right
    for _ in range(_STEPS):
        g = 0.5 * (low + high)
        _, e, _, _, q, _ = rows.sums(xp.expm1(g))
        slope = (rows.n - e - (e + q) / shape) * (1.0 if shape > 0 else -1.0)
        low, high = xp.where(slope > 0, g, low), xp.where(slope > 0, high, g)
    theta = xp.expm1(0.5 * (low + high))
    u, _, _, v, _, _ = rows.sums(theta)
    value = -rows.n * xp.log(shape / theta) - u - (u + v) / shape
    if shape < 0:  # without censored values the best is at the end
        value = xp.where(rows.m > 0, value, zero)
        theta = xp.where(rows.m > 0, theta, zero - 1.0)
    return theta, value
