"""k-means on every backend."""

from __future__ import annotations

from ._kmeans import KMeansResult, Settings, assign_clusters, best_run, kmeans, one_run
from ._lloyd import Run, run, too_few
from ._points import Assigned, Points
from ._prepare import points_of
from ._progress import Checkpoint, Progress
from ._seeding import count_distinct, extended, generator, plus_plus

__all__ = [
    "Assigned",
    "Checkpoint",
    "KMeansResult",
    "Points",
    "Progress",
    "Run",
    "Settings",
    "assign_clusters",
    "best_run",
    "count_distinct",
    "extended",
    "generator",
    "kmeans",
    "one_run",
    "plus_plus",
    "points_of",
    "run",
    "too_few",
]
