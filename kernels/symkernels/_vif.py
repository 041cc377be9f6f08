"""Variance inflation factors of all attributes at once."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import array_api_compat as compat
import numpy as np

from ._arrays import Array, is_cupy, namespace
from ._elimination import Checkpoint, eliminate
from ._moments import Deviations, Moments, deviations
from ._results import ArrayResult
from ._spectral._backends import uses_cholesky
from ._spectral._spectrum import Standardized, spectrum, standardize


@dataclass(frozen=True, eq=False)
class VIFResult(ArrayResult):
    """Variance inflation factors: what `vif` returns. Arrays are on the backend and device of its input.

    Attributes
    ----------
    values : (p,) float64
        1 for an attribute that is uncorrelated with the others, ``inf`` for an exact linear function of the others, NaN
        for a constant. 1 - 1/value is the R squared of the attribute's regression on the others.
    rank : int
        Number of linearly independent attributes; constants do not count.
    collinear : (p,) bool
        True where ``values`` is ``inf``.
    constant : (p,) bool
        True where ``values`` is NaN.
    at_least : (p,) bool
        True where the digits of the sums end before the factor does: ``values`` is a lower bound, and may be ``inf`` in
        truth. Only where sums are in float64, which those of few rows are not.
    psd : bool
        Whether the matrix is positive semidefinite, up to rounding. Pairwise correlations of rows with missing values
        may not be. Then attributes that take part in a negative eigenvalue are ``inf``, as they are in the nearest
        correlation matrix, which is singular.

    Examples
    --------
    >>> import numpy as np
    >>> from symkernels import vif
    >>> result = vif(np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]))
    >>> result.values, result.collinear, result.rank
    (array([inf, inf,  1.]), array([ True,  True, False]), 2)
    """

    values: Array
    rank: int
    collinear: Array
    constant: Array
    psd: bool
    at_least: Array


def vif(
    R: Array | Moments,
    /,
    tol: float | None = None,
    *,
    indices: Sequence[int] | None = None,
    checkpoint: Checkpoint | None = None,
) -> VIFResult:
    """Return the variance inflation factor of each attribute, given all others and an intercept.

    Parameters
    ----------
    R : Moments, or (p, p) float64 or float32
        Sums of rows; or a correlation or covariance matrix, in which a NaN row marks a constant attribute. float32 is
        widened first. Sums know more digits than a matrix does: it cannot say whether a factor of 1e15 is infinite, nor
        what the others are beside it.
    tol : float, optional
        Eigenvalues of the correlation matrix up to ``tol`` times the largest count as zero. Default p eps (32 eps
        where p < 32, the size of the rounding errors of a correlation matrix). By default, from `Moments`, what counts
        is whether the rounding of the values to float64 explains what is left of an attribute.
    indices : sequence of int, optional
        Of `Moments`: only these attributes, in this order. Default: all.
    checkpoint : callable, optional
        Called between parts of the work. An exception that it raises stops it.

    Returns
    -------
    VIFResult
        Arrays on the backend and device of ``R``.

    Raises
    ------
    ShapeError
        ``R`` is not a square matrix of real numbers with at least one row.
    DataError
        ``R`` is not symmetric, has infinite entries or a negative variance, or is NaN between two attributes that
        vary.
    ValueError
        ``tol`` is outside [0, 1), or ``indices`` are given for a matrix.

    Notes
    -----
    The diagonal of the inverse correlation matrix, or of its pseudo-inverse where it is singular (Marquardt,
    "Generalized inverses, ridge regression, biased linear estimation, and nonlinear estimation", 1970). An attribute is
    exactly collinear if its row of the null vectors is longer than noise can explain: if it would contribute more than
    the rest of its factor even if the null eigenvalues were as large as the tolerance. statsmodels'
    ``variance_inflation_factor`` gives the same values if its matrix includes a constant column.

    From `Moments`, where a factor is above 1,000, attributes are eliminated with numbers of 47 digits: see
    docs/numerics.md. Where values are missing in one attribute and not in another, each pair has its own rows, and
    their correlation matrix decides.

    O(p^3) time, O(p^2) memory. NumPy and CuPy matrices that are far from singular are inverted from their Cholesky
    factor, three to five times faster than from the eigenvalues, which serve all other matrices.

    Examples
    --------
    >>> import numpy as np
    >>> from symkernels import vif
    >>> vif(np.array([[1.0, 0.8], [0.8, 1.0]])).values.round(3)
    array([2.778, 2.778])
    """
    if isinstance(R, Moments):
        return _of_moments(R, tol, indices, checkpoint)
    if indices is not None:
        raise ValueError("indices choose attributes of Moments; of a matrix, pass the rows and columns themselves")
    part = standardize(R, "R", tol)
    return _of_correlations(part, _by_cholesky(part, checkpoint), checkpoint)


def _of_moments(
    moments: Moments, tol: float | None, indices: Sequence[int] | None, checkpoint: Checkpoint | None
) -> VIFResult:
    correlation = moments.correlation(indices=indices)
    _poll(checkpoint)
    part = standardize(correlation, "R", tol)
    values = _by_cholesky(part, checkpoint)
    if tol is None and part.indices and not _float64_decides(values, moments, indices, part.indices):
        found = deviations(moments, indices)
        if found is not None:
            return _by_elimination(found, part.live, checkpoint)
    return _of_correlations(part, values, checkpoint)


def _float64_decides(
    values: Array | None, moments: Moments, indices: Sequence[int] | None, live: Sequence[int]
) -> bool:
    """Whether factors from a correlation matrix in float64 are right: so they are as long as they are small."""
    if values is None:
        return False
    xp, errors = namespace(values), moments.error_bound
    attributes = live if indices is None else [indices[i] for i in live]
    error = float(xp.max(xp.take(errors, xp.asarray(attributes, device=compat.device(errors)))))
    largest = float(xp.max(values))
    return largest <= _SMALL and largest * error * len(live) <= _ERROR


def _by_elimination(found: Deviations, like: Array, checkpoint: Checkpoint | None) -> VIFResult:
    parts = eliminate(found, np.flatnonzero(~found.constant), checkpoint)
    square, kept, null = found.products.high.diagonal(), parts.kept, parts.null
    inverse = parts.diagonal.copy()
    coefficients, related = parts.relations(found)
    unsure = related & ~parts.certain
    # If m attributes may be null and are not, their matrix is at most m times that of what may be left of each alone.
    shares = np.where(unsure, (coefficients / np.sqrt(parts.left)) ** 2, 0.0)
    inverse += shares.sum(axis=1) / max(np.count_nonzero(~parts.certain), 1)
    inverse[(related & parts.certain).any(axis=1)] = np.inf

    values = np.full(len(square), np.nan)
    at_least = np.zeros(len(square), bool)
    values[kept], at_least[kept] = square[kept] * inverse, unsure.any(axis=1) & np.isfinite(inverse)
    values[null], at_least[null] = np.where(parts.certain, np.inf, square[null] / parts.left), ~parts.certain
    xp, device = namespace(like), compat.device(like)
    arrays = (xp.asarray(array, device=device) for array in (values, np.isinf(values), found.constant, at_least))
    values, collinear, constant, at_least = arrays
    return VIFResult(values, len(kept), collinear, constant, True, at_least)


def _of_correlations(part: Standardized, values: Array | None, checkpoint: Checkpoint | None) -> VIFResult:
    """Return the result from a correlation matrix, and the factors that its Cholesky factor gives, if it does."""
    xp = namespace(part.live)
    constant = ~part.live
    if not part.indices:
        undefined = xp.full(constant.shape, float("nan"), dtype=xp.float64, device=compat.device(constant))
        none = xp.zeros_like(constant)
        return VIFResult(undefined, 0, none, constant, True, none)

    if values is not None:
        rank, psd = values.shape[0], True
    else:
        _poll(checkpoint)
        values, rank, psd = _by_eigenvalues(part.correlation, part.tol)
    if values.shape[0] < constant.shape[0]:
        place = xp.cumulative_sum(xp.astype(part.live, xp.int64)) - 1
        place = xp.where(part.live, place, xp.zeros_like(place))
        values = xp.take(values, place, axis=0)
        values = xp.where(part.live, values, xp.full_like(values, float("nan")))
    return VIFResult(values, rank, xp.isinf(values), constant, psd, xp.zeros_like(constant))


def _by_eigenvalues(correlation: Array, tol: float) -> tuple[Array, int, bool]:
    """Return the diagonal of the pseudo-inverse, ``inf`` for collinear attributes; the rank; positive semidefinite."""
    xp = namespace(correlation)
    eigen = spectrum(correlation, tol)
    values = eigen.inflation
    if eigen.null.shape[1]:
        in_null_space = xp.sum(eigen.null**2, axis=1) > eigen.noise
        values = xp.where(in_null_space, xp.full_like(values, float("inf")), values)
    return values, eigen.values.shape[0], eigen.psd


def _by_cholesky(part: Standardized, checkpoint: Checkpoint | None = None) -> Array | None:
    """Return the diagonal of the inverse from R = L L^T; None if R may be singular.

    The trace of the inverse is at least 1 / (smallest eigenvalue), and the largest eigenvalue is at most p. So if
    tol * p * trace is far below 1, no eigenvalue is as small as ``tol`` times the largest.
    """
    correlation = part.correlation
    if not part.indices or not uses_cholesky(correlation):
        return None
    xp = namespace(correlation)
    _poll(checkpoint)
    try:
        with _raise_if_indefinite(correlation):
            inverse = _inverse_of_lower(xp.linalg.cholesky(correlation), xp, checkpoint)
    except np.linalg.LinAlgError:  # raised by NumPy and by CuPy
        return None
    squares = []
    for panel in _panels(correlation.shape[0]):
        _poll(checkpoint)
        squares.append(xp.sum(inverse[:, panel] ** 2, axis=0))
    values = xp.concat(squares)
    safe = part.tol * correlation.shape[0] * float(xp.sum(values)) < 0.1
    return values if safe else None


# Factors up to this size lose at most three of the digits of a correlation matrix. Beyond, its last digit decides.
_SMALL = 1e3
_PANEL = 256  # columns between two calls of a checkpoint: at p = 4,000 some 50 ms
_ERROR = 1e-6  # of a factor, from the errors of variances


def _raise_if_indefinite(x: Array) -> contextlib.AbstractContextManager[Any]:
    """Let a Cholesky decomposition raise if it fails. NumPy does so; CuPy returns NaN by default."""
    if is_cupy(x):
        raising: contextlib.AbstractContextManager[Any] = importlib.import_module("cupyx").errstate(linalg="raise")
        return raising
    return contextlib.nullcontext()


def _poll(checkpoint: Checkpoint | None) -> None:
    if checkpoint is not None:
        checkpoint()


def _panels(p: int) -> list[slice]:
    return [slice(start, min(start + _PANEL, p)) for start in range(0, p, _PANEL)]


def _inverse_of_lower(L: Array, xp: Any, checkpoint: Checkpoint | None) -> Array:
    """Invert a lower triangular matrix by halves, with matrix products: at p = 1,000 four times faster than ``inv``."""
    # NumPy's `zeros_like` would touch every page, 0.15 s at p = 4,000.
    inverse = xp.zeros(L.shape, dtype=L.dtype, device=compat.device(L))
    _invert(L, inverse, xp, checkpoint)
    return inverse


def _invert(L: Array, inverse: Array, xp: Any, checkpoint: Checkpoint | None) -> None:
    p = L.shape[0]
    if p <= 64:
        inverse[:, :] = xp.linalg.inv(L)
        return
    h = p // 2
    for part in (slice(0, h), slice(h, p)):
        _invert(L[part, part], inverse[part, part], xp, checkpoint)
    for panel in _panels(h):
        _poll(checkpoint)
        inverse[h:, panel] = -(inverse[h:, h:] @ (L[h:, :h] @ inverse[:h, panel]))
