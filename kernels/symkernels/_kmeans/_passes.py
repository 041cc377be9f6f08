"""What a pass over packed rows needs: tiles of centers, bounds of distances, and arrays of each thread."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _loops as loops
from ._simd import HEIGHTS, VECTORS

Group = tuple[Any, ...]  # of arguments: see `_loops`

_TOGETHER = 1024  # rows whose bounds are looked at together


class Tiles:
    """Centers (k, d) float64 as the loops want them: padded to whole tiles of the height that pads least."""

    def __init__(self, centers: np.ndarray, dtype: Any) -> None:
        k, d = centers.shape
        height = min(HEIGHTS, key=lambda h: (-(-k // h) * h, -h))
        self.k = -(-k // height) * height
        rounded = centers.astype(dtype)
        self.centers = rounded.astype(np.float64)
        squares = np.einsum("ij,ij->i", self.centers, self.centers)
        padded = np.zeros((self.k, d), dtype=dtype)
        padded[:k] = rounded
        bias = np.full(self.k, -np.inf, dtype=dtype)
        bias[:k] = -0.5 * squares
        tiles = np.ascontiguousarray(padded.reshape(-1, height, d).transpose(0, 2, 1))
        self.packed = (tiles, bias, float(squares.max()))

    def gaps(self) -> np.ndarray:
        """At most half the distance of each center to the nearest other one, (k,)."""
        k, d = self.centers.shape
        tiles = self.packed[0]
        dtype, lanes = tiles.dtype, loops.lanes_of(tiles)
        panels = np.zeros((-(-k // (VECTORS * lanes)) * VECTORS, lanes, d), dtype=dtype)
        panels.reshape(-1, d)[:k] = self.centers
        gaps = np.empty(k)
        best, second = np.empty((2, VECTORS * lanes), dtype)
        fresh = np.empty(VECTORS * lanes, np.int32)
        panels = np.ascontiguousarray(panels.transpose(0, 2, 1))
        loops.gaps(panels, *self.packed, float(np.finfo(dtype).eps), best, second, fresh, gaps)
        return gaps


class RowBounds:
    """Bounds of each row's distance to its own center and to any other one, and where the centers were."""

    def __init__(self, norms: np.ndarray, n: int, dtype: Any, tiles: Tiles) -> None:
        eps = float(np.finfo(dtype).eps)
        self.packed = (norms, eps, np.empty(n, dtype), np.empty(n, dtype))
        self._centers = tiles.centers

    def moves(self, tiles: Tiles, n: int) -> Group:
        """How the centers have moved since the last pass. Gaps are 0 where they would cost as much as the rows."""
        moved = np.sqrt(((tiles.centers - self._centers) ** 2).sum(axis=1)) * (1.0 + 1e-12)
        self._centers = tiles.centers
        most = int(moved.argmax())
        rest = np.delete(moved, most)
        gap = tiles.gaps() if 20 * len(moved) <= n else np.zeros(len(moved))
        return (moved, most, float(rest.max()), gap)


class Worker:
    """One thread's arrays for a pass, the sums that it leaves, and how many rows changed."""

    def __init__(self, k: int, d: int, lanes: int, dtype: Any) -> None:
        best, second = np.empty((2, VECTORS * lanes), dtype)
        fresh, news = np.empty((2, VECTORS * lanes), np.int32)
        held, unsure = np.empty(VECTORS * lanes, np.int64), np.empty(_TOGETHER, np.bool_)
        self._scratch = (best, second, fresh, news, held, np.zeros((VECTORS, d, lanes), dtype), unsure)
        self.totals = (np.zeros((k, d)), np.zeros(k))
        self.changed = 0

    def plain(self, rows: Group, start: int, stop: int, tiles: Tiles, add_all: bool) -> None:
        self.changed += loops.assign(rows, start, stop, tiles.packed, add_all, self._scratch, self.totals)

    def bounded(self, rows: Group, start: int, stop: int, tiles: Tiles, bounds: RowBounds) -> None:
        self.changed += loops.assign_with_bounds(
            rows, start, stop, tiles.packed, self._scratch, self.totals, bounds.packed
        )

    def unsure(self, rows: Group, start: int, stop: int, tiles: Tiles, bounds: RowBounds, moves: Group) -> None:
        self.changed += loops.assign_unsure(
            rows, start, stop, tiles.packed, self._scratch, self.totals, bounds.packed, moves
        )
