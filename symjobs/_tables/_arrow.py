"""Arrow tables, record batches and record-batch readers: one batch a record batch, nothing joined or copied."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from symjobs._errors import InputError
from symjobs._tables._batch import Batch
from symjobs._tables._columns import Column, NumberColumn, ObjectColumn, TextColumn, TimeColumn

_WIDTHS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
_DTYPES = {"double": "f8", "float": "f4", "halffloat": "f2", **{name: name for name in _WIDTHS}}


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
        return NumberColumn(name, n, lambda a, b: values_of(array[a:b]), single=kind.bit_width <= 32)
    if pa.types.is_integer(kind):
        return NumberColumn(name, n, lambda a, b: values_of(array[a:b]))
    if pa.types.is_boolean(kind):
        return NumberColumn(name, n, lambda a, b: values_of(array[a:b].cast(pa.uint8())), flag=True)
    if pa.types.is_decimal(kind):
        return NumberColumn(name, n, lambda a, b: values_of(array[a:b].cast(pa.float64())))
    if pa.types.is_dictionary(kind):
        return TextColumn(name, n, lambda: _dictionary(array), categorical=True)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return TextColumn(name, n, lambda: _text(array), categorical=False, head=lambda m: array[:m].to_pylist())
    if pa.types.is_temporal(kind):
        texts = TextColumn(name, n, lambda: _text(array.cast(pa.string())), categorical=False)
        return TimeColumn(texts, durations=pa.types.is_duration(kind))
    if pa.types.is_null(kind) or pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return ObjectColumn(name, array.to_pylist())
    raise InputError(f"column {name!r} has the Arrow type {kind}, which cannot be read; convert it to numbers or text")


def values_of(array: Any) -> np.ndarray:
    """Return numbers of Arrow: a view, unless values are null, then floats with NaN.

    pyarrow's own `to_numpy` imports pandas, where that is installed, which takes longer than many a first answer.
    """
    dtype = np.dtype(_DTYPES[str(array.type)])
    valid, data = array.buffers()
    n, start = len(array), array.offset
    if not n or array.null_count == n:
        return np.full(n, np.nan)
    values = np.frombuffer(data, dtype, count=n, offset=start * dtype.itemsize)
    if not array.null_count:
        return values
    floats = values.astype(dtype if dtype.kind == "f" else np.float64)
    bits = np.frombuffer(valid, np.uint8, count=(start + n + 7) // 8)
    floats[np.unpackbits(bits, bitorder="little")[start : start + n] == 0] = np.nan
    return floats


def _dictionary(array: Any) -> tuple[np.ndarray, list[Any]]:
    codes = values_of(array.indices)
    if codes.dtype.kind == "f":
        codes = np.where(np.isnan(codes), -1, codes).astype(np.intp)
    return codes, array.dictionary.to_pylist()


def _text(array: Any) -> tuple[np.ndarray, list[Any]]:
    if str(array.type) == "string_view":  # it has no dictionary encoding yet
        array = array.cast(sys.modules["pyarrow"].large_string())
    return _dictionary(array.dictionary_encode())
