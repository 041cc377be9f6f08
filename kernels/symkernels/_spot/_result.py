"""What a call of ``update`` returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class SpotResult:
    """Flags of some values, and the thresholds they were judged against.

    Attributes
    ----------
    flags : (n,) bool, or bool for one value
    threshold : (n,) float64, or float for one value
        In the unit of the values: flagged is what lies above. NaN while there is none, and for a missing value.
    lower : (n,) float64, or float, or None
        Flagged is what lies below. None on one side.
    """

    flags: Any
    threshold: Any
    lower: Any
