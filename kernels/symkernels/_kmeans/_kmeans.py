"""`kmeans`, and the nearest center of each row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import array_api_compat as compat
import numpy as np

from .._arrays import Array, as_floats, namespace, to_numpy
from .._errors import BackendError, DataError, ShapeError
from .._parameters import check_integer
from .._results import ArrayResult
from .._rows import Nonfinite, Rows, as_rows
from ._generic import squared_distances
from ._lloyd import run
from ._prepare import points_of
from ._progress import Checkpoint, Progress
from ._runs import best_run
from ._settings import Settings


@dataclass(frozen=True)
class KMeansResult(ArrayResult):
    """k clusters. Labels, counts and WSSSE belong to the centers returned.

    Attributes
    ----------
    centers : (k, d) float64
        Means of the clusters, in the units of X.
    labels : (n,) int32
        Number of the nearest center of each row given, from 0; -1 for a row that was dropped.
    counts : (k,) float64
        Weight of each cluster: its number of rows where no weights were given.
    wssse : float
        Within-set sum of squared errors: the weighted squared distances of the rows to their centers, summed up in
        float64 (squared units of X; scikit-learn's ``inertia_``).
    n_iter : int
        Iterations of the run that was kept.
    converged : bool
        Whether that run converged; if not, ``max_iter`` ended it.
    n_init : int
        Runs made, of which the best was kept; 1 where centers were given.
    n_dropped : int
        Rows dropped for a NaN or an infinity.

    Examples
    --------
    >>> from symkernels import kmeans
    >>> result = kmeans([[0.0], [1.0], [10.0], [11.0]], 2)
    >>> result.k, result.wssse, result.converged
    (2, 1.0, True)
    """

    centers: Array
    labels: Array
    counts: Array
    wssse: float
    n_iter: int
    converged: bool
    n_init: int
    n_dropped: int

    @property
    def k(self) -> int:
        """Number of clusters."""
        return int(self.centers.shape[0])

    def _main_array(self) -> Array:
        return self.centers

    def __repr__(self) -> str:
        ended = "converged" if self.converged else "not converged"
        return f"<KMeansResult: k = {self.k}, wssse = {self.wssse:.6g}, {ended} after {self.n_iter} iterations>"


def kmeans(
    X: Array,
    k: int,
    *,
    init: Any = "k-means++",
    n_init: int = 1,
    max_iter: int = 300,
    tol: float = 1e-4,
    seed: int | None = 0,
    sample_weight: Array | None = None,
    nonfinite: Nonfinite = "error",
    checkpoint: Checkpoint | None = None,
) -> KMeansResult:
    """Partition rows into k clusters with a small sum of squared distances to the clusters' means.

    Parameters
    ----------
    X : (n, d) array, float32 or float64
        Rows. Sequences become NumPy arrays, integers float64. Distances depend on the units of the columns: scale
        columns of different units first.
    k : int
        Number of clusters, 1 or more; at most the number of distinct rows.
    init : {"k-means++"} or (k, d) array, default "k-means++"
        First centers: rows chosen by greedy k-means++, or those given, in the units of X.
    n_init : int, default 1
        Number of runs, of which the best is kept. The first runs are the same whatever ``n_init`` is, so more of them
        never give a worse result. With given centers there is one run.
    max_iter : int, default 300
        Most iterations of one run, 1 or more.
    tol : float, default 1e-4
        A run ends when the squared movement of all centers together is at most ``tol`` times the mean variance of the
        columns (no unit), or when no label changes. With 0 only the latter ends it.
    seed : int or None, default 0
        Seed of the random numbers, 0 or more: the same seed gives the same result. None draws a new seed.
    sample_weight : (n,) array, optional
        Weights of the rows, finite and 0 or more, not all 0. An integer weight has the effect of repeating the row that
        often. Default: 1.
    nonfinite : {"error", "drop"}, default "error"
        Whether a row with a NaN or an infinity raises, or is dropped, counted and labelled -1.
    checkpoint : callable, optional
        Called every few milliseconds as ``checkpoint(iterations done, n_init * max_iter)``; a run that ends early
        counts with all its iterations. What it raises stops the call.

    Returns
    -------
    KMeansResult
        On the backend and device of X.

    Raises
    ------
    ShapeError
        X is not (n, d) with d >= 1, ``init`` is not (k, d), the weights are not (n,), or an array does not hold real
        numbers.
    DataError
        A row has a NaN or an infinity and ``nonfinite`` is "error"; there are fewer than k distinct rows with weight;
        a weight is negative or not finite; values so large that squared distances overflow.
    BackendError
        ``init`` or ``sample_weight`` is of another library or device than X.
    TypeError, ValueError
        ``k``, ``n_init``, ``max_iter``, ``tol`` or ``seed`` is of the wrong type, or out of range.

    Notes
    -----
    *Method.* Lloyd, "Least squares quantization in PCM" (1982), from Arthur & Vassilvitskii, "k-means++: the advantages
    of careful seeding" (2007) with 2 + floor(ln k) candidates for each center. An empty cluster gets the row farthest
    from its own center. Coordinates are taken about the median of some rows, column by column, so that an offset costs
    no digits.

    *Backend.* NumPy rows go through compiled loops, CuPy rows through CUDA kernels, other libraries through the array
    API standard. The distances that labels are chosen by are in the precision of X, centers and WSSSE in float64.

    *Cost.* O(n k d) time for each iteration, at most; O(n + k d) memory beside X and one copy of it.

    *Names elsewhere.* scikit-learn: ``KMeans(k, init=..., n_init=..., max_iter=..., tol=..., random_state=seed)`` with
    ``cluster_centers_``, ``labels_``, ``inertia_`` (here ``wssse``) and ``n_iter_``.

    Examples
    --------
    >>> import numpy as np
    >>> from symkernels import kmeans
    >>> result = kmeans(np.array([[0.0], [1.0], [10.0], [11.0]]), 2, init=[[0.0], [10.0]])
    >>> result.centers
    array([[ 0.5],
           [10.5]])
    >>> result.labels, result.wssse
    (array([0, 0, 1, 1], dtype=int32), 1.0)
    """
    k = check_integer(k, "k")
    settings = Settings.checked(n_init, max_iter, tol, seed)
    if isinstance(init, str) and init != "k-means++":
        raise ValueError(f"init must be 'k-means++' or a (k, d) array, got {init!r}")
    seeded = isinstance(init, str)
    starts = settings.n_init if seeded else 1
    progress = Progress(checkpoint, starts * settings.max_iter)
    rows = as_rows(X, nonfinite=nonfinite, sample_weight=sample_weight, poll=progress.poll)
    centers = None if seeded else _given_centers(init, k, rows)
    if k > rows.X.shape[0]:  # known before the rows are prepared
        raise DataError(f"cannot form k = {k} clusters of {rows.X.shape[0]} row(s)")
    points = points_of(rows, progress.poll, k * starts)
    if centers is None:
        best = best_run(points, k, settings, progress)
    else:
        best = run(
            points, centers - points.shift, max_iter=settings.max_iter, tol=settings.tol, poll=progress.poll,
            step=progress.at,
        )  # fmt: skip
    progress.at(progress.maximum)
    return KMeansResult(
        centers=best.centers + points.shift,
        labels=rows.spread(best.labels, -1),
        counts=best.counts,
        wssse=best.wssse,
        n_iter=best.n_iter,
        converged=best.converged,
        n_init=starts,
        n_dropped=rows.n_dropped,
    )


def assign_clusters(
    X: Array, centers: Array, *, nonfinite: Nonfinite = "error", checkpoint: Checkpoint | None = None
) -> tuple[Array, Array]:
    """Find the nearest center of each row, and its squared distance.

    Parameters
    ----------
    X : (n, d) array, float32 or float64
        Rows, in the units of the centers; n may be 0.
    centers : (k, d) array
        As `kmeans` returns them: finite, k >= 1.
    nonfinite : {"error", "drop"}, default "error"
        Whether a row with a NaN or an infinity raises, or gets label -1 and distance NaN.
    checkpoint : callable, optional
        Called every few milliseconds as ``checkpoint(steps done, 2)``. What it raises stops the call.

    Returns
    -------
    labels : (n,) int32
        Number of the nearest center, from 0; the lowest one on ties.
    distances : (n,) float64
        Squared Euclidean distances to it (squared units of X), by differences.

    Raises
    ------
    ShapeError
        X is not (n, d), or ``centers`` not (k, d).
    DataError
        A row has a NaN or an infinity and ``nonfinite`` is "error", a center has one, or squared distances overflow.
    BackendError
        ``centers`` is of another library or device than X.

    Notes
    -----
    O(n k d) time, O(n + k d) memory beside one copy of X.

    Examples
    --------
    >>> from symkernels import assign_clusters
    >>> assign_clusters([[1.0], [9.0]], [[0.0], [10.0]])
    (array([0, 1], dtype=int32), array([1., 1.]))
    """
    progress = Progress(checkpoint, 2)
    rows = as_rows(X, nonfinite=nonfinite, minimum=0, poll=progress.poll)
    xp, device = namespace(rows.X), compat.device(rows.X)
    C = _given_centers(centers, None, rows)
    if rows.X.shape[0] == 0:
        labels = xp.empty((0,), dtype=xp.int32, device=device)
        distances = xp.empty((0,), dtype=xp.float64, device=device)
    else:
        points = points_of(rows, progress.poll)
        C = C - points.shift
        points.begin()
        points.assign(C, progress.poll)
        progress.at(1)
        labels = xp.asarray(points.labels, copy=True)
        distances = squared_distances(rows.X, points.shift, C, labels, progress.poll)
    progress.at(2)
    return rows.spread(labels, -1), rows.spread(distances, float("nan"))


def _given_centers(given: Any, k: int | None, rows: Rows) -> Array:
    """(k, d) float64 centers in the units of X, checked."""
    X = rows.X
    xp, d = namespace(X), X.shape[1]
    name = "centers" if k is None else "init"
    if not compat.is_array_api_obj(given):
        given = xp.asarray(as_floats(given, ndim=2, name=name), device=compat.device(X))
    if namespace(given) is not xp or compat.device(given) != compat.device(X):
        raise BackendError(f"{name} and X must be arrays of the same library, on the same device")
    C = xp.astype(as_floats(given, ndim=2, name=name), xp.float64)
    if C.shape[1] != d or (C.shape[0] != k if k is not None else C.shape[0] == 0):
        expected = f"({'k' if k is None else k}, {d}), one row for each cluster and one column for each of X"
        raise ShapeError(f"{name} must be of shape {expected}, got {tuple(C.shape)}")
    bad = np.argwhere(~np.isfinite(to_numpy(C)))
    if len(bad):
        row, column = (int(i) for i in bad[0])
        raise DataError(f"{name}: row {row}, column {column}: {float(C[row, column])}; centers must be finite")
    return C
