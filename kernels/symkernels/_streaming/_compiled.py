"""Blocks for NumPy: compiled loops, split over threads."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from .. import _parallel
from . import _loops
from ._block import CANDIDATES, Block
from ._features import Frame

# Rows times centers times columns from which on a further thread saves time.
_WORK_PER_THREAD = 1e6
_CANDIDATE_TILES = -(-CANDIDATES // _loops.HEIGHT)


class CompiledBlock(Block):
    """A block of C-ordered NumPy rows."""

    def __init__(self, X: np.ndarray, weight: np.ndarray | None, frame: Frame) -> None:
        self.n, self._d = X.shape
        self._X, self._frame = X, frame
        self.weight = np.ones(self.n) if weight is None else weight
        groups = -(-self.n // _loops.ROWS)
        self._U = np.empty((groups, _loops.VECTORS, self._d, _loops.LANES))
        self._labels = np.empty(groups * _loops.ROWS, np.int64)
        self._distance = np.empty(groups * _loops.ROWS)
        self._tried = np.empty((_CANDIDATE_TILES * _loops.HEIGHT, groups * _loops.ROWS))
        self.distance = self._distance[: self.n]
        self._packed = False

    def _parts(self, work: float) -> list[tuple[int, int]]:
        """Groups of rows for each thread, given the work for one row."""
        threads = min(_parallel.thread_count(), max(1, int(self.n * work / _WORK_PER_THREAD)))
        return _parallel.split(len(self._U), threads)

    def assign(self, centers: np.ndarray) -> None:
        tiles = _tiled(centers)

        def task(first: int, last: int) -> None:
            if not self._packed:
                _loops.pack(self._X, first, last, self._frame.shift, self._frame.factor, self._U)
            _loops.assign(self._U, first, last, tiles, self._distance, self._labels)

        _run(task, self._parts(centers.size))
        self._packed = True

    def counts(self, count: int) -> np.ndarray:
        return np.bincount(self._labels[: self.n], self.weight, count)

    def rows(self, indices: np.ndarray) -> np.ndarray:
        return (self._X[indices] - self._frame.shift) * self._frame.factor

    def saved(self, candidates: np.ndarray) -> np.ndarray:
        tiles, height = _tiled(candidates), _loops.HEIGHT
        parts = self._parts(candidates.size)
        gains = np.zeros((len(parts), len(tiles) * height))

        def task(first: int, last: int) -> None:
            mine = gains[[part[0] for part in parts].index(first)]
            for t, tile in enumerate(tiles):
                here = slice(t * height, (t + 1) * height)
                _loops.saved(
                    self._U, first, last, tile, self._distance, self.weight, self._tried[here], mine[here]
                )  # fmt: skip

        _run(task, parts)
        return gains.sum(axis=0)[: len(candidates)]

    def take(self, candidate: int, label: int) -> None:
        tried = self._tried[candidate, : self.n]
        nearer = tried < self.distance
        self._labels[: self.n][nearer] = label
        self.distance[nearer] = tried[nearer]

    def sums(self, centers: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rows = _loops.ROWS
        parts = self._parts(8 * self._d)
        counts = np.zeros((len(parts), len(centers)))
        sums, squares = np.zeros((2, len(parts), *centers.shape))

        def task(first: int, last: int) -> None:
            mine = [part[0] for part in parts].index(first)
            _loops.add_up(
                self._X, first * rows, min(last * rows, self.n), self._frame.shift, self._frame.factor, self.weight,
                self._labels, centers, counts[mine], sums[mine], squares[mine],
            )  # fmt: skip

        _run(task, parts)
        return counts.sum(axis=0), sums.sum(axis=0), squares.sum(axis=0)


def _run(task: Callable[[int, int], object], parts: list[tuple[int, int]]) -> None:
    _parallel.run_all([partial(task, *part) for part in parts])


def _tiled(centers: np.ndarray) -> np.ndarray:
    """(tiles, d, HEIGHT): the columns of some centers side by side, infinity as padding of the last tile."""
    count, d = centers.shape
    tiles = -(-count // _loops.HEIGHT)
    padded = np.full((tiles * _loops.HEIGHT, d), np.inf)
    padded[:count] = centers
    return np.ascontiguousarray(padded.reshape(tiles, _loops.HEIGHT, d).transpose(0, 2, 1))
