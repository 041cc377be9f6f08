"""What is left of a stream: micro-clusters in the units of the rows, and k-means from them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import array_api_compat as compat
import numpy as np

from .._arrays import Array, namespace, to_numpy
from .._errors import DataError, ShapeError
from .._kmeans import Checkpoint, KMeansResult, Progress, Settings, kmeans
from .._parameters import check_integer
from .._results import ArrayResult
from .._sweep import KMeansSweep, Metric, SweepEntry, kmeans_sweep
from ._features import Features
from ._refine import Refinement

SPREAD = 256  # stand-ins for a micro-cluster


@dataclass(frozen=True)
class Coreset(ArrayResult):
    """Micro-clusters: how many rows each holds, their mean, and how they lie about it.

    Of any partition of the micro-clusters, and any centers, the sum of squared distances of the rows is known exactly:
    that of ``centers`` with ``weight``, and `wssse` besides.

    Attributes
    ----------
    centers : (m, d) float64
        Means of the micro-clusters, in the units of the rows.
    weight : (m,) float64
        Weight of each one's rows: their number where no weights were given.
    scatter : (m, d) float64
        Weighted sum of the squared deviations of each one's rows from their mean, by column (squared units).
    """

    centers: Array
    weight: Array
    scatter: Array

    @property
    def values(self) -> Array:
        """The centers."""
        return self.centers

    @property
    def wssse(self) -> float:
        """Sum of the weighted squared distances of all rows to the means of their micro-clusters (squared units)."""
        return float(namespace(self.scatter).sum(self.scatter))

    def __len__(self) -> int:
        """Number of micro-clusters m."""
        return int(self.centers.shape[0])

    def mean(self) -> Array:
        """(d,) float64: means of all the rows."""
        return self._of_all_rows()[0]

    def std(self) -> Array:
        """(d,) float64: population standard deviations of all the rows; exactly 0 for a constant column."""
        xp = namespace(self.centers)
        return xp.sqrt(self._of_all_rows()[1] / xp.sum(self.weight))

    def _of_all_rows(self) -> tuple[Array, Array]:
        """Mean and scatter of all rows."""
        self._require_rows()
        total = self.features().grouped(np.zeros(len(self), np.intp), 1)
        return self._put(total.mean[0]), self._put(total.scatter[0])

    def features(self) -> Features:
        """The same as cluster features in NumPy."""
        return Features(to_numpy(self.weight), to_numpy(self.centers), to_numpy(self.scatter))

    def select(self, columns: Sequence[int]) -> Coreset:
        """The same micro-clusters of these columns alone, in this order.

        Raises
        ------
        ShapeError
            There is no such column.
        """
        given, d = np.asarray(columns), int(self.centers.shape[1])
        if given.ndim != 1 or not given.size or given.dtype.kind not in "iu":
            raise ShapeError(f"columns must be a sequence of whole numbers, one at least, got {columns!r}")
        if given.min() < 0 or given.max() >= d:
            wrong = int(given[(given < 0) | (given >= d)][0])
            raise ShapeError(f"there is no column {wrong}; numbers run from 0 to {d - 1}")
        xp, index = namespace(self.centers), self._put(given.astype(np.int64))
        return Coreset(xp.take(self.centers, index, axis=1), self.weight, xp.take(self.scatter, index, axis=1))

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
            Stand-ins for each micro-cluster, 1 or more; fewer where it has fewer rows, or where they would take more
            than 32 MiB. With 1 every micro-cluster stays whole.
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
        Weighted k-means on the means of the micro-clusters, then Lloyd's algorithm from there on *stand-ins*: rows that
        have the micro-clusters' means and scatter, so that a micro-cluster on the border of two clusters is divided
        between them. The sums of squares of the rows are kept, and only where a border runs through a micro-cluster it
        is assumed to be normal: there WSSSE is an estimate. With ``spread=1`` it is exact for micro-clusters that go
        whole to their nearest centers, which is more than the rows by themselves would give.

        *How far from k-means on the rows*, 200,000 x 16, k = 10, 100 micro-clusters, three seeds: the WSSSE of all rows
        at these centers, and `wssse`, over that of the best of three starts of `symkernels.kmeans` on the rows
        (benchmarks/bench_streaming.py). Below 1: those three found less.

        ===================================== ============= =============
        rows                                  at centers    as said
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
        """
        k, spread = check_integer(k, "k"), check_integer(spread, "spread")
        settings = Settings.checked(n_init, max_iter, tol, seed)
        starts = settings.n_init if isinstance(init, str) else 1
        progress = Progress(checkpoint, (starts + 1) * settings.max_iter)
        scaled = self._divided(scale)
        first = kmeans(
            scaled.centers, k, init=init, n_init=n_init, max_iter=max_iter, tol=tol, seed=settings.seed,
            sample_weight=scaled.weight, checkpoint=_part(progress, starts * settings.max_iter),
        )  # fmt: skip
        rows = Refinement(scaled.centers, scaled.features(), spread)
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
        Silhouettes are those of stand-ins as `kmeans` describes them, 32 for each micro-cluster, each counting for as
        many rows as it stands for.
        """
        if metric not in ("euclidean", "sqeuclidean", None):
            raise ValueError(f"metric must be 'euclidean', 'sqeuclidean' or None, got {metric!r}")
        asked = list(ks) if isinstance(ks, Iterable) else ks
        settings = Settings.checked(n_init, max_iter, tol, seed)
        scaled = self._divided(scale)
        count = len(asked) if isinstance(asked, list) else 0  # what is no list is refused below
        progress = Progress(checkpoint, count * (settings.n_init + 3) * settings.max_iter)
        first = kmeans_sweep(
            scaled.centers, asked, n_init=n_init, max_iter=max_iter, tol=tol, seed=settings.seed,
            sample_weight=scaled.weight, metric=None,
            checkpoint=_part(progress, count * (settings.n_init + 1) * settings.max_iter),
        )  # fmt: skip
        rows = Refinement(scaled.centers, scaled.features(), SPREAD)
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

    def _divided(self, scale: Any) -> Coreset:
        """In units of ``scale``, checked; refuses to be empty."""
        self._require_rows()
        if scale is None:
            return self
        d = int(self.centers.shape[1])
        divisors = np.asarray(to_numpy(scale) if compat.is_array_api_obj(scale) else scale, dtype=np.float64)
        if divisors.shape != (d,):
            raise ShapeError(f"scale must have a divisor for each of {d} columns, got shape {divisors.shape}")
        if not (np.isfinite(divisors) & (divisors > 0)).all():
            raise DataError("scale: divisors must be finite and above 0")
        by = self._put(divisors)
        return Coreset(self.centers / by, self.weight, self.scatter / (by * by))

    def _require_rows(self) -> None:
        if not len(self):
            raise DataError("no rows have been learnt yet")

    def _put(self, x: np.ndarray) -> Array:
        return namespace(self.centers).asarray(x, device=compat.device(self.centers))


def _part(progress: Progress, steps: int) -> Checkpoint:
    """A checkpoint for what is to take so many of the steps from here on."""
    before = progress.current

    def at(current: int, maximum: int) -> None:
        progress.at(before + steps * current // max(maximum, 1))

    return at
