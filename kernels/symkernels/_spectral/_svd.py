"""Singular values of a covariance matrix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .._arrays import Array, namespace
from .._results import ArrayResult
from ._symmetric import as_symmetric, default_tol


@dataclass(frozen=True, eq=False)
class SVDResult(ArrayResult):
    """Singular values of a symmetric matrix: what `svd` returns, on the backend and device of its input.

    Attributes
    ----------
    values : (p,) float64
        Descending, never negative.
    rank : int
        Number of values above p eps times the largest (32 eps where p < 32).
    condition : float
        Largest over smallest value; ``inf`` if the rank is below p.

    Examples
    --------
    >>> import numpy as np
    >>> from symkernels import svd
    >>> result = svd(np.array([[1.0, 1.0], [1.0, 1.0]]))
    >>> result.rank, result.condition
    (1, inf)
    """

    values: Array
    rank: int
    condition: float


def svd(C: Array, /, *, checkpoint: Callable[[], object] | None = None) -> SVDResult:
    """Return the singular values of a covariance matrix.

    Parameters
    ----------
    C : (p, p) float64 or float32
        Symmetric; float32 is widened first.
    checkpoint : callable, optional
        Called before the decomposition, which cannot be stopped. An exception that it raises ends the call.

    Returns
    -------
    SVDResult
        Arrays on the backend and device of ``C``.

    Raises
    ------
    ShapeError
        ``C`` is not a square matrix of real numbers with at least one row.
    DataError
        ``C`` is not symmetric or not finite.

    Notes
    -----
    The same values as ``numpy.linalg.svd(C, compute_uv=False)``. The singular values of a symmetric matrix are the
    magnitudes of its eigenvalues (Golub and Van Loan, Matrix Computations, 4th ed., section 8.6), which are cheaper to
    compute. The error of each is about eps times the largest. O(p^3) time, O(p^2) memory.

    Examples
    --------
    >>> import numpy as np
    >>> from symkernels import svd
    >>> svd(np.array([[2.0, 1.0], [1.0, 2.0]])).values.round(3)
    array([3., 1.])
    """
    C = as_symmetric(C, "C")
    xp = namespace(C)
    if checkpoint is not None:
        checkpoint()
    values = xp.sort(xp.abs(xp.linalg.eigvalsh(C)), descending=True)
    largest, smallest = float(values[0]), float(values[-1])
    rank = int(xp.sum(xp.astype(values > default_tol(values.shape[0]) * largest, xp.int64)))
    condition = largest / smallest if rank == values.shape[0] else float("inf")
    return SVDResult(values, rank, condition)
