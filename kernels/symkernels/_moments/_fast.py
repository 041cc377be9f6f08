"""Sums of many rows for NumPy: rows split over threads, each with an accumulator of its own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .. import _blas, _parallel
from ._layout import Layout
from ._rows import Incidence
from ._sums import Sums

# Above this many attributes BLAS (one thread each) is faster than our own tiles, whose triangle leaves the cache.
_BLAS_FROM = 640
_BLAS_ROWS = 512
# A thread must have this many multiplications to be worth waking.
_WORK_PER_THREAD = 4e6
# Work between two calls of `checkpoint`, in multiplications: some 10 ms.
_WORK_PER_CHECK = 4e8


class _Accumulator:
    """One thread's sums, and the buffers that fill them."""

    def __init__(self, layout: Layout, shift: np.ndarray) -> None:
        from . import _loops

        self.loops, self.layout = _loops, layout
        p, lanes = layout.n_dense, _loops.LANES
        width = -(-max(p, 1) // lanes) * lanes
        self.by_blas = p >= _BLAS_FROM
        rows = _BLAS_ROWS if self.by_blas else _loops.BLOCK
        self.binaries = np.flatnonzero(layout.binary[:p])
        b_width = -(-len(self.binaries) // lanes) * lanes
        self.shift = np.zeros(width)
        self.shift[:p] = shift
        self.U = np.zeros((rows, width))
        self.block = np.zeros((5, width))
        self.totals = np.zeros((5, width))
        self.block[_loops.LOW] = np.inf
        self.block[_loops.HIGH] = -np.inf
        self.S = np.zeros((width, width))
        self.B = np.zeros((rows, b_width))
        self.squares = np.zeros((rows if b_width else 0, width))
        self.V = np.zeros((width, b_width))
        K = layout.n_sparse
        self.S_sparse, self.V_sparse, self.S_members = np.zeros((K, p)), np.zeros((K, p)), np.zeros((K, K))
        self.gap_rows, self.gap_count = np.zeros((p, rows), np.int32), np.zeros(p, np.int32)
        self.missing_in_row = np.zeros((rows, layout.n_groups + 1), np.int32)
        self.gap_T = self.gap_Q = self.gap_N = np.zeros((0, 0))
        self.n_rows = 0

    def add(self, X: np.ndarray, start: int, stop: int, sparse: Incidence | None) -> None:
        """Add rows of a C-ordered float64 X; ``sparse`` holds the incidence of all its rows."""
        step = self.U.shape[0] if self.by_blas else stop - start
        for first in range(start, stop, step):
            last = min(first + step, stop)
            self._add(X, first, last, sparse)
            if self.by_blas:
                _blas.add_gram(self.U, last - first, self.S)
        self.n_rows += stop - start

    def _add(self, X: np.ndarray, start: int, stop: int, sparse: Incidence | None) -> None:
        layout = self.layout
        if sparse is None:
            sparse = Incidence(np.zeros(1, np.int64), np.zeros(0, np.int64), np.zeros((0, 0), bool), np.zeros(0, int))
        gaps = bool(sparse.missing[start:stop].any())
        while True:
            start = self.loops.add_rows(
                X, start, stop, self.shift, self.U, self.block, self.totals, self.S, not self.by_blas, self.binaries,
                self.B, self.squares, self.V, layout.group, self.gap_rows, self.gap_count, self.gap_T, self.gap_Q,
                self.gap_N, self.missing_in_row, gaps, sparse.indptr, sparse.members, sparse.missing, sparse.groups,
                self.S_sparse, self.V_sparse, self.S_members,
            )  # fmt: skip
            if start == stop:
                return
            self.gap_T, self.gap_Q = np.zeros((2, layout.n_groups, layout.size))
            self.gap_N = np.zeros((layout.n_groups, layout.n_groups))

    def sums(self, shift: np.ndarray) -> Sums:
        """What was added, as sums."""
        layout, loops = self.layout, self.loops
        p, missing = layout.n_dense, len(self.gap_T) > 0
        S = np.ascontiguousarray(self.S[:p, :p])
        if layout.n_sparse:
            S = np.zeros((layout.size, layout.size))
            S[:p, :p], S[:p, p:], S[p:, p:] = self.S[:p, :p], self.S_sparse.T, self.S_members
        total = np.concatenate([self.totals[loops.TOTAL, :p], self.S_members.diagonal()])
        weight = float(self.n_rows)
        V = self.V[:p, : len(self.binaries)]
        return Sums(
            np, self.n_rows, weight, shift, S,
            T=total[:, None] - self.gap_T.T if missing else total,
            Q=S.diagonal()[:, None] - self.gap_Q.T if missing else None,
            N=self._counts() if missing else None,
            V=np.concatenate([V, self.V_sparse.T], axis=1) if layout.n_sparse else V,
            M3=self.totals[loops.THIRD, :p], M4=self.totals[loops.FOURTH, :p],
            low=self.block[loops.LOW, :p], high=self.block[loops.HIGH, :p],
        )  # fmt: skip

    def _counts(self) -> np.ndarray:
        gap = self.gap_N.diagonal()
        return self.n_rows - gap[:, None] - gap[None, :] + self.gap_N


def sum_rows(
    X: np.ndarray,
    sparse: Incidence | None,
    layout: Layout,
    shift: np.ndarray,
    checkpoint: Callable[[int, int], None] | None = None,
) -> Sums:
    """The sums of the rows of X (n, dense), NaN where missing. float32 is widened; any memory order will do."""
    n, p = X.shape
    work = n * max(p, 8) * max(p, 8)
    ranges = _parallel.split(n, int(min(_parallel.thread_count(), max(1, work // _WORK_PER_THREAD))))
    accumulators = [_Accumulator(layout, shift) for _ in ranges]
    direct = X.dtype == np.float64 and X.flags.c_contiguous
    rows_per_check = max(64, int(_WORK_PER_CHECK / max(p, 8) ** 2))
    if not direct:
        rows_per_check = min(rows_per_check, max(256, 2**18 // max(p, 1)))  # a copied piece should stay in cache
    # Pieces are handed out in rounds, so that the calling thread can report and stop between them.
    longest = max(stop - start for start, stop in ranges)

    def add(accumulator: _Accumulator, start: int, stop: int) -> None:
        if start >= stop:
            return
        if direct:
            accumulator.add(X, start, stop, sparse)
        else:
            piece = np.ascontiguousarray(X[start:stop], dtype=np.float64)
            accumulator.add(piece, 0, stop - start, None if sparse is None else sparse.part(start, stop))

    def run_round(offset: int, length: int) -> None:
        def task(accumulator: _Accumulator, start: int, stop: int) -> Callable[[], None]:
            return lambda: add(accumulator, start + offset, min(start + offset + length, stop))

        _parallel.run_all([task(a, *edges) for a, edges in zip(accumulators, ranges, strict=True)])

    def run_all_rounds() -> None:
        for offset in range(0, longest, rows_per_check):
            run_round(offset, rows_per_check)
            if checkpoint is not None:
                done = sum(min(offset + rows_per_check, stop - start) for start, stop in ranges)
                checkpoint(done, n)

    if accumulators[0].by_blas:
        with _parallel.single_threaded_blas():
            run_all_rounds()
    else:
        run_all_rounds()
    result = accumulators[0].sums(shift)
    for accumulator in accumulators[1:]:
        result.add(accumulator.sums(shift), 1, layout)
    return result
