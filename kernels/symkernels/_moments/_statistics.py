"""The statistics of `Moments`."""

from __future__ import annotations

from collections.abc import Sequence

import array_api_compat as compat
import numpy as np

from .._arrays import Array
from .._errors import ShapeError
from . import _answers, _matrices
from ._attributes import Attributes, by_number_twice, consistent
from ._condition import Condition, condition, conditions
from ._cross_sums import CrossSums, CrossTable, cross_sums, cross_table
from ._limits import LOST
from ._reproducible import is_reproducible
from ._state import State


class Statistics(Attributes):
    """Statistics of the rows in a state. Arrays are copies, in the order of attribute numbers."""

    @property
    @consistent
    def count(self) -> Array:
        """(P,) float64: weight of the rows where each attribute is present; without weights, their number."""
        return self._by_number(self._sums.own_counts(self._layout))

    @consistent
    def mean(self) -> Array:
        """Return the (P,) float64 means; NaN for an attribute without rows."""
        return self._by_number(_answers.mean(self._sums, self._layout))

    @consistent
    def var(self, ddof: float = 0) -> Array:
        """Return the (P,) float64 variances over ``count - ddof``, 0 or more; NaN where that count is not positive."""
        spread = self._state.own_spread()[0]
        return self._by_number(_answers.divide(self._sums.xp, spread, self._sums.own_counts(self._layout) - ddof))

    @consistent
    def skewness(self) -> Array:
        """Return the (P,) float64 population skewness, m3 / m2^1.5; NaN where the variance is 0."""
        return self._by_number(_answers.standard_moments(self._sums, self._layout)[0])

    @consistent
    def kurtosis(self) -> Array:
        """Return the (P,) float64 population excess kurtosis, m4 / m2^2 - 3; NaN where the variance is 0."""
        return self._by_number(_answers.standard_moments(self._sums, self._layout)[1])

    @property
    @consistent
    def min(self) -> Array:
        """(P,) float64: minimum; a lower bound of it where `min_exact` is False; NaN without rows."""
        return self._extreme(self._sums.low, 0)

    @property
    @consistent
    def max(self) -> Array:
        """(P,) float64: maximum; an upper bound of it where `max_exact` is False; NaN without rows."""
        return self._extreme(self._sums.high, 1)

    @property
    @consistent
    def min_exact(self) -> Array:
        """(P,) bool: False where a row that may have held the minimum has been forgotten."""
        return self._exact(self._state.low_exact)

    @property
    @consistent
    def max_exact(self) -> Array:
        """(P,) bool: False where a row that may have held the maximum has been forgotten."""
        return self._exact(self._state.high_exact)

    def _extreme(self, seen: Array, end: int) -> Array:
        """Return the minimum (0) or maximum (1): of 0/1 attributes from counts, of others from the values seen."""
        xp, layout = self._sums.xp, self._layout
        n, t = self._sums.own_masses(layout), self._sums.own_sums(layout)
        slack = self._state.slack
        of_binary = xp.astype(t.high > slack if end else (n - t).high <= slack, xp.float64)
        binary = self._sums.index(layout.binary)
        values = xp.where(binary, of_binary, self._state.padded(seen))
        return self._by_number(xp.where(n.high > 0, values, xp.nan))

    def _exact(self, dense: Array) -> Array:
        xp, layout = self._sums.xp, self._layout
        sparse = xp.ones((layout.n_sparse,), dtype=xp.bool, device=compat.device(dense))
        return self._by_number(xp.concat([dense, sparse]) | self._sums.index(layout.binary))

    @consistent
    def covariance(self, ddof: float = 0, indices: Sequence[int] | None = None) -> Array:
        """Return the covariance matrix: each pair over the rows where both attributes are present.

        Parameters
        ----------
        ddof : float, default 0
            Each denominator is the pair's count minus ``ddof``. The covariance is NaN where that is not positive.
        indices : sequence of int, optional
            Attribute numbers: only these, in this order. Default: all.

        Returns
        -------
        (P, P) or (len(indices), len(indices)) float64 array
        """
        state = self._state_of(indices)
        return by_number_twice(_matrices.covariance(state, ddof), state)

    @consistent
    def correlation(self, indices: Sequence[int] | None = None) -> Array:
        """Return Pearson correlations: each pair over the rows where both are present; NaN where one is constant there.

        Parameters
        ----------
        indices : sequence of int, optional
            Attribute numbers: only these, in this order. Default: all.

        Returns
        -------
        (P, P) or (len(indices), len(indices)) float64 array
        """
        state = self._state_of(indices)
        return by_number_twice(_matrices.correlation(state), state)

    @consistent
    def pair_counts(self, indices: Sequence[int] | None = None) -> Array:
        """Return (P, P) float64: the weight of the rows where both attributes are present."""
        state = self._state_of(indices)
        count = state.sums.pairwise(state.layout)[0].high
        return by_number_twice(state.sums.xp.asarray(count, copy=True), state)

    @consistent
    def pair_mean(self, indices: Sequence[int] | None = None) -> Array:
        """Return (P, P) float64: the mean of attribute i over the rows where attribute j is present, too."""
        state = self._state_of(indices)
        count, total, _ = state.sums.pairwise(state.layout)
        shift = _answers.full_shift(state.sums, state.layout)
        return by_number_twice((total.over(count) + shift[:, None]).rounded(), state)

    @consistent
    def condition(self, index: int) -> Condition:
        """Return count, mean and variance of every attribute over the rows where a 0/1 attribute is 1.

        Parameters
        ----------
        index : int
            The number of the 0/1 attribute.

        Returns
        -------
        Condition

        Raises
        ------
        ShapeError
            The attribute is not a 0/1 attribute.
        """
        position = int(self._positions([index])[0])
        if not self._layout.binary[position]:
            raise ShapeError(f"attribute {index} is not a 0/1 attribute; choose one whose `binary` is True")
        found = condition(self._state, position)
        return Condition(*(self._by_number(array) for array in (found.count, found.mean, found.var, found.error_bound)))

    @consistent
    def conditions(self, index: int) -> Condition:
        """Return count, mean and variance of one attribute over the rows where each 0/1 attribute is 1.

        For every member of a category, `condition` has the same answers in as many calls.

        Parameters
        ----------
        index : int
            The number of the attribute.

        Returns
        -------
        Condition
            By number of the 0/1 attribute. For all others the count is 0, and the rest NaN.
        """
        found = conditions(self._state, int(self._positions([index])[0]))
        return Condition(*(self._by_number(array) for array in (found.count, found.mean, found.var, found.error_bound)))

    @consistent
    def cross_sums(self, i: int, j: int) -> CrossSums:
        """Return raw sums of two attributes over the rows where both are present.

        Parameters
        ----------
        i, j : int
            The numbers of x and y.

        Returns
        -------
        CrossSums
            Its ``sum_xxy`` and ``sum_xxyy`` are NaN unless j is a 0/1 attribute or the state has ``joint_squares``.
        """
        a, b = self._positions([i, j])
        return cross_sums(self._sums, self._layout, int(a), int(b))

    @consistent
    def cross_table(self, rows: Sequence[int], columns: Sequence[int]) -> CrossTable:
        """Return how often 0/1 attributes are 1 together: a contingency table of two categories.

        Parameters
        ----------
        rows, columns : sequence of int
            Numbers of 0/1 attributes.

        Returns
        -------
        CrossTable
            Arrays of shape (len(rows), len(columns)).

        Raises
        ------
        ShapeError
            An attribute is not a 0/1 attribute.
        """
        one, other = self._positions(rows), self._positions(columns)
        for position in np.append(one, other):
            if not self._layout.binary[position]:
                raise ShapeError(f"attribute {self._layout.number[position]} is not a 0/1 attribute")
        return cross_table(self._sums, self._layout, one, other)

    @property
    @consistent
    def error_bound(self) -> Array:
        """(P,) float64: bound of the relative rounding error of each variance.

        It counts the rounding errors of all rows ever added or removed: those of forgotten rows remain. ``inf`` where
        the variance is 0 but was not always; NaN without rows.
        """
        spread, noise = self._state.own_spread()
        count = self._sums.own_counts(self._layout)
        of_count = self._state.of_count(self._sums.own_errors(self._layout)[1])
        return self._by_number(_answers.relative(self._sums.xp, noise, spread, of_count, count))

    @property
    @consistent
    def reproducible(self) -> bool:
        """Whether other orders, batches, threads or merges of these rows would give the same bits.

        If True, the bounds of the rounding errors fix the last bit of every mean, covariance and correlation of all
        attributes. States with ``exact=True``, and small ones, nearly always are. It takes as long as `correlation`.
        """
        return is_reproducible(self._state)

    @property
    def needs_rebuild(self) -> bool:
        """Whether the `error_bound` of a variance is above 1e-6. If so, learn the remaining rows into a new state."""
        bound = self.error_bound
        return bool(self._sums.xp.any(bound > LOST))

    def _state_of(self, indices: Sequence[int] | None) -> State:
        """Return the state of these attributes alone; None means all. The caller only reads it, under the lock."""
        if indices is None:
            return self._state
        positions, layout = self._positions(indices), self._layout
        if layout.in_order and np.array_equal(positions, np.arange(layout.size)):
            return self._state  # spares a copy of all sums
        return self._state.selected(positions)
