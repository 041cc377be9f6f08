"""k-means from micro-clusters: what a stream and its coreset have in common."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import array_api_compat as compat
import numpy as np

from .._arrays import Array, namespace, to_numpy
from .._errors import DataError, ShapeError
from .._kmeans import Checkpoint, KMeansResult, Progress, Settings, kmeans
from .._parameters import check_integer
from .._sweep import KMeansSweep, Metric, SweepEntry, kmeans_sweep
from ._features import Features
from ._refine import Refinement

SPREAD = 256  # representative points of a micro-cluster


@dataclass(frozen=True)
class MicroClusters:
    """Micro-clusters in the units of the rows.

    Attributes
    ----------
    centers, weight : (m, d), (m,) float64
        Their means and weights, on the backend and device of the rows.
    features : Features
        The same and their scatter, in NumPy.
    """

    centers: Array
    weight: Array
    features: Features

    def with_rows(self) -> MicroClusters:
        """These; raises `DataError` where there are none."""
        if not self.features.size:
            raise DataError("no rows have been learnt yet")
        return self

    def divided(self, scale: Any) -> MicroClusters:
        """In units of ``scale`` (d,), which is checked; None: as they are."""
        if scale is None:
            return self
        d = int(self.centers.shape[1])
        divisors = np.asarray(to_numpy(scale) if compat.is_array_api_obj(scale) else scale, dtype=np.float64)
        if divisors.shape != (d,):
            raise ShapeError(f"scale must have a divisor for each of {d} columns, got shape {divisors.shape}")
        if not (np.isfinite(divisors) & (divisors > 0)).all():
            raise DataError("scale: divisors must be finite and above 0")
        f = self.features
        features = Features(f.weight, f.mean / divisors, f.scatter / (divisors * divisors))
        by = namespace(self.centers).asarray(divisors, device=compat.device(self.centers))
        return MicroClusters(self.centers / by, self.weight, features)


class Clusterable:
    """Base of what holds micro-clusters: it clusters the rows that they were made of."""

    def _micro_clusters(self) -> MicroClusters:
        """The micro-clusters, in the units of the rows."""
        raise NotImplementedError

    def kmeans(
        self,
        k: int,
        *,
        init: Any = "k-means++",
        n_init: int = 1,
        max_iter: int = 300,
        tol: float = 1e-4,
        seed: int | None = 0,
        scale: Any = None,
        spread: int = SPREAD,
        checkpoint: Checkpoint | None = None,
    ) -> KMeansResult:
        """Cluster the rows that the micro-clusters were made of.

        Parameters
        ----------
        k : int
            Number of clusters, at most the number of distinct micro-clusters.
        init, n_init, max_iter, tol, seed
            As `symkernels.kmeans` takes them.
        scale : (d,) array, optional
            Divisors of the columns, above 0: everything is as if the rows had been divided by them first, the centers
            and the WSSSE included. Default: none.
        spread : int, default 256
            Representative points of each micro-cluster, 1 or more; fewer where it has fewer rows, or where all of them
            would take more than 32 MiB. With 1 no micro-cluster is divided between clusters.
        checkpoint : callable, optional
            Called every few milliseconds as ``checkpoint(iterations done, (n_init + 1) * max_iter)``. What it raises
            stops the call.

        Returns
        -------
        KMeansResult
            ``wssse`` and ``counts`` are those of all the rows; ``labels`` say which center is nearest to each
            micro-cluster.

        Raises
        ------
        DataError
            There are no rows, or fewer distinct micro-clusters than k.
        ShapeError, TypeError, ValueError
            As `symkernels.kmeans`.

        Notes
        -----
        Weighted k-means on the means of the micro-clusters comes first. From its centers Lloyd's algorithm goes on with
        *representative points*: rows that have the micro-clusters' means and scatter, so that a micro-cluster on the
        border of two clusters is divided between them. The sums of squares of the rows are kept. Only where a border
        runs through a micro-cluster, its rows are assumed to be normally distributed, and WSSSE is an estimate. With
        ``spread=1`` every micro-cluster goes undivided to its nearest center; WSSSE is then exact, and larger than if
        each row went to its own nearest center.

        *How far from k-means on the rows*, 200,000 x 16, k = 10, 100 micro-clusters, three seeds: the WSSSE of all rows
        at these centers, and `wssse`, over that of the best of three starts of `symkernels.kmeans` on the rows
        (benchmarks/bench_streaming.py). Below 1: the three starts found a worse partition.

        ===================================== ============= =============
        rows                                  at centers    `wssse`
        ===================================== ============= =============
        blobs apart; the same, sorted         1.000         1.000; 1.028
        blobs that overlap                    1.003         0.996
        uniform; the same, sorted             1.006; 1.007  0.994; 0.995
        one normal cloud; drifting            1.003; 1.003  0.988; 1.012
        t distribution, 2 degrees of freedom  0.996         0.993
        uniform, 2 columns                    1.005         1.004
        iris, 4 columns, repeated             0.987         0.986
        ===================================== ============= =============

        With ``spread=1`` the first column has up to 1.024.

        Examples
        --------
        >>> import numpy as np
        >>> from symkernels import StreamingKMeans
        >>> stream = StreamingKMeans(n_centroids=3, warmup=4)
        >>> result = stream.learn(np.array([[0.0], [1.0], [10.0], [12.0]])).kmeans(2)
        >>> np.sort(result.centers[:, 0]), round(result.wssse, 6)
        (array([ 0.5, 11. ]), 2.5)
        """
        k, spread = check_integer(k, "k"), check_integer(spread, "spread")
        settings = Settings.checked(n_init, max_iter, tol, seed)
        starts = settings.n_init if isinstance(init, str) else 1
        progress = Progress(checkpoint, (starts + 1) * settings.max_iter)
        scaled = self._micro_clusters().with_rows().divided(scale)
        first = kmeans(
            scaled.centers, k, init=init, n_init=n_init, max_iter=max_iter, tol=tol, seed=settings.seed,
            sample_weight=scaled.weight, checkpoint=_part(progress, starts * settings.max_iter),
        )  # fmt: skip
        rows = Refinement(scaled.centers, scaled.features, spread)
        found = rows.refined(first.centers, settings, _part(progress, settings.max_iter))
        progress.at(progress.maximum)
        return replace(
            found, n_iter=first.n_iter + found.n_iter, converged=first.converged and found.converged, n_init=starts
        )

    def sweep(
        self,
        ks: Iterable[int],
        *,
        n_init: int = 1,
        max_iter: int = 300,
        tol: float = 1e-4,
        seed: int | None = 0,
        metric: Metric | None = "euclidean",
        scale: Any = None,
        checkpoint: Checkpoint | None = None,
    ) -> KMeansSweep:
        """`kmeans` for each of several k, with WSSSE and mean silhouette.

        Parameters
        ----------
        ks : iterable of int
            Numbers of clusters, as `kmeans_sweep` takes them. A k that is more than the number of distinct
            micro-clusters gets an entry that says so.
        n_init, max_iter, tol, seed, metric
            As `kmeans_sweep` takes them.
        scale : (d,) array, optional
            As `kmeans` takes it.
        checkpoint : callable, optional
            Called every few milliseconds as ``checkpoint(steps done, steps)``. What it raises stops the call.

        Returns
        -------
        KMeansSweep
            Its entries have ``wssse``, ``counts`` and ``labels`` as `kmeans` gives them; WSSSE does not rise with k.

        Raises
        ------
        DataError
            There are no rows.
        ShapeError, TypeError, ValueError
            As `kmeans_sweep`.

        Notes
        -----
        Silhouettes are those of the representative points that `kmeans` describes, 32 for each micro-cluster, each
        weighted by the rows that it represents.

        Examples
        --------
        >>> import numpy as np
        >>> from symkernels import StreamingKMeans
        >>> stream = StreamingKMeans(n_centroids=3, warmup=4)
        >>> sweep = stream.learn(np.array([[0.0], [1.0], [10.0], [12.0]])).sweep([2, 3])
        >>> sweep.wssse, sweep.k_silhouette
        (array([2.5, 0.5]), 2)
        """
        if metric not in ("euclidean", "sqeuclidean", None):
            raise ValueError(f"metric must be 'euclidean', 'sqeuclidean' or None, got {metric!r}")
        asked = list(ks) if isinstance(ks, Iterable) else ks
        settings = Settings.checked(n_init, max_iter, tol, seed)
        scaled = self._micro_clusters().with_rows().divided(scale)
        count = len(asked) if isinstance(asked, list) else 0  # `kmeans_sweep` refuses what is no list
        progress = Progress(checkpoint, count * (settings.n_init + 3) * settings.max_iter)
        first = kmeans_sweep(
            scaled.centers, asked, n_init=n_init, max_iter=max_iter, tol=tol, seed=settings.seed,
            sample_weight=scaled.weight, metric=None,
            checkpoint=_part(progress, count * (settings.n_init + 1) * settings.max_iter),
        )  # fmt: skip
        rows = Refinement(scaled.centers, scaled.features, SPREAD)
        entries: dict[int, SweepEntry] = {}
        best: KMeansResult | None = None
        for entry in sorted(first, key=lambda each: each.k):
            if entry.k in entries:
                continue
            if entry.centers is None:
                reason = (entry.reason or "").replace("distinct row", "distinct micro-cluster")
                entries[entry.k] = replace(entry, reason=reason)
                continue
            began = time.perf_counter()
            best = rows.better(entry, best, settings, _part(progress, settings.max_iter))
            entries[entry.k] = replace(
                entry, wssse=best.wssse, centers=best.centers, labels=best.labels, counts=best.counts,
                n_iter=entry.n_iter + best.n_iter, converged=entry.converged and best.converged,
                seconds=entry.seconds + time.perf_counter() - began,
            )  # fmt: skip
        if metric is not None:
            entries = rows.silhouettes(entries, metric, progress.poll)
        progress.at(progress.maximum)
        return KMeansSweep(tuple(entries[each.k] for each in first), 0)


def _part(progress: Progress, steps: int) -> Checkpoint:
    """A checkpoint for a part of the work, which takes ``steps`` of the steps of ``progress`` from here on."""
    before = progress.current

    def at(current: int, maximum: int) -> None:
        progress.at(before + steps * current // max(maximum, 1))

    return at
