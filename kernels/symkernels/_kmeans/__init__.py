"""k-means on every backend."""

from __future__ import annotations

from ._kmeans import KMeansResult, assign_clusters, kmeans
from ._lloyd import Run
from ._points import Points
from ._prepare import points_of
from ._progress import Checkpoint, Progress
from ._runs import best_run, one_run
from ._seeding import count_distinct, extended
from ._settings import Settings

__all__ = [
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
    "kmeans",
    "one_run",
    "points_of",
]
