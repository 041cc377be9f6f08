"""A covariance or correlation matrix scaled to unit diagonal, and its null space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import array_api_compat as compat

from .._arrays import Array, namespace
from .._errors import DataError
from ._symmetric import as_symmetric, check_tol, listed, true_indices


@dataclass(frozen=True, eq=False)
class Standardized:
    """The correlation matrix of the attributes that vary.

    Attributes
    ----------
    correlation : (q, q) float64
        Its diagonal is 1.
    live : (p,) bool
        True for the q attributes that vary.
    indices : sequence of int
        Their numbers, from 0 to p - 1.
    scale : (q,) float64
        Their standard deviations; 1 for a correlation matrix.
    tol : float
        Relative tolerance: eigenvalues up to this share of the largest count as zero.
    """

    correlation: Array
    live: Array
    indices: Sequence[int]
    scale: Array
    tol: float


def standardize(R: Any, name: str, tol: float | None) -> Standardized:
    """Check a covariance or correlation matrix and scale it to unit diagonal, without its constant attributes.

    Raises `ShapeError`, `DataError` or `ValueError`.
    """
    R = as_symmetric(R, name, undefined="keep")
    tol = check_tol(tol, R.shape[0])
    xp = namespace(R)
    variance = xp.linalg.diagonal(R)
    negative = true_indices(variance < 0, xp)
    if negative:
        raise DataError(
            f"{name} has negative variances on the diagonal, at attributes {listed(negative)}; "
            "pass a covariance or correlation matrix",
            indices=negative,
        )
    live = variance > 0  # also False for NaN
    indices = true_indices(live, xp)
    if len(indices) < R.shape[0]:
        keep = xp.nonzero(live)[0]
        R = xp.take(xp.take(R, keep, axis=0), keep, axis=1)
        variance = xp.take(variance, keep, axis=0)
    scale = xp.sqrt(variance)
    if not bool(xp.all(variance == 1)):
        # Two divisions: the product of two scales may overflow or underflow although neither does.
        unit = xp.eye(R.shape[0], dtype=xp.bool, device=compat.device(R))
        R = xp.where(unit, xp.ones_like(R), R / scale[:, None] / scale[None, :])
    return Standardized(R, live, indices, scale, tol)


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Eigenvalues and eigenvectors of a correlation matrix, divided into its null space and the rest."""

    null: Array  # (q, m) orthonormal basis of the eigenvalues <= tol max
    vectors: Array  # (q, q - m) the other eigenvectors
    values: Array  # (q - m,) their eigenvalues, ascending
    smallest: float  # smallest eigenvalue, which may be negative
    threshold: float  # tol max

    @property
    def psd(self) -> bool:
        """Whether no eigenvalue is negative, up to rounding."""
        return self.smallest >= -self.threshold

    @property
    def inflation(self) -> Array:
        """(q,) diagonal of the pseudo-inverse."""
        xp = namespace(self.vectors)
        return xp.sum(self.vectors**2 / self.values, axis=1)

    @property
    def noise(self) -> Array:
        """(q,) largest square that noise can add to each entry of a unit null vector.

        A computed null vector u satisfies only u'Ru <= ``threshold``. If its part outside the true null space is
        sum(a_k vector_k), then sum(a_k^2 value_k) <= threshold. So, by the inequality of Cauchy and Schwarz, the error
        of entry i is at most sqrt(threshold * inflation_i). This is why a column and its copy rounded to float32 are
        collinear but other columns are not, although they are slightly correlated with the rounding errors.
        """
        return self.threshold * self.inflation


def spectrum(correlation: Array, tol: float) -> Spectrum:
    """Decompose a correlation matrix; eigenvalues up to ``tol`` times the largest belong to the null space."""
    xp = namespace(correlation)
    values, vectors = xp.linalg.eigh(correlation)
    threshold = tol * float(values[-1])
    m = int(xp.sum(xp.astype(values <= threshold, xp.int64)))
    return Spectrum(vectors[:, :m], vectors[:, m:], values[m:], float(values[0]), threshold)
