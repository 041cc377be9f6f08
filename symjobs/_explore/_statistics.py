"""What the metrics read from a project's moments, each array computed once and held by the host."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from symjobs._arrays import to_host
from symjobs._errors import UnsupportedTest
from symjobs._explore._attributes import Attribute
from symjobs._explore._sample import Sample, unbiased_variance
from symjobs._state import Snapshot, check_memory_for_matrix
from symkernels import CrossTable, Moments

LARGEST_ERROR = 1e-6  # relative error of a variance


class Statistics:
    """Samples and counts, from the moments of a snapshot.

    Parameters
    ----------
    snapshot : Snapshot
        Of a project. It does not change, so that what was computed once stays right.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.moments: Moments = snapshot.moments
        self._given: dict[int, np.ndarray] = {}  # by attribute: what `Moments.conditions` says

    @cached_property
    def count(self) -> np.ndarray:
        return to_host(self.moments.count)

    @cached_property
    def mean(self) -> np.ndarray:
        return to_host(self.moments.mean())

    @cached_property
    def variance(self) -> np.ndarray:
        return to_host(self.moments.var())

    @cached_property
    def skewness(self) -> np.ndarray:
        return to_host(self.moments.skewness())

    @cached_property
    def kurtosis(self) -> np.ndarray:
        return to_host(self.moments.kurtosis())

    @cached_property
    def error_bound(self) -> np.ndarray:
        """Bound on the relative error of each variance."""
        return to_host(self.moments.error_bound)

    @cached_property
    def extremes(self) -> tuple[np.ndarray, np.ndarray]:
        """The minima and maxima; bounds, where a row that may have held one was forgotten."""
        return to_host(self.moments.min), to_host(self.moments.max)

    @cached_property
    def extremes_exact(self) -> np.ndarray:
        """Whether minimum and maximum are both known, not bounds."""
        return to_host(self.moments.min_exact) & to_host(self.moments.max_exact)

    def sample(self, attribute: Attribute) -> Sample:
        """Return all values of an attribute as a sample."""
        i = attribute.index
        n, variance = float(self.count[i]), float(self.variance[i])
        if self.error_bound[i] > LARGEST_ERROR:
            raise UnsupportedTest(
                f"the variance of {attribute.label} is lost to rounding, since rows with far larger values were "
                "forgotten; learn the remaining rows afresh"
            )
        return Sample(attribute.label, n, float(self.mean[i]), unbiased_variance(variance, n))

    def conditional(self, attribute: Attribute, given: Attribute) -> Sample:
        """Return the values of an attribute in the rows where a binary one is 1, as a sample."""
        if attribute.index not in self._given:
            found = self.moments.conditions(attribute.index)
            arrays = found.count, found.mean, found.var, found.error_bound
            self._given[attribute.index] = np.stack([to_host(array) for array in arrays])
        n, mean, variance, bound = self._given[attribute.index][:, given.index].tolist()
        label = f"{attribute.label} given {given.label}"
        if bound > LARGEST_ERROR:
            raise UnsupportedTest(
                f"the variance of {label} is lost to rounding, since other rows have far larger values; learn the rows "
                "of the group into a project of their own"
            )
        return Sample(label, n, mean, unbiased_variance(variance, n))

    def varying_sample(self, attribute: Attribute) -> Sample:
        """Return all values of an attribute as a sample, or raise `UnsupportedTest` if it is constant.

        Samples can be compared if only one of them varies, but a column that is constant as a whole is a broken one.
        """
        sample = self.sample(attribute)
        sample.require_spread()
        return sample

    def total(self, attribute: Attribute) -> float:
        """Return the sum of an attribute: for a binary one, how often it is 1."""
        i = attribute.index
        count = float(self.count[i])
        return float(_whole(count * float(self.mean[i]))) if count > 0.0 else 0.0

    def joint(self, rows: Sequence[Attribute], columns: Sequence[Attribute]) -> CrossTable:
        """Return how often binary row attributes and column attributes are 1 together."""
        row_at, column_at = [a.index for a in rows], [a.index for a in columns]
        check_memory_for_matrix("a table of counts", len(row_at), len(column_at))
        table = self.moments.cross_table(row_at, column_at)
        return CrossTable(*(to_host(array) for array in (table.both, table.row, table.column, table.present)))


def _whole(counts: np.ndarray | float) -> np.ndarray:
    # Counts are whole numbers, unless rows were weighted: take out what dividing by n has left in them.
    nearest = np.rint(counts)
    return np.where(np.abs(counts - nearest) <= 1e-9 * np.maximum(nearest, 1.0), nearest, counts)
