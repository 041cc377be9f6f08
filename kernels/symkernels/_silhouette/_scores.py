"""Silhouettes from mean distances, and the scale that keeps distances in range."""

from __future__ import annotations

from collections.abc import Callable

import array_api_compat as compat
import numpy as np

from .._arrays import Array, namespace, to_numpy, values_at_a_time
from .._rows import blocks

Progress = Callable[[int, int], object]  # work done and total, in any unit; what it raises stops the call

_BLOCK = 2**20  # numbers handled between two calls of `progress`
_SAMPLE = 1024  # rows that a median is taken of


def scores(average: Array, labels: Array, counts: Array) -> Array:
    """Silhouettes of some rows.

    Parameters
    ----------
    average : (m, k) float64
        Sums of distances to the rows of each cluster, divided by its weight; any number where that is 0.
    labels : (m,) integers
    counts : (k,) float64
        Weights of the clusters.

    Returns
    -------
    (m,) float64

    Notes
    -----
    Rousseeuw, "Silhouettes: a graphical aid to the interpretation and validation of cluster analysis" (J. Comput. Appl.
    Math. 20, 1987): (b - a) / max(a, b), with a the mean distance to the others of the own cluster and b the least mean
    distance to another cluster; 0 in a cluster of one. 0 as well where a = b = 0.
    """
    xp = namespace(average)
    mine = labels[:, None] == xp.arange(counts.shape[0], dtype=labels.dtype, device=compat.device(labels))[None, :]
    zero = xp.zeros_like(average)
    size = xp.sum(xp.where(mine, counts[None, :], zero), axis=1)
    alone = size <= 1
    # The row itself is at distance 0, and does not count.
    a = xp.sum(xp.where(mine, average, zero), axis=1) * size / xp.where(alone, xp.ones_like(size), size - 1)
    b = xp.min(xp.where(mine | (counts <= 0)[None, :], xp.full_like(average, xp.inf), average), axis=1)
    top = xp.where(a > b, a, b)
    undefined = alone | (top == 0)
    return xp.where(undefined, xp.zeros_like(a), (b - a) / xp.where(undefined, xp.ones_like(top), top))


def scale_of(X: Array, progress: Progress) -> float:
    """The power of two that brings the largest range of a column of X near 1, so that no square overflows.

    Silhouettes do not depend on it, and a multiplication by it does not round.
    """
    xp = namespace(X)
    n, d = X.shape
    low = high = X[0, :]
    for part in blocks(n, max(1, values_at_a_time(X, _BLOCK) // d)):
        least, most = xp.min(X[part, :], axis=0), xp.max(X[part, :], axis=0)
        low, high = xp.where(least < low, least, low), xp.where(most > high, most, high)
        progress(0, 1)
    half = float((to_numpy(high).astype(np.float64) / 2 - to_numpy(low).astype(np.float64) / 2).max())
    if half == 0.0:
        return 1.0
    limit = 126 if X.dtype == xp.float32 else 1022
    return float(np.ldexp(1.0, int(np.clip(-np.frexp(half)[1], -limit, limit))))


def middle_of(X: Array, scale: float) -> np.ndarray:
    """(d,) float64: the median over some rows of each column of X times ``scale``. No single row moves it far."""
    some = to_numpy(X[:: max(1, X.shape[0] // _SAMPLE), :])
    return np.median(some.astype(np.float64) * scale, axis=0)


def least_squares(means: Array) -> Array:
    """(k,) float64: squared distances to the means up to which they are rounding of the means."""
    return namespace(means).sum(means * means, axis=1) * (16 * float(np.finfo(np.float64).eps)) ** 2
