"""Compiled loops over one block of a stream: nearest centers, gains of new centers, sums."""

from __future__ import annotations

import numpy as np

from .._jit import compiled
from .._vectors import pointer_to
from ._simd import HEIGHT, LANES, ROWS, VECTORS, nearest, squares


@compiled
def pack(X, first, last, shift, factor, U):
    """Write groups ``first`` to ``last`` of rows as panels of (X - shift) * factor; zeros behind the last row."""
    n, d = X.shape
    for group in range(first, last):
        for v in range(VECTORS):
            for lane in range(LANES):
                row = group * ROWS + v * LANES + lane
                if row < n:
                    for j in range(d):
                        U[group, v, j, lane] = (X[row, j] - shift[j]) * factor[j]
                else:
                    for j in range(d):
                        U[group, v, j, lane] = 0.0


@compiled
def assign(U, first, last, tiles, best, labels):
    """Label the rows of groups ``first`` to ``last`` with their nearest center; ``best`` gets the squared distances."""
    d = U.shape[2]
    found = np.empty(ROWS)
    for group in range(first, last):
        nearest(
            pointer_to(U, group * VECTORS * d * LANES), d * LANES, d, pointer_to(tiles, 0), len(tiles),
            pointer_to(best, group * ROWS), pointer_to(found, 0),
        )  # fmt: skip
        for i in range(ROWS):
            labels[group * ROWS + i] = int(found[i])


@compiled
def saved(U, first, last, tile, best, weight, distances, gains):
    """Squared distances to one tile of candidates, and by how much each would lower the sum of all distances."""
    d, stride = U.shape[2], distances.shape[1]
    for group in range(first, last):
        squares(
            pointer_to(U, group * VECTORS * d * LANES), d * LANES, d, pointer_to(tile, 0),
            pointer_to(distances, group * ROWS), stride,
        )  # fmt: skip
    for c in range(HEIGHT):
        total = 0.0
        for row in range(first * ROWS, min(last * ROWS, len(weight))):
            less = best[row] - distances[c, row]
            if less > 0.0:
                total += weight[row] * less
        gains[c] = total


@compiled
def add_up(X, start, stop, shift, factor, weight, labels, centers, counts, sums, squares):
    """Add the rows' weights, weighted differences from their centers, and squares of these, to the centers' sums."""
    d = X.shape[1]
    for row in range(start, stop):
        own, w = labels[row], weight[row]
        counts[own] += w
        for j in range(d):
            difference = (X[row, j] - shift[j]) * factor[j] - centers[own, j]
            sums[own, j] += w * difference
            squares[own, j] += w * difference * difference
