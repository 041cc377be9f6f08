"""Look-ups in the array API standard, in tiles of rows. Tests compare the fast path with this body."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import array_api_compat as compat
import numpy as np

from .._arrays import Array, is_cupy, namespace
from ._table import LookupTable

_CPU_ROWS = 4096  # of a tile
_GPU_ROWS = 2**20


class Tables(Protocol):
    """Checked tables, made ready for a body."""

    def sums(self, X: Array) -> Array:
        """Return (T, n): the sums over the columns."""

    def values(self, X: Array) -> Array:
        """Return (T, n, p): the value of each function at each entry of X."""


class GenericTables:
    """Checked tables for rows of any library."""

    def __init__(self, tables: Sequence[LookupTable]) -> None:
        self._tables = tables

    def sums(self, X: Array) -> Array:
        """Return (T, n): the sums over the columns."""
        xp = namespace(X)
        return self._in_tiles(X, lambda found: xp.stack([_total(row) for row in found]))

    def values(self, X: Array) -> Array:
        """Return (T, n, p): the value of each function at each entry of X."""
        xp = namespace(X)
        return self._in_tiles(X, lambda found: xp.stack([xp.stack(row, axis=1) for row in found]))

    def _in_tiles(self, X: Array, combine: Callable[[list[list[Array]]], Array]) -> Array:
        """Combine, tile by tile, the values of function t (rows) at column j (columns)."""
        xp, device = namespace(X), compat.device(X)
        n, step = X.shape[0], _GPU_ROWS if is_cupy(X) else _CPU_ROWS
        put: Callable[[np.ndarray], Array] = partial(xp.asarray, dtype=xp.float64, device=device)
        functions = [
            [_Function.of(table, t, put, xp) for table in self._tables] for t in range(len(self._tables[0].at))
        ]
        knots = [put(table.knots) for table in self._tables]
        tiles = []
        for start in range(0, max(n, 1), step):
            tile = xp.astype(X[start : min(start + step, n), :], xp.float64, copy=False)
            columns = [_locate(knots[j], tile[:, j], xp) for j in range(len(knots))]
            tiles.append(
                combine([[each(*column) for each, column in zip(row, columns, strict=True)] for row in functions])
            )
        return tiles[0] if len(tiles) == 1 else xp.concat(tiles, axis=1)


@dataclass(frozen=True, eq=False, slots=True)
class _Function:
    """One function of one table, on a device; called with the results of `_locate`."""

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


def _locate(knots: Array, x: Array, xp: Any) -> tuple[Array, Array, Array, Array]:
    """Return for each value its interval, its place there (0 to 1), whether it is a knot, and whether it is no NaN."""
    m = knots.shape[0]
    present = ~xp.isnan(x)
    x = xp.where(present, x, xp.zeros_like(x))
    index = xp.searchsorted(knots, x, side="left")
    end = xp.take(knots, xp.where(index < m, index, m - 1))
    begin = xp.take(knots, xp.where(index > 0, index - 1, 0))
    inner = (index > 0) & (index < m)
    share = xp.where(inner, x - begin, xp.zeros_like(x)) / xp.where(inner, end - begin, xp.ones_like(x))
    return index, share, end == x, present


def _total(columns: Sequence[Array]) -> Array:
    total = columns[0]
    for column in columns[1:]:
        total = total + column
    return total
