"""The numeric columns of a table in memory, as one array, if possible without a copy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from array_api_compat import array_namespace, is_cupy_array

from symjobs._arrays import to_host
from symjobs._errors import InputError
from symjobs._tables._bad_values import LARGEST, find_bad_value
from symjobs._tables._batch import Batch
from symjobs._tables._complete import STRIPE_VALUES, Checkpoint, Collector, CompleteRows
from symjobs._tables._numeric import numeric_columns
from symjobs._tables._read import read_table


class NumericTable:
    """The numeric columns of a table in memory; nothing is copied before `collect`.

    Parameters
    ----------
    data : table
        As `symjobs.Project.learn` takes it. The tables of an iterator are held.
    inputs : tuple of str or int, optional
        As `numeric_columns` takes them.

    Attributes
    ----------
    names : tuple of str
        The d columns.
    n_rows : int
        Rows, incomplete ones included.
    dtype : numpy.dtype
        float32 if every column fits into it, else float64.
    """

    def __init__(self, data: Any, inputs: Sequence[str | int] | None = None) -> None:
        self._batches = list(read_table(data))
        self.names = numeric_columns(self._batches, inputs)
        self.n_rows = sum(batch.n_rows for batch in self._batches)
        if not self.n_rows:
            raise InputError("the data has no rows; there is nothing to do")
        self.dtype = np.dtype(np.float32 if all(self._single(batch) for batch in self._batches) else np.float64)

    @property
    def copied(self) -> bool:
        """Whether `collect` copies. An array with exactly these columns is not copied."""
        return self._whole() is None

    def collect(self, checkpoint: Checkpoint) -> CompleteRows:
        """Return the complete rows; InputError, with the place, for a value that is no finite number."""
        whole = self._whole()
        if whole is not None and _all_finite(whole, checkpoint):
            return CompleteRows(whole, False, self.n_rows, None, {})
        if whole is not None and not isinstance(whole, np.ndarray):
            return self._on_device(whole, checkpoint)
        collector = Collector(self.names, self.dtype, self.n_rows)
        for batch in self._batches:
            collector.add(batch, checkpoint=checkpoint)
        return collector.finish()

    def _single(self, batch: Batch) -> bool:
        if batch.matrix is not None:
            return batch.matrix.dtype.kind == "f" and batch.matrix.dtype.itemsize <= 4
        columns = [batch.column(name) for name in self.names]
        return all(column is None or column.dtype is np.float32 for column in columns)

    def _whole(self) -> Any:
        """Return the array of the table if it has exactly these columns, or is on a GPU; else None."""
        if len(self._batches) != 1 or self._batches[0].matrix is None:
            return None
        (batch,) = self._batches
        if isinstance(batch.matrix, np.ndarray):
            right = batch.names == self.names and batch.matrix.dtype == self.dtype
            return batch.matrix if right and batch.matrix.flags.c_contiguous and batch.matrix.dtype.isnative else None
        columns = [batch.names.index(name) for name in self.names]
        chosen = batch.matrix if columns == list(range(len(batch.names))) else batch.matrix[:, columns]
        return chosen.astype(self.dtype, copy=False)

    def _on_device(self, X: Any, checkpoint: Checkpoint) -> CompleteRows:
        xp = array_namespace(X)
        for j, name in enumerate(self.names):
            checkpoint()
            if not bool(xp.any(xp.abs(X[:, j]) > _largest(X))):
                continue
            bad = find_bad_value(to_host(X[:, [j]]), [name], 0)
            if bad is not None:
                raise self._batches[0].error(bad)
        absent = xp.isnan(X)
        counts = {name: int(count) for name, count in zip(self.names, absent.sum(axis=0).tolist(), strict=True)}
        kept = ~absent.any(axis=1)
        missing = {name: count for name, count in counts.items() if count}
        return CompleteRows(X[kept], True, self.n_rows, kept.get(), missing)


def values_at_a_time(X: Any, on_cpu: int) -> int:
    """Return how many values of X to process between two checkpoints. On a GPU small stripes only cost launches."""
    return 1 << 25 if is_cupy_array(X) else on_cpu


def _all_finite(X: Any, checkpoint: Checkpoint) -> bool:
    xp = array_namespace(X)
    step = max(1, values_at_a_time(X, 8 * STRIPE_VALUES) // X.shape[1])
    largest = _largest(X)
    for start in range(0, X.shape[0], step):
        checkpoint()
        if not bool(xp.all(xp.abs(X[start : start + step]) <= largest)):  # false for NaN, too
            return False
    return True


def _largest(X: Any) -> float:
    return LARGEST if X.dtype == np.float64 else float(np.finfo(np.float32).max)
