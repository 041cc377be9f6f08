"""k-means on CuPy arrays: CUDA kernels of this package for all that reads every row.

The rows are not copied: there is no shifted copy, and no array of n by k. Only labels, and in seeding one distance a
row, are kept. Every launch is bounded to a few tens of milliseconds, so that `poll` can stop a run; only
k times d above 1e7 takes longer ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import cuda
from .._arrays import Array, to_numpy
from .._rows import Poll, Rows
from ._generic import GenericPoints
from ._points import Assigned

_PIECE = 1024  # rows that one block of segment_sums.cu sums up
_TILE = 1024  # rows that one block of row_distances.cu owns
_LARGEST_WORK = 2e11  # multiply-adds of one launch: about 10 ms on an H200 in float32, twice that in float64
_FEWEST_ROWS = 2**15  # of one launch: 128 rows for each of the two blocks that an SM holds
_MOST_ROWS = 2**24  # sorted at once: their order takes 8 bytes a row
_SEED_COUNTS = (2, 4, 8, 12)  # candidates that a kernel is compiled for
_NULL = np.uint64(0)  # CuPy has no other spelling of a null pointer

Launch = tuple[tuple[int, int], tuple[int, int]]


def row_parts(n: int, work: float) -> Iterator[tuple[int, int]]:
    """Parts of n rows for one launch each, of ``work`` multiply-adds a row. They start at multiples of a tile."""
    rows = min(max(_FEWEST_ROWS, int(_LARGEST_WORK / work) // _TILE * _TILE), _MOST_ROWS)
    for start in range(0, n, rows):
        yield start, min(start + rows, n)


def assign_launch(n: int, k: int, d: int, itemsize: int, *, aligned: bool) -> tuple[str, str, Launch]:
    """Source, kernel, grid and block of the assignment. See the sources for what each tile is good for."""
    real = f"f{8 * itemsize}"
    if d <= 32:
        depth = next(depth for depth in (4, 8, 16, 24, 32) if d <= depth)
        per_thread = {4: 4, 8: 4, 16: 4 if itemsize == 4 else 2}.get(depth, 2 if itemsize == 4 else 1)
        return (
            "kmeans_assign_small",
            f"kmeans_assign_small_{real}_{depth}",
            ((-(-n // (128 * per_thread)), 1), (128, 1)),
        )
    wide = k > 64
    rows = 256 if not wide and itemsize == 4 else 128
    function = f"kmeans_assign_{real}_{'wide' if wide else 'narrow'}{'_aligned' if aligned else ''}"
    return "kmeans_assign", function, ((-(-n // rows), 1), (256, 1))


def lanes_of(d: int) -> int:
    """Neighbouring threads that share a row: a power of two, a warp at most."""
    return min(32, 1 << (d - 1).bit_length())


def columns_launch(blocks: int, d: int) -> Launch:
    """Grid and block of the kernels in segment_sums.cu: ``blocks`` pieces or clusters of d columns."""
    lanes = lanes_of(d)
    return (blocks, -(-d // lanes)), (lanes, 256 // lanes)


def _address(x: Array) -> int:
    return int(x.data.ptr)


def _synchronize() -> None:
    import cupy

    cupy.cuda.get_current_stream().synchronize()


class CudaPoints(GenericPoints):
    """Scores in the dtype of the rows; sums, costs and the distances of seeding in float64."""

    def __init__(self, rows: Rows, poll: Poll) -> None:
        super().__init__(rows, poll)
        xp = self.xp
        self._X = xp.asarray(self._X, order="C")  # kernels get bare pointers
        self._itemsize = int(self._X.dtype.itemsize)
        self._real = f"f{8 * self._itemsize}"
        self._weight: Any = _NULL if self.weight is None else xp.asarray(xp.astype(self.weight, xp.float64), order="C")
        # Scores use a shift that the dtype of the rows holds exactly; the centers are moved by the rest.
        self._rounded_shift = xp.astype(self.shift, self._X.dtype)
        self._rest = self.shift - xp.astype(self._rounded_shift, xp.float64)

    # -- assignment and update -----------------------------------------------------------------------------------------

    def assign(self, centers: Array, poll: Poll) -> Assigned:
        xp = self.xp
        k = int(centers.shape[0])
        C = xp.asarray(xp.astype(centers + self._rest, self._X.dtype), order="C")
        exact = xp.astype(C, xp.float64)
        half_norms = xp.astype(xp.sum(exact * exact, axis=1) / 2, C.dtype)
        changed = xp.zeros((1,), dtype=xp.uint64, device=self.device)
        aligned = all(_address(x) % 16 == 0 for x in (self._X, C)) and self.d * self._itemsize % 16 == 0
        for start, stop in row_parts(self.n, float(k) * self.d):
            file, function, (grid, block) = assign_launch(stop - start, k, self.d, self._itemsize, aligned=aligned)
            sizes = (np.int64(stop - start), np.int64(k), np.int64(self.d))
            labels = self.labels[start:stop]
            arguments = (self._X[start:stop, :], self._rounded_shift, C, half_norms, labels, changed, *sizes)
            cuda.kernel(file, function)(grid, block, arguments)
            self._finished(poll)
        sums = xp.zeros((k, self.d), dtype=xp.float64, device=self.device)
        counts = xp.zeros((k, 1), dtype=xp.float64, device=self.device)
        for start in range(0, self.n, _MOST_ROWS):
            part = slice(start, min(start + _MOST_ROWS, self.n))
            segments = _Segments(self.labels[part], k, xp)
            segments.add(sums, self._X[part, :], self.shift, self._part_of_weight(part))
            if self.weight is None:
                counts += xp.astype(segments.counts, xp.float64)[:, None]
            else:
                segments.add(counts, self._weight[part][:, None], _NULL, _NULL)
            self._finished(poll)
        return Assigned(sums, counts[:, 0], int(changed[0]))

    def cost(self, centers: Array, poll: Poll) -> Array:
        xp = self.xp
        distances = self._own_distances(centers, poll)
        total = xp.zeros((int(centers.shape[0]), 1), dtype=xp.float64, device=self.device)
        for start in range(0, self.n, _MOST_ROWS):
            part = slice(start, min(start + _MOST_ROWS, self.n))
            segments = _Segments(self.labels[part], int(centers.shape[0]), xp)
            segments.add(total, distances[part][:, None], _NULL, self._part_of_weight(part))
            self._finished(poll)
        return total[:, 0]

    def farthest(self, centers: Array, count: int, poll: Poll) -> np.ndarray:
        xp = self.xp
        distances = self._own_distances(centers, poll)
        if self.weight is not None:
            distances = xp.where(self.weight > 0, distances, -xp.ones_like(distances))
        order = xp.argsort(-distances, stable=True)
        able = self.n if self.weight is None else int(xp.count_nonzero(self.weight > 0))
        first = min(able, 4 * count + 1024)  # enough unless many rows are equal
        found = self.different(to_numpy(order[:first]), count)
        if len(found) < count and first < able:
            found = self.different(to_numpy(order[:able]), count)
        return found

    def _own_distances(self, centers: Array, poll: Poll) -> Array:
        """(n,) float64 squared distances to the center of each row's label."""
        centers = self.xp.asarray(centers, dtype=self.xp.float64, order="C")
        out = self.xp.empty((self.n,), dtype=self.xp.float64, device=self.device)
        lanes = lanes_of(self.d)
        run = cuda.kernel("row_distances", f"own_distances_{self._real}")
        for start, stop in row_parts(self.n, 2.0 * self.d):
            n = stop - start
            part = (self._X[start:stop, :], self.shift, centers, self.labels[start:stop], out[start:stop])
            run((-(-n * lanes // 256),), (256,), (*part, np.int64(n), np.int64(self.d), np.int32(lanes)))
            self._finished(poll)
        return out

    # -- seeding -------------------------------------------------------------------------------------------------------

    def seed_begin(self, first: int, poll: Poll) -> float:
        self._nearest = self.xp.full((self.n,), float("inf"), dtype=self.xp.float64, device=self.device)
        return self.seed_take(first, poll)

    def seed_from(self, centers: Array, poll: Poll) -> float:
        xp = self.xp
        self._nearest = self._own_distances(centers, poll)
        shares = self._nearest if self.weight is None else self._nearest * self._weight
        padding = xp.zeros((-self.n % _TILE,), dtype=xp.float64, device=self.device)
        tiles = xp.sum(xp.reshape(xp.concat([shares, padding]), (-1, _TILE)), axis=1)
        self._running = np.cumsum(to_numpy(tiles))
        return float(self._running[-1])

    def seed_take(self, candidate: int, poll: Poll) -> float:
        sums = self._seed(f"seed_take_{self._real}", self.rows(np.array([candidate])), poll)
        # Sums of tiles on the host, in order: a device-wide running sum need not have the same bits every time.
        self._running = np.cumsum(to_numpy(sums)[:, 0])
        return float(self._running[-1])

    def seed_try(self, candidates: np.ndarray, poll: Poll) -> np.ndarray:
        found: list[np.ndarray] = []
        for start in range(0, len(candidates), _SEED_COUNTS[-1]):
            part = candidates[start : start + _SEED_COUNTS[-1]]
            count = next(count for count in _SEED_COUNTS if len(part) <= count)
            padded = self.rows(np.resize(part, count))
            sums = self._seed(f"seed_try_{self._real}_{count}", padded, poll)
            found.append(to_numpy(self.xp.sum(sums, axis=0))[: len(part)])
        return np.concatenate(found)

    def seed_sample(self, u: np.ndarray) -> np.ndarray:
        xp = self.xp
        potential = self._running[-1]
        drawn = np.minimum(u * potential, np.nextafter(potential, 0.0))
        tiles = np.searchsorted(self._running, drawn, side="right")
        indices = tiles[:, None] * _TILE + np.arange(_TILE)
        inside = xp.asarray(np.minimum(indices, self.n - 1), device=self.device)
        shares = self._nearest[inside] if self.weight is None else self._nearest[inside] * self._weight[inside]
        shares = np.where(indices < self.n, to_numpy(shares), 0.0)
        before = np.concatenate([[0.0], self._running])[tiles]
        result = np.empty(len(u), dtype=np.int64)
        for i, share in enumerate(shares):
            # The tile's sum was rounded in another order: take the last row with a share at most.
            place = int(np.searchsorted(before[i] + np.cumsum(share), drawn[i], side="right"))
            able = np.flatnonzero(share > 0)
            result[i] = indices[i, able[min(int(np.searchsorted(able, place)), len(able) - 1)]]
        return result

    def _seed(self, function: str, candidates: Array, poll: Poll) -> Array:
        """(tiles, count) float64 sums that a kernel of row_distances.cu leaves."""
        count = int(candidates.shape[0])
        candidates = self.xp.asarray(candidates, order="C")
        sums = self.xp.empty((-(-self.n // _TILE), count), dtype=self.xp.float64, device=self.device)
        run = cuda.kernel("row_distances", function)
        for start, stop in row_parts(self.n, 2.0 * self.d * count):
            first, last = start // _TILE, -(-stop // _TILE)
            weight = self._part_of_weight(slice(start, stop))
            part = (
                self._X[start:stop, :],
                self.shift,
                candidates,
                weight,
                self._nearest[start:stop],
                sums[first:last, :],
            )
            run((last - first,), (256,), (*part, np.int64(stop - start), np.int64(self.d)))
            self._finished(poll)
        return sums

    # -- shared --------------------------------------------------------------------------------------------------------

    def _part_of_weight(self, part: slice) -> Any:
        return _NULL if self.weight is None else self._weight[part]

    @staticmethod
    def _finished(poll: Poll) -> None:
        """Wait for the device, then poll: a stop takes effect before further launches are queued."""
        _synchronize()
        poll()


class _Segments:
    """Rows sorted by label, and the pieces that each label's segment is cut into."""

    def __init__(self, labels: Array, k: int, xp: Any) -> None:
        self._xp = xp
        self._order = xp.astype(xp.argsort(labels, stable=True), xp.int64)
        names = xp.arange(k + 1, dtype=labels.dtype)
        self._offsets = xp.astype(xp.searchsorted(labels[self._order], names), xp.int64)
        self.counts = self._offsets[1:] - self._offsets[:-1]
        self._pieces = xp.zeros((k + 1,), dtype=xp.int64)
        self._pieces[1:] = xp.cumulative_sum((self.counts + (_PIECE - 1)) // _PIECE)
        self._most = int(labels.shape[0]) // _PIECE + k  # pieces, without asking the device

    def add(self, sums: Array, X: Array, shift: Any, weight: Any) -> None:
        """Add to ``sums`` (k, d) float64 the sums of weight times (X - shift) of each segment; _NULL for neither."""
        k, d = (int(size) for size in sums.shape)
        partial = self._xp.empty((self._most, d), dtype=self._xp.float64)
        real = f"f{8 * int(X.dtype.itemsize)}"
        rows = (X, shift, weight, self._order, self._offsets, self._pieces, partial, np.int64(k), np.int64(d))
        cuda.kernel("segment_sums", f"piece_sums_{real}")(*columns_launch(self._most, d), rows)
        pieces = (partial, self._pieces, sums, np.int64(d))
        cuda.kernel("segment_sums", "segment_sums")(*columns_launch(k, d), pieces)
