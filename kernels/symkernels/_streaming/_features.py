"""Cluster features: how many rows, their mean, and their squared deviations from it.

Zhang, Ramakrishnan & Livny (1996), "BIRCH", keep sums and sums of squares about the origin; means and deviations hold
the same and lose no digits far from it (Lang & Schubert 2022, "BETULA"). Merging is the formula of Chan, Golub &
LeVeque (1983).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Frame:
    """Coordinates of rows: z = (x - shift) * factor, for each column."""

    shift: np.ndarray
    factor: np.ndarray

    @classmethod
    def of_rows(cls, d: int) -> Frame:
        """The frame that leaves rows of d columns as they are."""
        return cls(np.zeros(d), np.ones(d))


@dataclass(frozen=True)
class Features:
    """Micro-clusters, none of them empty.

    Attributes
    ----------
    weight : (m,) float64
        Sum of the weights of each one's rows.
    mean : (m, d) float64
    scatter : (m, d) float64
        Weighted sum of squared deviations of the rows from the mean, for each column.
    """

    weight: np.ndarray
    mean: np.ndarray
    scatter: np.ndarray

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.weight)

    @classmethod
    def of_rows(cls, rows: np.ndarray, weight: np.ndarray) -> Features:
        """One micro-cluster for each row."""
        return cls(weight, rows, np.zeros_like(rows))

    @classmethod
    def none(cls, d: int) -> Features:
        """No micro-clusters."""
        return cls(np.zeros(0), np.zeros((0, d)), np.zeros((0, d)))

    def concatenate(self, other: Features) -> Features:
        """Return these micro-clusters followed by others."""
        return Features(
            np.concatenate([self.weight, other.weight]),
            np.concatenate([self.mean, other.mean]),
            np.concatenate([self.scatter, other.scatter]),
        )

    def with_rows(self, counts: np.ndarray, sums: np.ndarray, squares: np.ndarray) -> Features:
        """Add rows to each, given by sums of their differences from its mean; leave out what stays empty."""
        weight = self.weight + counts
        kept = weight > 0
        step = sums[kept] / weight[kept, None]
        # The squares about the old mean, less what the move of the mean takes off.
        added = np.maximum(squares[kept] - sums[kept] * step, 0.0)
        return Features(weight[kept], self.mean[kept] + step, self.scatter[kept] + added)

    def grouped(self, groups: np.ndarray, count: int) -> Features:
        """Merge the micro-clusters of each group, a number below ``count``. No group is empty."""
        order = np.argsort(groups, kind="stable")
        starts = np.searchsorted(groups[order], np.arange(count))
        weight, mean, scatter = self.weight[order], self.mean[order], self.scatter[order]
        of_group = groups[order]
        total = np.add.reduceat(weight, starts)
        # About the group's first mean, so that equal means stay what they are.
        pivot = mean[starts]
        away = mean - pivot[of_group]
        step = np.add.reduceat(weight[:, None] * away, starts) / total[:, None]
        away -= step[of_group]
        between = np.add.reduceat(weight[:, None] * away * away, starts)
        return Features(total, pivot + step, np.add.reduceat(scatter, starts) + between)

    def about(self, old: Frame, new: Frame) -> Features:
        """The same micro-clusters in another frame."""
        ratio = new.factor / old.factor
        # Shifts before factors: a large offset must be gone before anything is rounded.
        mean = (self.mean / old.factor + (old.shift - new.shift)) * new.factor
        return Features(self.weight, mean, self.scatter * ratio * ratio)
