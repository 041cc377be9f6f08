"""Arrow tables, record batches and record-batch readers: one batch a record batch, nothing joined or copied."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from symjobs._errors import InputError
from symjobs._tables._batch import Batch
from symjobs._tables._columns import Column, NumberColumn, ObjectColumn, TextColumn, TimeColumn


def read(data: Any) -> Iterator[Batch]:
    """Read a table, record batch or reader of pyarrow."""
    pa = sys.modules["pyarrow"]
    if isinstance(data, pa.RecordBatch):
        parts: Iterable[Any] = [data]
    elif isinstance(data, pa.Table):
        parts = data.to_batches() or [pa.RecordBatch.from_pylist([], schema=data.schema)]
    else:
        parts = data
    alone = isinstance(parts, list) and len(parts) == 1
    first = 0
    for part in parts:
        columns = [_column(str(name), array) for name, array in zip(part.schema.names, part.columns, strict=True)]
        yield Batch(part.num_rows, columns, first_row=first, alone=alone)
        first += part.num_rows


def _column(name: str, array: Any) -> Column:
    pa = sys.modules["pyarrow"]
    kind, n = array.type, len(array)
    if pa.types.is_floating(kind):
        return NumberColumn(name, n, lambda a, b: _numbers(array[a:b]), single=kind.bit_width <= 32)
    if pa.types.is_integer(kind):
        return NumberColumn(name, n, lambda a, b: _numbers(array[a:b]))
    if pa.types.is_boolean(kind):
        return NumberColumn(name, n, lambda a, b: _numbers(array[a:b].cast(pa.uint8())), flag=True)
    if pa.types.is_decimal(kind):
        return NumberColumn(name, n, lambda a, b: _numbers(array[a:b].cast(pa.float64())))
    if pa.types.is_dictionary(kind):
        return TextColumn(name, n, lambda: _dictionary(array), categorical=True)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return TextColumn(name, n, lambda: _text(array), categorical=False)
    if pa.types.is_temporal(kind):
        texts = TextColumn(name, n, lambda: _text(array.cast(pa.string())), categorical=False)
        return TimeColumn(texts, durations=pa.types.is_duration(kind))
    if pa.types.is_null(kind) or pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return ObjectColumn(name, array.to_pylist())
    raise InputError(f"column {name!r} has the Arrow type {kind}, which cannot be read; convert it to numbers or text")


def _numbers(part: Any) -> np.ndarray:
    return part.to_numpy(zero_copy_only=False)  # a view, unless values are null: then float64 with NaN


def _dictionary(array: Any) -> tuple[np.ndarray, list[Any]]:
    codes = array.indices
    if codes.null_count:
        codes = codes.cast(sys.modules["pyarrow"].int64()).fill_null(-1)  # the indices may be unsigned
    return codes.to_numpy(zero_copy_only=False), array.dictionary.to_pylist()


def _text(array: Any) -> tuple[np.ndarray, list[Any]]:
    if str(array.type) == "string_view":  # it has no dictionary encoding yet
        array = array.cast(sys.modules["pyarrow"].large_string())
    return _dictionary(array.dictionary_encode())
