"""Compiled loops over projected rows, in groups that stay in the cache, without the interpreter lock."""

from __future__ import annotations

import numpy as np

from .._jit import compiled
from .._vectors import pointer_to
from ._projected_simd import HEIGHTS, LANES, VECTORS, squares_high, squares_low, squares_middle

ROWS = VECTORS * LANES  # in a group
_LOW, _MIDDLE, _HIGH = HEIGHTS


@compiled
def _squares(U, tiles, sums):
    d, height, u, w, to = U.shape[1], tiles.shape[2], pointer_to(U, 0), pointer_to(tiles, 0), pointer_to(sums, 0)
    if height == _LOW:
        squares_low(u, d * LANES, d, w, tiles.shape[0], to)
    elif height == _MIDDLE:
        squares_middle(u, d * LANES, d, w, tiles.shape[0], to)
    else:
        squares_high(u, d * LANES, d, w, tiles.shape[0], to)


@compiled
def projected_squares(X, start, stop, shift, first_tiles, second_tiles, U, sums, first, second):
    """Write what `projected_squares` returns for the rows from ``start`` to ``stop``.

    ``U`` (VECTORS, d, LANES) and ``sums`` (2, ROWS) are scratch.
    """
    d = X.shape[1]
    by_columns = X.strides[0] < X.strides[1]
    for group in range(start, stop, ROWS):
        last = min(group + ROWS, stop)
        if by_columns and last == group + ROWS:
            for j in range(d):
                for v in range(VECTORS):
                    for lane in range(LANES):
                        U[v, j, lane] = X[group + v * LANES + lane, j] - shift[j]
        else:
            for r in range(group, last):
                v, lane = divmod(r - group, LANES)
                for j in range(d):
                    U[v, j, lane] = X[r, j] - shift[j]
        _squares(U, first_tiles, sums[0])  # the last group may hold rows of the one before; their sums are not used
        _squares(U, second_tiles, sums[1])
        for r in range(group, last):
            a, b = sums[0, r - group], sums[1, r - group]
            if not a + b < np.inf:
                present = True
                for j in range(d):
                    present &= np.isfinite(X[r, j])
                if not present:
                    a = b = np.nan
                else:
                    a, b = np.inf if np.isnan(a) else a, np.inf if np.isnan(b) else b
            first[r], second[r] = a, b
