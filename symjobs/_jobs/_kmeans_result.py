"""The result of k-means over a range of k."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from symjobs._entities import KSVSMap, number_text


@dataclass(frozen=True, eq=False)
class KMeansJobResult:
    """k-means for each k of a range, the smallest first.

    Attributes
    ----------
    names : tuple of str
        The d columns, or cluster features of the project.
    method : str
        ``rows``, or ``micro-clusters`` of a project.
    n_rows : int
        Rows that were clustered; with micro-clusters, the rows in them.
    n_missing : int
        Rows without a value in one of these columns. They are left out.
    n_forgotten : int
        Rows that the project has forgotten and its micro-clusters have not.
    ks : (m,) int64
        The numbers of clusters.
    wssse : (m,) float64
        Sum of squared distances of the rows to their centers (scikit-learn: inertia), in squared units of the columns,
        without a unit if they were scaled; NaN where k is impossible.
    silhouette : (m,) float64
        Mean silhouette, from -1 to 1, larger is better; NaN where it is undefined.
    silhouette_error : (m,) float64
        Its standard error: 0 if it is the mean of all rows.
    seconds : (m,) float64
        Wall-clock time of the starts of each k, without the silhouettes, which are computed for all k together.
    n_iter : (m,) int64
        Iterations of the best start; 0 where k is impossible.
    converged : (m,) bool
        Whether the best start ended before the limit of iterations.
    reasons : tuple of (str or None)
        Why `wssse` or `silhouette` is NaN.
    k_silhouette : int or None
        The k with the largest silhouette; of several the smallest.
    k_elbow : int or None
        The elbow of the curve of WSSSE, by Kneedle (Satopaa et al. 2011); None if it has none.
    scale : str
        ``none`` or ``standard``.
    divisors : (d,) float64
        The number that each column was divided by.
    metric : str
        Distances of the silhouettes: ``euclidean`` or ``sqeuclidean``.
    n_init, max_iterations, seed : int
        Starts for each k, the limit of iterations of each start, and the seed of the random numbers.
    centers : tuple of ((k, d) float64 array or None)
        In the units of the columns, also if they were scaled; None where k is impossible.
    sizes : tuple of ((k,) float64 array or None)
        Rows of each cluster.
    labels : tuple of ((n,) int32 array or None), or None
        The cluster of each row of the table, -1 for a row that was left out. Only if they were asked for.
    backend, device : str
        The library and the device that computed it. The arrays are always NumPy arrays.
    """

    names: tuple[str, ...]
    method: str
    n_rows: int
    n_missing: int
    n_forgotten: int
    ks: np.ndarray
    wssse: np.ndarray
    silhouette: np.ndarray
    silhouette_error: np.ndarray
    seconds: np.ndarray
    n_iter: np.ndarray
    converged: np.ndarray
    reasons: tuple[str | None, ...]
    k_silhouette: int | None
    k_elbow: int | None
    scale: str
    divisors: np.ndarray
    metric: str
    n_init: int
    max_iterations: int
    seed: int
    centers: tuple[np.ndarray | None, ...]
    sizes: tuple[np.ndarray | None, ...]
    labels: tuple[np.ndarray | None, ...] | None
    backend: str
    device: str
    _echo: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        tried = f"k = {self.ks[0]}" if len(self.ks) == 1 else f"k = {self.ks[0]} to {self.ks[-1]}"
        return f"<k-means of {self.n_rows} rows, {len(self.names)} columns, {tried}: {self.why}>"

    @property
    def k(self) -> int | None:
        """The suggested number of clusters: `k_silhouette`, else `k_elbow`; None if neither is known."""
        return self.k_elbow if self.k_silhouette is None else self.k_silhouette

    @property
    def largest_error(self) -> float | None:
        """The largest standard error of a silhouette; None if all silhouettes are means of all rows."""
        errors = self.silhouette_error[self.silhouette_error > 0]
        return float(errors.max()) if len(errors) else None

    @property
    def why(self) -> str:
        """The reason for `k`, in words."""
        elbow = "" if self.k_elbow is None else f"; the curve of WSSSE bends most at k = {self.k_elbow} (Kneedle)"
        if self.k_silhouette is not None:
            largest = float(np.nanmax(self.silhouette))
            error = float(self.silhouette_error[self.ks == self.k_silhouette][0])
            within = f" ± {error:.2g}" if error > 0 else ""
            return f"k = {self.k_silhouette} has the largest silhouette, {largest:.3f}{within}{elbow}"
        if self.k_elbow is not None:
            return f"no silhouette is defined{elbow}"
        return "no k is suggested: no silhouette is defined, and the curve of WSSSE has no bend"

    def entities(self) -> dict[str, Any]:
        """Return the ``KSVSMap``: WSSSE and silhouette of every k, and the request's own parameters."""
        entries = dict(self._echo)
        for k, wssse, silhouette in zip(self.ks.tolist(), self.wssse.tolist(), self.silhouette.tolist(), strict=True):
            entries[f"kmeans_{k}_wssse"] = number_text(wssse)
            entries[f"kmeans_{k}_silhouette"] = number_text(silhouette)
        return {"KSVSMap": KSVSMap([entries])}
