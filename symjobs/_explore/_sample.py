"""A sample, as the tests see it: how many, their mean, their variance."""

from __future__ import annotations

import math
from dataclasses import dataclass

from symjobs._errors import UnsupportedTest

Z95 = 1.959964  # the contract's quantile of the normal law at 0.975


@dataclass(frozen=True, slots=True)
class Sample:
    """One group of values.

    Parameters
    ----------
    label : str
        What error messages call it.
    n : float
        How many values; the sum of weights where rows were weighted.
    mean : float
    variance : float
        With ddof 1; NaN where `n` is not above 1.
    """

    label: str
    n: float
    mean: float
    variance: float

    def require_spread(self) -> None:
        """Raise `UnsupportedTest` unless there are at least two values, and not all the same."""
        self.require_two()
        if not self.variance > 0.0:
            raise UnsupportedTest(f"{self.label} is constant; a test needs values that differ")

    def require_two(self) -> None:
        """Raise `UnsupportedTest` unless there are at least two values."""
        if not self.n >= 2.0:
            raise UnsupportedTest(f"{self.label} has {self.n:g} value(s); a test needs at least 2")


def unbiased_variance(variance: float, n: float) -> float:
    """Return the variance with ddof 1 from the one with ddof 0; NaN unless `n` is above 1."""
    return variance * (n / (n - 1.0)) if n > 1.0 else math.nan
