"""What is left of a stream: micro-clusters in the units of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import array_api_compat as compat
import numpy as np

from .._arrays import Array, namespace, to_numpy
from .._errors import ShapeError
from .._results import ArrayResult
from ._clustering import Clusterable, MicroClusters
from ._features import Features


@dataclass(frozen=True)
class Coreset(ArrayResult, Clusterable):
    """Micro-clusters: how many rows each holds, their mean, and how they lie about it.

    For any partition of the micro-clusters, and any centers, the sum of squared distances of the rows is known exactly:
    it is that of ``centers`` with ``weight``, plus `wssse`.

    Attributes
    ----------
    centers : (m, d) float64
        Means of the micro-clusters, in the units of the rows.
    weight : (m,) float64
        Weight of each one's rows: their number where no weights were given.
    scatter : (m, d) float64
        Weighted sum of the squared deviations of each one's rows from their mean, by column (squared units).

    Examples
    --------
    >>> import numpy as np
    >>> from symkernels import StreamingKMeans
    >>> rows = np.array([[0.0], [1.0], [10.0], [12.0]])
    >>> coreset = StreamingKMeans(n_centroids=2, warmup=3).learn(rows).coreset()
    >>> coreset.mean(), float(coreset.weight.sum())
    (array([5.75]), 4.0)
    >>> np.sort(coreset.kmeans(2).centers[:, 0])
    array([ 0.5, 11. ])
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
        total = self._micro_clusters().with_rows().features.grouped(np.zeros(len(self), np.intp), 1)
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

    def _micro_clusters(self) -> MicroClusters:
        return MicroClusters(self.centers, self.weight, self.features())

    def _put(self, x: np.ndarray) -> Array:
        return namespace(self.centers).asarray(x, device=compat.device(self.centers))
