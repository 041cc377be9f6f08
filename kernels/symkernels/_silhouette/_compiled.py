"""NumPy's fast path: sorted rows, distances of tiles in registers, tiles split over threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from time import perf_counter

import numpy as np

from .. import _parallel
from .._rows import blocks
from ._labels import Labeling
from ._scores import Progress, least_squares, middle_of, scale_of

_ROUND = 0.015  # seconds that the threads work between two calls of `progress`
_STEP = 2e7  # multiplications between two readings of the clock: 1 or 2 ms
_WORK_PER_THREAD = 4e6  # multiplications that are worth waking a thread for
_TILES = 8  # that share rows in cache
_CACHED = 2**17  # bytes of rows, which stay in the second cache for all tiles of a group
_SUMS_CACHED = 2**18  # bytes of a group's sums, likewise
_BOTH_WAYS = 2**25  # bytes that the sums of all rows may take, over all threads
_PART = 2**18  # rows that are sorted between two polls
_BLOCK = 2**17  # numbers of a block of rows that is copied: it stays in cache


class _Problem:
    """Arrays that all threads read."""

    def __init__(
        self, labelings: Sequence[Labeling], weight: np.ndarray | None, rows: np.ndarray | None = None
    ) -> None:
        self.labels = np.stack([np.asarray(each.labels, dtype=np.int32) for each in labelings])
        self.counts = np.concatenate([each.counts for each in labelings])
        self.offsets = np.concatenate([[0], np.cumsum([each.k for each in labelings])]).astype(np.int64)
        self.weight = np.empty(0) if weight is None else np.ascontiguousarray(weight, dtype=np.float64)
        self.asked = self.labels if rows is None else np.ascontiguousarray(self.labels[:, rows])  # of the rows to score
        self.found = np.empty(self.asked.shape)


class _Arrangement:
    """Rows in the order of their cells. A cell holds the rows that have equal labels in every labeling.

    Attributes
    ----------
    rows : (m,) int64
        Index of each in the input; -1 for padding, which fills each cell up to whole tiles if ``aligned``.
    cell_of : (m,) int64
        Number of its cell.
    starts, stops : (cells + 1,), (cells,) int64
        Rows of each cell, without padding.
    columns, until : (labelings, cells) int32, int64
        Its cluster in each labeling, counted through all labelings; the first cell behind it in another cluster.
    """

    def __init__(self, problem: _Problem, width: int, aligned: bool, poll: Callable[[], object]) -> None:
        from . import _loops

        labels, offsets = problem.labels, problem.offsets
        n = labels.shape[1]
        order, other = np.arange(n), np.empty(n, dtype=np.int64)
        for q in range(len(labels) - 1, -1, -1):
            sizes = np.zeros(offsets[q + 1] - offsets[q], dtype=np.int64)
            for part in blocks(n, _PART):
                sizes += np.bincount(labels[q, part], minlength=len(sizes))
                poll()
            places = np.cumsum(sizes) - sizes
            for part in blocks(n, _PART):
                _loops.sort_by_label(order, part.start, part.stop, labels[q], places, other)
                poll()
            order, other = other, order
        begins, cells = np.empty(n, dtype=np.bool_), 0
        for part in blocks(n, _PART):
            cells += _loops.mark_cells(order, part.start, part.stop, labels, begins)
            poll()
        step = width if aligned else 1
        room = n + cells * (step - 1)
        rows, cell_of = np.full(room, -1, dtype=np.int64), np.full(room, cells - 1, dtype=np.int64)
        self.starts, self.stops = np.empty(cells + 1, dtype=np.int64), np.empty(cells, dtype=np.int64)
        place, cell = 0, -1
        for part in blocks(n, _PART):
            place, cell = _loops.lay_out_rows(
                order, part.start, part.stop, begins, step, place, cell, rows, cell_of, self.starts, self.stops
            )
            poll()
        self.starts[cells] = end = -(-place // step) * step
        self.rows, self.cell_of = rows[:end], cell_of[:end]
        self.columns = np.empty((len(labels), cells), dtype=np.int32)
        self.until = np.empty(self.columns.shape, dtype=np.int64)
        for part in reversed(list(blocks(cells, max(1, _PART // len(labels))))):
            _loops.lay_out_cells(
                self.rows, self.starts, part.start, part.stop, labels, offsets, self.columns, self.until
            )
            poll()


def euclidean(
    X: np.ndarray,
    labelings: Sequence[Labeling],
    weight: np.ndarray | None,
    progress: Progress,
    rows: np.ndarray | None = None,
) -> np.ndarray:
    """(labelings, n) float64: silhouettes with Euclidean distances; of some ``rows`` alone if they are given."""
    from . import _loops, _simd

    problem = _Problem(labelings, weight, rows)
    n, d = X.shape
    clusters = len(problem.counts)
    width = _simd.WIDTH_32 if X.dtype == np.float32 else _simd.WIDTH_64
    threads = _threads(float(n) * problem.asked.shape[1] * d)
    # Take each pair once where the sums of all rows have room and padding is a small part. With weights, float32 sums
    # across a tile would lose too many digits.
    both_ways = (
        len(labelings) == 1
        and rows is None
        and (n + clusters * width) * clusters * 8 * threads <= _BOTH_WAYS
        and clusters * width * 8 <= n
        and (weight is None or X.dtype == np.float64)
    )
    arranged = _Arrangement(problem, width, both_ways, lambda: progress(0, 1))
    m = len(arranged.rows)
    scale = X.dtype.type(scale_of(X, progress))
    Y = np.empty((m, d), dtype=X.dtype)
    for part in blocks(m, max(1, _PART // d)):
        np.multiply(X[arranged.rows[part]], scale, out=Y[part])
        progress(0, 1)
    scored, places = Y, arranged.rows  # the rows in tiles, and where their scores go
    if rows is not None:
        scored, places = X[rows] * scale, np.arange(len(rows))
    sorted_weight = problem.weight[arranged.rows] if len(problem.weight) else problem.weight
    at_once = max(1, _CACHED // (d * X.itemsize) // _loops.CHUNK) * _loops.CHUNK
    step = max(1, int(_STEP / (d + 8) / width / at_once)) * at_once

    if both_ways:
        group, factors = _TILES, np.where(arranged.rows >= 0, 1.0, 0.0).astype(X.dtype)
        if len(sorted_weight):
            factors = np.where(arranged.rows >= 0, sorted_weight, 0.0)
        groups = _tiles_of_cells(arranged, width, group)
        tiles_in_all = m // width
    else:
        tiles_in_all = -(-len(scored) // width)
        group = max(1, min(_TILES, _SUMS_CACHED // (clusters * width * 8), tiles_in_all // (4 * threads)))
        groups = iter([(t, min(group, tiles_in_all - t)) for t in range(0, tiles_in_all, group)])
    all_sums: list[np.ndarray] = []

    def worker() -> Iterator[int]:
        tiles = np.empty((group, d, width), dtype=X.dtype)
        held = np.empty((_loops.CHUNK, width), dtype=X.dtype)
        runs = np.empty((_loops.CHUNK, width))
        across = np.empty((at_once, width // _simd.VECTORS), dtype=X.dtype)
        sums = np.zeros((tiles_in_all if both_ways else group, clusters, width))
        all_sums.append(sums)
        cells = (arranged.cell_of, arranged.starts, arranged.stops, arranged.columns, arranged.until)
        for first, count in groups:
            mine, row = tiles[:count], first * width
            _loops.fill_tiles(scored, row, mine)
            if both_ways:
                begin, own = row, int(arranged.columns[0, arranged.cell_of[row]])
            else:
                begin = 0
                sums[:] = 0.0
            ahead = max(1, step // count // at_once) * at_once
            for start in range(begin, m, ahead):
                stop = min(start + ahead, m)
                if both_ways:
                    _loops.add_rows_both_ways(
                        mine, first, own, factors[row:], Y, start, stop, at_once, cells, sorted_weight, held, runs,
                        across, sums,
                    )  # fmt: skip
                else:
                    _loops.add_rows(mine, Y, start, stop, at_once, cells, sorted_weight, held, runs, sums)
                yield (stop - start) * count * width
            if not both_ways:
                _loops.score_tiles(
                    sums, count, row, places, problem.asked, problem.counts, problem.offsets, problem.found
                )

    _share_out([worker() for _ in range(threads)], progress, m * m // 2 if both_ways else m * tiles_in_all * width)
    if both_ways:
        total = all_sums[0]
        for other in all_sums[1:]:
            total += other
        _loops.score_tiles(
            total, tiles_in_all, 0, arranged.rows, problem.labels, problem.counts, problem.offsets, problem.found
        )
    return problem.found


def _tiles_of_cells(arranged: _Arrangement, width: int, group: int) -> Iterator[tuple[int, int]]:
    """Groups of tiles, as (first, count), each within one cell."""
    found = []
    for start, stop in zip(arranged.starts[:-1] // width, arranged.starts[1:] // width, strict=True):
        found += [(int(t), int(min(group, stop - t))) for t in range(start, stop, group)]
    return iter(found)


def squared_euclidean(
    X: np.ndarray, labelings: Sequence[Labeling], weight: np.ndarray | None, progress: Progress
) -> np.ndarray:
    """(labelings, n) float64: silhouettes with squared Euclidean distances; see `_closed_form`."""
    from . import _loops, _simd

    problem = _Problem(labelings, weight)
    (n, d), clusters = X.shape, len(problem.counts)
    scale = scale_of(X, progress)
    shift = middle_of(X, scale)
    threads = _threads(float(n) * clusters * d)
    length = max(_simd.WIDTH_64, _BLOCK // (d + clusters))
    total, done = 3 * n, 0

    def run(work: Callable[[np.ndarray, int, int], None], workers: int) -> None:
        nonlocal done
        parts = iter(list(blocks(n, length)))  # threads can share the iterator of a list, but no generator

        def worker(number: int) -> Iterator[int]:
            for part in parts:
                work(np.ascontiguousarray(X[part], dtype=np.float64), part.start, number)
                yield part.stop - part.start

        _share_out([worker(i) for i in range(workers)], lambda now, _: progress(done + now, total), n)
        done += n

    # Each thread has its own sums; the larger they are, the fewer threads are used.
    summing = int(max(1, min(threads, 2**22 // (clusters * d))))
    sums = np.zeros((summing, clusters, d))
    run(
        lambda block, start, i: _loops.add_to_clusters(
            block, start, scale, shift, problem.labels, problem.offsets, problem.weight, sums[i]
        ),
        summing,
    )
    means = sums.sum(axis=0) / np.where(problem.counts > 0, problem.counts, 1.0)[:, None]
    tiles = np.empty((threads, 1, d, _simd.WIDTH_64))
    squares = np.empty((threads, clusters, _simd.WIDTH_64))
    scatter = np.zeros((threads, clusters))
    run(
        lambda block, start, i: _loops.add_scatter(
            block, start, scale, shift, means, problem.labels, problem.offsets, problem.weight, tiles[i], squares[i],
            scatter[i],
        ),
        threads,
    )  # fmt: skip
    inside, least = scatter.sum(axis=0), least_squares(means)
    run(
        lambda block, start, i: _loops.score_by_means(
            block, start, scale, shift, means, inside, least, problem.labels, problem.offsets, problem.counts,
            tiles[i], squares[i], problem.found,
        ),
        threads,
    )  # fmt: skip
    return problem.found


def _threads(work: float) -> int:
    return int(max(1, min(_parallel.thread_count(), work // _WORK_PER_THREAD)))


def _share_out(workers: list[Iterator[int]], progress: Progress, total: int) -> None:
    """Run the workers in threads to the end. All of them pause for each call of ``progress``."""
    done = 0

    def advance(worker: Iterator[int], until: float) -> tuple[int, bool]:
        units = 0
        for unit in worker:
            units += unit
            if perf_counter() >= until:
                return units, True
        return units, False

    while workers:
        until = perf_counter() + _ROUND
        results = _parallel.run_all([partial(advance, worker, until) for worker in workers])
        workers = [worker for worker, (_, more) in zip(workers, results, strict=True) if more]
        done += sum(units for units, _ in results)
        progress(min(done, total) if workers else total, total)
