"""The results of `kmeans_sweep`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np

from .._arrays import Array
from ._elbow import elbow


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
        Mean silhouette of the rows, or of a sample of them, -1 (bad) to 1 (good), no unit; NaN where there is none.
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
    silhouette_error : float
        Standard error of `silhouette`; 0 if it is the mean of all rows, NaN where there is none.

    Examples
    --------
    >>> from symkernels import kmeans_sweep
    >>> entry = kmeans_sweep([[0.0], [1.0], [10.0], [11.0]], [2])[0]
    >>> entry.k, entry.wssse, entry.counts
    (2, 1.0, array([2., 2.]))
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
    silhouette_error: float = float("nan")

    def __repr__(self) -> str:
        why = f", {self.reason}" if self.reason else ""
        return f"<SweepEntry: k = {self.k}, wssse = {self.wssse:.6g}, silhouette = {self.silhouette:.3f}{why}>"


@dataclass(frozen=True)
class KMeansSweep(Sequence[SweepEntry]):
    """The results for several k: a sequence of `SweepEntry`, in the order of the k asked for.

    Attributes
    ----------
    entries : tuple of SweepEntry
        The same entries as a tuple.
    n_dropped : int
        Rows dropped for a NaN or an infinity.

    Examples
    --------
    >>> from symkernels import kmeans_sweep
    >>> sweep = kmeans_sweep([[0.0], [1.0], [10.0], [11.0]], [2, 3])
    >>> sweep.ks, sweep.silhouette.round(3), sweep.k_silhouette
    (array([2, 3]), array([0.9  , 0.447]), 2)
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
    def silhouette_error(self) -> np.ndarray:
        """(m,) float64 NumPy array: standard error of each silhouette; 0 for the mean of all rows."""
        return np.array([entry.silhouette_error for entry in self.entries])

    @property
    def k_silhouette(self) -> int | None:
        """The k with the largest silhouette, the smallest one on a tie; None where no k has a silhouette."""
        found = [(-entry.silhouette, entry.k) for entry in self.entries if entry.silhouette == entry.silhouette]
        return min(found)[1] if found else None

    @property
    def k_elbow(self) -> int | None:
        """The k at the elbow of the WSSSE curve, as Kneedle finds it; None where there is none."""
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
