"""Read any table as batches. A library is recognised by its classes, and never imported for that."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

from symjobs._entities import DataFrame
from symjobs._errors import InputError
from symjobs._tables import _arrow, _entity, _matrix, _pandas, _polars
from symjobs._tables._batch import Batch
from symjobs._tables._json_rows import JsonRows

_TAKEN = (
    "a pandas or Polars DataFrame, an Arrow Table, RecordBatch or RecordBatchReader, a pair (2-D array, column names), "
    "a symjobs DataFrame, or an iterator of those"
)


def read_table(data: Any) -> Iterator[Batch]:
    """Read a table, or an iterator of tables, as batches.

    Parameters
    ----------
    data : table
        A pandas or Polars DataFrame, an Arrow Table, RecordBatch or RecordBatchReader (or any object with
        ``__arrow_c_stream__``), a pair ``(2-D array, names)``, a DataFrame entity, or an iterator of those.

    Yields
    ------
    Batch
        One after the other; no more than one table of an iterator is in memory.

    Raises
    ------
    InputError
        If data is none of these, a name is empty or comes twice, or rows and names differ in length.
    """
    batches = _read_one(data)
    return _read_many(data) if batches is None else batches


def _read_one(data: Any) -> Iterator[Batch] | None:
    # The batches of one table, or None when data is not one.
    if _matrix.is_matrix(data):
        return _matrix.read(data)
    if isinstance(data, DataFrame):
        return _entity.read(data)
    if isinstance(data, JsonRows):
        return data.batches()
    if _is(data, "pandas", "DataFrame"):
        return _pandas.read(data)
    if _is(data, "polars", "DataFrame"):
        return _polars.read(data)
    if _is(data, "polars", "LazyFrame"):
        raise InputError("a Polars LazyFrame has no rows yet; pass frame.collect(), or collect it in batches")
    if _is(data, "pyarrow", "Table", "RecordBatch", "RecordBatchReader"):
        return _arrow.read(data)
    if hasattr(data, "__arrow_c_stream__") and not _is(data, "pandas", "Series") and not _is(data, "polars", "Series"):
        return _arrow.read(_arrow_stream(data))
    return None


def _read_many(data: Any) -> Iterator[Batch]:
    if isinstance(data, str | bytes | dict) or hasattr(data, "dtype") or not isinstance(data, Iterable):
        hint = "; an array needs its column names: pass (array, names)" if hasattr(data, "dtype") else ""
        if _matrix.is_sparse(data):
            hint = "; the data is sparse: pass (data.toarray(), names)"
        raise InputError(f"cannot learn from {type(data).__name__}: expected {_TAKEN}{hint}")
    return _each(data)


def _each(tables: Iterable[Any]) -> Iterator[Batch]:
    for number, table in enumerate(tables):
        batches = _read_one(table)
        if batches is None:
            raise InputError(f"item {number} of the iterator is {type(table).__name__}: expected {_TAKEN}")
        try:
            for batch in batches:
                batch.place = f"batch {number}, {batch.place}"
                batch.alone = False
                yield batch
        except InputError as error:
            raise InputError(f"batch {number}: {error}") from None


def _is(data: Any, library: str, *names: str) -> bool:
    # Without importing it: data can only be of a library that is loaded.
    module = sys.modules.get(library)
    kinds = tuple(kind for name in names if isinstance(kind := getattr(module, name, None), type))
    return bool(kinds) and isinstance(data, kinds)


def _arrow_stream(data: Any) -> Any:
    import pyarrow

    return pyarrow.RecordBatchReader.from_stream(data)
