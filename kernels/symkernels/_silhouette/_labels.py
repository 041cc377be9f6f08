"""Labels of rows as whole numbers from 0, and what each cluster weighs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import array_api_compat as compat
import numpy as np

from .._arrays import Array, namespace, to_numpy
from .._errors import BackendError, DataError, ShapeError
from .._rows import Poll, blocks, no_poll

_PART = 2**20  # labels handled between two polls
_COUNTING = 2**16  # a range of whole numbers so small, or of at most a number a row, is counted instead of sorted


@dataclass(frozen=True)
class Labeling:
    """A partition of rows into clusters.

    Attributes
    ----------
    labels : (n,) int32
        From 0 to k - 1, on the device of the rows.
    counts : (k,) float64
        Weight of each cluster, on the same device: the number of its rows if they have no weights. A cluster may be
        empty.
    """

    labels: Array
    counts: Array

    @property
    def k(self) -> int:
        """Number of clusters, the empty ones included."""
        return int(self.counts.shape[0])

    @property
    def defined(self) -> bool:
        """Whether silhouettes exist: at least two clusters hold rows, and there are fewer of them than rows."""
        return self.filled >= 2 and self.filled < self.total

    @property
    def filled(self) -> int:
        """Number of clusters that hold rows."""
        return int(np.count_nonzero(to_numpy(self.counts)))

    @property
    def total(self) -> float:
        """Weight of all rows."""
        return float(np.sum(to_numpy(self.counts)))


def labeling(labels: Array, weight: Array | None, poll: Poll = no_poll) -> Labeling:
    """Make a `Labeling` of labels from 0 on."""
    on_host, weights = to_numpy(labels), None if weight is None else to_numpy(weight)
    counts = np.zeros(int(on_host.max()) + 1)
    for part in blocks(len(on_host), _PART):
        counts += np.bincount(on_host[part], None if weights is None else weights[part], minlength=len(counts))
        poll()
    return Labeling(labels, namespace(labels).asarray(counts, device=compat.device(labels)))


def as_labels(labels: Any, X: Array, poll: Poll = no_poll) -> Array:
    """Return any labels of the rows of X as int32 from 0 on, in the order of their values, on the device of X."""
    xp, device = namespace(X), compat.device(X)
    if isinstance(labels, np.ma.MaskedArray):
        raise ShapeError("labels are a masked array, which is not supported; leave out rows without a cluster")
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
    missing = _missing(on_host)
    if missing.any():
        row = int(np.flatnonzero(missing)[0])
        raise DataError(f"labels[{row}] is {on_host[row]}; leave out rows without a cluster")
    return xp.asarray(_from_zero(on_host, poll), device=device)


def _missing(labels: np.ndarray) -> np.ndarray:
    """Return which labels are NaN, infinite, NaT or None."""
    if labels.dtype.kind == "f":
        return ~np.isfinite(labels)
    if labels.dtype.kind in "mM":
        return np.isnat(labels)
    if labels.dtype.kind == "O":
        return np.array([label is None or bool(label != label) for label in labels], dtype=np.bool_)
    return np.zeros(len(labels), np.bool_)


def _from_zero(labels: np.ndarray, poll: Poll) -> np.ndarray:
    if labels.dtype.kind in "iub":
        low, high = int(labels.min()), int(labels.max())
        if high - low < max(_COUNTING, len(labels)):
            present = np.zeros(high - low + 1, dtype=np.bool_)
            for part in blocks(len(labels), _PART):
                present[_above(labels[part], low)] = True
                poll()
            number = (np.cumsum(present) - 1).astype(np.int32)
            found = np.empty(len(labels), dtype=np.int32)
            for part in blocks(len(labels), _PART):
                found[part] = number[_above(labels[part], low)]
                poll()
            return found
    try:
        return np.unique(labels, return_inverse=True)[1].astype(np.int32)
    except TypeError as error:
        raise ShapeError(f"labels must be of one kind that can be sorted: {error}") from error


def _above(labels: np.ndarray, low: int) -> np.ndarray:
    """Differences of labels from the lowest one. They wrap around in 64 bits, so that no type's range is left."""
    return (labels.astype(np.uint64) - np.uint64(low % 2**64)).astype(np.int64)
