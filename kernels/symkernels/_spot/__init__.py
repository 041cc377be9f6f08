"""Thresholds of a stream."""

from ._drift import DriftSpot
from ._result import SpotResult
from ._spot import Spot

__all__ = ["DriftSpot", "Spot", "SpotResult"]
