"""Sums over columns of what look-up tables say of their values: scores that treat every input by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import array_api_compat as compat
import numpy as np

from .. import _parallel
from .._arrays import Array, as_floats, is_cupy, is_numpy, namespace
from .._errors import DataError, ShapeError
from .._numba import numba_works

_CPU_ROWS = 4096  # of a tile of the generic body
_GPU_ROWS = 2**20
_PART = 2**14  # rows that a thread takes at a time
_WORK_PER_THREAD = 2e4  # look-ups that are worth waking a thread for


@dataclass(frozen=True, eq=False)
class LookupTable:
    """One or several functions of one column: linear between knots, with a value of its own at each knot.

    A histogram, an empirical distribution function and a piecewise linear function all have this form.

    Attributes
    ----------
    knots : (m,) float64
        Strictly ascending and finite; at least one.
    at : (T, m) float64
        Values of the T functions at the knots.
    low, high : (T, m + 1) float64
        Limits of each function at the lower and at the upper end of each interval: below the first knot, between
        two, above the last one. Equal at both ends of the first and of the last interval, where nothing is known of
        the distance.
    """

    knots: np.ndarray
    at: np.ndarray
    low: np.ndarray
    high: np.ndarray


class LookupTables:
    """A look-up table for each column of rows.

    Parameters
    ----------
    tables : sequence of LookupTable
        One for each of p columns, all of the same number T of functions.

    Raises
    ------
    ShapeError
        A table's arrays do not fit together, or the tables have different numbers of functions.
    DataError
        Knots that do not ascend; anything that is not finite.

    Notes
    -----
    A look-up is a binary search: O(log m). NumPy's rows are taken by compiled loops on all threads, 512 rows of a
    column at a time without a branch; those of other libraries with their ``searchsorted``. Sums are taken in the order
    of the columns, so that all bodies give the same bits.
    """

    def __init__(self, tables: Sequence[LookupTable]) -> None:
        self.tables = tuple(_checked(table, f"tables[{j}]") for j, table in enumerate(tables))
        if not self.tables:
            raise ShapeError("tables must hold a table for each column, got none")
        if len({len(table.at) for table in self.tables}) > 1:
            counts = [len(table.at) for table in self.tables]
            raise ShapeError(f"the tables must all have the same number of functions, got {counts}")
        self._packed: _Packed | None = None

    @property
    def n_columns(self) -> int:
        """p, the columns of the rows."""
        return len(self.tables)

    @property
    def n_functions(self) -> int:
        """T, the functions of each table."""
        return len(self.tables[0].at)

    def sums(self, X: Array, /) -> Array:
        """What the tables say, added up over the columns.

        Parameters
        ----------
        X : (n, p) float64 or float32

        Returns
        -------
        (T, n) float64
            On the backend and device of X; NaN for a row with a NaN. An infinity lies beyond the last knot.

        Raises
        ------
        ShapeError
            X does not have p columns, or does not hold real numbers.
        """
        X = self._rows(X)
        if is_numpy(X) and numba_works():
            return self._compiled(X, np.empty((self.n_functions, len(X))), "add_up")
        return self._generic(X, summed=True)

    def values(self, X: Array, /) -> Array:
        """What the tables say of each value.

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
            As `sums`.
        """
        X = self._rows(X)
        if is_numpy(X) and numba_works():
            return self._compiled(X, np.empty((self.n_functions, *X.shape)), "look_up")
        return self._generic(X, summed=False)

    def _rows(self, X: Array) -> Array:
        X = as_floats(X, ndim=2, name="X")
        if X.shape[1] != self.n_columns:
            raise ShapeError(f"X must have {self.n_columns} column(s), one for each table, got shape {tuple(X.shape)}")
        return X

    def _compiled(self, X: np.ndarray, out: np.ndarray, loop: str) -> np.ndarray:
        from . import _table_loops

        if self._packed is None:
            self._packed = _Packed.of(self.tables)
        body: Callable[..., None] = getattr(_table_loops, loop)
        arguments = self._packed.arguments()

        def task(start: int, stop: int) -> None:
            for first in range(start, stop, _PART):
                last = min(first + _PART, stop)
                body(np.asarray(X[first:last], dtype=np.float64), *arguments, out[:, first:last])

        threads = int(min(_parallel.thread_count(), max(1, X.size // _WORK_PER_THREAD)))
        _parallel.run_all([partial(task, *part) for part in _parallel.split(len(X), threads)] or [lambda: None])
        return out

    def _generic(self, X: Array, *, summed: bool) -> Array:
        """The generic body, in the array API standard."""
        xp, device = namespace(X), compat.device(X)
        n, step = X.shape[0], _GPU_ROWS if is_cupy(X) else _CPU_ROWS
        put: Callable[[np.ndarray], Array] = partial(xp.asarray, dtype=xp.float64, device=device)
        functions = [[_Function.of(table, t, put, xp) for table in self.tables] for t in range(self.n_functions)]
        knots = [put(table.knots) for table in self.tables]
        tiles = []
        for start in range(0, max(n, 1), step):
            tile = xp.astype(X[start : min(start + step, n), :], xp.float64, copy=False)
            columns = [_located(knots[j], tile[:, j], xp) for j in range(self.n_columns)]
            found = [[each(*column) for each, column in zip(row, columns, strict=True)] for row in functions]
            if summed:
                tiles.append(xp.stack([_total(row, xp) for row in found]))
            else:
                tiles.append(xp.stack([xp.stack(row, axis=1) for row in found]))
        return tiles[0] if len(tiles) == 1 else xp.concat(tiles, axis=1)


@dataclass(frozen=True, eq=False, slots=True)
class _Packed:
    """All tables in flat arrays: the numbers of each column begin at its offset and are filled up to a power of 2."""

    offsets: np.ndarray
    depths: np.ndarray
    knots: np.ndarray
    at: np.ndarray
    low: np.ndarray
    high: np.ndarray
    linear: np.ndarray

    @classmethod
    def of(cls, tables: Sequence[LookupTable]) -> _Packed:
        depths = np.array([len(table.knots).bit_length() for table in tables])
        offsets = np.concatenate([[0], np.cumsum(2**depths)])
        knots = np.full(offsets[-1], np.inf)
        at, low, high = np.empty((3, len(tables[0].at), offsets[-1]))
        for table, offset, end in zip(tables, offsets, offsets[1:], strict=False):
            last = offset + len(table.knots)
            knots[offset:last] = table.knots
            at[:, offset:last] = table.at
            low[:, offset : last + 1], high[:, offset : last + 1] = table.low, table.high
            at[:, last:end] = low[:, last:end] = high[:, last:end] = table.low[:, -1:]
        linear = np.array([bool((table.low != table.high).any()) for table in tables])
        return cls(offsets, depths, knots, at, low, high, linear)

    def arguments(self) -> tuple[np.ndarray, ...]:
        return self.offsets, self.depths, self.knots, self.at, self.low, self.high, self.linear


@dataclass(frozen=True, eq=False, slots=True)
class _Function:
    """One function of one table, on a device."""

    at: Array
    low: Array
    high: Array
    xp: Any

    @classmethod
    def of(cls, table: LookupTable, t: int, put: Callable[[np.ndarray], Array], xp: Any) -> _Function:
        return cls(put(np.append(table.at[t], 0.0)), put(table.low[t]), put(table.high[t]), xp)

    def __call__(self, index: Array, share: Array, equal: Array, present: Array) -> Array:
        xp = self.xp
        begin, end = xp.take(self.low, index), xp.take(self.high, index)
        value = xp.where(equal, xp.take(self.at, index), xp.where(begin == end, begin, begin + (end - begin) * share))
        return xp.where(present, value, xp.full_like(value, xp.nan))


def _located(knots: Array, x: Array, xp: Any) -> tuple[Array, Array, Array, Array]:
    """The interval of each value, how far it is through it, whether it is the knot at its end; whether it is one."""
    m = knots.shape[0]
    present = ~xp.isnan(x)
    x = xp.where(present, x, xp.zeros_like(x))
    index = xp.searchsorted(knots, x, side="left")
    end = xp.take(knots, xp.where(index < m, index, m - 1))
    begin = xp.take(knots, xp.where(index > 0, index - 1, 0))
    inner = (index > 0) & (index < m)
    share = xp.where(inner, x - begin, xp.zeros_like(x)) / xp.where(inner, end - begin, xp.ones_like(x))
    return index, share, end == x, present


def _total(columns: Sequence[Array], xp: Any) -> Array:
    total = columns[0]
    for column in columns[1:]:
        total = total + column
    return total


def _checked(table: LookupTable, name: str) -> LookupTable:
    arrays = {}
    for field, ndim in (("knots", 1), ("at", 2), ("low", 2), ("high", 2)):
        array = np.ascontiguousarray(as_floats(getattr(table, field), ndim=ndim, name=f"{name}.{field}"), np.float64)
        if not np.isfinite(array).all():
            raise DataError(f"{name}.{field} holds a NaN or an infinity; it must be finite")
        arrays[field] = array
    knots, at, low, high = arrays.values()
    m, count = len(knots), len(at)
    if not m or at.shape != (count, m) or not low.shape == high.shape == (count, m + 1) or not count:
        raise ShapeError(
            f"{name} must have m knots, at least one, and at least one function, at (T, m), low and high (T, m + 1); "
            f"got {m} knots and shapes {at.shape}, {low.shape} and {high.shape}"
        )
    with np.errstate(over="ignore"):
        gaps = np.diff(knots)
    if not ((gaps > 0) & np.isfinite(gaps)).all():
        raise DataError(f"{name}.knots must ascend strictly, and no two may be further apart than float64 reaches")
    if not ((low[:, 0] == high[:, 0]) & (low[:, -1] == high[:, -1])).all():
        raise DataError(
            f"{name}: low and high must be equal in the first and in the last interval, which have one knot"
        )
    return LookupTable(knots, at, low, high)
