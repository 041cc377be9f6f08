"""k-means in the array API standard, in tiles: it runs everywhere, and the fast paths are tested against it."""

from __future__ import annotations

import array_api_compat as compat
import numpy as np

from .._arrays import Array, is_numpy, namespace, to_numpy
from .._rows import Poll, Rows, blocks
from ._points import Assigned, Points

_TILE_BYTES = 2**22  # per temporary on a CPU: stays in the cache
_GPU_TILE_BYTES = 2**28  # a GPU wants large tiles; this bounds what they take of its memory


def tile_rows(X: Array, width: int) -> int:
    """Rows of a tile that has ``width`` float64 a row."""
    on_cpu = is_numpy(X) or str(compat.device(X)).startswith(("cpu", "CPU", "array_api_strict"))
    return max(16, (_TILE_BYTES if on_cpu else _GPU_TILE_BYTES) // (8 * width))


def variance_about(rows: Rows, shift: Array, poll: Poll) -> float:
    """The mean of the columns' weighted population variances; ``shift`` (d,) float64 lies among the rows."""
    X, weight, xp = rows.X, rows.weight, namespace(rows.X)
    n, d = X.shape
    total = float(n) if weight is None else float(xp.sum(weight))
    sums, squares = xp.zeros_like(shift), xp.zeros_like(shift)
    for part in blocks(n, tile_rows(X, d)):
        Z = xp.astype(X[part, :], xp.float64) - shift
        Zw = Z if weight is None else Z * weight[part, None]
        sums = sums + xp.sum(Zw, axis=0)
        squares = squares + xp.sum(Z * Zw, axis=0)
        poll()
    mean = sums / total
    return max(0.0, float(xp.mean(squares / total - mean * mean)))


def squared_distances(X: Array, shift: Array, centers: Array, labels: Array, poll: Poll) -> Array:
    """(n,) float64 squared distances of rows to the shifted center of their label, by differences."""
    xp = namespace(X)
    n, d = X.shape
    step = tile_rows(X, d)
    parts = []
    for part in blocks(n, step):
        Z = xp.astype(X[part, :], xp.float64) - shift
        Z = Z - xp.take(centers, xp.astype(labels[part], xp.int64), axis=0)
        parts.append(xp.sum(Z * Z, axis=1))
        poll()
    return xp.concat(parts) if parts else xp.empty((0,), dtype=xp.float64, device=compat.device(X))


class GenericPoints(Points):
    """All arithmetic is in float64, also for float32 rows."""

    def __init__(self, rows: Rows, poll: Poll) -> None:
        super().__init__(rows)
        self.variance = variance_about(rows, self.shift, poll)
        self._X = rows.X
        self._potential = 0.0
        self.begin()

    def begin(self) -> None:
        self.labels = self.xp.full((self.n,), -1, dtype=self.xp.int32, device=self.device)

    def assign(self, centers: Array, poll: Poll) -> Assigned:
        xp = self.xp
        k = centers.shape[0]
        sums = xp.zeros((k, self.d), dtype=xp.float64, device=self.device)
        counts = xp.zeros((k,), dtype=xp.float64, device=self.device)
        half = xp.sum(centers * centers, axis=1) / 2
        names = xp.arange(k, dtype=xp.int32, device=self.device)
        parts, changed = [], 0
        step = tile_rows(self._X, max(k, self.d))
        for part in blocks(self.n, step):
            Z = self._tile(part)
            # Half the squared distance, but for half the square of the row, which is the same for all centers.
            nearest = xp.astype(xp.argmin(half - Z @ xp.matrix_transpose(centers), axis=1), xp.int32)
            members = xp.astype(nearest[:, None] == names, xp.float64)
            if self.weight is not None:
                members = members * self.weight[part, None]
            sums = sums + xp.matrix_transpose(members) @ Z
            counts = counts + xp.sum(members, axis=0)
            changed += int(xp.count_nonzero(nearest != self.labels[part]))
            parts.append(nearest)
            poll()
        self.labels = xp.concat(parts)
        return Assigned(sums, counts, changed)

    def cost(self, centers: Array, poll: Poll) -> Array:
        xp = self.xp
        k = centers.shape[0]
        distances = self._weighted(squared_distances(self._X, self.shift, centers, self.labels, poll))
        names = xp.arange(k, dtype=xp.int32, device=self.device)
        total = xp.zeros((k,), dtype=xp.float64, device=self.device)
        step = tile_rows(self._X, k)
        for part in blocks(self.n, step):
            members = xp.astype(self.labels[part, None] == names, xp.float64)
            total = total + distances[part] @ members
            poll()
        return total

    def farthest(self, centers: Array, count: int, poll: Poll) -> np.ndarray:
        distances = to_numpy(squared_distances(self._X, self.shift, centers, self.labels, poll))
        order = np.argsort(-distances, kind="stable")
        if self.weight is not None:
            order = order[to_numpy(self.weight)[order] > 0]
        return self.different(order, count)

    def rows(self, indices: np.ndarray) -> Array:
        xp = self.xp
        taken = xp.take(self._X, xp.asarray(indices, dtype=xp.int64, device=self.device), axis=0)
        return xp.astype(taken, xp.float64) - self.shift

    def seed_begin(self, first: int, poll: Poll) -> float:
        self._nearest = self._distances_to(first, poll)
        return self._settle()

    def seed_from(self, centers: Array, poll: Poll) -> float:
        self._nearest = squared_distances(self._X, self.shift, centers, self.labels, poll)
        return self._settle()

    def seed_sample(self, u: np.ndarray) -> np.ndarray:
        xp = self.xp
        # Rounding must not reach the total: the running sum has to exceed what is drawn.
        drawn = np.minimum(u * self._potential, np.nextafter(self._potential, 0.0))
        found = xp.searchsorted(self._running, xp.asarray(drawn, device=self.device), side="right")
        return to_numpy(found).astype(np.int64)

    def seed_try(self, candidates: np.ndarray, poll: Poll) -> np.ndarray:
        xp = self.xp
        tried = [xp.minimum(self._nearest, self._distances_to(int(c), poll)) for c in candidates]
        return np.array([float(xp.sum(self._weighted(t))) for t in tried])

    def seed_take(self, candidate: int, poll: Poll) -> float:
        self._nearest = self.xp.minimum(self._nearest, self._distances_to(candidate, poll))
        return self._settle()

    def _tile(self, part: slice) -> Array:
        """Shifted rows in float64."""
        return self.xp.astype(self._X[part, :], self.xp.float64) - self.shift

    def _weighted(self, values: Array) -> Array:
        return values if self.weight is None else values * self.weight

    def _distances_to(self, row: int, poll: Poll) -> Array:
        """(n,) squared distances to one of the rows."""
        one = self.rows(np.array([row]))
        zeros = self.xp.zeros((self.n,), dtype=self.xp.int32, device=self.device)
        return squared_distances(self._X, self.shift, one, zeros, poll)

    def _settle(self) -> float:
        """Sum up the potential after a choice; `seed_sample` draws from its running sums."""
        self._running = self.xp.cumulative_sum(self._weighted(self._nearest))
        self._potential = float(self._running[-1])
        return self._potential
