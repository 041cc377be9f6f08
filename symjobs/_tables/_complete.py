"""The complete rows of numeric columns, as one array."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symjobs._tables._bad_values import LARGEST, find_bad_value
from symjobs._tables._batch import Batch
from symjobs._tables._cells import BadCell
from symkernels import gather_columns

Checkpoint = Callable[[], object]

STRIPE_VALUES = 1 << 17  # values between two checkpoints: a few milliseconds, or some 20 where they are Python objects
_GROWTH = 1.25


@dataclass(frozen=True, eq=False)
class CompleteRows:
    """Rows without a missing value.

    Attributes
    ----------
    X : (n, d) float32 or float64
        C-ordered, on the device that the table was on.
    owned : bool
        Whether `X` may be modified, as nothing else refers to it.
    n_input : int
        Number of rows, incomplete ones included.
    kept : (n_input,) bool or None
        Which of them `X` holds; None for all.
    missing : dict of str to int
        Missing values of each column that has any.
    """

    X: Any
    owned: bool
    n_input: int
    kept: np.ndarray | None
    missing: dict[str, int]

    @property
    def n_missing(self) -> int:
        """Rows that were left out."""
        return self.n_input - int(self.X.shape[0])


class Collector:
    """Collects the complete rows of batches in one array.

    Parameters
    ----------
    names : sequence of str
        The columns; a batch that lacks one has no complete row.
    dtype : numpy.dtype
        float32 or float64.
    room : int
        Expected number of rows. The array grows if there are more; memory that is not written to is not used.
    missing : str
        ``error`` to refuse a missing value; any other text leaves its row out.

    Attributes
    ----------
    dtype : numpy.dtype
    n_rows : int
        Complete rows so far.
    """

    def __init__(self, names: Sequence[str], dtype: np.dtype[Any], room: int, missing: str = "drop") -> None:
        self._names = tuple(names)
        self.dtype = dtype
        self._flat = np.empty(max(1, room) * len(self._names), dtype)
        self._refuse_missing = missing == "error"
        self.n_rows = 0
        self._n_input = 0
        self._kept: list[np.ndarray] = []
        self._missing: Counter[str] = Counter()

    def add(
        self,
        batch: Batch,
        *,
        passes: Callable[[int, int], np.ndarray] | None = None,
        checkpoint: Checkpoint = lambda: None,
    ) -> None:
        """Add the complete rows of a batch that pass.

        Parameters
        ----------
        batch : Batch
        passes : callable, optional
            ``passes(start, stop)`` says which of these rows count (bool); by default all do.
        checkpoint : callable, optional
            Called every few milliseconds; what it raises ends the call.
        """
        step = max(256, STRIPE_VALUES // len(self._names))
        for start in range(0, batch.n_rows, step):
            checkpoint()
            stop = min(start + step, batch.n_rows)
            self._add(batch, start, stop, None if passes is None else passes(start, stop))

    def finish(self) -> CompleteRows:
        """Return what was collected; the collector is empty afterwards."""
        d = len(self._names)
        flat, self._flat = self._flat, np.empty(0)
        flat.resize(self.n_rows * d, refcheck=False)  # releases unused memory without a copy
        kept = np.concatenate(self._kept) if self.n_rows < self._n_input else None
        return CompleteRows(flat.reshape(self.n_rows, d), True, self._n_input, kept, dict(self._missing))

    def _add(self, batch: Batch, start: int, stop: int, taken: np.ndarray | None) -> None:
        room = self._reserve(stop - start)
        block = self._fill(batch, start, stop, room)
        if taken is not None and not taken.all():
            block = block[taken]
        self._n_input += len(block)
        if not len(block) or (float(block.max()) <= LARGEST and float(block.min()) >= -LARGEST):  # false for NaN, too
            complete = np.ones(len(block), dtype=bool)
        else:
            complete = ~np.isnan(block).any(axis=1)
            self._report_bad_values(batch, start, taken, block)
            block = block[complete]
        self._kept.append(complete)
        if block is not room:
            room[: len(block)] = block
        self.n_rows += len(block)

    def _reserve(self, n: int) -> np.ndarray:
        # The rows after those collected so far.
        d = len(self._names)
        need = (self.n_rows + n) * d
        if need > self._flat.size:
            self._flat.resize(max(need, int(self._flat.size * _GROWTH)), refcheck=False)
        return self._flat[self.n_rows * d : need].reshape(n, d)

    def _fill(self, batch: Batch, start: int, stop: int, block: np.ndarray) -> np.ndarray:
        columns = [batch.column(name) for name in self._names]
        positions = [j for j, column in enumerate(columns) if column is not None]
        if len(positions) < len(columns):
            block.fill(np.nan)
        try:
            parts = [column.numbers(start, stop) for column in columns if column is not None]
        except BadCell as bad:
            raise batch.error(bad) from None
        gather_columns(parts, positions, block)
        return block

    def _report_bad_values(self, batch: Batch, start: int, taken: np.ndarray | None, block: np.ndarray) -> None:
        # A value is missing, infinite or too large: report a bad one, else count the missing ones.
        bad = find_bad_value(block, self._names, start, taken, refuse_missing=self._refuse_missing)
        if bad is not None:
            raise batch.error(bad)
        for name, count in zip(self._names, np.isnan(block).sum(axis=0).tolist(), strict=True):
            if count:
                self._missing[name] += count
