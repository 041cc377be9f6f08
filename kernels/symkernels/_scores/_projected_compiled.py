"""NumPy's fast path of projected rows: rows split over threads, register-blocked loops in each."""

from __future__ import annotations

from functools import partial

import numpy as np

from .. import _parallel
from . import _projected_loops as loops
from ._projected_simd import HEIGHTS, LANES, VECTORS

_WORK_PER_THREAD = 2e6  # multiplications that are worth waking a thread for


def projected_squares(X: np.ndarray, shift: np.ndarray, W: np.ndarray, split: int) -> tuple[np.ndarray, np.ndarray]:
    """What the public function returns, for checked arrays; X may have any memory order."""
    n, d = X.shape
    first, second = np.empty((2, n))
    if n == 0:
        return first, second
    tiles = [_tiles(W[:, :split]), _tiles(W[:, split:])]
    shift = np.ascontiguousarray(shift)

    def task(start: int, stop: int) -> None:
        U, sums = np.zeros((VECTORS, d, LANES)), np.empty((2, loops.ROWS))
        loops.projected_squares(X, start, stop, shift, *tiles, U, sums, first, second)

    threads = _parallel.thread_count() if n * d * W.shape[1] > 2 * _WORK_PER_THREAD else 1
    _parallel.run_all([partial(task, *part) for part in _parallel.split(n, threads)])
    return first, second


def _tiles(W: np.ndarray) -> np.ndarray:
    """Columns (d, q) as (tiles, d, height), padded with zeros to whole tiles of the height that pads least."""
    d, q = W.shape
    height = min(HEIGHTS, key=lambda h: (-(-q // h) * h, -h))
    padded = np.zeros((d, -(-q // height) * height))
    padded[:, :q] = W
    return np.ascontiguousarray(padded.reshape(d, -1, height).transpose(1, 0, 2))
