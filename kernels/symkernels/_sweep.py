"""`kmeans_sweep`: k-means for several k over the same rows, with WSSSE and silhouette of each."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, overload

import numpy as np

from ._arrays import Array, to_numpy
from ._kmeans import (
    Checkpoint,
    Points,
    Progress,
    Run,
    Settings,
    best_run,
    count_distinct,
    extended,
    one_run,
    points_of,
)
from ._parameters import check_integer
from ._rows import Nonfinite, as_rows
from ._silhouette import mean_silhouettes, require_frequencies

Metric = Literal["euclidean", "sqeuclidean"]

_NAN = float("nan")


@dataclass(frozen=True)
class SweepEntry:
    """The result for one k.

    Attributes
    ----------
    k : int
        Number of clusters asked for.
    wssse : float
        Weighted squared distances of the rows to their centers, summed up in float64 (squared units of X); NaN where k
        is impossible.
    silhouette : float
        Mean silhouette of the rows, -1 (bad) to 1 (good), no unit; NaN where there is none.
    centers : (k, d) float64 or None
        Means of the clusters, in the units of X. None where k is impossible.
    labels : (n,) int32 or None
        Number of each row's nearest center, from 0; -1 for a row that was dropped.
    counts : (k,) float64 or None
        Weight of each cluster: its number of rows where no weights were given.
    n_iter : int
        Iterations of the run that was kept; 0 where k is impossible.
    converged : bool
        Whether that run converged.
    seconds : float
        Wall time of the runs of this k, without that of the silhouettes, which are computed for all k together.
    reason : str or None
        Why a number is NaN, in one line. None where nothing is missing, or no silhouettes were asked for.
    """

    k: int
    wssse: float
    silhouette: float
    centers: Array | None
    labels: Array | None
    counts: Array | None
    n_iter: int
    converged: bool
    seconds: float
    reason: str | None

    def __repr__(self) -> str:
        why = f", {self.reason}" if self.reason else ""
        return f"<SweepEntry: k = {self.k}, wssse = {self.wssse:.6g}, silhouette = {self.silhouette:.3f}{why}>"


@dataclass(frozen=True)
class KMeansSweep(Sequence[SweepEntry]):
    """k-means for several k: a sequence of `SweepEntry` in the order asked for.

    Attributes
    ----------
    entries : tuple of SweepEntry
        The same, as a tuple.
    n_dropped : int
        Rows dropped for a NaN or an infinity.
    """

    entries: tuple[SweepEntry, ...]
    n_dropped: int

    @property
    def ks(self) -> np.ndarray:
        """(m,) int64 NumPy array: the numbers of clusters."""
        return np.array([entry.k for entry in self.entries], dtype=np.int64)

    @property
    def wssse(self) -> np.ndarray:
        """(m,) float64 NumPy array: WSSSE of each, NaN where k is impossible."""
        return np.array([entry.wssse for entry in self.entries])

    @property
    def silhouette(self) -> np.ndarray:
        """(m,) float64 NumPy array: mean silhouette of each, NaN where there is none."""
        return np.array([entry.silhouette for entry in self.entries])

    @property
    def k_silhouette(self) -> int | None:
        """The k with the largest silhouette, the smallest such one; None where no k has one."""
        found = [(-entry.silhouette, entry.k) for entry in self.entries if entry.silhouette == entry.silhouette]
        return min(found)[1] if found else None

    @property
    def k_elbow(self) -> int | None:
        """The k at the elbow of the WSSSE curve, as `elbow` finds it; None where there is none."""
        found = dict(sorted((entry.k, entry.wssse) for entry in self.entries if entry.wssse == entry.wssse))
        return elbow(list(found), list(found.values()))

    def __repr__(self) -> str:
        tried = ", ".join(f"{entry.k}: {entry.wssse:.6g} / {entry.silhouette:.3f}" for entry in self.entries)
        return f"<KMeansSweep, k: wssse / silhouette: {tried}>"

    def __len__(self) -> int:
        return len(self.entries)

    @overload
    def __getitem__(self, index: int) -> SweepEntry: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[SweepEntry, ...]: ...
    def __getitem__(self, index: int | slice) -> SweepEntry | tuple[SweepEntry, ...]:
        return self.entries[index]


def elbow(ks: Sequence[float], wssse: Sequence[float]) -> int | None:
    """Kneedle: the rising ``ks`` at which a falling curve bends most, or None where it has no bend.

    Satopaa, Albrecht, Irwin & Raghavan, "Finding a 'kneedle' in a haystack" (2011), with sensitivity 1. Both axes are
    scaled to 0..1. Candidates are the local maxima of the distance of the curve below the straight line between its
    ends. A candidate is a knee where that distance falls by the mean step of k before the next candidate. The paper's
    smoothing spline is left out, as WSSSE is no noisy sample. Of several knees the most pronounced one is returned.
    """
    if len(ks) < 3 or not wssse[0] > wssse[-1]:
        return None
    x, y = np.asarray(ks, dtype=np.float64), np.asarray(wssse, dtype=np.float64)
    x, y = (x - x[0]) / (x[-1] - x[0]), (y.max() - y) / (y.max() - y.min())
    below = y - x
    inner = range(1, len(x) - 1)
    peaks = [i for i in inner if below[i] > below[i - 1] and below[i] >= below[i + 1]]
    step = float(np.mean(np.diff(x)))
    knees = [
        i
        for i, following in itertools.pairwise([*peaks, len(x)])
        if below[i] > 0 and below[i + 1 : following].min() < below[i] - step
    ]
    return int(ks[max(knees, key=lambda i: below[i])]) if knees else None


def kmeans_sweep(
    X: Array,
    ks: Iterable[int],
    *,
    n_init: int = 1,
    max_iter: int = 300,
    tol: float = 1e-4,
    seed: int | None = 0,
    sample_weight: Array | None = None,
    metric: Metric | None = "euclidean",
    nonfinite: Nonfinite = "error",
    checkpoint: Checkpoint | None = None,
) -> KMeansSweep:
    """Run k-means for each of several k, with WSSSE and mean silhouette, to find the number of clusters.

    Parameters
    ----------
    X : (n, d) array, float32 or float64
        Rows.
    ks : iterable of int
        Numbers of clusters, each 1 or more, in any order; the result has the same order. A k that is more than the
        number of distinct rows gets an entry that says so, and the sweep goes on.
    n_init : int, default 1
        Runs from k-means++ for each k: those of ``kmeans(X, k, n_init=n_init, seed=seed)``.
    max_iter, tol, seed, nonfinite
        As `kmeans` takes them.
    sample_weight : (n,) array, optional
        Weights of the rows, as `kmeans` takes them. For silhouettes they are frequencies: 0 or at least 1.
    metric : {"euclidean", "sqeuclidean"} or None, default "euclidean"
        Distance of the silhouettes; None leaves silhouettes out.
    checkpoint : callable, optional
        Called every few milliseconds as ``checkpoint(steps done, steps)``, where steps are iterations of all runs, and
        ``max_iter`` more for the silhouettes of each k. What it raises stops the call.

    Returns
    -------
    KMeansSweep
        Arrays on the backend and device of X, numbers in plain Python.

    Raises
    ------
    ShapeError, DataError, BackendError, TypeError, ValueError
        As `kmeans`; also for ``ks`` that are empty or no iterable of whole numbers, and for an unknown ``metric``.

    Notes
    -----
    *Method.* k rises. Each k has one further start from the best centers of the k before, to which k-means++ adds rows;
    the best result is kept. So no k has a worse result than `kmeans` with the same seed, and WSSSE does not rise with
    k. Silhouettes (Rousseeuw 1987) of all k are computed in one pass over the pairs of rows.

    *Cost.* k-means for each k, and for Euclidean silhouettes O(n^2 d) once for all k, for squared ones O(n d) for each;
    O(n) memory for each k's labels.

    Examples
    --------
    >>> import numpy as np
    >>> from symkernels import kmeans_sweep
    >>> sweep = kmeans_sweep(np.array([[0.0], [1.0], [10.0], [11.0]]), [2, 3, 5])
    >>> sweep.wssse
    array([1. , 0.5, nan])
    >>> sweep.k_silhouette, sweep[2].reason
    (2, 'k = 5 is more than the 4 distinct rows')
    """
    asked = _checked_ks(ks)
    if metric not in ("euclidean", "sqeuclidean", None):
        raise ValueError(f"metric must be 'euclidean', 'sqeuclidean' or None, got {metric!r}")
    settings = Settings.checked(n_init, max_iter, tol, seed)
    rising = sorted(set(asked))
    steps = settings.max_iter * (len(rising) * (settings.n_init + 1 + (metric is not None)) - 1)
    progress = Progress(checkpoint, steps)
    rows = as_rows(X, nonfinite=nonfinite, sample_weight=sample_weight, poll=progress.poll)
    if rows.weight is not None and metric is not None:
        require_frequencies(rows.weight)
    points = points_of(rows, progress.poll)
    distinct = count_distinct(points, min(rising[-1], points.n), progress.poll)

    runs: dict[int, Run] = {}
    seconds = dict.fromkeys(rising, 0.0)
    best: Run | None = None
    for k in rising:
        if k > distinct:
            break
        began = time.perf_counter()
        runs[k] = best = _best(points, k, best, settings, progress)
        seconds[k] = time.perf_counter() - began

    silhouettes, without = _silhouettes(rows.X, rows.weight, runs, metric, progress)
    progress.at(progress.maximum)

    def entry(k: int) -> SweepEntry:
        if k not in runs:
            what = "the 1 distinct row" if distinct == 1 else f"the {distinct} distinct rows"
            reason = f"k = {k} is more than {what}"
            return SweepEntry(k, _NAN, _NAN, None, None, None, 0, False, seconds[k], reason)
        run = runs[k]
        return SweepEntry(
            k=k,
            wssse=run.wssse,
            silhouette=silhouettes.get(k, _NAN),
            centers=run.centers + points.shift,
            labels=rows.spread(run.labels, -1),
            counts=run.counts,
            n_iter=run.n_iter,
            converged=run.converged,
            seconds=seconds[k],
            reason=without.get(k),
        )

    entries = {k: entry(k) for k in rising}
    return KMeansSweep(tuple(entries[k] for k in asked), rows.n_dropped)


def _checked_ks(ks: Any) -> list[int]:
    try:
        given = list(ks)
    except TypeError:
        raise TypeError(f"ks must be an iterable of whole numbers, such as range(2, 13), got {ks!r}") from None
    if not given:
        raise ValueError("ks is empty; give at least one number of clusters")
    return [check_integer(k, "each of ks") for k in given]


def _best(points: Points, k: int, smaller: Run | None, settings: Settings, progress: Progress) -> Run:
    """The best of the runs of `kmeans` and of one that starts from the result for a smaller k."""
    best = best_run(points, k, settings, progress)
    if smaller is not None:
        done = progress.current
        # A seed of three numbers, where the other starts have two: different random numbers.
        centers = extended(points, smaller.centers, k, np.random.default_rng((settings.seed, k, 1)), progress.poll)
        if centers is not None:
            found = one_run(points, centers, settings, progress, done)
            best = min(best, found, key=lambda run: run.wssse)
        progress.at(done + settings.max_iter)
    return best


def _silhouettes(
    X: Array, weight: Array | None, runs: dict[int, Run], metric: Metric | None, progress: Progress
) -> tuple[dict[int, float], dict[int, str]]:
    """Mean silhouettes of the k that have one, and the reasons why the others have none."""
    if metric is None:
        return {}, {}
    total = float(X.shape[0]) if weight is None else float(np.sum(to_numpy(weight)))
    without = {k: f"k = {k}: as many clusters as rows have no silhouette" for k in runs if k >= total}
    if 1 in runs:
        without[1] = "k = 1: one cluster has no silhouette"
    able = [k for k in runs if k not in without]
    if not able:
        return {}, without
    means = mean_silhouettes(X, [runs[k].labels for k in able], metric, weight, progress.poll)
    return dict(zip(able, means, strict=True)), without
