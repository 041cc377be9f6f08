"""NumPy's fast path: rows are split over threads, and each thread adds its rows to an accumulator of its own.

The compiled loops take their arrays one by one, up to 28 of them. Named tuples of arrays would be easier to read, but
Numba finds the type of each in Python: a call with two tuples of eight arrays took 1.96 us instead of 0.85. One row is
learnt in 7 us.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from .. import _parallel
from .._columns import Columns
from .._forks import ForkLock
from ._layout import Layout
from ._limits import TINY
from ._numbers import widened
from ._parts import PARTS, add_number
from ._rows import Incidence
from ._state import State
from ._sums import Sums

# Work is counted in multiplications.
_WORK_PER_THREAD = 4e6  # at least, for another thread to save time
_WORK_PER_WAKE = 3e6  # of the calling thread while another one wakes up
_WORK_PER_CHECK = 1e9  # of a thread between two calls of `checkpoint`: about 10 ms, and never 50
_WIDE = 300  # attributes from which on two threads add a batch to the state


class _Accumulator:
    """The sums of one thread, and the buffers of its loops; `_simd` explains panels."""

    def __init__(self, layout: Layout) -> None:
        from . import _loops

        self.loops, self.layout = _loops, layout
        p, lanes, rows = layout.n_dense, _loops.LANES, _loops.block_rows(layout.n_dense)
        self.tail = _loops.tail_columns(p)
        self.binaries = layout.dense_binaries
        panels, b_panels = -(-p // lanes), -(-len(self.binaries) // lanes)
        width = panels * lanes
        self.shift = np.zeros(width)
        self.U = np.zeros((panels, rows, lanes))
        self.B = np.zeros((b_panels, rows, lanes))
        self.squares = np.zeros((panels if b_panels else 0, rows, lanes))
        self.block, self.totals = np.zeros((5, width)), np.zeros((5, width))
        self.block[_loops.LOW], self.block[_loops.HIGH] = np.inf, -np.inf
        self.S = np.zeros((width, width))
        self.V = np.zeros((width, b_panels * lanes))
        # Buffers for missing values are allocated when the first one comes.
        self.bits = np.zeros(rows, np.uint8)
        self.gap_rows, self.gap_count = np.zeros((0, 0), np.int32), np.zeros(0, np.int32)
        self.missing_in_row = np.zeros((0, 0), np.int32)
        self.gap_T = self.gap_Q = self.gap_N = np.zeros((0, 0))
        self.rows = self.numbers = np.zeros((0, 0))  # buffers for columns, likewise

    def add(self, X: np.ndarray, start: int, stop: int, sparse: Incidence) -> None:
        """Add rows of a C-ordered float64 X. ``sparse`` says which sparse groups are missing in all its rows."""
        gaps = bool(sparse.missing[start:stop].any())
        self._add(partial(self.loops.add_rows, X), start, stop, gaps, sparse)

    def add_columns(self, X: Columns, start: int, stop: int) -> None:
        """Add rows whose columns are read where they lie."""
        if not len(self.rows):
            p = self.layout.n_dense
            rows = self.loops.column_rows(p)
            self.rows, self.numbers = np.empty((rows, p)), np.empty((p, self.loops.ROWS))
        self._add(partial(self.loops.add_columns, *X.source), start, stop, False, _NO_SPARSE, self.numbers, self.rows)

    def _add(
        self, loop: Callable[..., int], start: int, stop: int, gaps: bool, sparse: Incidence, *buffers: np.ndarray
    ) -> None:
        while True:
            start = loop(
                start, stop, *buffers, self.shift, self.U, self.block, self.totals, self.S, self.binaries, self.B,
                self.squares, self.V, self.layout.group, self.bits, self.gap_rows, self.gap_count, self.gap_T,
                self.gap_Q, self.gap_N, self.missing_in_row, gaps, sparse.missing, sparse.groups,
            )  # fmt: skip
            if start == stop:
                return
            if start < 0:
                raise NotBinary
            self._allocate_gaps()

    def _allocate_gaps(self) -> None:
        layout, (_, rows, _), width = self.layout, self.U.shape, len(self.shift)
        self.gap_rows = np.zeros((layout.n_dense, rows), np.int32)
        self.gap_count = np.zeros(layout.n_dense, np.int32)
        self.missing_in_row = np.zeros((rows, layout.n_groups + 1), np.int32)
        self.gap_T, self.gap_Q = np.zeros((2, layout.n_groups, width))
        self.gap_N = np.zeros((layout.n_groups, layout.n_groups))

    def absorb(self, other: _Accumulator) -> None:
        """Add the sums of another accumulator, except S, to this one, and clear them."""
        if len(other.gap_T) and not len(self.gap_T):
            self._allocate_gaps()
        if not len(other.gap_T) and len(self.gap_T):
            other._allocate_gaps()
        self.loops.absorb(
            self.totals, self.block, self.V, other.totals, other.block, other.V, self.gap_T, self.gap_Q, self.gap_N,
            other.gap_T, other.gap_Q, other.gap_N,
        )  # fmt: skip

    def absorb_square(self, other: _Accumulator) -> None:
        """Add S of another accumulator to this one, and clear it."""
        self.S += other.S
        other.S[:] = 0.0

    def sums(self, n: int, shift: np.ndarray) -> Sums:
        """Return the sums of the n rows that were added."""
        layout, loops, tail = self.layout, self.loops, self.tail
        p, missing = layout.n_dense, len(self.gap_T) > 0
        S = np.ascontiguousarray(self.S[:p, :p])
        if tail:
            S[: p - tail, p - tail :] = S[p - tail :, : p - tail].T
        total = self.totals[loops.TOTAL, :p]
        V = self.V[:p, : len(self.binaries)]
        gap_N = np.triu(self.gap_N) + np.triu(self.gap_N, 1).T
        gap = gap_N.diagonal()
        N = n - gap[:, None] - gap[None, :] + gap_N if missing else None
        T, Q = total, None
        if N is not None:
            here = N[layout.group] > 0  # no rows, no sums: not even rounding errors
            T = np.where(here, total[:, None] - self.gap_T[:, :p].T, 0.0)
            Q = np.where(here, S.diagonal()[:, None] - self.gap_Q[:, :p].T, 0.0)
        result = Sums.zeros(layout, shift, missing=missing, joint=False)
        return replace(
            result, n_rows=n, mass=(float(n), 0.0, 0.0), S=widened(S), T=widened(T), V=widened(V),
            M3=widened(self.totals[loops.THIRD, :p]), M4=widened(self.totals[loops.FOURTH, :p]),
            low=self.block[loops.LOW, :p], high=self.block[loops.HIGH, :p],
            Q=None if Q is None else widened(Q), N=None if N is None else widened(N),
        )  # fmt: skip


class NotBinary(Exception):
    """A row has a value other than 0 and 1 in a 0/1 attribute."""


def _accumulate(
    X: np.ndarray | Columns,
    sparse: Incidence | None,
    layout: Layout,
    shift: np.ndarray,
    checkpoint: Callable[[int, int], None] | None,
    spare: list[_Accumulator],
) -> list[_Accumulator]:
    """Sum the rows of X about ``shift``. S is the sum of S of the first two accumulators; the first has all other sums.

    Accumulators come from ``spare`` first. The caller must clear them before it puts them back.
    """
    n, p = X.shape
    area = max(p, 8) ** 2
    ranges = _parallel.split(
        n, int(min(_parallel.thread_count(), max(1, n * area // _WORK_PER_THREAD))), int(_WORK_PER_WAKE / area)
    )
    accumulators = [_take(spare, layout, shift) for _ in ranges]
    direct = isinstance(X, Columns) or (X.dtype == np.float64 and X.flags.c_contiguous)
    longest = max(stop - start for start, stop in ranges)
    most = (_WORK_PER_CHECK if checkpoint is not None else 10 * _WORK_PER_CHECK) / area
    if not direct:
        most = min(most, 2**18 / max(p, 1))  # a copied piece stays in the cache
    rounds = max(1, round(longest / max(most, 1)))
    block = accumulators[0].loops.block_rows(p)
    length = -(-longest // (rounds * block)) * block  # whole blocks, as incomplete ones are slow

    def task(accumulator: _Accumulator, start: int, stop: int) -> Callable[[], None]:
        def add() -> None:
            if start >= stop:
                return
            if isinstance(X, Columns):
                accumulator.add_columns(X, start, stop)
            elif direct:
                accumulator.add(X, start, stop, sparse or _NO_SPARSE)
            else:
                piece = np.ascontiguousarray(X[start:stop], dtype=np.float64)
                accumulator.add(piece, 0, stop - start, sparse.part(start, stop) if sparse else _NO_SPARSE)

        return add

    # Pieces are computed in rounds: between two rounds the calling thread reports progress and can stop.
    for offset in range(0, longest, length):
        pieces = [(start + offset, min(start + offset + length, stop)) for start, stop in ranges]
        _parallel.run_all([task(a, *piece) for a, piece in zip(accumulators, pieces, strict=True)])
        if checkpoint is not None:
            checkpoint(sum(min(offset + length, stop - start) for start, stop in ranges), n)
    for other in accumulators[1:]:
        accumulators[0].absorb(other)
    for other in accumulators[2:]:
        accumulators[0].absorb_square(other)
    return accumulators


_NONE, _NO_PARTS = np.empty((0, 0)), np.empty((PARTS, 0, 0))
_NO_SPARSE = Incidence(
    np.zeros(1, np.int64), np.zeros(0, np.int64), np.zeros((0, 0), bool), np.zeros(0, np.int64)
)  # fmt: skip


def depth(n: int, p: int) -> float:
    """Return how many additions in a row a sum of n rows goes through: within a block, and block after block."""
    from ._loops import block_rows

    return min(n, block_rows(p)) + n / block_rows(p) + _parallel.thread_count()


def _take(spare: list[_Accumulator], layout: Layout, shift: np.ndarray) -> _Accumulator:
    try:
        accumulator = spare.pop()
    except IndexError:
        accumulator = _Accumulator(layout)
    accumulator.shift[: layout.n_dense] = shift
    return accumulator


def sum_rows(
    X: np.ndarray | Columns,
    sparse: Incidence | None,
    layout: Layout,
    shift: np.ndarray,
    checkpoint: Callable[[int, int], None] | None = None,
) -> Sums:
    """Return the sums of the rows of X (n, dense) in any memory order or as columns, NaN where missing.

    float32 is widened.

    ``layout`` has no sparse attributes; ``sparse`` says where their groups are missing.
    """
    first, *others = _accumulate(X, sparse, layout, shift, checkpoint, [])
    for other in others[:1]:
        first.absorb_square(other)
    return first.sums(X.shape[0], shift)


def learn_rows(
    current: Callable[[], State],
    X: np.ndarray | Columns,
    unit: Callable[[float], float],
    checkpoint: Callable[[int, int], None] | None,
    lock: ForkLock,
) -> bool:
    """Add rows to a state that has a shift for every attribute; return False, and change nothing, if that failed.

    It fails for bad values, for sums that would cost an answer its digits or may have underflown, and where another
    thread has changed the state meanwhile. ``unit`` bounds the relative error of a sum of squares after so many
    additions in a row. For small batches this is much faster than `State.combined`, which takes some fifty array
    operations.
    """
    state = current()
    layout, sums, n, p = state.layout, state.sums, X.shape[0], X.shape[1]
    shift = sums.shift
    try:
        accumulators = _accumulate(X, None, layout, shift, checkpoint, state.spare)
    except NotBinary:
        return False
    acc = accumulators[0]
    loops, group = acc.loops, layout.group
    other_S = accumulators[1].S if len(accumulators) > 1 else _NONE
    diagonal = acc.S.diagonal() + other_S.diagonal() if len(other_S) else acc.S.diagonal().copy()
    with lock.in_place():
        if current() is not state or sums.shift is not shift:  # another thread has learnt meanwhile
            return False
        complete = sums.N is None and not len(acc.gap_T)
        if sums.N is None and not complete:
            sums.allow_missing(layout)
        T, Q, N = (sums.T[:, :, None], _NO_PARTS, _NO_PARTS) if complete else (sums.T, sums.Q, sums.N)
        if not loops.can_commit(
            n, p, acc.totals, acc.block, diagonal, acc.gap_T, acc.gap_Q, acc.gap_N, group, layout.binary, sums.S, T, Q,
            N, np.array(sums.mass), layout.dense_binaries, acc.S, other_S, acc.V, sums.V, acc.tail,
        ):  # fmt: skip
            return False
        low, high = np.minimum(sums.low, acc.block[loops.LOW, :p]), np.maximum(sums.high, acc.block[loops.HIGH, :p])
        if ((state.gross + diagonal[:p] <= TINY) & (low < high) & ~layout.binary).any():
            return False
        S = state.second if state.second is not None else np.zeros(sums.S.shape)
        # Two threads add two parts of the same area if S is wide enough.
        middle = int(p * (1 - 0.5**0.5)) if p >= _WIDE else p
        parts = [(start, stop) for start, stop in ((0, middle), (middle, p)) if start < stop]
        commit_square = partial(loops.commit_square, p=p, tail=acc.tail, A=acc.S, B=other_S, S=sums.S, new=S)
        _parallel.run_all([partial(commit_square, *part) for part in parts])
        relative = unit(depth(n, p))
        rest = (
            n, p, acc.totals, acc.block, diagonal, acc.V, acc.gap_T, acc.gap_Q, acc.gap_N, group, T, Q, N, sums.V,
            sums.V_error, sums.B_error, sums.M3, sums.M4, sums.low, sums.high, state.low_exact, state.high_exact,
            state.gross, sums.Q_error[:, None] if complete else sums.Q_error,
            sums.N_error[:, None] if complete else sums.N_error, layout.dense_binaries, relative,
        )  # fmt: skip
        commit, mass = loops.commit, add_number(*sums.mass, float(n))
        largest, unknown = max(sums.unit, relative), np.full_like(state.fineness, np.inf)
        if not commit.signatures:  # it is compiled now, as Ctrl-C may interrupt that
            commit(0, 0, *(x.copy() if isinstance(x, np.ndarray) else x for x in rest[2:]))
        # Python handles signals after calls: if Ctrl-C comes after this line, all the rows are learnt and counted.
        sums.n_rows += n
        sums.mass = mass
        sums.unit = largest
        state.rows_processed += n
        state.weight_processed += n
        state.steps += 1
        state.fineness = unknown
        state.second, sums.S = sums.S, S
        commit(*rest)
        if not state.spare:
            state.spare = accumulators
    return True


def learn_small_batch(state: State, X: np.ndarray) -> bool:
    """Add a few complete rows in one pass over S; return False, and change nothing, if a value is missing or bad."""
    from . import _exact_loops

    sums, layout = state.sums, state.layout
    T, Q, N = (sums.T[:, :, None], _NO_PARTS, _NO_PARTS) if sums.N is None else (sums.T, sums.Q, sums.N)
    n, taken, mass = X.shape[0], np.zeros(1, dtype=np.bool_), add_number(*sums.mass, float(X.shape[0]))
    try:
        _exact_loops.learn_small_batch(
            X, sums.shift, layout.binary, sums.S, T, Q, N, sums.V, layout.binaries, sums.M3, sums.M4, sums.low,
            sums.high, state.low_exact, state.high_exact, state.gross, state.fineness, layout.group, taken,
        )  # fmt: skip
    finally:  # Ctrl-C raises right after the call, when the sums have changed: the rows must be counted as well
        if taken[0]:
            sums.n_rows += n
            sums.mass = mass
            state.rows_processed += n
            state.weight_processed += n
            state.steps += n
    return bool(taken[0])
