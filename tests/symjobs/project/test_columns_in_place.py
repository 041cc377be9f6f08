"""Tables whose columns the kernel reads in place: the same project, and the same errors, as from copied blocks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import symjobs as sj
from symjobs._state import _encode

N = 30_000


def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "x": rng.normal(size=N) + 10,
            "i": rng.integers(0, 100, N),
            "b": rng.random(N) < 0.3,
            "f": rng.normal(size=N).astype(np.float32),
            "n": pd.array(np.where(rng.random(N) < 0.1, np.nan, rng.normal(size=N)), dtype="Float64"),
            "z": (rng.random(N) < 0.5).astype(float),
        }
    )


@pytest.fixture(params=["in place", "blocks"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Small slices, so that there are many of them."""
    monkeypatch.setattr(_encode, "_SLICE_VALUES", 1 << 12)
    monkeypatch.setattr(_encode, "_MANY_VALUES", 0 if request.param == "in place" else 1 << 60)
    taken = []
    columns = _encode._columns
    monkeypatch.setattr(_encode, "_columns", lambda *args: taken.append(1) or columns(*args))
    yield request.param
    assert bool(taken) == (request.param == "in place")


LIBRARIES = {
    "pandas": lambda table: table,
    "Polars": pl.from_pandas,
    "Arrow": lambda table: pa.Table.from_pandas(table, preserve_index=False),
    "chunks": lambda table: pa.concat_tables(
        [pa.Table.from_pandas(part, preserve_index=False) for part in (table[:11_111], table[11_111:])]
    ),
}


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_same_answers(way: str, library: str) -> None:
    table = frame()
    found = sj.Project("p").learn(LIBRARIES[library](table)).snapshot().moments
    right = table.to_numpy(dtype=float, na_value=np.nan)
    np.testing.assert_array_equal(found.count, (~np.isnan(right)).sum(axis=0))
    np.testing.assert_allclose(found.mean(), np.nanmean(right, axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.correlation(), pd.DataFrame(right).corr(), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("column", "row", "value", "match"),
    [
        ("x", 23_456, np.inf, "column 'x', row 23456: inf is infinite"),
        ("x", 5, -np.inf, "column 'x', row 5: -inf is infinite"),
        ("x", 23_456, 1e300, "column 'x'.* row 23456"),
    ],
)
def test_errors_say_where(way: str, column: str, row: int, value: float, match: str) -> None:
    table, project = frame(), sj.Project("p")
    table.loc[row, column] = value
    with pytest.raises(sj.InputError, match=match):
        project.learn(table)
    assert project.n_rows == 0


def test_flags(way: str) -> None:
    table = frame()
    table.loc[23_456, "z"] = 0.5
    with pytest.raises(sj.InputError, match=r"column 'z', row 23456: 0\.5 is neither 0 nor 1"):
        sj.Project("p").learn(table, types={"z": "B"})
    project = sj.Project("p").learn(table)
    snapshot = project.snapshot()
    assert snapshot.types[snapshot.index("z")] == "C"
    assert project.n_rows == N


def test_a_column_without_values(way: str) -> None:
    table = frame()
    table["x"] = np.nan
    project = sj.Project("p").learn(table[["x", "i"]])
    assert project.snapshot().moments.count.tolist() == [0, N]
    with pytest.raises(sj.InputError, match="every value of the data is missing"):
        sj.Project("p").learn(table[["x"]])


def test_what_else_reads_rows_gets_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Filters, other columns than before, forgetting, categories, windows, clusters and medians take blocks."""
    monkeypatch.setattr(_encode, "_MANY_VALUES", 0)
    monkeypatch.setattr(_encode, "_columns", lambda *_: pytest.fail("columns in place"))
    table = frame()[["x", "f"]]
    for settings in (
        {"histogram": True},
        {"params": {"cluster_features": "x;f"}},
        {"params": {"rolling_window": "1000"}},
        {"params": {"row_filter": "x>10"}},
    ):
        assert sj.Project("p", **settings).learn(table).n_rows
    sj.Project("p").learn(table.assign(t=pd.Categorical(np.where(table["x"] > 10, "a", "b"))))
    sj.Project("p").learn(table, row_filter="x>10")


def test_slices_are_larger(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    columns = _encode._columns
    monkeypatch.setattr(_encode, "_MANY_VALUES", 0)
    monkeypatch.setattr(_encode, "_SLICE_VALUES", 1 << 12)
    monkeypatch.setattr(_encode, "_columns", lambda *args: sizes.append(args[2] - args[1]) or columns(*args))
    sj.Project("p").learn(frame())
    assert sizes[0] == _encode._COLUMN_SLICES * (1 << 12) // 6
    assert sum(sizes) == N
