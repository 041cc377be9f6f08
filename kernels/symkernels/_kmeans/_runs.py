"""Several runs of Lloyd's algorithm, of which the best is kept."""

from __future__ import annotations

from collections.abc import Callable

from .._arrays import Array
from ._lloyd import Run, run, too_few
from ._points import Points
from ._progress import Progress
from ._seeding import generator, plus_plus
from ._settings import Settings


def best_run(points: Points, k: int, settings: Settings, progress: Progress) -> Run:
    """Return the best of the runs from k-means++, the first one on a tie; raises `DataError` where k is too large."""
    best: Run | None = None
    before = progress.current
    for start in range(settings.n_init):
        chosen = plus_plus(points, k, generator(settings.seed, start), progress.poll)
        if len(chosen) < k:
            raise too_few(len(chosen), k)
        done = before + start * settings.max_iter
        found = one_run(points, points.rows(chosen), settings, progress, done)
        if best is None or found.wssse < best.wssse:
            best = found
        progress.at(done + settings.max_iter)
    assert best is not None  # n_init >= 1
    return best


def one_run(points: Points, centers: Array, settings: Settings, progress: Progress, done: int) -> Run:
    """Make one run from (k, d) shifted centers; ``done`` steps were made before it."""
    step: Callable[[int], None] = lambda i: progress.at(done + i)  # noqa: E731
    return run(points, centers, max_iter=settings.max_iter, tol=settings.tol, poll=progress.poll, step=step)
