"""NumPy rows summed without rounding errors of products: rows are split over threads, each with sums of its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from .. import _parallel
from ._layout import Layout
from ._numbers import Parts, widened
from ._parts import PARTS
from ._sums import Sums

_WORK_PER_THREAD = 1e6  # multiplications, at least, for another thread to save time
_WORK_PER_CHECK = 2e8  # of a thread between two calls of `checkpoint`
_SLOWER = 5  # times as long as in blocks of two levels
_SAMPLE = 200  # rows, or values other than 0, that show how large values are
_LEAST = 8  # fewer values of a column show little: more are looked for
_USUAL = 2.0**8  # times their root mean square: larger ones would lose digits of pairs without them

Checkpoint = Callable[[int, int], None]


def sum_rows(X: np.ndarray, layout: Layout, shift: np.ndarray, checkpoint: Checkpoint | None = None) -> Sums:
    """Return the sums of the rows of X (n, dense), NaN where missing, in three levels: to some 39 digits."""
    from . import _exact_loops

    X = np.ascontiguousarray(X, dtype=np.float64)
    p = X.shape[1]
    missing = bool(np.isnan(X.min(initial=0.0)))
    G = layout.n_groups if missing else 0

    def part(start: int, stop: int) -> Sums:
        sums = Sums.zeros(layout, shift, missing=False, joint=False)
        gap_T, gap_Q, gap_N = np.zeros((PARTS, G, p)), np.zeros((PARTS, G, p)), np.zeros((G, G))
        _exact_loops.add_exactly(
            X[start:stop], shift, sums.S, sums.T, sums.V, layout.binaries, sums.M3, sums.M4, sums.low, sums.high,
            layout.group, gap_T, gap_Q, gap_N,
        )  # fmt: skip
        _count_rows(sums, layout, stop - start, gap_T, gap_Q, gap_N)
        sums.note_errors(layout, _exact_loops.BIASED_UNIT, of_all_rows=True)
        return sums

    total = Sums.zeros(layout, shift, missing=missing, joint=False)
    return _in_threads(part, total, layout, X, 1, _SLOWER, checkpoint)


def sum_blocks(
    X: np.ndarray, layout: Layout, shift: np.ndarray, checkpoint: Checkpoint | None = None
) -> tuple[Sums, np.ndarray]:
    """Return the sums of the rows of X (n, dense), NaN where missing, to some 28 digits, and the numbers of those rows
    that need more. These are left out.
    """
    from . import _exact_blocks as blocks

    X = np.ascontiguousarray(X, dtype=np.float64)
    p, d, lanes, height = X.shape[1], layout.n_dense, blocks.LANES, blocks.BLOCK
    panels, given = -(-p // lanes), layout.dense_binaries
    width, of_given = panels * lanes, -(-len(given) // lanes)
    missing = bool(np.isnan(X.min(initial=0.0)))
    G = layout.n_groups if missing else 0
    padded_shift, limit = np.zeros(width), np.full(width, np.inf)
    padded_shift[:p], limit[:p] = shift, _usual(X, shift)
    left_out: list[np.ndarray] = []

    def part(start: int, stop: int) -> Sums:
        shape = (panels, height, lanes)
        U, B = np.zeros(shape), np.zeros((of_given, height, lanes))
        H, L = np.zeros((2, *shape)) if len(given) else np.zeros((2, 0, height, lanes))
        S, powers = np.zeros((PARTS, width, width)), np.zeros((PARTS, 3, width))
        V = np.zeros((PARTS, width, of_given * lanes))
        found, gaps = np.zeros((5, width)), np.zeros((panels, height), np.uint8)
        errors, V_errors, B_errors = np.zeros(width), np.zeros((width, len(given))), np.zeros(len(given))
        gap_T, gap_Q, gap_N = np.zeros((PARTS, G, width)), np.zeros((PARTS, G, width)), np.zeros((G, G))
        out = np.zeros(-(-(stop - start) // height), np.int64)
        n_out = blocks.add_blocks(
            X, start, stop, padded_shift, limit, layout.group, given, U, found, gaps, S, powers, V, H, L, B, errors,
            V_errors, B_errors, gap_T, gap_Q, gap_N, out,
        )  # fmt: skip
        rows = (out[:n_out, None] + np.arange(height)).reshape(-1)
        rows = rows[rows < stop]
        left_out.append(rows)
        sums = Sums.zeros(layout, shift, missing=False, joint=False)
        sums.S, sums.V = np.ascontiguousarray(S[:, :p, :p]), V[:, :p, : len(given)]
        sums.T, sums.M3, sums.M4 = (powers[:, k, :p].copy() for k in range(3))
        sums.low, sums.high = found[blocks.LOW, :p], found[blocks.HIGH, :p]
        gap_N = np.triu(gap_N) + np.triu(gap_N, 1).T
        _count_rows(sums, layout, stop - start - len(rows), gap_T[:, :, :p], gap_Q[:, :, :p], gap_N)
        error, of_one = blocks.PRODUCT_ERROR * errors[:p], blocks.TOTAL_ERROR * len(out)
        if sums.N is not None:
            error = 4 * error  # of two sums, one of which is taken from the other
            count = sums.N[0]
            share = np.where(count > 0, sums.weight / np.where(count > 0, count, 1.0), 0.0)
            sums.Q_error, sums.N_error = error[:, None] * share[layout.group[:d]], np.where(count > 0, of_one, 0.0)
        else:
            sums.Q_error, sums.N_error = error, np.array([of_one])
        sums.V_error, sums.B_error = blocks.PRODUCT_ERROR * V_errors[:p], blocks.PRODUCT_ERROR * B_errors
        sums.unit = blocks.TOTAL_ERROR
        return sums

    total = Sums.zeros(layout, shift, missing=missing, joint=False)
    total = _in_threads(part, total, layout, X, height, 1, checkpoint)
    return total, np.sort(np.concatenate(left_out))


def _usual(X: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Return for each column the largest magnitude that two levels are good for."""
    sample = X[:: max(1, len(X) // _SAMPLE)] - shift
    found = _usual_of(sample)
    for j in np.flatnonzero(np.count_nonzero(sample, axis=0) - np.isnan(sample).sum(axis=0) < _LEAST):
        column = X[:, j] - shift[j]
        found[j] = _usual_of(column[(column != 0) & ~np.isnan(column), None][:_SAMPLE])[0]
    return found


def _usual_of(sample: np.ndarray) -> np.ndarray:
    """Return `_USUAL` times the root mean square of each column, without zeros, gaps and two in a hundred values."""
    with np.errstate(over="ignore"):
        squares = np.sort(np.where((sample == 0) | np.isnan(sample), np.inf, sample * sample), axis=0)
    kept = np.isfinite(squares).sum(axis=0)
    kept -= kept // 50
    total = np.where(np.arange(len(squares))[:, None] < kept, squares, 0.0).sum(axis=0)
    return np.where(kept > 0, _USUAL * np.sqrt(total / np.maximum(kept, 1)), np.inf)


def _count_rows(sums: Sums, layout: Layout, n: int, gap_T: np.ndarray, gap_Q: np.ndarray, gap_N: np.ndarray) -> None:
    """Set the number of rows, and take the sums over rows where groups are missing from those over all rows."""
    sums.n_rows, sums.mass = n, (float(n), 0.0, 0.0)
    if not len(gap_N):
        return
    sums.allow_missing(layout)
    gap = gap_N.diagonal()
    N = sums.weight + gap_N - gap[:, None] - gap[None, :]
    sums.N, here = widened(N), N[layout.group] > 0
    for name, rest in (("T", gap_T), ("Q", gap_Q)):
        left = Parts.of(getattr(sums, name)) - Parts.of(rest).each(np.transpose)
        setattr(sums, name, np.where(here, left.stored(), 0.0))


def _in_threads(
    part: Callable[[int, int], Sums],
    total: Sums,
    layout: Layout,
    X: np.ndarray,
    height: int,
    slower: int,
    checkpoint: Checkpoint | None,
) -> Sums:
    """Return the sum of ``part(start, stop)`` over all rows, in threads; pieces end at calls of ``checkpoint``."""
    n, p = X.shape
    work = n * max(p, 8) ** 2 * slower
    most = int(min(_parallel.thread_count(), max(1, work // _WORK_PER_THREAD)))
    longest = max(height, int((_WORK_PER_CHECK if checkpoint is not None else 10 * _WORK_PER_CHECK) * n / work))
    for start in range(0, n, longest * most):
        stop = min(start + longest * most, n)
        pieces = _parallel.split(stop - start, most)
        parts = [partial(part, start + first, start + last) for first, last in pieces]
        for sums in _parallel.run_all(parts):
            if total.n_rows:
                total.add(sums, 1, layout)
            else:
                total = sums
        if checkpoint is not None:
            checkpoint(stop, n)
    return total
