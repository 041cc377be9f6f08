"""pandas DataFrames: NumPy-backed, masked (nullable), Arrow-backed, categorical, object and text columns."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from symjobs._errors import InputError
from symjobs._tables._batch import Batch
from symjobs._tables._columns import Column, NumberColumn, ObjectColumn, TextColumn, TimeColumn


def read(data: Any) -> Iterator[Batch]:
    """Read a pandas DataFrame; the index is not a column."""
    yield Batch(len(data), [_column(str(name), series) for name, series in data.items()], alone=True)


def _column(name: str, series: Any) -> Column:
    pandas = sys.modules["pandas"]
    dtype = series.dtype
    values = series.array
    if isinstance(dtype, pandas.CategoricalDtype):
        return TextColumn(name, len(series), lambda: _categories(values), categorical=True)
    if isinstance(dtype, np.dtype):
        return _numpy_column(name, series.to_numpy())
    if pandas.api.types.is_numeric_dtype(dtype) or pandas.api.types.is_bool_dtype(dtype):
        return _extension_column(name, values)
    if pandas.api.types.is_string_dtype(dtype):
        return TextColumn(
            name,
            len(series),
            lambda: _factorize(pandas, values),
            categorical=False,
            head=lambda m: list(values[:m]),
        )
    if _is_arrow_dictionary(dtype):
        return TextColumn(name, len(series), lambda: _factorize(pandas, values), categorical=True)
    if isinstance(dtype, pandas.DatetimeTZDtype):
        return _times(name, len(series), lambda: pandas.factorize(values)[::-1], values, False)
    return ObjectColumn(name, series.astype(object).tolist())


def _numpy_column(name: str, values: np.ndarray) -> Column:
    if values.dtype.kind in "fiub":
        return NumberColumn.of_array(name, values)
    if values.dtype.kind == "c":
        raise InputError(f"column {name!r} holds complex numbers; split it into its real and imaginary parts")
    if values.dtype.kind in "mM":
        return _times(
            name, len(values), lambda: np.unique(values, return_inverse=True), values, values.dtype.kind == "m"
        )
    return ObjectColumn(name, values.tolist())


def _times(name: str, n: int, unique: Callable[[], tuple[Any, np.ndarray]], values: Any, durations: bool) -> TimeColumn:
    """Return a column of dates or durations; ``unique()`` returns the different ones, and the place of each row's."""

    def encode() -> tuple[np.ndarray, list[Any]]:
        found, codes = unique()
        return codes, _time_texts(found)

    texts = TextColumn(name, n, encode, categorical=False, head=lambda m: _time_texts(values[:m]))
    return TimeColumn(texts, durations=durations)


def _time_texts(values: Any) -> list[str | None]:
    pandas = sys.modules["pandas"]
    return [None if missing else str(value) for value, missing in zip(values, pandas.isna(values), strict=True)]


def _extension_column(name: str, values: Any) -> NumberColumn:
    kind = getattr(values.dtype, "kind", "f")
    single = kind == "f" and getattr(values.dtype, "itemsize", 8) <= 4
    target = np.float32 if single else np.float64

    def numbers(start: int, stop: int) -> np.ndarray:
        part = values[start:stop]
        if part.isna().any():
            return part.to_numpy(dtype=target, na_value=np.nan)
        return np.asarray(part, dtype=target)

    return NumberColumn(name, len(values), numbers, single=single, flag=kind == "b")


def _categories(values: Any) -> tuple[np.ndarray, list[Any]]:
    return np.asarray(values.codes), values.categories.tolist()


def _factorize(pandas: Any, values: Any) -> tuple[np.ndarray, list[Any]]:
    codes, uniques = pandas.factorize(values)
    return codes, uniques.tolist()


def _is_arrow_dictionary(dtype: Any) -> bool:
    pyarrow = sys.modules.get("pyarrow")
    arrow_type = getattr(dtype, "pyarrow_dtype", None)
    return pyarrow is not None and arrow_type is not None and pyarrow.types.is_dictionary(arrow_type)
