"""A table as blocks of a model's inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from symjobs._errors import InputError
from symjobs._state._inputs import Input
from symjobs._tables import BadCell, Batch, Column, labels_of, read_table
from symjobs._tables._bad_values import LARGEST, find_bad_value
from symjobs._text import some
from symkernels import Columns

_BLOCK_VALUES = 1 << 18  # 2 MiB: still cached when the model reads it
_BLOCKS = 16  # read from their columns at once: 32 MiB where they have to be converted


class Blocks:
    """The rows of a table as (m, d) float64 blocks of the inputs, NaN where missing. Iterate over it once.

    Parameters
    ----------
    data : table
        As `symjobs.Project.learn` takes it. Columns are found by name; those that no input needs are not read.
    inputs : tuple of Input
        The d columns.
    fill : (d,) float64, optional
        The values that replace missing inputs; by default these stay missing.
    checkpoint : callable, optional
        Called with the number of rows read after each block; what it raises ends the reading.

    Attributes
    ----------
    n_rows, n_missing, n_imputed : int
        Rows read so far; rows in which an input is missing; rows in which a missing input was replaced.
    """

    def __init__(
        self,
        data: Any,
        inputs: tuple[Input, ...],
        fill: np.ndarray | None = None,
        checkpoint: Callable[[int], object] | None = None,
    ) -> None:
        self._data = data
        self._inputs = inputs
        self._fill = fill
        self._checkpoint = checkpoint
        self.n_rows = self.n_missing = self.n_imputed = 0

    def __iter__(self) -> Iterator[np.ndarray]:
        for batch in read_table(self._data):
            columns = self._columns(batch)
            step = max(256, _BLOCK_VALUES // len(self._inputs))
            for start in range(0, batch.n_rows, step):
                stop = min(start + step, batch.n_rows)
                try:
                    if start % (_BLOCKS * step) == 0:
                        first, rows = start, self._rows(columns, start, min(start + _BLOCKS * step, batch.n_rows))
                    yield self._block(rows.rows(slice(start - first, stop - first)), start)
                except BadCell as bad:
                    raise batch.error(bad) from None
                if self._checkpoint is not None:
                    self._checkpoint(self.n_rows)
        if not self.n_rows:
            raise InputError("the data has no rows; there is nothing to predict")

    def _columns(self, batch: Batch) -> list[Column]:
        columns = []
        for known in self._inputs:
            column = batch.column(known.column)
            if column is None:
                raise InputError(
                    f"{batch.place}the data has no column {known.column!r}, which the model needs; it was built on "
                    f"{some([known.name for known in self._inputs])}, and the data has {some(batch.names)}"
                )
            columns.append(column)
        return columns

    def _rows(self, columns: list[Column], start: int, stop: int) -> Columns:
        return Columns(
            [
                column.numbers(start, stop)
                if known.member is None
                else _indicator(column, known.letter, known.member, start, stop)
                for known, column in zip(self._inputs, columns, strict=True)
            ]
        )

    def _block(self, block: np.ndarray, start: int) -> np.ndarray:
        if not (block.max() <= LARGEST and block.min() >= -LARGEST):  # true for NaN, too
            block = self._settled(block, start)
        self.n_rows += len(block)
        return block

    def _settled(self, block: np.ndarray, start: int) -> np.ndarray:
        # Something is missing, infinite, or too large.
        bad = find_bad_value(block, [known.column for known in self._inputs], start)
        if bad is not None:
            raise bad
        missing = np.isnan(block)
        rows = int(missing.any(axis=1).sum())
        if self._fill is None:
            self.n_missing += rows
            return block
        self.n_imputed += rows
        return np.where(missing, self._fill, block)


def _indicator(column: Column, letter: str, member: str, start: int, stop: int) -> np.ndarray:
    codes, values = column.texts()
    has = np.array([*(float(member in labels_of(letter, value)) for value in values), np.nan])  # NaN for the code -1
    return has[codes[start:stop]]
