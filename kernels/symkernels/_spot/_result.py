"""The result of a call of ``update``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class SpotResult:
    """Flags of some values, and the thresholds that they were compared with.

    Attributes
    ----------
    flags : (n,) bool, or bool for one value
    threshold : (n,) float64, or float for one value
        In the unit of the values: values above it are flagged. NaN while there is none, and for a missing value.
    lower : (n,) float64, or float, or None
        Values below it are flagged. None with one side.

    Examples
    --------
    >>> from symkernels import Spot
    >>> Spot(warmup=1000).update([0.5, 0.7])  # during the warm-up
    SpotResult(flags=array([False, False]), threshold=array([nan, nan]), lower=None)
    """

    flags: Any
    threshold: Any
    lower: Any
