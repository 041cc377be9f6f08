"""Principal components of a correlation or covariance matrix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .._arrays import Array, namespace
from .._parameters import check_integer
from .._results import ArrayResult
from ._signs import descending
from ._symmetric import EPS, as_symmetric, default_tol


@dataclass(frozen=True, eq=False)
class PCAResult(ArrayResult):
    """Principal components, largest first: what `pca` returns. Arrays are on the backend and device of its input.

    Attributes
    ----------
    values : (k,) float64
        Eigenvalues, descending: the variance along each component.
    vectors : (p, k) float64
        Orthonormal eigenvectors as columns. In each, the first entry within 1e-8 of the largest magnitude is positive.
    total : float
        Sum of all p eigenvalues (the trace), also if k is smaller than p.
    rank : int
        Number of eigenvalues above p eps times the largest (32 eps where p < 32).
    condition : float
        Largest over smallest eigenvalue; ``inf`` if the matrix is singular or not positive semidefinite.
    smallest : float
        Smallest of all p eigenvalues.
    psd : bool
        Whether the matrix is positive semidefinite, up to rounding. Pairwise correlations of rows with missing values
        may not be; `nearest_correlation` repairs them.

    Examples
    --------
    >>> import numpy as np
    >>> from symkernels import pca
    >>> result = pca(np.diag([1.0, 3.0]))
    >>> result.explained_ratio, result.rank, result.condition
    (array([0.75, 0.25]), 2, 3.0)
    """

    values: Array
    vectors: Array
    total: float
    rank: int
    condition: float
    smallest: float
    psd: bool

    @property
    def explained_ratio(self) -> Array:
        """(k,) float64: each component's share of ``total``; NaN if the total is 0."""
        if self.total == 0:
            return self.values * float("nan")
        return self.values / self.total


def pca(
    R: Array,
    /,
    n_components: int | None = None,
    explained: float = 1.0,
    *,
    checkpoint: Callable[[], object] | None = None,
) -> PCAResult:
    """Return the principal components of a correlation or covariance matrix.

    Parameters
    ----------
    R : (p, p) float64 or float32
        Symmetric up to rounding; one triangle is used. float32 is widened first.
    n_components : int, optional
        Largest number of components to return, at least 1. Default: all.
    explained : float, default 1.0
        In (0, 1]. Below 1: return the fewest components whose variances reach this share of the total, and no more than
        ``n_components``. 1 also returns components without variance.
    checkpoint : callable, optional
        Called before the decomposition, which cannot be stopped. An exception that it raises ends the call.

    Returns
    -------
    PCAResult
        Arrays on the backend and device of ``R``.

    Raises
    ------
    ShapeError
        ``R`` is not a square matrix of real numbers with at least one row.
    DataError
        ``R`` is not symmetric or not finite. Correlations of a constant attribute are NaN: the error's ``indices``
        name such attributes. Covariances of a constant attribute are 0, which is allowed.
    ValueError
        ``n_components`` or ``explained`` is out of range.

    Notes
    -----
    Eigenvalues and eigenvectors are those of ``numpy.linalg.eigh``, in descending order and with fixed signs, so that
    all backends agree. The components of scikit-learn's ``PCA`` are ``vectors.T`` of the covariance matrix. Vectors of
    equal eigenvalues are determined only up to a rotation. O(p^3) time, O(p^2) memory.

    Examples
    --------
    >>> import numpy as np
    >>> from symkernels import pca
    >>> result = pca(np.array([[1.0, 0.6], [0.6, 1.0]]), n_components=1)
    >>> result.values.round(3), result.vectors.round(3)
    (array([1.6]), array([[0.707],
           [0.707]]))
    """
    k = _check_components(n_components)
    if not 0 < explained <= 1:
        raise ValueError(f"explained must be in (0, 1], as a share of the total variance, got {explained!r}")
    R = as_symmetric(R, "R")
    xp = namespace(R)
    p = R.shape[0]
    total = float(xp.linalg.trace(R))
    if checkpoint is not None:
        checkpoint()

    ascending, vectors = xp.linalg.eigh(R.T)  # the same matrix in column order, which LAPACK copies faster
    values = xp.flip(ascending)
    k = p if k is None else min(k, p)
    if explained < 1:
        k = min(k, _components_for(values, explained * total, xp))

    if k < p:
        vectors = xp.asarray(vectors[:, p - k :], copy=True)  # a view would keep all p columns in memory
    vectors = descending(vectors, xp)

    largest, smallest = float(values[0]), float(values[-1])
    zero = default_tol(p) * max(largest, 0.0)
    return PCAResult(
        values=xp.asarray(values[:k], copy=True),
        vectors=vectors,
        total=total,
        rank=int(xp.sum(xp.astype(values > zero, xp.int64))),
        condition=largest / smallest if smallest > zero else float("inf"),
        smallest=smallest,
        psd=smallest >= -zero,
    )


def _check_components(n_components: Any) -> int | None:
    if n_components is None:
        return None
    try:
        return check_integer(n_components, "n_components")
    except (TypeError, ValueError) as error:
        raise ValueError(f"{error}; omit it for all components") from None


def _components_for(values: Array, share: float, xp: Any) -> int:
    """Return how many of the descending ``values`` add up to ``share``, up to rounding."""
    reached = xp.cumulative_sum(values)
    slack = values.shape[0] * EPS * float(xp.max(xp.abs(reached)))
    return min(int(xp.sum(xp.astype(reached < share - slack, xp.int64))) + 1, values.shape[0])
