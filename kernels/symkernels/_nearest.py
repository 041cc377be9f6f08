"""The distance of a matrix from positive semidefinite ones, and the nearest correlation matrix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import array_api_compat as compat

from ._arrays import Array, namespace
from ._results import ArrayResult
from ._spectral._symmetric import as_symmetric, default_tol


@dataclass(frozen=True)
class PSDReport:
    """Whether a symmetric matrix is positive semidefinite, and its distance from such matrices.

    Attributes
    ----------
    psd : bool
        Whether no eigenvalue is below ``-tolerance``.
    smallest, largest : float
        Extreme eigenvalues.
    n_negative : int
        Number of eigenvalues below ``-tolerance``.
    distance : float
        Frobenius distance to the nearest positive semidefinite matrix: the root of the sum of the squared negative
        eigenvalues.
    tolerance : float
        p eps times the largest magnitude of an eigenvalue (32 eps where p < 32).

    Examples
    --------
    >>> import numpy as np
    >>> from symkernels import psd_report
    >>> report = psd_report(np.diag([1.0, -0.5]))
    >>> report.psd, report.smallest, report.n_negative, report.distance
    (False, -0.5, 1, 0.5)
    """

    psd: bool
    smallest: float
    largest: float
    n_negative: int
    distance: float
    tolerance: float


def psd_report(R: Array, /) -> PSDReport:
    """Test whether a symmetric matrix is positive semidefinite, and compute its distance from such matrices.

    Parameters
    ----------
    R : (p, p) float64 or float32
        Symmetric and finite.

    Returns
    -------
    PSDReport
        Plain Python numbers, on every backend.

    Raises
    ------
    ShapeError
        ``R`` is not a square matrix of real numbers with at least one row.
    DataError
        ``R`` is not symmetric or not finite.

    Notes
    -----
    With missing values the covariance of each pair comes from other rows, so that their matrix may not be positive
    semidefinite. `nearest_correlation` repairs it. O(p^3) time.

    Examples
    --------
    >>> import numpy as np
    >>> from symkernels import psd_report
    >>> psd_report(np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])).psd
    False
    """
    R = as_symmetric(R, "R")
    xp = namespace(R)
    values = xp.linalg.eigvalsh(R)
    smallest, largest = float(values[0]), float(values[-1])
    tolerance = default_tol(R.shape[0]) * max(abs(smallest), abs(largest))
    n_negative = int(xp.sum(xp.astype(values < -tolerance, xp.int64)))
    negative = xp.where(values < 0, values, xp.zeros_like(values))
    distance = float(xp.sqrt(xp.sum(negative**2)))
    return PSDReport(n_negative == 0, smallest, largest, n_negative, distance, tolerance)


@dataclass(frozen=True, eq=False)
class NearestResult(ArrayResult):
    """The nearest correlation matrix: what `nearest_correlation` returns, on the backend and device of its input.

    Attributes
    ----------
    values : (p, p) float64
        The matrix: symmetric, with a diagonal of exactly 1, and positive semidefinite up to rounding.
    distance : float
        Frobenius distance from the input.
    n_iter : int
        Number of iterations; 0 if the input is a correlation matrix.
    converged : bool
        Whether the last iteration changed the matrix by at most ``tol``. If not, ``values`` is a correlation matrix,
        but a nearer one may exist.
    change : float
        Relative change of the last iteration, in the Frobenius norm.

    Examples
    --------
    >>> import numpy as np
    >>> from symkernels import nearest_correlation
    >>> result = nearest_correlation(np.eye(2))
    >>> result.distance, result.n_iter, result.converged
    (0.0, 0, True)
    """

    values: Array
    distance: float
    n_iter: int
    converged: bool
    change: float


def nearest_correlation(
    A: Array,
    /,
    *,
    tol: float = 1e-10,
    max_iter: int = 10_000,
    checkpoint: Callable[[int, int], object] | None = None,
) -> NearestResult:
    """Return the nearest correlation matrix in the Frobenius norm, by alternating projections.

    Parameters
    ----------
    A : (p, p) float64 or float32
        Symmetric and finite, for example pairwise correlations. To repair a covariance matrix C with standard
        deviations s, pass ``C / s[:, None] / s[None, :]`` and scale the result back.
    tol : float, default 1e-10
        Stop when an iteration changes the matrix by at most this share of its norm.
    max_iter : int, default 10,000
        Largest number of iterations.
    checkpoint : callable, optional
        Called as ``checkpoint(iteration, max_iter)`` after every iteration. An exception that it raises stops the work.

    Returns
    -------
    NearestResult
        Array on the backend and device of ``A``.

    Raises
    ------
    ShapeError
        ``A`` is not a square matrix of real numbers with at least one row.
    DataError
        ``A`` is not symmetric or not finite.
    ValueError
        ``tol`` or ``max_iter`` is out of range.

    Notes
    -----
    Higham, "Computing the nearest correlation matrix: a problem from finance" (IMA J. Numer. Anal. 22, 2002), algorithm
    3.3 with unit weights. It projects on the positive semidefinite matrices, with Dykstra's correction, and on the
    matrices of unit diagonal, in turn. At the end, remaining negative eigenvalues, of the size of ``tol``, are set to 0
    and the diagonal is scaled to 1, so that the result is positive semidefinite. Convergence is linear. An iteration
    takes one eigendecomposition: O(p^3).

    Examples
    --------
    >>> import numpy as np
    >>> from symkernels import nearest_correlation
    >>> A = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])
    >>> result = nearest_correlation(A)
    >>> result.values.round(2), round(result.distance, 3)
    (array([[ 1. ,  0.5, -0.5],
           [ 0.5,  1. ,  0.5],
           [-0.5,  0.5,  1. ]]), 0.98)
    """
    if not tol > 0:
        raise ValueError(f"tol must be above 0, got {tol!r}")
    if max_iter < 1:
        raise ValueError(f"max_iter must be at least 1, got {max_iter!r}")
    A = as_symmetric(A, "A")
    xp = namespace(A)
    A = (A + A.T) / 2  # exactly symmetric
    unit = xp.eye(A.shape[0], dtype=xp.bool, device=compat.device(A))
    if bool(xp.all(xp.linalg.diagonal(A) == 1)) and psd_report(A).psd:
        return NearestResult(A, 0.0, 0, True, 0.0)

    Y = A
    correction = xp.zeros_like(A)
    change, n_iter = float("inf"), 0
    while change > tol and n_iter < max_iter:
        shifted = Y - correction
        X = _positive_part(shifted, xp)
        correction = X - shifted
        moved = xp.where(unit, xp.ones_like(X), X)
        change = _norm(moved - Y, xp) / _norm(moved, xp)
        Y = moved
        n_iter += 1
        if checkpoint is not None:
            checkpoint(n_iter, max_iter)

    values = _unit_diagonal(_positive_part(Y, xp), unit, xp)
    return NearestResult(values, _norm(values - A, xp), n_iter, change <= tol, change)


def _positive_part(S: Array, xp: Any) -> Array:
    """Return the nearest positive semidefinite matrix: negative eigenvalues become 0."""
    values, vectors = xp.linalg.eigh(S)
    negative = int(xp.sum(xp.astype(values < 0, xp.int64)))
    if negative <= values.shape[0] // 2:  # use the smaller set of vectors: the product is cheaper
        part = vectors[:, :negative]
        return S - (part * values[:negative]) @ part.T
    part = vectors[:, negative:]
    return (part * values[negative:]) @ part.T


def _unit_diagonal(S: Array, unit: Array, xp: Any) -> Array:
    """Scale a positive semidefinite matrix to unit diagonal, and make it exactly symmetric."""
    scale = xp.sqrt(xp.linalg.diagonal(S))
    S = S / scale[:, None] / scale[None, :]
    return xp.where(unit, xp.ones_like(S), (S + S.T) / 2)


def _norm(S: Array, xp: Any) -> float:
    return float(xp.linalg.matrix_norm(S))
