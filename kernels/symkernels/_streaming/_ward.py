"""Ward's method (1963): repeatedly merge the two micro-clusters whose merger adds least to the sum of squares."""

from __future__ import annotations

import numpy as np

from ._features import Features


class Mergers:
    """Costs of merging any two micro-clusters, kept up to date while the cheapest are merged.

    Merging a and b adds w_a w_b / (w_a + w_b) |mean_a - mean_b|^2 to the sum of squares. Memory O(m^2).
    """

    def __init__(self, weight: np.ndarray, mean: np.ndarray) -> None:
        from scipy.spatial.distance import cdist

        self.weight, self.mean = weight.copy(), mean.copy()
        self.groups = np.arange(len(weight))
        self.left = len(weight)
        together = weight[:, None] + weight
        self._cost = weight[:, None] * weight / np.where(together > 0, together, 1.0)
        self._cost *= cdist(mean, mean, "sqeuclidean")
        np.fill_diagonal(self._cost, np.inf)
        self._partner = self._cost.argmin(axis=1)
        self._least = self._cost[np.arange(self.left), self._partner]

    @property
    def least(self) -> float:
        """Cost of the cheapest merger; infinite where there is nothing to merge."""
        return float(self._least.min()) if self.left > 1 else np.inf

    def merge(self) -> None:
        """Make the cheapest merger."""
        a = int(self._least.argmin())
        b = int(self._partner[a])
        a, b = min(a, b), max(a, b)
        together = self.weight[a] + self.weight[b]
        if together > 0:
            self.mean[a] += (self.weight[b] / together) * (self.mean[b] - self.mean[a])
        self.weight[a], self.weight[b] = together, 0.0
        self.groups[self.groups == b] = a
        self.left -= 1
        away = self.mean - self.mean[a]
        both = together + self.weight
        cost = together * self.weight / np.where(both > 0, both, 1.0) * np.einsum("ij,ij->i", away, away)
        gone = np.isinf(self._least)
        gone[[a, b]] = True
        cost[gone] = np.inf
        self._cost[a], self._cost[:, a] = cost, cost
        self._cost[b], self._cost[:, b] = np.inf, np.inf
        self._least[b] = np.inf
        nearer = cost < self._least
        self._partner[nearer], self._least[nearer] = a, cost[nearer]
        stale = (~gone & ~nearer & ((self._partner == a) | (self._partner == b))).nonzero()[0]
        for i in (a, *stale):
            self._partner[i] = self._cost[i].argmin()
            self._least[i] = self._cost[i, self._partner[i]]


def reduced(features: Features, most: int) -> Features:
    """Make the cheapest mergers until at most ``most`` micro-clusters are left."""
    if features.size <= most:
        return features
    mergers = Mergers(features.weight, features.mean)
    while mergers.left > most:
        mergers.merge()
    names, groups = np.unique(mergers.groups, return_inverse=True)
    return features.grouped(groups, len(names))
