"""Subset selection by SVD: attributes to keep, and the others as linear functions of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import array_api_compat as compat
import numpy as np

from .._arrays import Array, namespace, to_numpy
from .._elimination import Checkpoint, eliminate, float64_tells_apart
from .._moments import Deviations, Moments, deviations
from ._spectrum import Spectrum, spectrum, standardize


@dataclass(frozen=True)
class SVDSelection(Sequence[int]):
    """The attributes to keep: what `svd_select` returns.

    It is a sequence, too, that of the kept attributes, so that ``X[:, svd_select(C)]`` works.

    Attributes
    ----------
    kept : tuple of int
        Attributes whose matrix is not singular, ascending.
    dropped : tuple of int
        The other attributes, ascending: constants and linear functions of kept attributes.
    dependencies : dict of int to dict of int to float
        For each dropped attribute, the kept attributes that it depends on and their coefficients:
        ``x_dropped = constant + sum(coefficient * x_kept)``. Coefficients from a covariance matrix are in the units of
        the attributes, coefficients from a correlation matrix in standard deviations. Empty for a constant.
    constant : tuple of int
        Dropped attributes without variance.
    undecided : tuple of int
        Dropped attributes that may be independent: the digits of the sums end before that can be told. Only from
        `Moments` whose sums are in float64, which those of few rows are not.

    Examples
    --------
    >>> import numpy as np
    >>> from symkernels import svd_select
    >>> selection = svd_select(np.array([[1.0, 2.0, 0.0], [2.0, 4.0, 0.0], [0.0, 0.0, 3.0]]))
    >>> list(selection), selection.rank, {i: round(c, 6) for i, c in selection.dependencies[1].items()}
    ([0, 2], 2, {0: 2.0})
    """

    kept: tuple[int, ...]
    dropped: tuple[int, ...]
    dependencies: dict[int, dict[int, float]]
    constant: tuple[int, ...]
    undecided: tuple[int, ...] = ()

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


def svd_select(
    C: Array | Moments,
    /,
    tol: float | None = None,
    *,
    indices: Sequence[int] | None = None,
    checkpoint: Checkpoint | None = None,
) -> SVDSelection:
    """Find attributes that are linear functions of others, and the attributes that they depend on.

    Parameters
    ----------
    C : Moments, or (p, p) float64 or float32
        Sums of rows; or a covariance or correlation matrix, in which a NaN row marks a constant attribute. Sums know
        more digits: attributes that differ in the 10th digit are independent.
    tol : float, optional
        Eigenvalues of the correlation matrix up to ``tol`` times the largest count as zero. Default p eps (32 eps
        where p < 32), which finds exact collinearity. A larger value also drops nearly collinear attributes. By
        default, from `Moments`, only attributes are dropped of which nothing is left but what rounding the values to
        float64 explains.
    indices : sequence of int, optional
        Of `Moments`: only these attributes, which the result counts from 0 in this order. Default: all.
    checkpoint : callable, optional
        Called between parts of the work. An exception that it raises stops it.

    Returns
    -------
    SVDSelection
        Plain Python numbers, on every backend.

    Raises
    ------
    ShapeError
        ``C`` is not a square matrix of real numbers with at least one row.
    DataError
        ``C`` is not symmetric, has infinite entries or a negative variance, or is NaN between two attributes that
        vary.
    ValueError
        ``tol`` is outside [0, 1), or ``indices`` are given for a matrix.

    Notes
    -----
    Golub, Klema and Stewart, "Rank degeneracy and least squares problems" (1976); Golub and Van Loan, Matrix
    Computations, 4th ed., section 5.5.7. The number of dropped attributes is the number of null vectors of the
    correlation matrix. They are chosen so that the rows of the null vectors at the dropped attributes are independent.
    The authors pivot for the largest row. This function prefers to keep earlier attributes. It drops the last attribute
    whose row, after projection on the complement of the rows chosen before, is longer than sqrt(tol max / next
    eigenvalue) or than half of the longest such row. This bound ensures that the kept attributes are not singular.

    A coefficient is set to 0 if noise in a null vector can explain it: up to sqrt(tol max VIF) times the length of the
    equation. The scale of the attributes does not matter. O(p^3) time, O(p^2) memory.

    From `Moments` without ``tol``, attributes are eliminated in their order, with numbers of 47 digits: see
    docs/numerics.md. A coefficient is set to 0 if without it no more is left than may be. Where values are missing in
    one attribute and not in another, each pair has its own rows, and their covariance matrix decides.

    Examples
    --------
    The third attribute is the sum of the first two:

    >>> import numpy as np
    >>> from symkernels import svd_select
    >>> X = np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 2.0], [5.0, 1.0]])
    >>> selection = svd_select(np.cov(np.column_stack([X, X.sum(axis=1)]).T))
    >>> selection.kept, selection.dropped
    ((0, 1), (2,))
    >>> {i: round(c, 6) for i, c in selection.dependencies[2].items()}
    {0: 1.0, 1: 1.0}
    """
    if isinstance(C, Moments):
        if tol is None and float64_tells_apart(C, indices, checkpoint):
            count = C.n_attributes if indices is None else len(indices)
            return SVDSelection(tuple(range(count)), (), {}, ())
        found = deviations(C, indices) if tol is None else None
        if found is not None:
            return _by_elimination(found, checkpoint)
        C = C.covariance(indices=indices)
    elif indices is not None:
        raise ValueError("indices choose attributes of Moments; of a matrix, pass the rows and columns themselves")
    part = standardize(C, "C", tol)
    live = part.indices
    constant = tuple(sorted(set(range(part.live.shape[0])) - set(live)))
    if not live:
        return SVDSelection((), constant, {i: {} for i in constant}, constant)

    if checkpoint is not None:
        checkpoint()
    eigen = spectrum(part.correlation, part.tol)
    dropped = _pivots(eigen)
    gone = set(dropped)
    kept = [i for i in range(len(live)) if i not in gone]
    dependencies: dict[int, dict[int, float]] = {i: {} for i in constant}
    if dropped:
        coefficients = _coefficients(eigen, dropped, to_numpy(part.scale))
        for d, column in zip(dropped, coefficients.T, strict=True):
            dependencies[live[d]] = {live[k]: float(column[k]) for k in kept if column[k] != 0}
    return SVDSelection(
        kept=tuple(live[i] for i in kept),
        dropped=tuple(sorted(dependencies)),
        dependencies=dict(sorted(dependencies.items())),
        constant=constant,
    )


def _by_elimination(found: Deviations, checkpoint: Checkpoint | None) -> SVDSelection:
    constant = np.flatnonzero(found.constant)
    parts = eliminate(found, np.flatnonzero(~found.constant), checkpoint)
    coefficients, in_relation = parts.relations(found)
    dependencies: dict[int, dict[int, float]] = {i: {} for i in constant.tolist()}
    for d, column, used in zip(parts.null.tolist(), coefficients.T, in_relation.T, strict=True):
        order = np.argsort(parts.kept[used])
        on = zip(parts.kept[used][order].tolist(), column[used][order].tolist(), strict=True)
        dependencies[d] = dict(on)
    return SVDSelection(
        kept=tuple(sorted(parts.kept.tolist())),
        dropped=tuple(sorted(dependencies)),
        dependencies=dict(sorted(dependencies.items())),
        constant=tuple(constant.tolist()),
        undecided=tuple(sorted(parts.null[~parts.certain].tolist())),
    )


def _pivots(eigen: Spectrum) -> list[int]:
    """Return the attributes to drop, ascending: those with independent rows of null vectors, preferably late ones."""
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
    """Return the (q, m) coefficients of the dropped attributes, in the input's units; 0 where noise explains them."""
    xp = namespace(eigen.null)
    pivots = xp.take(eigen.null, xp.asarray(dropped, device=compat.device(eigen.null)), axis=0)
    # Each column is 1 at one dropped attribute and 0 at the others, so it is an equation for that attribute.
    equations = eigen.null @ xp.linalg.inv(pivots)
    real = equations**2 > eigen.noise[:, None] * xp.sum(equations**2, axis=0)[None, :]
    standardized = xp.where(real, -equations, xp.zeros_like(equations))
    return to_numpy(standardized) * (scale[dropped] / scale[:, None])
