"""Principal components of a correlation or covariance matrix."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any

import array_api_compat as compat
import numpy as np

from .._arrays import Array, is_numpy, namespace
from .._results import ArrayResult
from ._symmetric import EPS, as_symmetric, cache_blocks, default_tol

SIGN_TIE = 1e-8  # entries this close to the largest magnitude count as equal to it


@dataclass(frozen=True, eq=False)
class PCAResult(ArrayResult):
    """Principal components, the largest first. The arrays are on the backend and device of the input.

    Attributes
    ----------
    values : (k,) float64
        Eigenvalues, descending: the variance along each component.
    vectors : (p, k) float64
        Eigenvectors as columns, orthonormal. In each the first entry within 1e-8 of the largest magnitude is positive.
    total : float
        Sum of all p eigenvalues (the trace), whatever k is.
    rank : int
        Number of eigenvalues above p eps times the largest (32 eps where p < 32).
    condition : float
        Largest over smallest eigenvalue; ``inf`` if the matrix is singular or not positive semidefinite.
    smallest : float
        Smallest of all p eigenvalues.
    psd : bool
        Whether the matrix is positive semidefinite within rounding. A matrix of pairwise correlations under missing
        values need not be; `nearest_correlation` repairs it.
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
        """(k,) float64: each component's share of ``total``; NaN where the total is zero."""
        if self.total == 0:
            return self.values * float("nan")
        return self.values / self.total


def pca(R: Array, /, n_components: int | None = None, explained: float = 1.0) -> PCAResult:
    """Principal components of a correlation or covariance matrix.

    Parameters
    ----------
    R : (p, p) float64 or float32
        Symmetric; asymmetry of rounding is let pass, and one triangle decomposed. float32 is widened first.
    n_components : int, optional
        Return at most this many components, at least 1. Default: all.
    explained : float, default 1.0
        In (0, 1]. Below 1: return the fewest components whose variances reach this share of the total (and no more
        than ``n_components``). 1 returns all of them, those of no variance too.

    Returns
    -------
    PCAResult
        Arrays on the backend and device of ``R``.

    Raises
    ------
    ShapeError
        ``R`` is not a square matrix of real numbers with at least one row.
    DataError
        ``R`` is not symmetric, or not finite. The correlations of a constant attribute are NaN: the error's
        ``indices`` name such attributes. (In a covariance matrix they are zero, and welcome.)
    ValueError
        ``n_components`` or ``explained`` is out of range.

    Notes
    -----
    Same as ``numpy.linalg.eigh`` turned around, with signs fixed; the components of scikit-learn's
    ``PCA`` are ``vectors.T`` of the covariance matrix. Signs follow the rule above so that all backends agree;
    within a group of equal eigenvalues any rotation of the vectors is as good.
    O(p^3) time, O(p^2) memory.
    """
    k = _component_limit(n_components)
    if not 0 < explained <= 1:
        raise ValueError(f"explained must be in (0, 1], as a share of the total variance, got {explained!r}")
    R = as_symmetric(R, "R")
    xp = namespace(R)
    p = R.shape[0]
    total = float(xp.linalg.trace(R))

    ascending, vectors = xp.linalg.eigh(R.T)  # the same matrix, laid out by columns as LAPACK copies it
    values = xp.flip(ascending)
    k = p if k is None else min(k, p)
    if explained < 1:
        k = min(k, _components_for(values, explained * total, xp))

    if k < p:
        vectors = xp.asarray(vectors[:, p - k :], copy=True)  # a view would keep all p columns in memory
    vectors = _descending(vectors, xp)

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


def _component_limit(n_components: int | None) -> int | None:
    if n_components is None:
        return None
    try:
        k = operator.index(n_components)
    except TypeError:
        raise ValueError(f"n_components must be a whole number or None, got {n_components!r}") from None
    if k < 1:
        raise ValueError(f"n_components must be at least 1, got {k}; leave it out to get all")
    return k


def _components_for(values: Array, share: float, xp: Any) -> int:
    """Return how many of the largest ``values`` it takes to reach ``share`` of their sum, rounding granted."""
    reached = xp.cumulative_sum(values)
    slack = values.shape[0] * EPS * float(xp.max(xp.abs(reached)))
    return min(int(xp.sum(xp.astype(reached < share - slack, xp.int64))) + 1, values.shape[0])


def _descending(vectors: Array, xp: Any) -> Array:
    """Turn eigenvectors around, largest first, with fixed signs; ``vectors`` is overwritten."""
    leading = _leading_numpy(vectors) if is_numpy(vectors) else _leading(vectors, xp)
    sign = xp.flip(xp.where(leading < 0, -xp.ones_like(leading), xp.ones_like(leading)))
    for rows in cache_blocks(vectors, vectors.shape[1]):
        vectors[rows, :] = xp.flip(vectors[rows, :], axis=1) * sign
    return vectors


def _leading(vectors: Array, xp: Any) -> Array:
    """Return the first entry of each column that is within 1e-8 of the column's largest magnitude."""
    size = xp.abs(vectors)
    near = size >= xp.max(size, axis=0) - SIGN_TIE
    first = xp.argmax(xp.astype(near, xp.int8), axis=0)
    return vectors[first, xp.arange(vectors.shape[1], device=compat.device(vectors))]


def _leading_numpy(vectors: np.ndarray) -> np.ndarray:
    """Do the same in cache-sized blocks of rows: at p = 1,000 in two thirds of the time."""
    blocks = cache_blocks(vectors, vectors.shape[1])
    largest = np.zeros(vectors.shape[1])
    for rows in blocks:
        np.maximum(largest, np.abs(vectors[rows]).max(axis=0), out=largest)
    bar = largest - SIGN_TIE
    leading = np.empty_like(largest)
    for rows in reversed(blocks):
        block = vectors[rows]
        near = np.flatnonzero(np.abs(block) >= bar)[::-1]
        # Written from the last row to the first, so that of several in a column the first one stays.
        leading[near % block.shape[1]] = np.take(block, near)
    return leading
