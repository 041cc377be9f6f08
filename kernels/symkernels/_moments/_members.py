"""Sums over the rows where each of some 0/1 attributes is 1, in three parts, for every array library.

Most of them are 1 in few rows: these rows are added, and no product with a matrix of zeros and ones is made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import array_api_compat as compat
import numpy as np

from .. import _parallel
from .._arrays import Array, is_numpy, namespace, to_numpy
from .._numba import uses_loops
from ._layout import Layout
from ._numbers import Parts
from ._pairs import count_pairs
from ._parts import PARTS, UNIT
from ._rows import Incidence, presence
from ._sums import Sums, replaced

_ENTRIES = 2**21  # numbers that are added at a time
_ENTRIES_PER_THREAD = 2**14  # fewer are not worth another thread
_CELLS = 2**21  # numbers of all threads' sums: 16 MB


@dataclass(frozen=True)
class _ByMember:
    """Sums for each of k attributes; ``unit`` bounds their errors, relative to squares and to weights."""

    weights: Parts  # (k, G) over the rows where each presence group is present, too; (k, 1) where none is missing
    values: Parts  # (k, dense)
    squares: Parts  # (k, dense)
    unit: float


def with_members(
    sums: Sums,
    X: Array,
    weight: Array | None,
    sparse: Incidence,
    layout: Layout,
    checkpoint: Callable[[], None] | None = None,
) -> Sums:
    """Return the sums of rows in ``layout``, from those in the layout without members of sparse groups."""
    xp, d = sums.xp, layout.n_dense
    present = None if sums.N is None else presence(~xp.isnan(X), sparse, layout)
    found = _sum_by_member(X, weight, present, sparse.indptr, sparse.members, layout.n_sparse, sums.shift, checkpoint)
    weights = found.weights.stored()
    values, squares = (xp.permute_dims(part.stored(), (0, 2, 1)) for part in (found.values, found.squares))
    full = replace(
        sums,
        T=xp.concat([sums.T, weights if present is not None else weights[:, :, 0]], axis=1),
        S=xp.concat([sums.S, values], axis=2),
        V=xp.concat([sums.V, squares], axis=2),
        V_error=xp.concat([sums.V_error, found.unit * squares[0, ...]], axis=1),
        pairs=count_pairs(sparse, None if weight is None else to_numpy(weight), checkpoint),
    )
    full.B_error = xp.concat([sums.B_error, found.unit * full.own_sums(layout).high[d:]])
    return full


def sum_given_exactly(
    sums: Sums, X: Array, weight: Array | None, sparse: Incidence | None, layout: Layout, given: np.ndarray
) -> None:
    """Sum the rows where each of some dense 0/1 attributes is 1 again: their weights, and S and V with dense ones.

    ``given`` are their positions, ascending.
    """
    xp, d = sums.xp, layout.n_dense
    ones = to_numpy(xp.take(X, sums.index(given), axis=1)) == 1
    indptr, members = np.append(0, np.cumsum(ones.sum(axis=1))), np.nonzero(ones)[1]
    present = None if sums.N is None else presence(~xp.isnan(X), sparse, layout)
    found = _sum_by_member(X, weight, present, indptr, members, len(given), sums.shift)
    values, squares = (xp.permute_dims(part.stored(), (0, 2, 1)) for part in (found.values, found.squares))
    S = replaced(sums.S, values, given)
    # S has the upper triangle only: the column of a 0/1 attribute is a row from the diagonal on.
    rows = replaced(xp.permute_dims(S[:, :, :d], (0, 2, 1)), values, given)
    S = xp.concat([xp.permute_dims(rows, (0, 2, 1)), S[:, :, d:]], axis=2)
    columns = np.searchsorted(layout.binaries, given)
    sums.S, sums.V = S, replaced(sums.V, squares, columns)
    if weight is not None:
        weights = found.weights.stored()
        sums.T = replaced(sums.T, weights if present is not None else weights[:, :, 0], given, axis=1)
    counts = xp.take(sums.own_sums(layout).high, sums.index(given))
    sums.V_error = replaced(sums.V_error, found.unit * squares[0, ...], columns)
    sums.B_error = replaced(sums.B_error, found.unit * counts, columns)


def _sum_by_member(
    X: Array,
    weight: Array | None,
    present: Array | None,
    indptr: np.ndarray,
    members: np.ndarray,
    k: int,
    shift: Array,
    checkpoint: Callable[[], None] | None = None,
) -> _ByMember:
    """Return the sums for each of k attributes, of which ``members[indptr[r] : indptr[r + 1]]`` are 1 in row r."""
    xp, device, d = namespace(X), compat.device(X), X.shape[1]
    if weight is None and is_numpy(X) and uses_loops("exact"):
        return _sum_compiled(X, present, indptr, members, k, shift, checkpoint)
    order = np.argsort(members, kind="stable")
    row, member = np.repeat(np.arange(X.shape[0]), np.diff(indptr))[order], members[order]
    q = (1 if present is None else present.shape[1]) + 2 * d
    total = Parts.of(xp.zeros((PARTS, k, q), dtype=xp.float64, device=device))
    step = max(_ENTRIES // q, k)
    for start in range(0, len(row), step):
        index = xp.asarray(row[start : start + step], device=device)
        w = None if weight is None else xp.take(weight, index)[:, None]
        x = xp.astype(xp.take(X, index, axis=0), xp.float64, copy=False)
        counted = ~xp.isnan(x) if w is None else ~xp.isnan(x) & (w > 0)
        u = Parts.exactly(xp.where(counted, x, 0.0)) + xp.where(counted, -shift, 0.0)
        ones = xp.ones((index.shape[0], 1), dtype=xp.float64, device=device)
        of_rows = Parts.exactly(ones if present is None else xp.astype(xp.take(present, index, axis=0), xp.float64))
        uw, of_rows = (u, of_rows) if w is None else (u * w, of_rows * w)
        columns = xp.concat([of_rows.stored(), uw.stored(), (u * uw).stored()], axis=2)
        found, which = _sums_of_runs(Parts.of(columns), member[start : start + step])
        source = np.full(k, len(which))  # the row of zeros after the others
        source[which] = np.arange(len(which))
        zeros = xp.zeros((PARTS, 1, q), dtype=xp.float64, device=device)
        spread = xp.take(xp.concat([found.stored(), zeros], axis=1), xp.asarray(source, device=device), axis=1)
        total = Parts.of(spread) if len(row) <= step else total + Parts.of(spread)
        if checkpoint is not None:
            checkpoint()

    def columns_of(first: int, last: int) -> Parts:
        return Parts.of(total.stored()[:, :, first:last])

    unit = UNIT * (4 + len(row).bit_length() + len(row) // step)
    return _ByMember(columns_of(0, q - 2 * d), columns_of(q - 2 * d, q - d), columns_of(q - d, q), unit)


def _sum_compiled(
    X: np.ndarray,
    present: np.ndarray | None,
    indptr: np.ndarray,
    members: np.ndarray,
    k: int,
    shift: np.ndarray,
    checkpoint: Callable[[], None] | None,
) -> _ByMember:
    """Return the same of rows without weights. Each thread has sums of its own, where these are not too many."""
    from ._exact_loops import add_members

    (n, d), groups = X.shape, 1 if present is None else present.shape[1]
    here = np.empty((0, groups), bool) if present is None else present
    cells = k * (2 * PARTS * d + groups)
    most = min(_parallel.thread_count(), max(1, _CELLS // max(cells, 1)))
    threads = min(most, max(1, len(members) * d // _ENTRIES_PER_THREAD))
    sums = [(np.zeros((k, groups)), *np.zeros((2, PARTS, k, d))) for _ in range(threads)]
    step = max(_ENTRIES * n // max(len(members) * d, 1), 1)
    for start in range(0, n, step):
        x = np.ascontiguousarray(X[start : start + step], dtype=np.float64)
        at, rows = indptr[start : start + len(x) + 1], here[start : start + step]
        calls = [
            partial(add_members, x, at, members, first, last, rows, shift, *own)
            for own, (first, last) in zip(sums, _parallel.split(len(x), threads), strict=False)
        ]
        _parallel.run_all(calls)
        if checkpoint is not None:
            checkpoint()
    weights, values, squares = sums[0][0], *(Parts.of(part) for part in sums[0][1:])
    for more, *others in sums[1:]:
        weights += more
        values, squares = values + Parts.of(others[0]), squares + Parts.of(others[1])
    stored = np.zeros((PARTS, k, groups))
    stored[0] = weights
    return _ByMember(Parts.of(stored), values, squares, UNIT * (4 + len(members) + threads))


def _sums_of_runs(values: Parts, member: np.ndarray) -> tuple[Parts, np.ndarray]:
    """Return the sums of rows that follow each other and are of one member, and the members: a tree of additions."""
    xp = namespace(values.high)
    while True:
        n = len(member)
        starts = np.flatnonzero(np.append(True, member[1:] != member[:-1])[:n])
        if len(starts) == n:
            return values, member
        place = np.arange(n) - np.repeat(starts, np.diff(np.append(starts, n)))
        first = np.flatnonzero(place % 2 == 0)
        paired = np.append(place[1:], 0)[first] % 2 == 1

        def rows(index: np.ndarray, values: Parts = values) -> Parts:
            at = xp.asarray(index, device=compat.device(values.high))
            return Parts.of(xp.take(values.stored(), at, axis=1))

        total, alone = rows(first[paired]) + rows(first[paired] + 1), rows(first[~paired])
        order = np.argsort(np.append(first[paired], first[~paired]))
        joined = xp.concat([total.stored(), alone.stored()], axis=1)
        values = Parts.of(xp.take(joined, xp.asarray(order, device=compat.device(joined)), axis=1))
        member = member[first]
