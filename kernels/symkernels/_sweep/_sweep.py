"""`kmeans_sweep`: k-means for several k over the same rows, with WSSSE and silhouette of each."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np

from .._arrays import Array, to_numpy
from .._kmeans import (
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
from .._parameters import check_integer
from .._rows import Nonfinite, as_rows
from .._silhouette import MeanSilhouette, mean_silhouettes, require_frequencies
from ._result import KMeansSweep, SweepEntry

Metric = Literal["euclidean", "sqeuclidean"]

_NAN = float("nan")


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
    silhouette_sample: int | None = None,
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
    silhouette_sample : int, optional
        How many rows Euclidean silhouettes are averaged over if there are more than twice as many: a random sample, by
        the seed, of which each row is compared with all rows. The mean has no bias; the entries say its standard error.
        By default all rows count, which takes time in proportion to the square of their number. On a GPU always.
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
    with a sample of m rows O(m n d). O(n) memory for each k's labels.

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
    points = points_of(rows, progress.poll, sum(rising) * settings.n_init)
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

    sample = None if silhouette_sample is None else check_integer(silhouette_sample, "silhouette_sample", 2)
    silhouettes, without = _silhouettes(rows.X, rows.weight, runs, metric, progress, sample, settings.seed)
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
            silhouette=silhouettes[k].value if k in silhouettes else _NAN,
            centers=run.centers + points.shift,
            labels=rows.spread(run.labels, -1),
            counts=run.counts,
            n_iter=run.n_iter,
            converged=run.converged,
            seconds=seconds[k],
            reason=without.get(k),
            silhouette_error=silhouettes[k].error if k in silhouettes else _NAN,
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
    X: Array,
    weight: Array | None,
    runs: dict[int, Run],
    metric: Metric | None,
    progress: Progress,
    sample: int | None,
    seed: int,
) -> tuple[dict[int, MeanSilhouette], dict[int, str]]:
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
    labels = [runs[k].labels for k in able]
    means = mean_silhouettes(X, labels, metric, weight, progress.poll, sample, (seed, 2))
    return dict(zip(able, means, strict=True)), without
