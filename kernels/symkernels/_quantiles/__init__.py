"""Quantiles of a stream."""

from ._digest import require_datasketches
from ._sketch import QuantileSketch

__all__ = ["QuantileSketch", "require_datasketches"]
