"""NumPy's fast path of projected rows: rows are split over threads, with register-blocked loops in each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from .. import _parallel
from . import _projected_loops as loops
from ._projected_simd import HEIGHTS, LANES, VECTORS

# Work is counted in multiplications.
_WORK_PER_THREAD = 2e6  # at least, for another thread to save time
_WORK_PER_CHECK = 2e8  # of a thread between two calls of `checkpoint`: about 10 ms


def projected_squares(
    X: np.ndarray,
    shift: np.ndarray,
    W: np.ndarray,
    split: int,
    checkpoint: Callable[[int, int], object] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return what the public function returns, for checked arrays. X may have any memory order."""
    n, d = X.shape
    first, second = np.empty((2, n))
    if n == 0:
        return first, second
    tiles = [_tiles(W[:, :split]), _tiles(W[:, split:])]
    shift = np.ascontiguousarray(shift)

    def task(start: int, stop: int) -> None:
        U, sums = np.zeros((VECTORS, d, LANES)), np.empty((2, loops.ROWS))
        loops.projected_squares(X, start, stop, shift, *tiles, U, sums, first, second)

    work = max(1, d * W.shape[1])  # multiplications a row
    threads = _parallel.thread_count() if n * work > 2 * _WORK_PER_THREAD else 1
    step = n if checkpoint is None else max(loops.ROWS, int(_WORK_PER_CHECK / work)) * threads
    for start in range(0, n, step):
        stop = min(start + step, n)
        parts = _parallel.split(stop - start, threads)
        _parallel.run_all([partial(task, start + a, start + b) for a, b in parts])
        if checkpoint is not None:
            checkpoint(stop, n)
    return first, second


def _tiles(W: np.ndarray) -> np.ndarray:
    """Return columns (d, q) as (tiles, d, height), padded with zeros; the height is the one that pads least."""
    d, q = W.shape
    height = min(HEIGHTS, key=lambda h: (-(-q // h) * h, -h))
    padded = np.zeros((d, -(-q // height) * height))
    padded[:, :q] = W
    return np.ascontiguousarray(padded.reshape(d, -1, height).transpose(1, 0, 2))
