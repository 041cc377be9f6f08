"""Which attributes to keep so that the rest is a linear function of them: subset selection by SVD."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import array_api_compat as compat
import numpy as np

from .._arrays import Array, namespace
from ._symmetric import Spectrum, as_symmetric, check_tol, on_host, spectrum, standardize


@dataclass(frozen=True)
class SVDSelection(Sequence[int]):
    """The attributes to keep; as a sequence it is ``kept`` itself, so that ``X[:, svd_select(C)]`` works.

    Attributes
    ----------
    kept : tuple of int
        Attributes that together are not singular, ascending.
    dropped : tuple of int
        The others, ascending: constants, and those that are linear in kept ones.
    dependencies : dict of int to dict of int to float
        For each dropped attribute the kept ones that it depends on, with coefficients in the units of the input:
        ``x_dropped = constant + sum(coefficient * x_kept)``. Of a correlation matrix they are in standard deviations.
        Empty for a constant.
    constant : tuple of int
        Those of ``dropped`` that have no variance.
    """

    kept: tuple[int, ...]
    dropped: tuple[int, ...]
    dependencies: dict[int, dict[int, float]]
    constant: tuple[int, ...]

    @property
    def rank(self) -> int:
        """Number of kept attributes."""
        return len(self.kept)

    def __len__(self) -> int:
        return len(self.kept)

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[int, ...]: ...
    def __getitem__(self, index: int | slice) -> int | tuple[int, ...]:
        return self.kept[index]


def svd_select(C: Array, /, tol: float | None = None) -> SVDSelection:
    """Drop the attributes that make a set singular, and say what each depends on.

    Parameters
    ----------
    C : (p, p) float64 or float32
        Covariance or correlation matrix; a NaN row marks a constant attribute.
    tol : float, optional
        Eigenvalues of the correlation matrix up to ``tol`` times the largest count as zero. Default p eps (32 eps
        where p < 32: exact collinearity). A larger one also drops attributes that are nearly linear in others.

    Returns
    -------
    SVDSelection
        Plain Python numbers, on every backend.

    Raises
    ------
    ShapeError
        ``C`` is not a square matrix of real numbers with at least one row.
    DataError
        ``C`` is not symmetric, holds infinite entries, has a negative variance, or is NaN between two attributes that
        vary.
    ValueError
        ``tol`` is outside [0, 1).

    Notes
    -----
    Golub, Klema and Stewart, "Rank degeneracy and least squares problems" (1976); Golub and Van Loan, Matrix
    Computations, 4th ed., section 5.5.7. As many attributes are dropped as the correlation matrix has null vectors,
    chosen so that the null vectors' rows at the dropped attributes are independent. Where they pivot for the largest
    row, this keeps earlier attributes in favour of later ones: it drops the last attribute whose row, less what the
    rows dropped before explain, is larger than sqrt(tol max / next eigenvalue), or than half of the largest such row.
    That bound keeps what is kept from being singular itself.

    A coefficient is left out where it is no larger than the noise in a null vector can be, sqrt(tol max VIF) of the
    equation's length. The scale of the attributes does not matter. O(p^3) time, O(p^2) memory.
    """
    C = as_symmetric(C, "C", undefined="keep")
    part = standardize(C, "C")
    live = part.indices
    constant = tuple(sorted(set(range(C.shape[0])) - set(live)))
    if not live:
        return SVDSelection((), constant, {i: {} for i in constant}, constant)

    eigen = spectrum(part.correlation, check_tol(tol, C.shape[0]))
    dropped = _pivots(eigen)
    gone = set(dropped)
    kept = [i for i in range(len(live)) if i not in gone]
    dependencies: dict[int, dict[int, float]] = {i: {} for i in constant}
    if dropped:
        coefficients = _coefficients(eigen, dropped, on_host(part.scale))
        for d, column in zip(dropped, coefficients.T, strict=True):
            dependencies[live[d]] = {live[k]: float(column[k]) for k in kept if column[k] != 0}
    return SVDSelection(
        kept=tuple(live[i] for i in kept),
        dropped=tuple(sorted(dependencies)),
        dependencies=dict(sorted(dependencies.items())),
        constant=constant,
    )


def _pivots(eigen: Spectrum) -> list[int]:
    """Return the attributes to drop, ascending: rows of the null vectors that are independent, late ones first."""
    rows = eigen.null
    xp = namespace(rows)
    well_conditioned = math.sqrt(eigen.threshold / float(eigen.values[0]))
    chosen = []
    for _ in range(rows.shape[1]):
        length = xp.sqrt(xp.sum(rows**2, axis=1))
        enough = min(well_conditioned, 0.5 * float(xp.max(length)))
        last = int(xp.max(xp.nonzero(length > enough)[0]))
        direction = rows[last, :] / length[last]
        rows = rows - (rows @ direction)[:, None] * direction[None, :]
        chosen.append(last)
    return sorted(chosen)


def _coefficients(eigen: Spectrum, dropped: list[int], scale: np.ndarray) -> np.ndarray:
    """Return (q, m) coefficients of the dropped attributes on all, in the input's units; 0 where noise can be all."""
    xp = namespace(eigen.null)
    pivots = xp.take(eigen.null, xp.asarray(dropped, device=compat.device(eigen.null)), axis=0)
    # Null vectors that are 1 at one dropped attribute and 0 at the others: each is an equation for it.
    equations = eigen.null @ xp.linalg.inv(pivots)
    real = equations**2 > eigen.noise[:, None] * xp.sum(equations**2, axis=0)[None, :]
    standardized = xp.where(real, -equations, xp.zeros_like(equations))
    return on_host(standardized) * (scale[dropped] / scale[:, None])
