"""Parquet sources: what was written is what is read, in batches, with the bytes counted."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

import symjobs as sj
from symjobs import sources
from symjobs._cli import main
from symjobs._errors import InputError


@pytest.fixture
def frame():
    rng = np.random.default_rng(1)
    n = 40_000
    x = rng.normal(size=n)
    return pd.DataFrame(
        {
            "x": np.where(rng.random(n) < 0.1, np.nan, x),
            "i": rng.integers(0, 9, n),
            "f": rng.random(n) < 0.5,
            "c": pd.Categorical.from_codes(rng.integers(0, 3, n), ["red", "green", "blue"]),
            "s": rng.choice(["a", "bb", "ccc"], n),
        }
    )


@pytest.fixture
def path(frame, tmp_path):
    file = tmp_path / "data.parquet"
    frame.to_parquet(file, row_group_size=15_000)
    return file


def test_batches_are_the_rows_of_the_file(path, frame):
    source = sources.parquet(path, memory_budget="1MiB")
    batches = list(source)
    assert len(batches) > 10
    got = pa.Table.from_batches(batches).to_pandas()
    pd.testing.assert_frame_equal(got, frame, check_categorical=False, check_dtype=False)
    assert source.attribute_names == tuple(frame.columns)


def test_progress_counts_bytes_and_ends_at_the_size_of_the_file(path):
    source = sources.parquet(path, memory_budget="1MiB")
    told = []
    for _ in source.tables(lambda current, maximum: told.append((current, maximum))):
        pass
    current = [now for now, _ in told]
    assert {maximum for _, maximum in told} == {path.stat().st_size}
    assert current == sorted(current)
    assert (current[0], current[-1]) == (0, path.stat().st_size)


def test_types_make_categories_and_leave_columns_out(path):
    source = sources.parquet(path, types={"s": "T", "i": "X"})
    assert source.attribute_names == ("x", "f", "c", "s")
    batch = next(iter(source))
    assert pa.types.is_dictionary(batch.schema.field("s").type)


def test_open_goes_by_what_the_file_is_not_by_its_name(path, tmp_path):
    odd = path.rename(tmp_path / "data.csv")
    source = sources.open({"type": "localfile", "name": "d", "info": {"path": str(odd)}})
    assert source.attribute_names == ("x", "i", "f", "c", "s")


@pytest.mark.parametrize("name", ["s", "d"])
def test_what_the_warning_says_of_text_works(tmp_path, name):
    path = tmp_path / "d.parquet"
    table = pa.table({"x": [1.0, 2.0], "s": ["a", "b"], "d": pa.array([0, 86400_000_000], pa.timestamp("us"))})
    pq.write_table(table, path)
    source = sources.parquet(path, types={"s" if name == "d" else "d": "X"})
    assert f"types={{{name!r}: 'S'}} (--types {name}=S) says that it is text" in source.not_learnt
    quiet = sources.parquet(path, types={"s": "S", "d": "S"}, dates=True)
    assert (quiet.not_learnt, quiet.hints, quiet.times) == ("", (), ())
    assert sj.Project("p").learn(quiet).snapshot().names == ("x",)
    assert main(["learn", str(path), "--project", str(tmp_path / "p.symjobs"), "--types", "s=S,d=S"]) == 0


@pytest.mark.parametrize("words", ["--errors missing", "--decimal ,", "--no-header", "--comment '#'", "--na ?"])
@pytest.mark.parametrize("several", [False, True])
def test_options_of_text_files_are_refused(path, capfd, words, several):
    data = path
    if several:
        (path.parent / "2.parquet").write_bytes(path.read_bytes())
        data = path.parent
    words = shlex.split(words)
    assert main(["run", "svd", str(data), *words]) == 2
    named = path.parent / "2.parquet" if several else path
    assert f"symjobs: {words[0]} is for CSV files, and {named} is a Parquet file" in capfd.readouterr().err
    with pytest.raises(InputError, match=r"errors is for CSV files, and .* is a Parquet file"):
        sources.open(data, errors="missing")
    (path.parent / "3.csv").write_text("x\n1\nlate\n2\n")
    if several:  # one of them is a CSV file
        assert sources.open(data, errors="missing").attribute_names


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_columns_that_folders_name_are_noted(tmp_path, kind, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for year in (2023, 2024):
        folder = Path("my data") / f"year={year}" / "region=eu"
        folder.mkdir(parents=True)
        if kind == "csv":
            (folder / "1.csv").write_text("x\n1.5\n")
        else:
            pq.write_table(pa.table({"x": [1.5]}), folder / "1.parquet")
    source = sources.open("my data")
    assert source.attribute_names == ("x",)
    (note,) = source.notes
    assert note.startswith("the names of folders hold values of 'year', 'region', which are not read; in Python, ")
    batches = eval(note.partition("import pyarrow.dataset, ")[2].removesuffix(" has them"), {"pyarrow": pa})
    snapshot = sj.Project("p").learn(batches, types={"region": "T"}).snapshot()
    assert dict(zip(snapshot.names, snapshot.moments.mean().tolist(), strict=True)) == {
        "x": 1.5,
        "year": 2023.5,
        "region$eu": 1.0,
    }
    (tmp_path / "a=b.csv").write_text("x\n1\n")
    assert sources.open("a=b.csv").notes == ()


@pytest.mark.parametrize(
    ("types", "words"),
    [
        ({"q": "T"}, "has no column 'q'"),
        ({"x": "C"}, "only T .* and X .* can be asked for"),
        ({"x": "S"}, r"types says that column 'x' is text \(S\), and it holds double"),
    ],
)
def test_types_are_checked(path, types, words):
    with pytest.raises(InputError, match=words):
        sources.parquet(path, types=types)


def test_what_is_not_parquet_is_refused(tmp_path):
    text = tmp_path / "a.parquet"
    text.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="is not a Parquet file: it does not begin with PAR1"):
        sources.parquet(text)
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(b"PAR1" + b"\1" * 100)
    with pytest.raises(InputError, match="is not a Parquet file that can be read"):
        sources.parquet(cut)


def test_damaged_pages_are_an_error_with_the_row_group(path):
    data = bytearray(path.read_bytes())
    data[8 : len(data) // 3] = b"\xff" * (len(data) // 3 - 8)
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"data\.parquet, row group 0.*damaged Parquet data"):
        list(sources.parquet(path))


def test_no_rows_and_repeated_names(tmp_path):
    empty = tmp_path / "empty.parquet"
    pq.write_table(pa.table({"a": pa.array([], pa.float64())}), empty)
    with pytest.raises(InputError, match="holds no rows"):
        sources.parquet(empty)
    twice = tmp_path / "twice.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array([1.0]), pa.array([2.0])], names=["a", "a"]), twice)
    with pytest.raises(InputError, match="several columns are named a"):
        sources.parquet(twice)
