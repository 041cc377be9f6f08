"""Sums over columns of look-up tables: scores in which every column counts by itself."""

from __future__ import annotations

from collections.abc import Sequence

from .._arrays import Array, as_floats
from .._errors import ShapeError
from ._backends import tables_for, uses_compiled
from ._table import LookupTable, check_table
from ._table_generic import Tables


class LookupTables:
    """A look-up table for each column: the values of their functions, or the sums over the columns.

    Parameters
    ----------
    tables : sequence of LookupTable
        One for each of p columns, at least one. All have the same number T of functions.

    Raises
    ------
    ShapeError
        A table's arrays do not fit together, or the tables have different numbers of functions.
    DataError
        The knots are not strictly ascending, or a value is not finite.

    Notes
    -----
    A look-up is a binary search: O(log m). NumPy rows are processed by compiled loops on all threads, 512 rows of a
    column at a time, without branches. Other libraries use their ``searchsorted``. Columns are added in their order, so
    that all bodies give the same bits.

    Examples
    --------
    A function that rises from 0 at 0 to 1 at 10, for both of two columns:

    >>> import numpy as np
    >>> from symkernels import LookupTable, LookupTables
    >>> rise = LookupTable(
    ...     knots=np.array([0.0, 10.0]),
    ...     at=np.array([[0.0, 1.0]]),
    ...     low=np.array([[0.0, 0.0, 1.0]]),
    ...     high=np.array([[0.0, 1.0, 1.0]]),
    ... )
    >>> tables = LookupTables([rise, rise])
    >>> tables.sums(np.array([[2.0, 5.0], [-1.0, 20.0]]))
    array([[0.7, 1. ]])
    >>> tables.values(np.array([[2.0, 5.0]]))
    array([[[0.2, 0.5]]])
    """

    def __init__(self, tables: Sequence[LookupTable]) -> None:
        self.tables = tuple(check_table(table, f"tables[{j}]") for j, table in enumerate(tables))
        if not self.tables:
            raise ShapeError("tables must hold a table for each column, got none")
        if len({len(table.at) for table in self.tables}) > 1:
            counts = [len(table.at) for table in self.tables]
            raise ShapeError(f"the tables must all have the same number of functions, got {counts}")
        self._compiled: Tables | None = None

    @property
    def n_columns(self) -> int:
        """Number of columns p."""
        return len(self.tables)

    @property
    def n_functions(self) -> int:
        """Number of functions T of each table."""
        return len(self.tables[0].at)

    def sums(self, X: Array, /) -> Array:
        """Return the values of the functions, added up over the columns.

        Parameters
        ----------
        X : (n, p) float64 or float32

        Returns
        -------
        (T, n) float64
            On the backend and device of X; NaN for a row with a NaN. Infinities lie outside all knots.

        Raises
        ------
        ShapeError
            X does not have p columns, or does not hold real numbers.
        """
        X = self._check_rows(X)
        return self._ready_for(X).sums(X)

    def values(self, X: Array, /) -> Array:
        """Return the value of each function at each entry of X.

        Parameters
        ----------
        X : (n, p) float64 or float32

        Returns
        -------
        (T, n, p) float64
            On the backend and device of X; NaN for a NaN.

        Raises
        ------
        ShapeError
            For the same reasons as in `sums`.
        """
        X = self._check_rows(X)
        return self._ready_for(X).values(X)

    def _check_rows(self, X: Array) -> Array:
        X = as_floats(X, ndim=2, name="X")
        if X.shape[1] != self.n_columns:
            raise ShapeError(f"X must have {self.n_columns} column(s), one for each table, got shape {tuple(X.shape)}")
        return X

    def _ready_for(self, X: Array) -> Tables:
        """Return the tables as the fastest body takes them; packed tables are kept for the next call."""
        if not uses_compiled(X):
            return tables_for(X, self.tables)
        if self._compiled is None:
            self._compiled = tables_for(X, self.tables)
        return self._compiled
