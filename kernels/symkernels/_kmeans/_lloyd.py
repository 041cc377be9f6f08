"""One run of Lloyd's algorithm, from its first centers to the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .._arrays import Array, to_numpy
from .._errors import DataError
from .._rows import Poll
from ._points import Assigned, Points
from ._seeding import count_distinct


@dataclass(frozen=True)
class Run:
    """The result of a run: shifted centers, with the labels, weights and WSSSE that belong to them."""

    centers: Array
    labels: Array
    counts: Array
    wssse: float
    n_iter: int
    converged: bool


def run(
    points: Points,
    centers: Array,
    *,
    max_iter: int,
    tol: float,
    poll: Poll,
    step: Callable[[int], None],
) -> Run:
    """Move (k, d) shifted centers to the means of their rows until they converge.

    The run stops when no label changes, or when the squared movement of all centers together is at most ``tol`` times
    the mean variance of the columns: scikit-learn's rule. ``step(i)`` is called after iteration i = 1, 2, ...

    Raises `DataError` when there are fewer distinct rows than centers.
    """
    xp = points.xp
    points.begin()
    bound = tol * points.variance
    converged, n_iter, checked = False, 0, False
    while n_iter < max_iter:
        n_iter += 1
        found = points.assign(centers, poll)
        occupied = to_numpy(found.counts) > 0
        if not occupied.all():
            if not checked:  # once a run
                _require_distinct(points, centers.shape[0], poll)
                checked = True
            moved = _refilled(points, centers, found, occupied, poll)
        elif found.changed == 0:
            converged = True
            step(n_iter)
            break
        else:
            moved = found.sums / found.counts[:, None]
        movement = float(xp.sum((moved - centers) ** 2))
        centers = moved
        step(n_iter)
        if movement <= bound:
            converged = True
            break
    if found.changed != 0 or not occupied.all():
        found = points.assign(centers, poll)  # the centers have moved since the last assignment
    labels = xp.asarray(points.labels, copy=True)
    return Run(centers, labels, found.counts, float(xp.sum(points.cost(centers, poll))), n_iter, converged)


def _require_distinct(points: Points, k: int, poll: Poll) -> None:
    distinct = count_distinct(points, k, poll)
    if distinct < k:
        raise too_few(distinct, k)


def too_few(distinct: int, k: int) -> DataError:
    """The error for fewer distinct rows than clusters."""
    rows = "1 distinct row" if distinct == 1 else f"{distinct} distinct rows"
    return DataError(f"cannot form k = {k} clusters of {rows}; ask for at most {distinct}")


def _refilled(points: Points, centers: Array, found: Assigned, occupied: np.ndarray, poll: Poll) -> Array:
    """The means of the clusters' rows; an empty cluster gets one of the rows that are farthest from their centers.

    As in scikit-learn, such a row is taken out of the mean of its old cluster. The last row of a cluster is never
    taken.
    """
    xp = points.xp
    k = len(occupied)
    empty = np.flatnonzero(~occupied)
    # At most one row of each cluster is passed over below, so k distinct rows are enough.
    far = points.farthest(centers, k, poll)
    weight = np.ones(len(far)) if points.weight is None else to_numpy(_take(points, points.weight, far))
    labels = to_numpy(points.labels)
    counted = labels if points.weight is None else labels[to_numpy(points.weight) > 0]
    members = np.bincount(counted, minlength=k)
    rows = to_numpy(points.rows(far))
    sums, counts = to_numpy(found.sums).copy(), to_numpy(found.counts).copy()
    place = 0
    for index, w, row in zip(far, weight, rows, strict=True):
        if place == len(empty):
            break
        owner = labels[index]
        if members[owner] == 1:
            continue
        members[owner] -= 1
        sums[owner] -= w * row
        counts[owner] -= w
        sums[empty[place]], counts[empty[place]] = w * row, w
        place += 1
    full = counts > 0
    means = np.where(full[:, None], sums / np.where(full, counts, 1.0)[:, None], to_numpy(centers))
    return xp.asarray(means, device=points.device)


def _take(points: Points, values: Array, indices: np.ndarray) -> Array:
    return points.xp.take(values, points.xp.asarray(indices, dtype=points.xp.int64, device=points.device))
