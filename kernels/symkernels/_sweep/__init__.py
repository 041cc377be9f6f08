"""k-means for several k over the same rows."""

from __future__ import annotations

from ._elbow import elbow
from ._result import KMeansSweep, SweepEntry
from ._sweep import Metric, kmeans_sweep

__all__ = ["KMeansSweep", "Metric", "SweepEntry", "elbow", "kmeans_sweep"]
