"""Distribution functions of sketches, and the quantiles and ranks that follow from them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._digest import centroids_of


class Distribution(NamedTuple):
    """A distribution function at the values where it bends or jumps. It is linear between them.

    Attributes
    ----------
    values : (m,) float64
        Ascending; the first is the minimum of the stream, the last the maximum.
    below, upto : (m,) float64
        Share of the stream below each value, and at or below it. They differ where the function jumps.
    """

    values: NDArray[np.float64]
    below: NDArray[np.float64]
    upto: NDArray[np.float64]


def counts_of(held: NDArray[np.float64], digest: Any, minus: int, plus: int) -> Distribution:
    """Return the distribution function of a sketch in numbers of values instead of shares; the arrays are read-only.

    ``held`` are the values beside the digest; ``minus`` and ``plus`` are the numbers of -inf and inf.
    """
    centroids = centroids_of(digest)
    means = np.concatenate([centroids["mean"], held])
    weights = np.concatenate([centroids["weight"].astype(np.int64), np.ones(len(held), np.int64)])
    order = np.argsort(means, kind="stable")
    means, weights = means[order], weights[order]
    first = np.flatnonzero(
        np.concatenate([[True], means[1:] != means[:-1]])[: len(means)]
    )  # of each run of equal means
    values = means[first]
    total = np.add.reduceat(weights, first) if len(first) else weights
    # A single centroid spreads around its mean. Several centroids at one mean, or a weight of 1, are equal values
    # there.
    jumps = (np.diff(first, append=len(means)) > 1) | (total == 1)
    upto = np.cumsum(total).astype(np.float64)
    below = upto - total
    middle = (below + upto) / 2
    below, upto = np.where(jumps, below, middle), np.where(jumps, upto, middle)
    n = float(weights.sum())
    if len(values) and not jumps[0]:
        values, below, upto = _put(0, values, below, upto, digest.get_min_value(), 0.0, 1.0)
    if len(values) and not (jumps[-1] if len(jumps) else True):
        end = len(values)
        values, below, upto = _put(end, values, below, upto, digest.get_max_value(), n - 1.0, n)
    if minus:
        values, below, upto = _put(0, values, below + minus, upto + minus, -np.inf, 0.0, minus)
    if plus:
        n += minus + plus
        values, below, upto = _put(len(values), values, below, upto, np.inf, n - plus, n)
    for array in (values, below, upto):
        array.flags.writeable = False
    return Distribution(values, below, upto)


def quantiles(counts: Distribution, n: int, shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values below or at which the given shares of n values lie; NaN if n is 0."""
    if not n:
        return np.full(shares.shape, np.nan)
    values, below, upto = counts
    due = shares * n
    at = np.minimum(np.searchsorted(upto, due), len(values) - 1)
    before = np.maximum(at - 1, 0)
    found = values[at]
    slope = (due < below[at]) & (at > 0)
    i, j = before[slope], at[slope]
    part = (due[slope] - upto[i]) / (below[j] - upto[i])
    found[slope] = np.minimum(values[i] * (1 - part) + values[j] * part, values[j])
    found[shares == 0] = values[0]
    return found


def ranks(counts: Distribution, n: int, points: NDArray[np.float64], inclusive: bool) -> NDArray[np.float64]:
    """Return the share of n values at or below each point, or below it; NaN for NaN, and if n is 0."""
    if not n:
        return np.full(points.shape, np.nan)
    values, below, upto = counts
    at = np.searchsorted(values, points)  # the first value >= point
    right = np.minimum(at, len(values) - 1)
    left = np.maximum(at - 1, 0)
    hit = (values[right] == points) & (at < len(values))
    a, b = values[left], values[right]
    inside = (at > 0) & (at < len(values)) & ~hit & (below[right] > upto[left])
    found = upto[left]
    a, b = a[inside], b[inside]
    part = (points[inside] / 2 - a / 2) / (b / 2 - a / 2)  # the differences may be larger than any float64
    found[inside] += part * (below[right] - upto[left])[inside]
    found[at == 0] = 0.0
    found = np.where(hit, upto[right] if inclusive else below[right], found) / n
    found[np.isnan(points)] = np.nan
    return found


def _put(
    at: int,
    values: NDArray[np.float64],
    below: NDArray[np.float64],
    upto: NDArray[np.float64],
    value: float,
    less: float,
    no_more: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    return np.insert(values, at, value), np.insert(below, at, less), np.insert(upto, at, no_more)
