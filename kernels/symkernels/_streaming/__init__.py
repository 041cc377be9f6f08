"""Clusters of a stream: micro-clusters that learn, merge, and answer k-means."""

from __future__ import annotations

from ._coreset import Coreset
from ._streaming import StreamingKMeans

__all__ = ["Coreset", "StreamingKMeans"]
