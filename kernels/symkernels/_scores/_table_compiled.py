"""NumPy's fast path of look-ups: rows are split over threads, with compiled loops in each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from .. import _parallel
from . import _table_loops as loops
from ._table import LookupTable

_PART = 2**14  # rows that a thread processes at a time
_WORK_PER_THREAD = 2e4  # look-ups, at least, for another thread to save time


class CompiledTables:
    """Checked tables for NumPy rows."""

    def __init__(self, tables: Sequence[LookupTable]) -> None:
        self._functions = len(tables[0].at)
        self._arguments = Packed.of(tables).arguments()

    def sums(self, X: np.ndarray) -> np.ndarray:
        """Return (T, n): the sums over the columns."""
        return self._run(loops.add_up, X, np.empty((self._functions, len(X))))

    def values(self, X: np.ndarray) -> np.ndarray:
        """Return (T, n, p): the value of each function at each entry of X."""
        return self._run(loops.look_up, X, np.empty((self._functions, *X.shape)))

    def _run(self, loop: Callable[..., None], X: np.ndarray, out: np.ndarray) -> np.ndarray:
        def task(start: int, stop: int) -> None:
            for first in range(start, stop, _PART):
                last = min(first + _PART, stop)
                loop(np.asarray(X[first:last], dtype=np.float64), *self._arguments, out[:, first:last])

        threads = int(min(_parallel.thread_count(), max(1, X.size // _WORK_PER_THREAD)))
        _parallel.run_all([partial(task, *part) for part in _parallel.split(len(X), threads)] or [lambda: None])
        return out


@dataclass(frozen=True, eq=False, slots=True)
class Packed:
    """All tables in flat arrays: the numbers of a column begin at its offset and are padded to a power of 2."""

    offsets: np.ndarray
    depths: np.ndarray
    knots: np.ndarray
    at: np.ndarray
    low: np.ndarray
    high: np.ndarray
    linear: np.ndarray

    @classmethod
    def of(cls, tables: Sequence[LookupTable]) -> Packed:
        """Pack checked tables."""
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
        """Return the arrays in the order in which the compiled loops take them."""
        return self.offsets, self.depths, self.knots, self.at, self.low, self.high, self.linear
