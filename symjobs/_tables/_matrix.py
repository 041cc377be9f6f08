"""(2-D array, names)."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from symjobs._errors import InputError
from symjobs._tables._batch import Batch, MatrixBatch
from symjobs._tables._columns import ObjectColumn


def is_matrix(data: Any) -> bool:
    """Whether data is a pair of rows and names, as opposed to a pair of tables."""
    if not isinstance(data, tuple) or len(data) != 2 or isinstance(data[1], str | bytes):
        return False
    names = data[1]
    if not (isinstance(names, Sequence) or getattr(names, "ndim", 0) == 1):  # a list, an index or an array of names
        return False
    return all(isinstance(name, str | int) for name in names)


def is_sparse(data: Any) -> bool:
    """Whether data is a sparse matrix of SciPy or CuPy."""
    return hasattr(data, "toarray") and hasattr(data, "nnz")


def read(data: tuple[Any, Any]) -> Iterator[Batch]:
    """Read a two-dimensional array, or a list of rows of equal length, and its column names."""
    names = tuple(name if type(name) is str else str(name) for name in data[1])
    rows = data[0]
    if is_sparse(rows):
        raise InputError(f"the data is sparse ({type(rows).__name__}); pass (data.toarray(), names)")
    if not isinstance(rows, np.ndarray) and not _is_cupy(rows):
        rows = _as_array(rows, len(names))
    if isinstance(rows, np.ma.MaskedArray):
        rows = _unmasked(rows)
    if rows.ndim != 2:
        remedy = "pass array.reshape(1, -1) to learn one row" if rows.ndim == 1 else "pass one row a line"
        raise InputError(f"expected a 2-D array of rows, got shape {rows.shape}; {remedy}")
    if rows.shape[1] != len(names):
        raise InputError(
            f"the array has {rows.shape[1]} columns (shape {rows.shape}), and {len(names)} names came with it"
        )
    if rows.dtype.kind in "fiub":
        yield MatrixBatch(rows, names)
    elif rows.dtype.kind in "OUT":
        columns = [ObjectColumn(name, rows[:, j].tolist()) for j, name in enumerate(names)]
        yield Batch(len(rows), columns, alone=True)
    else:
        advice = {
            "M": "subtract a date and divide by a unit, such as a second",
            "m": "divide by a unit, such as a second",
        }
        raise InputError(
            f"an array of dtype {rows.dtype} cannot be learnt; "
            f"{advice.get(rows.dtype.kind, 'convert it to numbers or text')}"
        )


def _unmasked(rows: np.ma.MaskedArray[Any, Any]) -> np.ndarray:
    """Return the rows with NaN, or None among objects, where the mask hides a value."""
    values, mask = np.asarray(rows.data), np.ma.getmaskarray(rows)
    if values.dtype.kind in "iub":
        values = values.astype(np.float64)
    elif values.dtype.kind != "f":
        values = values.astype(object)
    return np.where(mask, np.array(None if values.dtype == object else np.nan, dtype=values.dtype), values)


def _is_cupy(rows: Any) -> bool:
    cupy = sys.modules.get("cupy")
    return cupy is not None and isinstance(rows, cupy.ndarray)


def _as_array(rows: Any, width: int) -> np.ndarray:
    if not hasattr(rows, "__array__"):
        try:
            rows = list(rows)
        except TypeError:
            raise InputError(f"expected a 2-D array beside the names, got {type(rows).__name__}") from None
        for i, row in enumerate(rows):
            if not hasattr(row, "__len__") or isinstance(row, str):
                raise InputError(f"row {i} is {type(row).__name__}; each row must be a sequence of {width} values")
            if len(row) != width:
                raise InputError(f"row {i} has {len(row)} values, and there are {width} names")
        if not rows:
            return np.empty((0, width))
        if any(isinstance(cell, str) or cell is None for row in rows for cell in row):
            array = np.empty((len(rows), width), dtype=object)
            array[:] = rows
            return array
    return np.asarray(rows)
