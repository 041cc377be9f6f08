"""Polars DataFrames, without pyarrow: Polars itself converts numbers to NumPy."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from symjobs._tables._batch import Batch
from symjobs._tables._columns import Column, NumberColumn, ObjectColumn, TextColumn, TimeColumn


def read(data: Any) -> Iterator[Batch]:
    """Read a Polars DataFrame."""
    yield Batch(data.height, [_column(series) for series in data.iter_columns()], alone=True)


def _column(series: Any) -> Column:
    pl = sys.modules["polars"]
    name, dtype, n = series.name, series.dtype, len(series)
    if dtype.is_float():
        return NumberColumn(name, n, lambda start, stop: series[start:stop].to_numpy(), single=dtype != pl.Float64)
    if dtype.is_numeric() or dtype == pl.Boolean:
        return NumberColumn(name, n, lambda start, stop: _as_floats(series[start:stop]), flag=dtype == pl.Boolean)
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return TextColumn(
            name, n, lambda: _encode(series), categorical=dtype != pl.String, head=lambda m: series[:m].to_list()
        )
    if dtype.is_temporal():
        durations = dtype == pl.Duration
        # Polars writes durations in no text.
        texts = series.dt.to_string("polars") if durations else series.cast(pl.String)
        return TimeColumn(TextColumn(name, n, lambda: _encode(texts), categorical=False), durations=durations)
    return ObjectColumn(name, series.to_list())


def _as_floats(part: Any) -> np.ndarray:
    pl = sys.modules["polars"]
    if part.dtype.is_integer() and not part.null_count():
        return part.to_numpy()
    return part.cast(pl.Float64).to_numpy()


def _encode(series: Any) -> tuple[np.ndarray, list[Any]]:
    pl = sys.modules["polars"]
    series = series.cast(pl.String)
    values = series.drop_nulls().unique(maintain_order=True)
    if not len(values):
        return np.full(len(series), -1, dtype=np.intp), []
    places = pl.Series(range(len(values)), dtype=pl.Int64)
    codes = series.replace_strict(values, places, default=-1, return_dtype=pl.Int64)
    return codes.to_numpy(), values.to_list()
