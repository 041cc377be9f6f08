"""What a backend does for k-means: rows are prepared once, for many runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import array_api_compat as compat
import numpy as np

from .._arrays import Array, namespace, to_numpy
from .._rows import Poll, Rows

_SAMPLE = 1024  # rows, at least, that the shift is the median of


@dataclass(frozen=True)
class Assigned:
    """What one assignment of all rows found, on the device of the rows.

    Attributes
    ----------
    sums : (k, d) float64
        Weighted sums of the shifted rows of each cluster.
    counts : (k,) float64
        Sums of their weights; the numbers of rows where there are none.
    changed : int
        Rows whose label differs from that of the assignment before; n at the first one of a run.
    """

    sums: Array
    counts: Array
    changed: int


class Points(ABC):
    """Rows on one backend, prepared for many runs of k-means.

    Coordinates inside are *shifted*: the median of each column over some rows is subtracted. So neither an offset of
    1e8 nor a single row 1e8 away costs the other rows digits. Arrays are of the library ``xp`` and on the device of the
    rows, except those said to be NumPy's. Every method that reads all rows calls ``poll`` at least every 50 ms. What
    ``poll`` raises stops the method; the object can then be used again from `begin` or `seed_begin` on.

    Attributes
    ----------
    xp : namespace
        The array library.
    n, d : int
        Rows and columns.
    dtype : dtype
        Of the rows given: float32 or float64.
    shift : (d,) float64
        What is subtracted from the rows: the median of each column over some of them.
    weight : (n,) float64 or None
        Weights of the rows; None: all 1.
    total_weight : float
        Their sum.
    variance : float
        Mean over the columns of the weighted population variance: the unit of the tolerance.
    labels : (n,) int32
        Labels of the last `assign`. The next one may write to the same array.
    """

    xp: Any
    n: int
    d: int
    dtype: Any
    shift: Array
    weight: Array | None
    total_weight: float
    variance: float
    labels: Array

    def __init__(self, rows: Rows) -> None:
        X = rows.X
        self.xp = namespace(X)
        self.n, self.d = (int(size) for size in X.shape)
        self.dtype = X.dtype
        sample = to_numpy(X[:: max(1, self.n // _SAMPLE), :]).astype(np.float64)
        self.shift = self.xp.asarray(np.median(sample, axis=0), device=compat.device(X))
        self.weight = rows.weight
        self.total_weight = float(self.n) if rows.weight is None else float(self.xp.sum(rows.weight))

    @property
    def device(self) -> Any:
        """Device of the rows."""
        return compat.device(self.shift)

    @abstractmethod
    def begin(self) -> None:
        """Start a run: drop labels and bounds."""

    @abstractmethod
    def assign(self, centers: Array, poll: Poll) -> Assigned:
        """Label every row with its nearest center of ``centers`` (k, d) float64 shifted; the lowest one on ties.

        Bounds may save work; the labels are those of a plain pass. k may differ from run to run.
        """

    @abstractmethod
    def cost(self, centers: Array, poll: Poll) -> Array:
        """(k,) float64 sums of the weighted squared distances of the rows to the center of their label.

        By differences, in float64. The rows may be the engine's own copy in the dtype of those given.
        """

    @abstractmethod
    def farthest(self, centers: Array, count: int, poll: Poll) -> np.ndarray:
        """(at most count,) int64 NumPy indices of the rows farthest from the center of their label, farthest first.

        Only rows with weight, no two of them equal; at the same distance the lower index comes first. Fewer than
        ``count`` where there are no more distinct rows.
        """

    @abstractmethod
    def rows(self, indices: np.ndarray) -> Array:
        """(m, d) float64 shifted rows."""

    # -- seeding: squared distances to the nearest chosen row, by differences, so that equal rows are at distance 0 ----

    @abstractmethod
    def seed_begin(self, first: int, poll: Poll) -> float:
        """Choose the first row; return the potential: the sum of weight times squared distance to the chosen rows."""

    @abstractmethod
    def seed_from(self, centers: Array, poll: Poll) -> float:
        """Start from the centers of the last `assign`, each row at that of its label; return the potential.

        `seed_sample`, `seed_try` and `seed_take` go on from there as from `seed_begin`.
        """

    @abstractmethod
    def seed_sample(self, u: np.ndarray) -> np.ndarray:
        """(L,) int64 NumPy indices drawn with (L,) uniforms of [0, 1): where the running sum of weight times squared
        distance first exceeds u times its total. Only while the potential is above 0, and never a row at distance 0.
        """

    @abstractmethod
    def seed_try(self, candidates: np.ndarray, poll: Poll) -> np.ndarray:
        """(L,) NumPy potentials: for each candidate the one that choosing it would leave."""

    @abstractmethod
    def seed_take(self, candidate: int, poll: Poll) -> float:
        """Choose a row; return the potential, exactly 0.0 when every row with weight equals a chosen one."""

    # -- shared --------------------------------------------------------------------------------------------------------

    def different(self, ordered: np.ndarray, count: int) -> np.ndarray:
        """The first ``count`` of the NumPy indices ``ordered`` whose rows differ from all those before them."""
        taken: list[int] = []
        seen: set[bytes] = set()
        start, step = 0, 2 * count
        while start < len(ordered) and len(taken) < count:
            indices = ordered[start : start + step]
            for index, row in zip(indices, to_numpy(self.rows(indices)) + 0.0, strict=True):  # -0.0 is 0.0
                key = row.tobytes()
                if key not in seen and len(taken) < count:
                    seen.add(key)
                    taken.append(int(index))
            start, step = start + step, min(2 * step, 2**16)
        return np.array(taken, dtype=np.int64)
