"""NumPy's fast path: rows packed once into panels, on which register-blocked loops run in all threads.

Besides the panels, which are a copy of the rows, only labels, bounds and the distances of seeding are kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np

from .. import _parallel
from .._rows import Poll, Rows, no_poll
from . import _loops as loops
from ._passes import RowBounds, Tiles, Worker
from ._points import Assigned, Points
from ._simd import CANDIDATES, VECTORS

_ROUND = 4e8  # operations of one thread between two polls: some 10 to 20 ms
_LEAST = 256.0  # operations that take as long as to read a row and its label
_ALONE = 1e6  # operations up to which one thread is the quickest
_FEW = 0.3  # share of the rows: when fewer change, to move those costs less than to add up all
_SETTLED = 0.15  # share of the rows: when fewer change, bounds are likely to hold
_MIN_WORK = 16 * 16  # k times d from which on bounds are tried: below, the time goes into reading the rows
_STRIPE = 1 << 20  # rows that NumPy handles between two polls
_NONE = np.empty(0)


class CompiledPoints(Points):
    """NumPy rows as panels, (panels, d, lanes): see `_simd`.

    Parameters
    ----------
    rows : Rows
        Of any memory order; copied unless it is C.
    poll : callable
    """

    def __init__(self, rows: Rows, poll: Poll = no_poll) -> None:
        X = np.ascontiguousarray(rows.X)
        super().__init__(rows)
        self.X = X
        self._lanes = loops.lanes_of(X)
        self._group = VECTORS * self._lanes
        self._groups = -(-self.n // self._group)
        self.panels = np.zeros((self._groups * VECTORS, self.d, self._lanes), dtype=X.dtype)
        self.weights = _NONE  # empty, or the weights with 0 for the padding
        if rows.weight is not None:
            self.weights = np.zeros(self._groups * self._group)
            self.weights[: self.n] = rows.weight
        self._norms: np.ndarray | None = None
        self._pack(poll)
        # Allocated once for all runs: the first touch of so much memory takes as long as a pass over it.
        self.labels = np.empty(self.n, dtype=np.int32)
        self._closest = np.empty(self._groups * self._group, dtype=self.dtype)
        self._shares = np.empty(self._groups)
        for start in range(0, self.n, _STRIPE):
            poll()
            self.labels[start : start + _STRIPE] = -1
        self.begin()

    def _pack(self, poll: Poll) -> None:
        sums = np.zeros((_parallel.thread_count(), 2, self.d))

        def pack(t: int, start: int, stop: int) -> None:
            loops.pack(self.X, *self._rows_of(start, stop), self.shift, self.weights, self.panels, *sums[t])

        self._rounds(160.0 * self.d, pack, poll)  # the first touch of so much memory takes most of it
        with np.errstate(over="ignore", invalid="ignore"):  # `_prepare.points_of` checks the variance
            mean, square = sums.sum(axis=0) / self.total_weight
            self.variance = float(np.mean(np.maximum(square - mean * mean, 0.0)))

    # -- one run -------------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        self.labels.fill(-1)
        self._sums = self._counts = _NONE
        self._changed = self.n
        self._rows_moved = 0
        self._bounds: RowBounds | None = None
        self._plain_seconds = 0.0
        self._wait = 0  # passes until bounds are tried again
        self._next_wait = 4  # the same, after the next time that they did not pay

    def assign(self, centers: np.ndarray, poll: Poll) -> Assigned:
        k = centers.shape[0]
        tiles = Tiles(centers, self.dtype)
        add_all = not len(self._counts) or self._changed > _FEW * self.n
        if add_all:
            self._sums, self._counts = np.zeros((k, self.d)), np.zeros(k)
        workers = [Worker(k, self.d, self._lanes, self.dtype) for _ in range(_parallel.thread_count())]
        self._pass(tiles, add_all, workers, poll)
        for worker in workers:
            sums, counts = worker.totals
            self._sums += sums
            self._counts += counts
        if self.weight is not None:  # remove the rounding that the weights leave in a cluster without rows
            left = np.bincount(self.labels, self.weight > 0, minlength=k) == 0
            self._sums[left], self._counts[left] = 0.0, 0.0
        self._changed = sum(worker.changed for worker in workers)
        self._rows_moved = 0 if add_all else self._rows_moved + self._changed
        if self._rows_moved > self.n or (self._changed == 0 and self._rows_moved):
            self._add_up(k, poll)
        return Assigned(self._sums.copy(), self._counts.copy(), self._changed)

    def _pass(self, tiles: Tiles, add_all: bool, workers: list[Worker], poll: Poll) -> None:
        """Label all rows by the loop that was the quickest so far; all of them give the same labels and sums."""
        work = 2.0 * tiles.k * self.d
        rows = (self.X, self.panels, self.shift, self.weights, self.labels)
        bounds = self._bounds
        start = time.perf_counter()
        if bounds is not None:
            moves = bounds.moves(tiles, self.n)
            self._rounds(work, lambda t, a, b: workers[t].unsure(rows, a, b, tiles, bounds, moves), poll)
            if time.perf_counter() - start > self._plain_seconds:
                self._bounds, self._wait, self._next_wait = None, self._next_wait, 2 * self._next_wait
            return
        self._wait -= 1
        settled = not add_all and self._changed < _SETTLED * self.n
        if settled and self._wait < 0 and tiles.k > 2 and tiles.k * self.d >= _MIN_WORK:
            self._bounds = made = RowBounds(self.square_norms(poll), self.n, self.dtype, tiles)
            self._rounds(work, lambda t, a, b: workers[t].bounded(rows, a, b, tiles, made), poll)
            return
        self._rounds(work, lambda t, a, b: workers[t].plain(rows, a, b, tiles, add_all), poll)
        self._plain_seconds = time.perf_counter() - start

    def _add_up(self, k: int, poll: Poll) -> None:
        """Add up the clusters' rows again, to remove the rounding of rows that were moved in and out."""
        sums = [(np.zeros((k, self.d)), np.zeros(k)) for _ in range(_parallel.thread_count())]

        def add(t: int, start: int, stop: int) -> None:
            loops.add_rows(self.X, *self._rows_of(start, stop), self.shift, self.weights, self.labels, *sums[t])

        self._rounds(4.0 * self.d, add, poll)
        self._sums = np.sum([part for part, _ in sums], axis=0)
        self._counts = np.sum([part for _, part in sums], axis=0)
        self._rows_moved = 0

    def cost(self, centers: np.ndarray, poll: Poll) -> np.ndarray:
        return self._cost(centers, _NONE, poll)

    def _cost(self, centers: np.ndarray, each: np.ndarray, poll: Poll) -> np.ndarray:
        centers = np.ascontiguousarray(centers)
        clusters = np.zeros((_parallel.thread_count(), centers.shape[0]))

        def add(t: int, start: int, stop: int) -> None:
            rows = self._rows_of(start, stop)
            loops.cost(self.X, *rows, self.shift, centers, self.weights, self.labels, each, clusters[t])

        self._rounds(8.0 * self.d, add, poll)
        return clusters.sum(axis=0)

    def farthest(self, centers: np.ndarray, count: int, poll: Poll) -> np.ndarray:
        each = np.empty(self.n)
        self._cost(centers, each, poll)
        if self.weight is not None:
            each[self.weight <= 0] = -1.0
        able = int(np.count_nonzero(each >= 0))
        some = 4 * count  # more than asked for, as equal rows count once
        while True:
            top = np.sort(np.argpartition(-each, some)[:some]) if some < able else np.flatnonzero(each >= 0)
            found = self.different(top[np.argsort(-each[top], kind="stable")], count)
            if len(found) == count or some >= able:
                return found
            some *= 8

    def rows(self, indices: np.ndarray) -> np.ndarray:
        return self.X[indices].astype(np.float64) - self.shift

    def square_norms(self, poll: Poll) -> np.ndarray:
        """Squared norms of the packed rows, (n or more,) float64, computed once."""
        if self._norms is None:
            norms = np.empty(self._groups * self._group)
            self._rounds(2.0 * self.d, lambda _, a, b: loops.square_norms(self.panels, a, b, norms), poll)
            self._norms = norms
        return self._norms

    # -- seeding -------------------------------------------------------------------------------------------------------

    def seed_begin(self, first: int, poll: Poll) -> float:
        for start in range(0, self.n, _STRIPE):
            poll()
            self._closest[start : start + _STRIPE] = np.inf
        self._closest[self.n :] = 0.0
        self._shares.fill(0.0)
        return self.seed_take(first, poll)

    def seed_from(self, centers: np.ndarray, poll: Poll) -> float:
        each = np.zeros(self._groups * self._group)
        self._cost(centers, each[: self.n], poll)
        step = max(1, _STRIPE // self._group)
        for start in range(0, self._groups, step):
            poll()
            stop = min(start + step, self._groups)
            part = slice(start * self._group, stop * self._group)
            shares = self._closest[part]
            shares[:] = each[part]
            if self.weight is not None:
                shares = shares * self.weights[part]
            self._shares[start:stop] = shares.reshape(stop - start, -1).sum(axis=1, dtype=np.float64)
        return float(self._shares.sum())

    def seed_sample(self, u: np.ndarray) -> np.ndarray:
        running = np.cumsum(self._shares)
        targets = u * running[-1]
        groups = np.minimum(np.searchsorted(running, targets, side="right"), np.flatnonzero(self._shares)[-1])
        inside = targets - (running[groups] - self._shares[groups])
        return np.array(
            [
                loops.locate(target, g * self._group, min((g + 1) * self._group, self.n), self._closest, self.weights)
                for target, g in zip(inside.tolist(), groups.tolist(), strict=True)
            ],
            dtype=np.int64,
        )

    def seed_try(self, candidates: np.ndarray, poll: Poll) -> np.ndarray:
        count = len(candidates)
        padded = np.resize(candidates, -(-count // CANDIDATES) * CANDIDATES)
        tiles = self._packed(padded).reshape(-1, CANDIDATES, self.d).transpose(0, 2, 1)
        tiles = np.ascontiguousarray(tiles)
        totals = np.zeros((_parallel.thread_count(), tiles.shape[0], CANDIDATES, self._lanes))

        def add(t: int, start: int, stop: int) -> None:
            loops.potentials(self.panels, start, stop, tiles, self._closest, self.weights, totals[t])

        self._rounds(3.0 * len(padded) * self.d, add, poll)
        return totals.sum(axis=(0, 3)).reshape(-1)[:count]

    def seed_take(self, candidate: int, poll: Poll) -> float:
        center = np.ascontiguousarray(self._packed(np.array([candidate]))[0])

        def lower(_: int, start: int, stop: int) -> None:
            total = np.empty(self._lanes)
            loops.take(self.panels, start, stop, center, self._closest, self.weights, total, self._shares)

        self._rounds(3.0 * self.d, lower, poll)
        return float(self._shares.sum())

    def _packed(self, indices: np.ndarray) -> np.ndarray:
        v, lane = np.divmod(indices, self._lanes)
        return self.panels[v, :, lane]

    # -- threads -------------------------------------------------------------------------------------------------------

    def _rows_of(self, start: int, stop: int) -> tuple[int, int]:
        """First and last row of some panels, without the padding."""
        return start * self._lanes, min(stop * self._lanes, self.n)

    def _rounds(self, work: float, task: Callable[[int, int, int], None], poll: Poll) -> None:
        """Run ``task(thread, first panel, last panel)`` over all groups, of ``work`` operations a row."""
        threads = _parallel.thread_count()
        step = max(1, int(_ROUND / (max(work, _LEAST) * self._group))) * threads
        for start in range(0, self._groups, step):
            poll()
            groups = min(step, self._groups - start)
            parts = _parallel.split(groups, threads if groups * self._group * work > _ALONE else 1)
            _parallel.run_all(
                [partial(task, t, (start + a) * VECTORS, (start + b) * VECTORS) for t, (a, b) in enumerate(parts)]
            )
