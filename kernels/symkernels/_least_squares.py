"""Linear regression from sums, to the last digit that they have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ._elimination import Checkpoint, Elimination, eliminate
from ._errors import DataError
from ._moments import Deviations, Moments, deviations
from ._moments._numbers import Parts, minus_product


@dataclass(frozen=True, eq=False)
class LeastSquares:
    """A linear regression with an intercept: what `least_squares` returns. Arrays are NumPy arrays, one entry an input.

    Attributes
    ----------
    coefficients : (p,) float64
        0 for inputs that are left out.
    intercept : float
    standard_errors : (p,) float64
        Of the coefficients; NaN for inputs that are left out, and where no degrees of freedom are left.
    intercept_error : float
        Standard error of the intercept.
    residual_squares : float
        Sum of the squared residuals.
    degrees_of_freedom : float
        Weight of the rows (without weights their number), less one for each coefficient and for the intercept.
    r_squared : float
        Share of the target's variance that the inputs explain; NaN if the target is constant.
    condition : float
        Condition number, in the 2-norm, of the standardized inputs that are not left out. So many times errors of the
        values may grow in the coefficients.
    digits : (p,) float64
        How many decimal digits of each coefficient can be trusted, if the values were rounded to float64 and the sums
        err by as much as they may; NaN for inputs that are left out. At most 15.95, as many as float64 has.
    intercept_digits : float
        The same for the intercept.
    dropped : tuple of int
        Places of the inputs that are left out: those that are constant, or linear functions of those before them.
    undecided : tuple of int
        Those of ``dropped`` that may be independent: the digits of the sums end before that can be told.

    Examples
    --------
    >>> import numpy as np
    >>> from symkernels import Moments, least_squares
    >>> x = np.array([1.0, 2.0, 3.0, 4.0])
    >>> found = least_squares(Moments(2).learn(np.column_stack([x, 2 * x + 1])), [0], 1)
    >>> found.coefficients, found.intercept, found.residual_squares
    (array([2.]), 1.0, 0.0)
    """

    coefficients: np.ndarray
    intercept: float
    standard_errors: np.ndarray
    intercept_error: float
    residual_squares: float
    degrees_of_freedom: float
    r_squared: float
    condition: float
    digits: np.ndarray
    intercept_digits: float
    dropped: tuple[int, ...]
    undecided: tuple[int, ...]


def least_squares(
    moments: Moments, inputs: Sequence[int], target: int, *, checkpoint: Checkpoint | None = None
) -> LeastSquares:
    """Fit a target by a linear function of inputs and an intercept, from sums alone.

    Parameters
    ----------
    moments : Moments
        Sums of the rows.
    inputs : sequence of int
        Attribute numbers of the p inputs.
    target : int
        Attribute number of the target.
    checkpoint : callable, optional
        Called between parts of the work. An exception that it raises stops it.

    Returns
    -------
    LeastSquares

    Raises
    ------
    DataError
        There are no rows, or values are missing in one of the attributes and not in another.
    ShapeError
        There is no attribute of such a number.
    ValueError
        The target is one of the inputs.

    Notes
    -----
    The normal equations, solved with numbers of 47 digits as docs/numerics.md describes: their condition number is the
    square of that of the rows, and three times float64's digits make up for it. From sums without rounding errors, as
    those of few rows are and all of ``Moments(..., exact=True)``, the coefficients are those of the values to the last
    digit. Solving for the rows in float64, by QR or SVD, loses the digits of `condition`.

    Weights count as numbers of equal rows. O(p^3) time.

    Examples
    --------
    >>> import numpy as np
    >>> from symkernels import Moments, least_squares
    >>> x = np.arange(10.0)
    >>> m = Moments(3).learn(np.column_stack([x, x**2, 1 + x - 3 * x**2]))
    >>> found = least_squares(m, [0, 1], 2)
    >>> found.coefficients, found.intercept, found.r_squared
    (array([ 1., -3.]), 1.0, 1.0)
    """
    chosen = [*inputs, target]
    if target in chosen[:-1]:
        raise ValueError(f"the target, attribute {target}, is one of the inputs; leave it out of them")
    found = deviations(moments, chosen)
    if found is None:
        raise DataError(
            "values are missing in some of these attributes and not in others, so that each pair has its own rows; "
            'learn complete rows only: Moments(..., missing="listwise")'
        )
    if not found.weight.high > 0:
        raise DataError("there are no rows; learn some first")
    p = len(chosen) - 1
    square = float(found.products.high[p, p])
    if found.constant[p] and found.noise[p] > 0:
        raise DataError(f"attribute {target}, the target, has lost the digits of its variance; learn its rows anew")
    parts = eliminate(found, np.flatnonzero(~found.constant[:p]), checkpoint)
    kept = parts.kept
    solution, left = _solved(found, parts)
    of_kept, intercept = solution[:, 0], float(left[0, 1])
    residual_squares = max(float(left[0, 0]), 0.0)
    # The inverse of X'X, in which the intercept has a row, too; of its own column only the diagonal.
    inverse = np.vstack([parts.inverse, solution[:, 1]])
    squares = np.append(parts.diagonal, -left[1, 1])
    degrees_of_freedom = float(found.weight.rounded()) - len(kept) - 1
    variance = residual_squares / degrees_of_freedom if degrees_of_freedom > 0 else np.nan
    errors = np.sqrt(variance * squares)
    known = _digits(_bounds(found, kept, of_kept, inverse, squares, residual_squares), np.append(of_kept, intercept))

    coefficients, standard_errors, digits = np.zeros(p), np.full(p, np.nan), np.full(p, np.nan)
    coefficients[kept], standard_errors[kept], digits[kept] = of_kept, errors[:-1], known[:-1]
    return LeastSquares(
        coefficients,
        intercept,
        standard_errors,
        float(errors[-1]),
        residual_squares,
        degrees_of_freedom,
        1 - residual_squares / square if square > 0 else np.nan,
        _condition(found, parts),
        digits,
        float(known[-1]),
        tuple(np.setdiff1d(np.arange(p), kept).tolist()),
        tuple(sorted(parts.null[~parts.certain].tolist())),
    )


def _solved(found: Deviations, parts: Elimination) -> tuple[np.ndarray, np.ndarray]:
    """Return (k, 2), the coefficients and A^-1 m, and what these leave of the last two rows and columns of::

        A    a    m       A the products of the k inputs, a those with the target, m the means of the inputs,
        a'   b    n       b the target's square, n its mean,
        m'   n  -1/w      w the weight of the rows

    That is, (2, 2), the sum of the squared residuals and the intercept; the intercept, and minus the square of its row
    in the pseudo-inverse.
    """
    p = len(found.noise) - 1
    columns = Parts.of(np.stack([found.products.stored()[:, :, p], found.mean.stored()], axis=2))
    last = np.stack([columns.stored()[:, p, :], np.zeros((3, 2))], axis=1)
    last[:, 1, 0] = last[:, 0, 1]
    last[0, 1, 1] = -1 / float(found.weight.high)
    solution = parts.solve(columns)
    turned = columns.each(lambda part: part[parts.kept].T)
    return solution.rounded(), minus_product(Parts.of(last), turned, solution).rounded()


def _bounds(
    found: Deviations,
    kept: np.ndarray,
    coefficients: np.ndarray,
    inverse: np.ndarray,
    squares: np.ndarray,
    residual_squares: float,
) -> np.ndarray:
    """Bound, (k + 1,), the errors of the coefficients and of the intercept, to first order.

    The matrix of the sums errs by E with |E_ij| <= e_i e_j, and the values by vectors of length r_j. A change dX of the
    values changes the coefficients b by (X'X)^-1 dX'(y - X b) - X^+ dX b. The rows of the pseudo-inverse X^+ are as
    long as the roots of the diagonal of (X'X)^-1.
    """
    of_sums, rounding = np.sqrt(found.noise), found.rounding
    together, members = np.append(np.abs(coefficients), 1.0), np.append(kept, len(found.noise) - 1)
    bounds = (np.abs(inverse) @ of_sums[kept]) * (together @ of_sums[members])
    bounds += (np.abs(inverse) @ rounding[kept]) * np.sqrt(residual_squares)
    return bounds + np.sqrt(squares) * (together @ rounding[members])


def _digits(error: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Return how many decimal digits of values are right."""
    with np.errstate(divide="ignore", invalid="ignore"):
        known = -np.log10(error / np.abs(value))
    return np.clip(np.where(np.isnan(known), _ALL, known), 0.0, _ALL)


_ALL = float(-np.log10(2.0**-53))


def _condition(found: Deviations, parts: Elimination) -> float:
    """Return the condition number of the standardized inputs: the largest eigenvalues of R and of its inverse."""
    if not len(parts.kept):
        return np.nan
    matrix = found.products.high[np.ix_(parts.kept, parts.kept)]
    scale = np.sqrt(matrix.diagonal())
    largest = np.linalg.eigvalsh(matrix / scale[:, None] / scale)[-1]
    return float(np.sqrt(largest * np.linalg.eigvalsh(parts.inverse * scale[:, None] * scale)[-1]))
