"""The matrices that every spectral function takes: checking them, scaling them, and which eigenvalues count as zero."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import array_api_compat as compat
import numpy as np

from .._arrays import Array, as_floats, is_cupy, is_numpy, namespace, to_numpy
from .._errors import DataError, ShapeError

EPS = float(np.finfo(np.float64).eps)

# Below this many attributes the matrix's own rounding is larger than p eps: it comes from sums over rows and a division
# by standard deviations. Correlations of exact sums and of one-hot groups, computed by numpy.corrcoef from 100 to
# 100,000 rows, had smallest eigenvalues of up to 25 eps times the largest, at p = 2, 3 and 6 alike.
ROUNDING_FLOOR = 32


def default_tol(p: int) -> float:
    """Return p eps: eigenvalues up to this share of the largest are zero. With fewer than 32 attributes, 32 eps."""
    return max(p, ROUNDING_FLOOR) * EPS


def check_tol(tol: float | None, p: int) -> float:
    """Return the relative tolerance asked for, or the default one."""
    if tol is None:
        return default_tol(p)
    if not 0 <= tol < 1:
        raise ValueError(
            f"tol must be in [0, 1), as a share of the largest eigenvalue, got {tol!r}; leave it out for p eps"
        )
    return float(tol)


def as_symmetric(R: Array, name: str, *, undefined: Literal["refuse", "keep"] = "refuse") -> Array:
    """Return ``R`` as a symmetric float64 matrix on its own backend and device, or say what is wrong with it.

    NaN on the diagonal marks an attribute that is constant or has no values. With ``undefined="keep"`` such attributes
    stay, for the caller to set aside; a NaN between two others is refused always.
    """
    R = as_floats(R, ndim=2, name=name)
    rows, columns = R.shape
    if rows != columns:
        raise ShapeError(
            f"{name} must be a square covariance or correlation matrix, got shape {(rows, columns)}; "
            "from data, compute it first, with Moments(p).learn(X).correlation()"
        )
    if rows == 0:
        raise ShapeError(f"{name} must have at least one attribute, got shape (0, 0)")
    xp = namespace(R)
    if is_numpy(R):
        R = np.asarray(R)  # numpy.matrix would change what the operators mean
    rounding = float(xp.finfo(R.dtype).eps)
    R = xp.astype(R, xp.float64, copy=False)
    gap = _largest_gap(R, xp)
    if not math.isfinite(gap):  # R is not: infinite, NaN, or too large to be subtracted
        _check_finite(R, name, undefined, xp)
    if gap != 0:
        _check_symmetric(R, gap, name, rounding, xp)
    return R


def _largest_gap(R: Array, xp: Any) -> float:
    r"""Return the largest \|R_ij - R_ji\|; NaN or infinite if R holds anything that is."""
    largest = 0.0
    with np.errstate(invalid="ignore", over="ignore"):  # inf - inf; what it means is looked into afterwards
        for rows in cache_blocks(R, R.shape[0]):
            gap = R[rows, : rows.stop] - R[: rows.stop, rows].T
            largest = float(np.maximum(largest, max(float(xp.max(gap)), -float(xp.min(gap)))))
    return largest


def _check_finite(R: Array, name: str, undefined: str, xp: Any) -> None:
    infinite = _where(xp.any(xp.isinf(R), axis=1), xp)
    if infinite:
        raise DataError(
            f"{name} holds infinite entries in the rows of attributes {listed(infinite)}; "
            "look for infinite values or overflow in the data it was computed from",
            indices=infinite,
        )
    nan = xp.isnan(R)
    blank = xp.linalg.diagonal(nan)
    among_others = nan & ~blank[:, None] & ~blank[None, :]
    partners = _where(xp.any(among_others, axis=1), xp)
    if partners:
        other = _where(among_others[partners[0], :], xp)
        raise DataError(
            f"{name} is NaN between attribute {partners[0]} and {listed(other)}: no rows, or too few, hold both "
            f"({len(partners)} attributes have such partners); leave one of each pair out",
            indices=partners,
        )
    constants = _where(blank, xp)
    if constants and undefined == "refuse":
        raise DataError(
            f"{name} is NaN for attributes {listed(constants)}: they are constant or have no values; leave them out",
            indices=constants,
        )


def _check_symmetric(R: Array, worst: float, name: str, rounding: float, xp: Any) -> None:
    if math.isnan(worst):  # attributes without a variance, kept for the caller
        R = xp.where(xp.isnan(R) | xp.isnan(R.T), xp.zeros_like(R), R)
        worst = _largest_gap(R, xp)
    allowed = 100 * rounding
    if worst <= allowed * float(xp.max(xp.abs(xp.linalg.diagonal(R)))):
        return  # a semidefinite matrix has its largest entry there, so that the others need not be looked through
    if worst > allowed * max(float(xp.max(R)), -float(xp.min(R))):
        gap = R - R.T
        i = _where(xp.max(gap, axis=1) == worst, xp)[0]
        j = _where(gap[i, :] == worst, xp)[0]
        raise DataError(
            f"{name} must be symmetric, but {name}[{i}, {j}] = {float(R[i, j])!r} and {name}[{j}, {i}] = "
            f"{float(R[j, i])!r}; if only rounding is to blame, pass ({name} + {name}.T) / 2",
            indices=(i, j),
        )


def cache_blocks(x: Array, length: int) -> list[slice]:
    """Slices of the rows (or columns, each of ``length`` entries) of ``x`` that stay in a core's cache.

    For NumPy, temporaries of this size are reused instead of fetched from the system page by page: that halves the time
    for checks and signs of a 1,000 x 1,000 matrix. Elsewhere, on a GPU, one block is best.
    """
    count = x.size // length
    width = max(1, 65536 // length) if is_numpy(x) else count
    return [slice(start, min(start + width, count)) for start in range(0, count, width)]


def on_host(x: Array) -> np.ndarray:
    """Return ``x`` as a NumPy array in one transfer, for bookkeeping entry by entry."""
    return to_numpy(x) if is_numpy(x) or is_cupy(x) else np.from_dlpack(x)


def _where(mask: Array, xp: Any) -> list[int]:
    found: list[int] = on_host(xp.nonzero(mask)[0]).tolist()
    return found


def listed(indices: Iterable[int], most: int = 8) -> str:
    """Write indices for a message: ``0, 3, 5``, cut after ``most``."""
    indices = list(indices)
    text = ", ".join(str(i) for i in indices[:most])
    return f"{text}, ... ({len(indices)} in all)" if len(indices) > most else text


@dataclass(frozen=True, eq=False)
class Standardized:
    """The correlation matrix of the attributes that vary."""

    correlation: Array  # (q, q), unit diagonal
    live: Array  # (p,) bool: the q attributes that vary
    indices: Sequence[int]  # of those, in the caller's numbering
    scale: Array  # (q,) their standard deviations; 1 for a correlation matrix


def standardize(R: Array, name: str) -> Standardized:
    """Scale a checked covariance or correlation matrix to unit diagonal, constants left out."""
    xp = namespace(R)
    variance = xp.linalg.diagonal(R)
    negative = _where(variance < 0, xp)
    if negative:
        raise DataError(
            f"{name} has negative variances on the diagonal, at attributes {listed(negative)}; "
            "it is no covariance or correlation matrix",
            indices=negative,
        )
    live = variance > 0  # False for NaN, too
    indices = _where(live, xp)
    if len(indices) < R.shape[0]:
        keep = xp.nonzero(live)[0]
        R = xp.take(xp.take(R, keep, axis=0), keep, axis=1)
        variance = xp.take(variance, keep, axis=0)
    scale = xp.sqrt(variance)
    if not bool(xp.all(variance == 1)):
        # Two divisions, as the product of two scales can overflow or underflow where neither does.
        unit = xp.eye(R.shape[0], dtype=xp.bool, device=compat.device(R))
        R = xp.where(unit, xp.ones_like(R), R / scale[:, None] / scale[None, :])
    return Standardized(R, live, indices, scale)


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Eigenvalues and vectors of a correlation matrix, parted into its null space and the rest."""

    null: Array  # (q, m) orthonormal basis of the eigenvalues <= tol max
    vectors: Array  # (q, q - m) the other eigenvectors
    values: Array  # (q - m,) their eigenvalues, ascending
    smallest: float  # the most negative eigenvalue, or the smallest one
    threshold: float  # tol max

    @property
    def psd(self) -> bool:
        """Whether no eigenvalue is negative beyond rounding."""
        return self.smallest >= -self.threshold

    @property
    def inflation(self) -> Array:
        """(q,) diagonal of the pseudo-inverse."""
        xp = namespace(self.vectors)
        return xp.sum(self.vectors**2 / self.values, axis=1)

    @property
    def noise(self) -> Array:
        """(q,) the largest square that noise can put into each entry of a unit null vector.

        All that is known of a null vector u is that its variance u'Ru is at most ``threshold``. If its part outside
        the true null space is sum(a_k vector_k), then sum(a_k^2 value_k) <= threshold, and by Cauchy and Schwarz its
        entry i is off by at most sqrt(threshold * inflation_i). So a column and its copy rounded to float32 are
        collinear, but the others are not, although that rounding noise is correlated with them a little.
        """
        return self.threshold * self.inflation


def spectrum(correlation: Array, tol: float) -> Spectrum:
    """Eigendecompose a correlation matrix and part it at ``tol`` times its largest eigenvalue."""
    xp = namespace(correlation)
    values, vectors = xp.linalg.eigh(correlation)
    threshold = tol * float(values[-1])
    m = int(xp.sum(xp.astype(values <= threshold, xp.int64)))
    return Spectrum(vectors[:, :m], vectors[:, m:], values[m:], float(values[0]), threshold)
