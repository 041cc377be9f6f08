"""Compiled look-ups: the intervals of values among the knots of a column, and the values of its functions there."""

from __future__ import annotations

import numpy as np

from .._jit import compiled
from .._vectors import pointer_to
from ._table_simd import AT_ONCE, locate

ROWS = 512  # of a column, processed together, a multiple of `AT_ONCE`: their intervals stay in the cache


@compiled
def _locate(x, rows, knots, depth, place):
    """Count the ``knots`` that are smaller than each x. There are 2^depth of them, and the last one is infinite."""
    for r in range(0, rows, AT_ONCE):
        locate(pointer_to(x, r), pointer_to(knots, 0), depth, pointer_to(place, r))


@compiled
def _add(x, rows, place, knots, at, low, high, linear, sums):
    """Add the values of one function of a column to ``sums``."""
    if linear:
        for r in range(rows):
            i = place[r]
            begin, end = low[i], high[i]
            if x[r] == knots[i]:
                sums[r] += at[i]
            elif begin == end:
                sums[r] += begin
            else:
                before = i - 1
                sums[r] += begin + (end - begin) * ((x[r] - knots[before]) / (knots[i] - knots[before]))
    else:
        for r in range(rows):
            i = place[r]
            sums[r] += at[i] if x[r] == knots[i] else low[i]


@compiled
def add_up(X, offsets, depths, knots, at, low, high, linear, out):
    """Write to ``out[t]`` the sums of function t over all columns, for each row of X; NaN for a row with a NaN."""
    n, p = X.shape
    x, place, missing = np.zeros(ROWS), np.zeros(ROWS, np.int64), np.empty(ROWS)
    for start in range(0, n, ROWS):
        rows = min(ROWS, n - start)
        out[:, start : start + rows] = 0.0
        missing[:] = 0.0
        for j in range(p):
            for r in range(rows):
                x[r] = X[start + r, j]
                missing[r] += x[r] - x[r] if x[r] != x[r] else 0.0
            own = slice(offsets[j], offsets[j + 1])
            _locate(x, rows, knots[own], depths[j], place)
            for t in range(out.shape[0]):
                mine = out[t, start : start + rows]
                _add(x, rows, place, knots[own], at[t, own], low[t, own], high[t, own], linear[j], mine)
        for t in range(out.shape[0]):
            for r in range(rows):
                out[t, start + r] += missing[r]


@compiled
def look_up(X, offsets, depths, knots, at, low, high, linear, out):
    """Write to ``out[t]`` the values of function t at each entry of X; NaN for a NaN."""
    n, p = X.shape
    x, place, found = np.zeros(ROWS), np.zeros(ROWS, np.int64), np.empty(ROWS)
    for start in range(0, n, ROWS):
        rows = min(ROWS, n - start)
        for j in range(p):
            for r in range(rows):
                x[r] = X[start + r, j]
            own = slice(offsets[j], offsets[j + 1])
            _locate(x, rows, knots[own], depths[j], place)
            for t in range(out.shape[0]):
                found[:] = 0.0
                _add(x, rows, place, knots[own], at[t, own], low[t, own], high[t, own], linear[j], found)
                for r in range(rows):
                    out[t, start + r, j] = found[r] if x[r] == x[r] else np.nan
