"""Compiled loops of k-means for NumPy: groups of rows that stay in cache, without the interpreter lock.

A *group* is `VECTORS` panels of U (panels, d, lanes); see `_simd`. The last one is padded with rows of zeros, which
count nowhere.
"""

from __future__ import annotations

import numpy as np

from .._jit import compiled
from .._vectors import F32, F64, pointer_to
from ._simd import (
    CANDIDATES,
    HEIGHTS,
    VECTORS,
    fetch,
    nearest_high,
    nearest_low,
    nearest_middle,
    potential,
    potential_weighted,
    take_row,
    take_row_weighted,
    two_high,
    two_low,
    two_middle,
)

_LOW, _MIDDLE, _HIGH = HEIGHTS


# Groups of arguments, which are plain tuples: Numba takes one from Python in 0.1 us, a named tuple in 0.7 us. Each loop
# names their members in its first lines.
#
# rows: X, U, shift, weight, labels
#     X (n, d) as given; U (panels, d, lanes) the same as panels, less shift (d,); weight of each row in the panels, or
#     none where all are 1; labels (n,), which are written to.
# centers: tiles, bias, far
#     Shifted centers as tiles (tiles, d, height), -|c|^2 / 2 of each, and the largest |c|^2.
# scratch: best, second, fresh, news, held, group, unsure
#     Arrays of one thread for a group of rows: the scores of the nearest center and of the next one; nearest centers;
#     those of the rows that wait to be moved, and which rows these are; rows that bounds leave unsure, as panels; and
#     which rows are unsure.
# totals: sums, counts
#     Weighted sums (k, d) of the clusters' shifted rows, and their weights (k,): a thread's own, added to.
# bounds: norms, eps, upper, lower
#     Squared norms of the rows; the rounding unit; bounds of each row's distance to its own center and to any other.
# moves: moved, most, runner_up, gap
#     How far each center has gone since the last pass, which one went farthest, how far the next one went, and half of
#     each center's distance to the nearest other one.


def lanes_of(array: np.ndarray) -> int:
    """Rows in a vector of an array's precision."""
    return (F32 if array.dtype == np.float32 else F64).lanes


@compiled
def pack(X, start, stop, shift, weight, U, totals, squares):
    """U = X - shift for some rows, as panels; adds up the columns and their squares, weighted."""
    d, lanes = X.shape[1], U.shape[2]
    v, lane = divmod(start, lanes)
    for r in range(start, stop):
        w = weight[r] if len(weight) else 1.0
        for j in range(d):
            u = X[r, j] - shift[j]
            U[v, j, lane] = u
            totals[j] += w * u
            squares[j] += w * (u * u)
        lane += 1
        if lane == lanes:
            v, lane = v + 1, 0


@compiled
def _nearest(u, panel, d, tiles, bias, best, labels):
    height = tiles.shape[2]
    c, b, o, to = pointer_to(tiles, 0), pointer_to(bias, 0), pointer_to(best, 0), pointer_to(labels, 0)
    if height == _LOW:
        nearest_low(u, panel, d, c, b, tiles.shape[0], o, o, to)
    elif height == _MIDDLE:
        nearest_middle(u, panel, d, c, b, tiles.shape[0], o, o, to)
    else:
        nearest_high(u, panel, d, c, b, tiles.shape[0], o, o, to)


@compiled
def _nearest_two(u, panel, d, tiles, bias, best, second, labels):
    height = tiles.shape[2]
    c, b, o, to = pointer_to(tiles, 0), pointer_to(bias, 0), pointer_to(best, 0), pointer_to(labels, 0)
    second = pointer_to(second, 0)
    if height == _LOW:
        two_low(u, panel, d, c, b, tiles.shape[0], o, second, to)
    elif height == _MIDDLE:
        two_middle(u, panel, d, c, b, tiles.shape[0], o, second, to)
    else:
        two_high(u, panel, d, c, b, tiles.shape[0], o, second, to)


@compiled
def _add(X, r, shift, weight, sums, counts, label):
    """Add a row, times its weight, to the sums of a cluster."""
    counts[label] += weight
    for j in range(X.shape[1]):
        sums[label, j] += weight * (X[r, j] - shift[j])


@compiled
def _move(X, r, shift, weight, sums, counts, labels, label):
    """Give a row another label, and its share to the sums of that cluster."""
    w = weight[r] if len(weight) else 1.0
    _add(X, r, shift, w, sums, counts, label)
    _add(X, r, shift, -w, sums, counts, labels[r])
    labels[r] = label


@compiled
def _differ(fresh, labels, first, count):
    different = np.int32(0)
    for i in range(count):
        different |= fresh[i] ^ labels[first + i]
    return different != 0


@compiled
def assign(rows, start, stop, centers, add_all, scratch, totals):
    """Label the rows of the panels from ``start`` to ``stop``, and add them to the sums; returns how many changed.

    ``add_all``: every row is added. Else only those that changed, with a minus sign to the cluster that they left: they
    are fetched from X while the next group is worked on.
    """
    X, U, shift, weight, labels = rows
    (tiles, bias, _), (sums, counts) = centers, totals
    best, _, fresh, news, held, _, _ = scratch
    d, lanes = U.shape[1], U.shape[2]
    changed, waiting = 0, 0
    for v in range(start, stop, VECTORS):
        _nearest(pointer_to(U, v * d * lanes), d * lanes, d, tiles, bias, best, fresh)
        for m in range(waiting):
            _move(X, held[m], shift, weight, sums, counts, labels, news[m])
        changed, waiting = changed + waiting, 0
        first = v * lanes
        count = min(X.shape[0] - first, VECTORS * lanes)
        if not add_all and not _differ(fresh, labels, first, count):
            continue
        for i in range(count):
            r, label = first + i, fresh[i]
            if add_all:
                changed += label != labels[r]
                labels[r] = label
                _add(X, r, shift, weight[r] if len(weight) else 1.0, sums, counts, label)
            elif label != labels[r]:
                fetch(pointer_to(X, r * d), d)
                held[waiting], news[waiting] = r, label
                waiting += 1
    for m in range(waiting):
        _move(X, held[m], shift, weight, sums, counts, labels, news[m])
    return changed + waiting


@compiled
def add_rows(X, start, stop, shift, weight, labels, sums, counts):
    """Add rows to the sums of their clusters."""
    for r in range(start, stop):
        _add(X, r, shift, weight[r] if len(weight) else 1.0, sums, counts, labels[r])


@compiled
def cost(X, start, stop, shift, centers, weight, labels, each, cluster):
    """Squared distances of rows to their centers, by differences, in ``each``; their weighted sums in ``cluster``."""
    d = X.shape[1]
    for r in range(start, stop):
        label = labels[r]
        even, odd = 0.0, 0.0  # two sums, so that one addition need not wait for the other
        for j in range(0, d - 1, 2):
            a = (X[r, j] - shift[j]) - centers[label, j]
            b = (X[r, j + 1] - shift[j + 1]) - centers[label, j + 1]
            even += a * a
            odd += b * b
        if d % 2:
            a = (X[r, d - 1] - shift[d - 1]) - centers[label, d - 1]
            even += a * a
        square = even + odd
        if len(each):
            each[r] = square
        cluster[label] += square * weight[r] if len(weight) else square


@compiled
def square_norms(U, start, stop, norms):
    """Squared norms of the rows of some panels."""
    lanes = U.shape[2]
    for v in range(start, stop):
        for lane in range(lanes):
            norms[v * lanes + lane] = 0.0
        for j in range(U.shape[1]):
            for lane in range(lanes):
                norms[v * lanes + lane] += U[v, j, lane] * U[v, j, lane]


# Bounds. Hamerly (2010), Making k-means even faster: a row whose distance to its own center is below both its distance
# to any other center and half the distance between its center and the next one keeps its label. Distances are known to
# a rounding error, which widens the bounds, so that a row is skipped only if the plain pass would not change it.


@compiled
def _slack(norm, far, d, eps):
    """What may be wrong with a computed squared distance |x|^2 - 2 x.c + |c|^2, and twice over."""
    return 4.0 * (d + 4.0) * eps * (norm + far)


@compiled
def _bound(i, r, norms, far, d, eps, best, second, upper, lower):
    """Bounds of row r from the scores at i: its own center's and the second."""
    norm = norms[r]
    slack = _slack(norm, far, d, eps)
    upper[r] = np.sqrt(max(norm - 2.0 * best[i], 0.0) + slack) * (1.0 + 2.0 * eps)
    lower[r] = np.sqrt(max(norm - 2.0 * second[i] - slack, 0.0)) * (1.0 - 2.0 * eps)


@compiled
def assign_with_bounds(rows, start, stop, centers, scratch, totals, bounds):
    """As `assign`, of the rows that change; leaves bounds for the next passes."""
    X, U, shift, weight, labels = rows
    (tiles, bias, far), (sums, counts) = centers, totals
    best, second, fresh, _, _, _, _ = scratch
    norms, eps, upper, lower = bounds
    d, lanes = U.shape[1], U.shape[2]
    changed = 0
    for v in range(start, stop, VECTORS):
        _nearest_two(pointer_to(U, v * d * lanes), d * lanes, d, tiles, bias, best, second, fresh)
        first = v * lanes
        for i in range(min(X.shape[0] - first, VECTORS * lanes)):
            r, label = first + i, fresh[i]
            _bound(i, r, norms, far, d, eps, best, second, upper, lower)
            if label != labels[r]:
                changed += 1
                _move(X, r, shift, weight, sums, counts, labels, label)
    return changed


@compiled
def _loosen(first, count, labels, moved, most, farthest, runner_up, gap, eps, upper, lower, unsure):
    """Bounds after the centers have moved, and whether they leave each row unsure."""
    for i in range(count):
        label = labels[first + i]
        up = (upper[first + i] + moved[label]) * (1.0 + 2.0 * eps)
        low = max((lower[first + i] - (runner_up if label == most else farthest)) * (1.0 - 2.0 * eps), 0.0)
        upper[first + i], lower[first + i] = up, low
        unsure[i] = up >= max(low, gap[label])


@compiled
def assign_unsure(rows, start, stop, centers, scratch, totals, bounds, moves):
    """As `assign`, but only of the rows that their bounds leave unsure, which are gathered into a group first."""
    X, U, shift, weight, labels = rows
    (tiles, bias, far), (sums, counts) = centers, totals
    best, second, fresh, _, held, group, unsure = scratch
    norms, eps, upper, lower = bounds
    moved, most, runner_up, gap = moves
    d, lanes = U.shape[1], U.shape[2]
    changed, found = 0, 0
    last = min(stop * lanes, X.shape[0])
    farthest = moved[most]
    for first in range(start * lanes, last, len(unsure)):
        count = min(last - first, len(unsure))
        _loosen(first, count, labels, moved, most, farthest, runner_up, gap, eps, upper, lower, unsure)
        for i in range(count):
            if unsure[i]:
                v, lane = found // lanes, found % lanes
                for j in range(d):
                    group[v, j, lane] = X[first + i, j] - shift[j]
                held[found] = first + i
                found += 1
            if found == len(held) or (found > 0 and first + i == last - 1):
                _nearest_two(pointer_to(group, 0), d * lanes, d, tiles, bias, best, second, fresh)
                for m in range(found):
                    r, label = held[m], fresh[m]
                    _bound(m, r, norms, far, d, eps, best, second, upper, lower)
                    if label != labels[r]:
                        changed += 1
                        _move(X, r, shift, weight, sums, counts, labels, label)
                found = 0
    return changed


@compiled
def gaps(U, tiles, bias, far, eps, best, second, fresh, gaps):
    """At most half the distance of each center, U's rows, to the nearest other one."""
    d, lanes = U.shape[1], U.shape[2]
    for v in range(0, U.shape[0], VECTORS):
        _nearest_two(pointer_to(U, v * d * lanes), d * lanes, d, tiles, bias, best, second, fresh)
        first = v * lanes
        for i in range(min(len(gaps) - first, VECTORS * lanes)):
            norm = 0.0
            for j in range(d):
                norm += U[v + i // lanes, j, i % lanes] ** 2
            square = norm - 2.0 * second[i] - _slack(norm, far, d, eps)
            gaps[first + i] = 0.5 * np.sqrt(max(square, 0.0)) * (1.0 - 2.0 * eps)


# Seeding.


@compiled
def potentials(U, start, stop, candidates, closest, weight, totals):
    """Add to ``totals`` (tiles, candidates, lanes) the potentials of some panels with each candidate chosen too."""
    d, lanes = U.shape[1], U.shape[2]
    panel = d * lanes
    for v in range(start, stop, VECTORS):
        u, near = pointer_to(U, v * panel), pointer_to(closest, v * lanes)
        for t in range(candidates.shape[0]):
            c, to = pointer_to(candidates, t * CANDIDATES * d), pointer_to(totals, t * CANDIDATES * lanes)
            if len(weight):
                potential_weighted(u, panel, d, c, near, pointer_to(weight, v * lanes), to)
            else:
                potential(u, panel, d, c, near, pointer_to(weight, 0), to)


@compiled
def take(U, start, stop, center, closest, weight, total, groups):
    """Lower the squared distances to the chosen rows by one more row; the potential of each group in ``groups``."""
    d, lanes = U.shape[1], U.shape[2]
    panel = d * lanes
    c, to = pointer_to(center, 0), pointer_to(total, 0)
    for v in range(start, stop, VECTORS):
        total[:] = 0.0
        u, near = pointer_to(U, v * panel), pointer_to(closest, v * lanes)
        if len(weight):
            take_row_weighted(u, panel, d, c, near, pointer_to(weight, v * lanes), to)
        else:
            take_row(u, panel, d, c, near, pointer_to(weight, 0), to)
        groups[v // VECTORS] = total.sum()


@compiled
def locate(target, first, stop, closest, weight):
    """The row at which the running sum of weight * squared distance passes ``target``; never one of distance 0."""
    last, total = first, 0.0
    for r in range(first, stop):
        share = closest[r] * weight[r] if len(weight) else closest[r]
        if share > 0.0:
            last = r
            total += share
            if total > target:
                return r
    return last
