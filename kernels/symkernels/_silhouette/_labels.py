"""Labels of rows as whole numbers from 0, and what each cluster weighs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import array_api_compat as compat
import numpy as np

from .._arrays import Array, namespace, to_numpy
from .._errors import BackendError, DataError, ShapeError

_COUNTING = 2**16  # a range of whole numbers so small, or of at most a number a row, is counted instead of sorted


@dataclass(frozen=True)
class Labeling:
    """One way to divide rows into clusters.

    Attributes
    ----------
    labels : (n,) int32
        From 0 to k - 1, on the device of the rows.
    counts : (k,) float64
        Weight of each cluster, there too: the number of its rows if they have no weights. A cluster may be empty.
    """

    labels: Array
    counts: Array

    @property
    def k(self) -> int:
        """Number of clusters, the empty ones included."""
        return int(self.counts.shape[0])

    @property
    def defined(self) -> bool:
        """Whether there are at least two clusters that hold rows, and fewer of them than rows."""
        return self.filled >= 2 and self.filled < self.total

    @property
    def filled(self) -> int:
        """Number of clusters that hold rows."""
        return int(np.count_nonzero(to_numpy(self.counts)))

    @property
    def total(self) -> float:
        """Weight of all rows."""
        return float(np.sum(to_numpy(self.counts)))


def labeling(labels: Array, weight: Array | None) -> Labeling:
    """Weigh the clusters of labels from 0 on."""
    on_host = to_numpy(labels)
    counts = np.bincount(on_host, None if weight is None else to_numpy(weight)).astype(np.float64)
    return Labeling(labels, namespace(labels).asarray(counts, device=compat.device(labels)))


def as_labels(labels: Any, X: Array) -> Array:
    """Any labels of the rows of X as int32 from 0 on, in the order of their values, on the device of X."""
    xp, device = namespace(X), compat.device(X)
    if not compat.is_array_api_obj(labels):
        labels = np.asarray(labels)
    if labels.ndim != 1 or labels.shape[0] != X.shape[0]:
        raise ShapeError(
            f"labels must have one label for each of the {X.shape[0]} rows, got shape {tuple(labels.shape)}"
        )
    if not isinstance(labels, np.ndarray) and namespace(labels) is not xp:
        raise BackendError(
            f"labels are of {namespace(labels).__name__} and X of {xp.__name__}; convert them to one library first"
        )
    on_host = to_numpy(labels)
    if on_host.dtype.kind == "f" and not np.isfinite(on_host).all():
        raise DataError("labels must not hold NaN or infinities; leave rows without a cluster out")
    return xp.asarray(_from_zero(on_host), device=device)


def _from_zero(labels: np.ndarray) -> np.ndarray:
    if labels.dtype.kind in "iub" and len(labels):
        low, high = int(labels.min()), int(labels.max())
        if high - low < max(_COUNTING, len(labels)):
            place = (labels.astype(np.int64) - low) if labels.dtype != np.uint64 else (labels - np.uint64(low))
            place = place.astype(np.int64)
            present = np.bincount(place, minlength=1) > 0
            return (np.cumsum(present) - 1).astype(np.int32)[place]
    try:
        return np.unique(labels, return_inverse=True)[1].astype(np.int32)
    except TypeError as error:
        raise ShapeError(f"labels must be of one kind, so that they can be told apart in order: {error}") from error
