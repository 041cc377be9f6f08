"""The check of the matrix that every spectral function takes, and the tolerance below which eigenvalues are zero."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np

from .._arrays import Array, as_floats, is_numpy, namespace, to_numpy
from .._errors import DataError, ShapeError
from ._backends import cache_blocks

EPS = float(np.finfo(np.float64).eps)

# With fewer attributes the rounding errors of the matrix itself exceed p eps: they come from sums over rows and
# divisions by standard deviations. We measured singular correlation matrices (exact sums, one-hot groups) that
# numpy.corrcoef computes from 100 to 100,000 rows. Their smallest eigenvalues reached 25 eps times the largest, for 2,
# 3 and 6 attributes alike.
ROUNDING_FLOOR = 32


def default_tol(p: int) -> float:
    """Return p eps, or 32 eps if p is below 32: eigenvalues up to this share of the largest count as zero."""
    return max(p, ROUNDING_FLOOR) * EPS


def check_tol(tol: float | None, p: int) -> float:
    """Return the given relative tolerance, or the default for None; raises `ValueError`."""
    if tol is None:
        return default_tol(p)
    if not 0 <= tol < 1:
        raise ValueError(
            f"tol must be in [0, 1), as a share of the largest eigenvalue, got {tol!r}; omit it for the default"
        )
    return float(tol)


def as_symmetric(R: Array, name: str, *, undefined: Literal["refuse", "keep"] = "refuse") -> Array:
    """Return ``R`` as a symmetric float64 matrix on its own library and device; raises `ShapeError` or `DataError`.

    A NaN on the diagonal marks an attribute that is constant or has no values. ``undefined="keep"`` allows such
    attributes; the caller must leave them out. A NaN between two other attributes always raises.
    """
    R = as_floats(R, ndim=2, name=name)
    rows, columns = R.shape
    if rows != columns:
        raise ShapeError(
            f"{name} must be a square covariance or correlation matrix, got shape {(rows, columns)}; "
            "compute it from rows with Moments(p).learn(X).correlation()"
        )
    if rows == 0:
        raise ShapeError(f"{name} must have at least one attribute, got shape (0, 0)")
    xp = namespace(R)
    if is_numpy(R):
        R = np.asarray(R)  # also from numpy.matrix, whose operators differ
    rounding = float(xp.finfo(R.dtype).eps)
    R = xp.astype(R, xp.float64, copy=False)
    gap = _largest_gap(R, xp)
    if not math.isfinite(gap):  # R has infinities or NaN, or a difference overflows
        _check_finite(R, name, undefined, xp)
    if gap != 0:
        _check_symmetric(R, gap, name, rounding, xp)
    return R


def _largest_gap(R: Array, xp: Any) -> float:
    r"""Return the largest \|R_ij - R_ji\|; NaN or infinity if R has an entry that is not finite."""
    largest = 0.0
    with np.errstate(invalid="ignore", over="ignore"):  # `_check_finite` reports infinities
        for rows in cache_blocks(R, R.shape[0]):
            gap = R[rows, : rows.stop] - R[: rows.stop, rows].T
            largest = float(np.maximum(largest, max(float(xp.max(gap)), -float(xp.min(gap)))))
    return largest


def _check_finite(R: Array, name: str, undefined: str, xp: Any) -> None:
    infinite = true_indices(xp.any(xp.isinf(R), axis=1), xp)
    if infinite:
        raise DataError(
            f"{name} has infinite entries in the rows of attributes {listed(infinite)}; "
            "check the data for infinite values and for overflow",
            indices=infinite,
        )
    nan = xp.isnan(R)
    blank = xp.linalg.diagonal(nan)
    among_others = nan & ~blank[:, None] & ~blank[None, :]
    partners = true_indices(xp.any(among_others, axis=1), xp)
    if partners:
        other = true_indices(among_others[partners[0], :], xp)
        raise DataError(
            f"{name} is NaN between attribute {partners[0]} and {listed(other)}: too few rows have both "
            f"({len(partners)} attributes are part of such pairs); leave one of each pair out",
            indices=partners,
        )
    constants = true_indices(blank, xp)
    if constants and undefined == "refuse":
        raise DataError(
            f"{name} is NaN for attributes {listed(constants)}: they are constant or have no values; leave them out",
            indices=constants,
        )


def _check_symmetric(R: Array, worst: float, name: str, rounding: float, xp: Any) -> None:
    if math.isnan(worst):  # NaN rows of attributes without variance, which the caller allows
        R = xp.where(xp.isnan(R) | xp.isnan(R.T), xp.zeros_like(R), R)
        worst = _largest_gap(R, xp)
    allowed = 100 * rounding
    if worst <= allowed * float(xp.max(xp.abs(xp.linalg.diagonal(R)))):
        return  # a positive semidefinite matrix has its largest entry on the diagonal: no need to read the others
    if worst > allowed * max(float(xp.max(R)), -float(xp.min(R))):
        gap = R - R.T
        i = true_indices(xp.max(gap, axis=1) == worst, xp)[0]
        j = true_indices(gap[i, :] == worst, xp)[0]
        raise DataError(
            f"{name} must be symmetric, but {name}[{i}, {j}] = {float(R[i, j])!r} and {name}[{j}, {i}] = "
            f"{float(R[j, i])!r}; if the difference is a rounding error, pass ({name} + {name}.T) / 2",
            indices=(i, j),
        )


def true_indices(mask: Array, xp: Any) -> list[int]:
    """Return where a vector is True."""
    found: list[int] = to_numpy(xp.nonzero(mask)[0]).tolist()
    return found


def listed(indices: Iterable[int], most: int = 8) -> str:
    """Return indices as text for a message, ``0, 3, 5``, at most ``most`` of them."""
    indices = list(indices)
    text = ", ".join(str(i) for i in indices[:most])
    return f"{text}, ... ({len(indices)} in all)" if len(indices) > most else text
