"""From partitions of micro-clusters to partitions of their representative points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import array_api_compat as compat
import numpy as np

from .._arrays import Array, namespace
from .._kmeans import KMeansResult, Settings, assign_clusters, kmeans
from .._rows import Poll
from .._silhouette import mean_silhouettes
from .._sweep import Metric, SweepEntry
from ._features import Features
from ._representatives import representative_points

Part = Callable[[int, int], object]  # a checkpoint for a part of the work

_FEWER = 32  # representative points of each micro-cluster for silhouettes, whose cost grows with the pairs


class Refinement:
    """Representative points of some micro-clusters, and k-means on them from the result of k-means on the means."""

    def __init__(self, means: Array, features: Features, spread: int) -> None:
        rows, _ = representative_points(features, spread)
        self._means, self._features = means, features
        self._rows, self._weight = self._put(rows.mean), self._put(rows.weight)
        self._left = float(rows.scatter.sum())

    def _put(self, x: np.ndarray) -> Array:
        return namespace(self._means).asarray(x, device=compat.device(self._means))

    def refined(self, centers: Array, settings: Settings, part: Part) -> KMeansResult:
        """Lloyd's algorithm on the representative points from given centers; labels are those of the micro-clusters."""
        found = kmeans(
            self._rows, centers.shape[0], init=centers, max_iter=settings.max_iter, tol=settings.tol,
            sample_weight=self._weight, checkpoint=part,
        )  # fmt: skip
        return replace(found, wssse=found.wssse + self._left, labels=assign_clusters(self._means, found.centers)[0])

    def better(self, entry: SweepEntry, smaller: KMeansResult | None, settings: Settings, part: Part) -> KMeansResult:
        """The refined result of an entry, and no worse than the result for a smaller k."""
        found = self.refined(entry.centers, settings, part)
        if smaller is None or found.wssse <= smaller.wssse:
            return found
        # This happens seldom. One more center never raises WSSSE, wherever it is, so this start cannot end worse.
        return min(
            found, self.refined(self._grown(smaller.centers, entry.k), settings, part), key=lambda each: each.wssse
        )

    def _grown(self, centers: Array, k: int) -> Array:
        """Add, one by one, the representative point that is farthest from its center, until there are k centers."""
        xp = namespace(centers)
        while centers.shape[0] < k:
            farthest = int(xp.argmax(assign_clusters(self._rows, centers)[1]))
            centers = xp.concat([centers, self._rows[farthest : farthest + 1, :]])
        return centers

    def silhouettes(self, entries: dict[int, SweepEntry], metric: Metric, poll: Poll) -> dict[int, SweepEntry]:
        """The entries with mean silhouettes, or the reason why there is none.

        A smaller number of representative points bounds the number of pairs. Silhouettes take weights as frequencies,
        at least 1, so weights are divided by the smallest one if that is below 1.
        """
        few, _ = representative_points(self._features, _FEWER)
        rows, weight = self._put(few.mean), few.weight / min(1.0, float(few.weight.min()))
        without = {k: f"k = {k}: as many clusters as rows have no silhouette" for k in entries if k >= weight.sum()}
        without[1] = "k = 1: one cluster has no silhouette"
        able = [k for k, entry in entries.items() if k not in without and entry.centers is not None]
        labels = [assign_clusters(rows, entries[k].centers)[0] for k in able]
        found = mean_silhouettes(rows, labels, metric, self._put(weight), poll)
        means = dict(zip(able, found, strict=True))
        return {
            k: replace(
                entry,
                silhouette=means[k].value if k in means else np.nan,
                silhouette_error=means[k].error if k in means else np.nan,
                reason=entry.reason or without.get(k),
            )
            for k, entry in entries.items()
        }
