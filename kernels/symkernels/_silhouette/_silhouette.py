"""Silhouettes: the public functions, and the means of many labelings in one pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from .._arrays import Array, is_cupy, namespace, to_numpy
from .._errors import DataError, ShapeError
from .._rows import Poll, as_rows, blocks, no_poll
from ._backends import METRICS, scores_of
from ._labels import Labeling, as_labels, labeling

Metric = Literal["euclidean", "sqeuclidean", "precomputed"]

_BLOCK = 2**20  # entries of a distance matrix that are checked at a time


class MeanSilhouette(NamedTuple):
    """A mean silhouette, and its standard error: 0 if it is the mean of all rows."""

    value: float
    error: float


_NONE = MeanSilhouette(float("nan"), float("nan"))


def silhouette_samples(
    X: Any,
    labels: Any,
    *,
    metric: Metric = "euclidean",
    sample_weight: Any = None,
    checkpoint: Callable[[int, int], object] | None = None,
) -> Array:
    """Silhouette of every row: how much nearer it is to its own cluster than to the next one.

    Parameters
    ----------
    X : (n, d) float64 or float32
        Rows, all finite. For ``metric="precomputed"`` (n, n) distances: finite, 0 or more, 0 on the diagonal.
    labels : (n,)
        Cluster of each row: any integers, or anything that NumPy can order. There must be at least two clusters, and
        fewer than rows.
    metric : {"euclidean", "sqeuclidean", "precomputed"}, default "euclidean"
        "sqeuclidean" takes squared Euclidean distances, whose sums have a closed form: O(n k d) instead of O(n^2 d).
    sample_weight : (n,) float, optional
        Frequency of each row, 0 or at least 1: a row of weight 2 counts as two equal rows. Default 1.
    checkpoint : callable, optional
        Called at least every 50 ms as ``checkpoint(done, total)``, in any unit. What it raises stops the call.

    Returns
    -------
    (n,) float64
        Between -1 and 1, dimensionless, on the backend and device of ``X``; near 1 is good. 0 in a cluster of one row;
        NaN for a row of weight 0.

    Raises
    ------
    ShapeError
        ``X``, ``labels`` or ``sample_weight`` has a shape or type that cannot be used, or another length.
    DataError
        ``X`` has a NaN or an infinity (the message names row and column), or ``labels`` has one; there is only one
        cluster, or as many as rows; a weight is negative or between 0 and 1; or distances are not as above.
    BackendError
        The arrays are of different libraries.
    ValueError
        Unknown metric.

    Notes
    -----
    Rousseeuw, "Silhouettes: a graphical aid to the interpretation and validation of cluster analysis" (J. Comput. Appl.
    Math. 20, 1987): s = (b - a) / max(a, b), where a is the mean distance to the other rows of the row's own cluster
    and b the least mean distance to the rows of another one. The same as scikit-learn's function of this name.

    Distances are taken by differences, so that rows that nearly coincide lose no digits, whatever the offset. Distances
    of float32 rows are float32, their sums float64. O(n^2 d) time and O(n (d + 1)) memory: distances are summed up tile
    by tile. Squared Euclidean distances take O(n k d) time.

    Examples
    --------
    >>> from symkernels import silhouette_samples
    >>> silhouette_samples([[0.0], [1.0], [5.0], [6.0]], [0, 0, 1, 1]).round(4)
    array([0.8182, 0.7778, 0.7778, 0.8182])
    """
    found, weight = _samples(X, labels, metric, sample_weight, checkpoint)
    return found if weight is None else namespace(found).where(weight > 0, found, float("nan"))


def silhouette_score(
    X: Any,
    labels: Any,
    *,
    metric: Metric = "euclidean",
    sample_weight: Any = None,
    checkpoint: Callable[[int, int], object] | None = None,
) -> float:
    """Mean silhouette of all rows.

    Parameters
    ----------
    X, labels, metric, sample_weight, checkpoint
        As `silhouette_samples`.

    Returns
    -------
    float
        Between -1 and 1, dimensionless; near 1 is good. Weighted if there are weights.

    Raises
    ------
    ShapeError, DataError, BackendError, ValueError
        As `silhouette_samples`.

    Notes
    -----
    The same as scikit-learn's ``silhouette_score`` without ``sample_size``: of all pairs of rows, never of a sample.

    Examples
    --------
    >>> from symkernels import silhouette_score
    >>> round(silhouette_score([[0.0], [1.0], [5.0], [6.0]], [0, 0, 1, 1]), 4)
    0.798
    """
    found, weight = _samples(X, labels, metric, sample_weight, checkpoint)
    return _mean(found, weight)


def mean_silhouettes(
    X: Array,
    labelings: Sequence[Array],
    metric: Metric = "euclidean",
    weight: Array | None = None,
    poll: Poll = no_poll,
    sample: int | None = None,
    seed: Sequence[int] = (0,),
) -> list[MeanSilhouette]:
    """Mean silhouettes of many labelings of checked rows, in one pass over the pairs of rows.

    If there are more than twice as many rows as the ``sample``, Euclidean silhouettes are those of a random sample of
    the rows, each against all rows: a mean without bias. Rows with weights are drawn by weight, with replacement.

    Parameters
    ----------
    X : (n, d) float64 or float32
        As `Rows.X`.
    labelings : sequence of (n,) int32
        From 0 on, on the device of X. Numbers that no row has are ignored.
    metric : {"euclidean", "sqeuclidean", "precomputed"}
    weight : (n,) float64, optional
        As `Rows.weight`.
    poll : callable
        Called at least every 50 ms. What it raises stops the call.

    Returns
    -------
    list of MeanSilhouette
        NaN for a labeling that has no silhouette: one cluster, or as many as rows.
    """
    checked = [labeling(labels, weight, poll) for labels in labelings]
    defined = [each for each in checked if each.defined]
    if not defined:
        return [_NONE] * len(checked)
    rows = _sampled(X, metric, weight, sample, seed)
    found = scores_of(X, defined, metric, weight, lambda done, total: poll(), rows)
    if rows is None:
        means = iter([MeanSilhouette(_mean(found[i, :], weight), 0.0) for i in range(len(defined))])
    else:
        left = 1.0 if weight is not None else 1.0 - len(rows) / X.shape[0]
        means = iter([_mean_of_sample(to_numpy(found[i, :]), left) for i in range(len(defined))])
    return [next(means) if each.defined else _NONE for each in checked]


def _sampled(
    X: Array, metric: Metric, weight: Array | None, sample: int | None, seed: Sequence[int]
) -> np.ndarray | None:
    n = X.shape[0]
    if sample is None or metric != "euclidean" or n <= 2 * sample or is_cupy(X):  # a GPU takes all pairs
        return None
    shares = None if weight is None else to_numpy(weight) / np.sum(to_numpy(weight))
    rng = np.random.default_rng(list(seed))
    return np.sort(rng.choice(n, sample, replace=shares is not None, p=shares, shuffle=False))


def _mean_of_sample(scores: np.ndarray, left: float) -> MeanSilhouette:
    """Mean and standard error; ``left``: share of the rows outside the sample (Cochran 1977, section 2.6)."""
    return MeanSilhouette(float(scores.mean()), float(scores.std(ddof=1) * (left / len(scores)) ** 0.5))


def _mean(scores: Array, weight: Array | None) -> float:
    xp = namespace(scores)
    if weight is None:
        return float(xp.mean(scores))
    return float(xp.sum(scores * weight) / xp.sum(weight))


def _samples(
    X: Any, labels: Any, metric: str, sample_weight: Any, checkpoint: Callable[[int, int], object] | None
) -> tuple[Array, Array | None]:
    if metric not in METRICS:
        raise ValueError(f"metric must be one of {', '.join(METRICS)}, got {metric!r}")
    progress = checkpoint or (lambda done, total: None)

    def poll() -> None:
        progress(0, 1)

    rows = as_rows(X, sample_weight=sample_weight, poll=poll)
    if metric == "precomputed":
        _check_distances(rows.X, poll)
    if rows.weight is not None:
        require_frequencies(rows.weight)
    divided = labeling(as_labels(labels, rows.X, poll), rows.weight, poll)
    _check_clusters(divided)
    return scores_of(rows.X, [divided], metric, rows.weight, progress)[0, :], rows.weight


def require_frequencies(weight: Array) -> None:
    """Raise `DataError` for weights that are no frequencies."""
    fraction = to_numpy((weight > 0) & (weight < 1))
    if fraction.any():
        row = int(np.flatnonzero(fraction)[0])
        raise DataError(
            f"sample_weight[{row}] is {float(weight[row])}; for silhouettes a weight says how often a row counts, "
            "0 or at least 1"
        )


def _check_clusters(divided: Labeling) -> None:
    if divided.filled < 2:
        raise DataError(f"silhouettes need at least two clusters, got {divided.filled}")
    if not divided.defined:
        raise DataError(
            f"silhouettes need fewer clusters than rows, got {divided.filled} clusters of {divided.total:g} rows"
        )


def _check_distances(D: Array, poll: Poll) -> None:
    """Raise for what cannot be distances. Symmetry is not checked: each row uses its own row of the matrix."""
    n = D.shape[0]
    if D.shape[1] != n:
        raise ShapeError(f'X must be a square matrix of distances for metric="precomputed", got shape {tuple(D.shape)}')
    xp = namespace(D)
    for part in blocks(n, max(1, _BLOCK // n)):
        negative = D[part, :] < 0
        if bool(xp.any(negative)):
            row, column = (int(place[0]) for place in np.nonzero(to_numpy(negative)))
            raise DataError(f"X: the distance in row {part.start + row}, column {column} is negative")
        poll()
    diagonal = to_numpy(xp.linalg.diagonal(D))
    # Distances computed from products have rounding errors there, of the size of the distances or of their squares.
    wrong = diagonal > 1e-7 * float(xp.max(D))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise DataError(f"X: the distance of row {row} to itself is {float(diagonal[row])}, and must be 0")
