"""The rolling window: the last N rows, kept in encoded form so that the oldest can be forgotten."""

from __future__ import annotations

from collections import deque

import numpy as np

from symjobs._state._rows import Rows, concatenate

_CHUNK_ROWS = 4096


class Window:
    """A queue of rows, oldest first. Copies share their chunks, which are never written to."""

    def __init__(self, size: int, chunks: deque[Rows] | None = None) -> None:
        self.size = size
        self.chunks: deque[Rows] = deque() if chunks is None else chunks
        self.n = sum(chunk.n for chunk in self.chunks)
        self.rows_until_rebuild = 0  # rows until the next rebuild is worth its cost

    def copy(self) -> Window:
        new = Window(self.size, deque(self.chunks))
        new.rows_until_rebuild = self.rows_until_rebuild
        return new

    def push(self, rows: Rows, p: int, groups: np.ndarray) -> None:
        """Append rows. Small chunks side by side are joined, so that each row is copied O(log n) times."""
        self.chunks.append(rows.owned())
        self.n += rows.n
        while len(self.chunks) > 1 and self.chunks[-2].n <= self.chunks[-1].n <= _CHUNK_ROWS // 2:
            last, before = self.chunks.pop(), self.chunks.pop()
            self.chunks.append(concatenate([before.padded(p, groups), last.padded(p, groups)]))

    def pop(self, n: int) -> list[Rows]:
        """Remove and return the n oldest rows."""
        parts = []
        self.n -= n
        while n:
            chunk = self.chunks.popleft()
            if chunk.n > n:
                self.chunks.appendleft(chunk.part(n, chunk.n))
                chunk = chunk.part(0, n)
            parts.append(chunk)
            n -= chunk.n
        return parts

    def rows(self, p: int, groups: np.ndarray) -> Rows | None:
        """Return all rows as one, or None if there are none."""
        return concatenate([chunk.padded(p, groups) for chunk in self.chunks]) if self.chunks else None

    def values(self, position: int) -> np.ndarray:
        """Return the values of the dense column at ``position``; quantiles of them are exact."""
        parts = [chunk.dense[:, position] for chunk in self.chunks if position < chunk.dense.shape[1]]
        values = np.concatenate(parts) if parts else np.empty(0)
        return values[~np.isnan(values)]
