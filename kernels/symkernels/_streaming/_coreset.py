"""What is left of a stream: micro-clusters in the units of the rows, and k-means on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import array_api_compat as compat
import numpy as np

from .._arrays import Array, namespace, to_numpy
from .._errors import DataError, ShapeError
from .._kmeans import Checkpoint, KMeansResult, kmeans, whole
from .._results import ArrayResult
from ._features import Features


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
        return self._whole()[0]

    def std(self) -> Array:
        """(d,) float64: population standard deviations of all the rows; exactly 0 for a constant column."""
        xp = namespace(self.centers)
        return xp.sqrt(self._whole()[1] / xp.sum(self.weight))

    def _whole(self) -> tuple[Array, Array]:
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
        checkpoint: Checkpoint | None = None,
    ) -> KMeansResult:
        """Weighted k-means on the micro-clusters.

        Parameters
        ----------
        k : int
            Number of clusters, at most the number of distinct micro-clusters.
        init, n_init, max_iter, tol, seed, checkpoint
            As `symkernels.kmeans` takes them.
        scale : (d,) array, optional
            Divisors of the columns, above 0: everything is as if the rows had been divided by them first, the centers
            and the WSSSE included. Default: none.

        Returns
        -------
        KMeansResult
            ``wssse`` is that of all the rows, each going with its micro-cluster; ``labels`` are those of the
            micro-clusters, ``counts`` weights of rows.

        Raises
        ------
        DataError
            There are no rows, or fewer distinct micro-clusters than k.
        ShapeError, TypeError, ValueError
            As `symkernels.kmeans`.
        """
        whole(k, "k")
        scaled = self._divided(scale)
        found = kmeans(
            scaled.centers, k, init=init, n_init=n_init, max_iter=max_iter, tol=tol, seed=seed,
            sample_weight=scaled.weight, checkpoint=checkpoint,
        )  # fmt: skip
        return replace(found, wssse=found.wssse + scaled.wssse)

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
