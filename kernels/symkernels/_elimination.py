"""Gaussian elimination of a symmetric matrix that keeps the digits of nearly singular ones.

The matrix has numbers in three parts, and float64 does most of the work. Each level eliminates, in their order, the
columns that float64 tells apart from those before them; iterative refinement (Higham 2002, "Accuracy and Stability of
Numerical Algorithms", section 12.1) with residuals in three parts gives their solutions all digits. What remains of the
other columns, the Schur complement, is known to as many digits less as have cancelled. Scaled to a unit diagonal it is
the matrix of the next level.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from ._arrays import to_numpy
from ._moments import Deviations, Moments
from ._moments._numbers import Parts, minus_product
from ._moments._parts import UNIT

Checkpoint = Callable[[], object]

# Of a column's sum of squares, what must be left after elimination of the columns before it: else the next level has
# it. Errors of float64 grow by the inverse.
_LEFT = 2.0**-10
_INFLATION = 2.0**13  # of variances in a level
_BLOCK = 64  # columns that are eliminated together
_ROUNDS = 24  # of refinement; each gains several digits

# The values of a dependent column were computed from the others with some roundings, not one.
_ROUNDINGS = 4

# Of what is left of a column, the error that it may have.
_KNOWN = 1e-4

# Where what is left cannot be told from 0, it is no more than this of the sum of squares: then it is 0. The relation
# holds to 26 digits, and values have 16.
_NOTHING = 1e-26


@dataclass(frozen=True, eq=False)
class Level:
    """The columns that one level eliminates. Numbers of columns are those of the whole matrix."""

    columns: np.ndarray  # (k,)
    others: np.ndarray  # (q,) those left to later levels
    matrix: Parts  # (k, k) what earlier levels left of these columns, scaled
    scale: np.ndarray  # (k,) powers of two; without them, `matrix` would be this much larger on either side
    lower: np.ndarray  # (k, k) its Cholesky factor
    inner: Parts  # (k, q) the solutions with `others` as right-hand sides
    on_earlier: np.ndarray  # (k, kept before) float64: the coefficients of its columns on those of earlier levels


@dataclass(frozen=True, eq=False)
class Elimination:
    """A symmetric positive semidefinite matrix, eliminated level by level.

    Attributes
    ----------
    levels : tuple of Level
    null : (m,) int
        Columns of which nothing is left, up to the errors of the matrix and the rounding of the values.
    left : (m,) float64
        What is left of the null columns' sums of squares is at most this.
    certain : (m,) bool
        Whether they depend on the others as far as float64 values can. If not, the digits of the matrix end before.
    """

    levels: tuple[Level, ...]
    null: np.ndarray
    left: np.ndarray
    certain: np.ndarray

    @cached_property
    def kept(self) -> np.ndarray:
        """(k,) int: independent columns, in the order of their elimination.

        Of dependent columns an earlier one is kept, unless less than `_LEFT` of it is left by those before.
        """
        return np.concatenate([np.zeros(0, np.intp), *(level.columns for level in self.levels)])

    def solve(self, right: Parts) -> Parts:
        """Return the (k, m) solutions for the `kept` columns, from right-hand sides for all columns, (p, m)."""
        right = Parts(*(np.array(part) for part in right.three))
        firsts = []
        for level in self.levels:
            first = _rows(right, level.columns)
            rest = minus_product(_rows(right, level.others), level.inner.each(np.transpose), first)
            for part, new in zip(right.three, rest.three, strict=True):
                part[level.others] = new
            firsts.append(_refined(level.lower, level.matrix, level.scale, first))
        found = _rows(right, self.kept[:0])
        for level, start, first in zip(self.levels[::-1], self._starts[:0:-1], firsts[::-1], strict=True):
            order = np.argsort(level.others)
            later = order[np.searchsorted(level.others, self.kept[start:], sorter=order)]
            found = _stacked(minus_product(first, _columns(level.inner, later), found), found)
        return found

    @cached_property
    def root(self) -> np.ndarray:
        """(k, k) float64, lower triangular: W with W'W the inverse of the matrix of the `kept` columns.

        Its rows, each by the length that is left of a column, are the coefficients of what is left. The squares of
        W's columns, which are the diagonal of the inverse, are sums without cancellation, and right to some 12 digits.
        """
        from scipy.linalg import solve_triangular

        found = np.zeros((len(self.kept), len(self.kept)))
        for level, (start, stop) in zip(self.levels, pairwise(self._starts), strict=True):
            rows = np.hstack([-level.on_earlier, np.eye(stop - start)])
            found[start:stop, :stop] = solve_triangular(level.lower, rows / level.scale[:, None], lower=True)
        return found

    @cached_property
    def diagonal(self) -> np.ndarray:
        """(k,) float64: the diagonal of the inverse of the matrix of the `kept` columns."""
        return np.sum(self.root**2, axis=0)

    @cached_property
    def inverse(self) -> np.ndarray:
        """(k, k) float64: the inverse of the matrix of the `kept` columns."""
        return self.root.T @ self.root

    def relations(self, found: Deviations) -> tuple[np.ndarray, np.ndarray]:
        """Return (k, m) float64 and bool: the null columns as sums of kept ones times coefficients, and which count.

        A coefficient counts if more would be left without it than may be left.
        """
        coefficients = self.solve(found.products.each(lambda part: part[:, self.null])).rounded()
        return coefficients, np.abs(coefficients) / np.sqrt(self.left) > np.sqrt(self.diagonal)[:, None]

    @cached_property
    def _starts(self) -> list[int]:
        """The places in `kept` where levels start, and the number of its columns."""
        return [0, *np.cumsum([len(level.columns) for level in self.levels]).tolist()]


def float64_tells_apart(moments: Moments, indices: Sequence[int] | None, checkpoint: Checkpoint | None = None) -> bool:
    """Whether a correlation matrix in float64 shows that no attribute is near a linear function of those before it."""
    matrix, errors = to_numpy(moments.correlation(indices=indices)), to_numpy(moments.error_bound)
    if indices is not None:
        errors = errors[np.asarray(indices, dtype=np.intp)]
    if not len(matrix) or not (errors <= _KNOWN * _LEFT / len(matrix)).all() or np.isnan(matrix).any():
        return False
    if checkpoint is not None:
        checkpoint()
    return _cholesky(matrix) is not None


def eliminate(found: Deviations, columns: np.ndarray, checkpoint: Checkpoint | None = None) -> Elimination:
    """Eliminate some columns of sums of products of deviations. ``checkpoint`` may raise to stop the work."""
    rest = _square(found.products, columns)
    noise, rounding = np.sqrt(found.noise[columns]), _ROUNDINGS * found.rounding[columns]  # of the columns themselves
    all_squares = rest.high.diagonal()
    levels: list[Level] = []
    null: list[int] = []
    left: list[float] = []
    certain: list[bool] = []
    kept, current = np.zeros(0, np.intp), np.arange(len(columns))
    on_kept = Parts.exactly(np.zeros((0, len(columns))))
    while True:
        square, size = rest.high.diagonal(), np.abs(on_kept.high).T
        error, rounded = noise[current] + size @ noise[kept], rounding[current] + size @ rounding[kept]
        zero = (_KNOWN * square <= error * error) | (square <= rounded * rounded)
        null += columns[current[zero]].tolist()
        left += (np.maximum(square, 0.0) + error * error + rounded * rounded)[zero].tolist()
        certain += (error <= np.maximum(rounded, np.sqrt(_NOTHING * all_squares[current])))[zero].tolist()
        if zero.all():
            break
        alive = np.flatnonzero(~zero)
        current, square, rest, on_kept = current[alive], square[alive], _square(rest, alive), _columns(on_kept, alive)
        scale = 2.0 ** np.frexp(np.sqrt(square))[1]
        scaled = rest.each(lambda part, scale=scale: part / scale[:, None] / scale)  # type: ignore[misc]
        taken, lower = _told_apart(scaled.high)
        last = np.setdiff1d(np.arange(len(current)), taken)
        matrix, scale = _square(scaled, taken), scale[taken]
        right = _columns(_rows(rest, taken), last)
        inner = _refined(lower, matrix, scale, right, checkpoint)
        earlier = _columns(on_kept, taken)
        numbers = columns[current[taken]], columns[current[last]]
        levels.append(Level(*numbers, matrix, scale, lower, inner, earlier.rounded().T))
        rest = minus_product(_square(rest, last), right.each(np.transpose), inner)
        on_kept = _stacked(minus_product(_columns(on_kept, last), earlier, inner), inner)
        cancelled = square[last] + np.sum(np.abs(right.high * inner.high), axis=0)
        kept, current = np.append(kept, current[taken]), current[last]
        noise[current] = np.hypot(noise[current], np.sqrt(64 * UNIT * (len(taken) + 1) * cancelled))
    return Elimination(tuple(levels), np.array(null, np.intp), np.array(left), np.array(certain, bool))


def _told_apart(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the columns of which enough is left after those before them, and the Cholesky factor of their matrix.

    Together these may still be near singular, as in the matrices of Kahan (1966): then more has to be left.
    """
    lower, taken, left = _cholesky(matrix), np.arange(len(matrix)), _LEFT
    while lower is None or _inflation(matrix, taken, lower) > _INFLATION:
        taken = _in_order(matrix, left)
        lower = np.linalg.cholesky(matrix[np.ix_(taken, taken)])
        left *= 2.0
    return taken, lower


def _inflation(matrix: np.ndarray, taken: np.ndarray, lower: np.ndarray) -> float:
    """Return the largest variance inflation factor of some columns."""
    from scipy.linalg import solve_triangular

    half = solve_triangular(lower, np.eye(len(taken)), lower=True)
    return float(((half * half).sum(axis=0) * matrix.diagonal()[taken]).max())


def _in_order(matrix: np.ndarray, share: float) -> np.ndarray:
    """Return the columns of which more than a share is left after those before them."""
    from scipy.linalg import solve_triangular

    work, least, taken = matrix.copy(), share * matrix.diagonal(), np.zeros(0, np.intp)
    for start in range(0, len(matrix), _BLOCK):
        stop = min(start + _BLOCK, len(matrix))
        block = work[start:stop, start:stop].copy()
        chosen = []
        for j in range(stop - start):
            if block[j, j] >= least[start + j]:
                chosen.append(start + j)
                column = block[:, j] / np.sqrt(block[j, j])
                block -= np.outer(column, column)
        if chosen:
            lower = np.linalg.cholesky(work[np.ix_(chosen, chosen)])
            rows = solve_triangular(lower, work[chosen, stop:], lower=True)
            work[stop:, stop:] -= rows.T @ rows
            taken = np.append(taken, chosen)
    return taken


def _cholesky(matrix: np.ndarray) -> np.ndarray | None:
    """Return the Cholesky factor; None if less than `_LEFT` is left of a column."""
    try:
        lower = np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return None
    return lower if (lower.diagonal() ** 2 >= _LEFT * matrix.diagonal()).all() else None


def _refined(
    lower: np.ndarray, matrix: Parts, scale: np.ndarray, right: Parts, checkpoint: Checkpoint | None = None
) -> Parts:
    """Return the solutions of equations with a scaled matrix, whose Cholesky factor in float64 is given."""
    from scipy.linalg import cho_solve  # imported late, as everywhere: it takes a tenth of a second

    right = right.each(lambda part: part / scale[:, None])
    found = right.each(np.zeros_like)
    last = np.inf
    for _ in range(_ROUNDS):
        if checkpoint is not None:
            checkpoint()
        step = cho_solve((lower, True), right.rounded())
        found = found + step
        right = minus_product(right, matrix, Parts.exactly(step))
        size = np.abs(found.high).max(axis=0, initial=0.0)
        change = (np.abs(step).max(axis=0, initial=0.0)[size > 0] / size[size > 0]).max(initial=0.0)
        if change <= UNIT or change > last / 2:
            break
        last = change
    return found.each(lambda part: part / scale[:, None])


def _rows(matrix: Parts, at: np.ndarray) -> Parts:
    return matrix.each(lambda part: part[at])


def _columns(matrix: Parts, at: np.ndarray) -> Parts:
    return matrix.each(lambda part: part[:, at])


def _square(matrix: Parts, at: np.ndarray) -> Parts:
    return matrix.each(lambda part: part[np.ix_(at, at)])


def _stacked(above: Parts, below: Parts) -> Parts:
    return Parts(*(np.concatenate(two) for two in zip(above.three, below.three, strict=True)))
