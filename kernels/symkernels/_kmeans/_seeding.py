"""First centers of a run: greedy k-means++."""

from __future__ import annotations

import math

import numpy as np

from .._arrays import Array, to_numpy
from .._rows import Poll
from ._points import Points


def generator(seed: int, start: int) -> np.random.Generator:
    """Random numbers of one run. They depend neither on the number of runs nor on k."""
    return np.random.default_rng((seed, start))


def plus_plus(points: Points, k: int, rng: np.random.Generator, poll: Poll) -> np.ndarray:
    """Indices of k rows, each drawn with probability proportional to its weighted squared distance from those before.

    Of 2 + floor(ln k) candidates the one that leaves the smallest potential is taken, as in the program of Arthur &
    Vassilvitskii (2007), "k-means++: the advantages of careful seeding". Fewer than k indices where there are fewer
    distinct rows with weight.
    """
    return _choose(points, k, _tries(k), rng, poll)


def extended(points: Points, centers: Array, k: int, rng: np.random.Generator, poll: Poll) -> Array | None:
    """Return k centers: those given, (m, d) shifted, and k - m rows that k-means++ chooses.

    None where fewer than k - m distinct rows differ from the centers.
    """
    points.begin()
    points.assign(centers, poll)
    chosen: list[int] = []
    missing = k - int(centers.shape[0])
    _choose_more(points, points.seed_from(centers, poll), chosen, missing, _tries(k), rng, poll)
    return points.xp.concat([centers, points.rows(np.array(chosen))]) if len(chosen) == missing else None


def count_distinct(points: Points, at_most: int, poll: Poll) -> int:
    """Number of distinct rows with weight, counted up to ``at_most``."""
    return len(_choose(points, at_most, 1, np.random.default_rng(0), poll))


def _tries(k: int) -> int:
    return 2 + int(math.log(k))


def _choose(points: Points, k: int, tries: int, rng: np.random.Generator, poll: Poll) -> np.ndarray:
    chosen = [_first(points, rng)]
    _choose_more(points, points.seed_begin(chosen[0], poll), chosen, k, tries, rng, poll)
    return np.array(chosen, dtype=np.int64)


def _choose_more(
    points: Points, potential: float, chosen: list[int], k: int, tries: int, rng: np.random.Generator, poll: Poll
) -> None:
    """Append to ``chosen`` until there are k, or every row equals a chosen one."""
    while len(chosen) < k and potential > 0:
        candidates = points.seed_sample(rng.random(tries))
        best = int(candidates[0]) if tries == 1 else int(candidates[np.argmin(points.seed_try(candidates, poll))])
        potential = points.seed_take(best, poll)
        chosen.append(best)


def _first(points: Points, rng: np.random.Generator) -> int:
    if points.weight is None:
        return int(rng.integers(points.n))
    running = np.cumsum(to_numpy(points.weight))
    return int(np.searchsorted(running, min(rng.random() * running[-1], np.nextafter(running[-1], 0)), side="right"))
