"""Packed files, files that change while they are read, and several files as one."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import symjobs as sj
from symjobs import sources
from symjobs._errors import InputError

ROWS = 40_000


@pytest.fixture(scope="module")
def text():
    X = np.random.default_rng(3).normal(size=(ROWS, 3))
    return ("a,b,c\n" + "\n".join(",".join(map(repr, row)) for row in X.tolist()) + "\n").encode()


def _packed(codec, data):
    return gzip.compress(data) if codec == "gzip" else pa.compress(data, codec="zstd", asbytes=True)


def _exact(source):
    moments = sj.Project("p", params={"exact": True}).learn(source).snapshot().moments
    return moments.n_rows, moments.mean().tolist(), moments.covariance().tolist()


@pytest.mark.parametrize("codec", ["gzip", "zstd"])
def test_a_packed_file_is_read_as_the_file(text, codec, tmp_path):
    plain, packed = tmp_path / "d.csv", tmp_path / "d.csv.packed"
    plain.write_bytes(text)
    packed.write_bytes(_packed(codec, text))
    source = sources.csv(packed, memory_budget="4MiB")
    told = []
    learnt = _exact(source.tables(lambda current, maximum: told.append((current, maximum))))
    assert learnt == _exact(sources.csv(plain))
    assert source.total_bytes == packed.stat().st_size
    current = [now for now, _ in told]
    assert current == sorted(current)
    assert len(set(current)) > 4
    assert {maximum for _, maximum in told} == {source.total_bytes} == {current[-1]}


def test_gzip_in_several_members_and_another_encoding(tmp_path):
    path = tmp_path / "d.csv.gz"
    path.write_bytes(gzip.compress("größe,t\n1,ä\n".encode("latin-1")) + gzip.compress("2,ö\n".encode("latin-1")))
    source = sources.csv(path, encoding="latin-1", types={"t": "T"})
    assert sj.Project("p").learn(source).snapshot().names == ("größe", "t$ä", "t$ö")


@pytest.mark.parametrize("codec", ["gzip", "zstd"])
@pytest.mark.parametrize("share", [0.99, 0.5])
def test_a_truncated_file_is_an_error_and_nothing_is_learnt(text, codec, share, tmp_path):
    data = _packed(codec, text)
    path = tmp_path / "d.csv.packed"
    path.write_bytes(data[: int(share * len(data))])
    project = sj.Project("p").learn(([[1.0, 2.0, 3.0]], ["a", "b", "c"]))
    before = project.snapshot().hash
    with pytest.raises(InputError, match=rf"the {codec} data is damaged or ends too early .*get the file again"):
        project.learn(sources.csv(path))
    assert project.snapshot().hash == before


def test_what_is_appended_meanwhile_belongs_to_the_next_reading(text, tmp_path):
    path = tmp_path / "d.csv"
    path.write_bytes(text)
    source = sources.csv(path, memory_budget="1MiB")
    told, rows = [], 0
    for table in source.tables(lambda current, maximum: told.append((current, maximum))):
        if not rows:
            with path.open("ab") as more:
                more.write(b"1,2,3\n" * 50_000)
        rows += table.num_rows
    assert rows == ROWS
    assert {maximum for _, maximum in told} == {len(text)}
    assert sum(table.num_rows for table in source) == ROWS + 50_000


def test_a_file_that_becomes_shorter_is_an_error(text, tmp_path):
    path = tmp_path / "d.csv"
    path.write_bytes(text)
    source = sources.csv(path, memory_budget="1MiB")
    tables = iter(source)
    next(tables)
    os.truncate(path, 400_000)
    with pytest.raises(InputError, match=r"became shorter while it was read: \d+ of \d+ bytes are left"):
        list(tables)


def test_a_file_that_goes_away_is_an_error(text, tmp_path):
    path = tmp_path / "d.csv"
    path.write_bytes(text)
    source = sources.csv(path)
    path.unlink()
    with pytest.raises(InputError, match="no such file"):
        list(source)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "1.csv").write_text("a,t\n1,x\n2,y\n")
    (tmp_path / "2.csv").write_text("t,a,new\ny,3,7\n")
    (tmp_path / "sub" / "3.csv.gz").write_bytes(gzip.compress(b"a,t\n0,z\n"))
    (tmp_path / "_SUCCESS").write_text("")
    (tmp_path / ".hidden.csv").write_text("q\n1\n")
    (tmp_path / "readme.md").write_text("# no data")
    return tmp_path


@pytest.mark.parametrize("pattern", ["", "**/*.csv*"])
def test_a_folder_and_a_pattern(folder, pattern):
    source = sources.csv(folder / pattern if pattern else folder, types={"t": "T"})
    assert source.total_bytes == sum(
        p.stat().st_size for p in (folder / "1.csv", folder / "2.csv", folder / "sub" / "3.csv.gz")
    )
    told = []
    snapshot = sj.Project("p").learn(source.tables(lambda *now: told.append(now))).snapshot()
    assert snapshot.names == ("a", "t$x", "t$y", "new", "t$z") or set(snapshot.names) == {
        "a",
        "t$x",
        "t$y",
        "t$z",
        "new",
    }
    count = dict(zip(snapshot.names, snapshot.moments.count.tolist(), strict=True))
    assert count == {"a": 4, "t$x": 4, "t$y": 4, "t$z": 4, "new": 1}
    assert snapshot.moments.mean()[snapshot.index("a")] == 1.5
    assert told[-1] == (source.total_bytes, source.total_bytes)
    assert [now for now, _ in told] == sorted(now for now, _ in told)


def test_the_first_file_gives_the_types(tmp_path):
    (tmp_path / "1.csv").write_text("x,f,t\n1.5,true,a\n2,false,b\n")
    (tmp_path / "2.csv").write_text("x,f,t\n1,true,1\n0,true,2\n")  # alone, t would be numbers
    project = sj.Project("p").learn(sources.csv(tmp_path, types={"t": "T"}).tables())
    assert dict(zip(project.snapshot().column_names, project.snapshot().column_types, strict=True)) == {
        "x": "C",
        "f": "B",
        "t": "T",
    }
    (tmp_path / "3.csv").write_text("x,f,t\n1,true,a\nlow,true,b\n")
    before = project.snapshot().hash
    with pytest.raises(InputError, match=r"3\.csv, line 3, column 'x': 'low' is not a number"):
        project.learn(sources.csv(tmp_path, types={"t": "T"}).tables())
    assert project.snapshot().hash == before


def test_text_stays_text_in_later_files(tmp_path):
    (tmp_path / "1.csv").write_text("x,code\n1,A1\n")
    (tmp_path / "2.csv").write_text("x,code\n2,77\n")
    source = sources.csv(tmp_path)
    assert [value for table in source for value in table.column("code").to_pylist()] == ["A1", "77"]
    assert source.texts == ("code",)


def test_a_column_that_changes_its_type_between_files(tmp_path):
    for number, values in enumerate(([1.0, 2.0], ["a", "b"])):
        pq.write_table(pa.table({"x": values, "y": [1.0, 2.0]}), tmp_path / f"{number}.parquet")
    words = r"1\.parquet: column 'x' holds text, and in .*0\.parquet it holds numbers; convert one of the two, or leave"
    with pytest.raises(InputError, match=words):
        list(sources.parquet(tmp_path))
    source = sources.open(tmp_path, types={"x": "X"})
    assert sj.Project("p").learn(source).n_rows == 4


def test_files_of_several_formats(tmp_path):
    table = pa.table({"x": [1.0, 2.0]})
    pq.write_table(table, tmp_path / "1.parquet")
    with pa.ipc.new_file(tmp_path / "2.arrow", table.schema) as file:
        file.write(table)
    (tmp_path / "3.csv").write_text("x\n6\n")
    assert sj.Project("p").learn(sources.open(tmp_path)).snapshot().moments.mean().tolist() == [2.4]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("empty", r"the folder .*empty holds no data files; their names end with \.csv, "),
        ("*.parquet", r"no file matches .*\*\.parquet"),
        ("none.csv", "no such file: .*none.csv"),
        ("a\0b.csv", "no such file"),
    ],
)
def test_no_data(tmp_path, path, words):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=words):
        sources.open(f"{tmp_path}/{path}")


@pytest.mark.skipif(os.name != "posix", reason="names are text on this system")
def test_a_name_that_is_not_utf8(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.csv"))
    path.write_text("x\n1\n3\n")
    assert sj.Project("p").learn(sources.csv(path)).n_rows == 2
    path.write_text("x\n1\nb\n")
    with pytest.raises(InputError, match="line 3, column 'x'"):
        list(sources.csv(path))


def test_a_line_of_ten_megabytes(tmp_path):
    path = tmp_path / "d.csv"
    path.write_bytes(b"x,blob\n1," + b"a" * 10_000_000 + b"\n2,b\n")
    assert sj.Project("p").learn(sources.csv(path, types={"blob": "S"})).n_rows == 2
    with pytest.raises(InputError, match=r"line 2: no end of the row within \d+ bytes; .*memory_budget is too small"):
        list(sources.csv(path, memory_budget="4MiB"))


def test_zero_bytes_far_down(tmp_path):
    path = tmp_path / "d.csv"
    path.write_bytes(b"x,t\n" + b"1,a\n" * 300_000 + b"2,\0\n")
    with pytest.raises(InputError, match="line 300002: a zero byte"):
        list(sources.csv(path))


def test_arrow_files(tmp_path):
    path = tmp_path / "d.arrow"
    rng = np.random.default_rng(0)
    table = pa.table({"x": rng.normal(size=10_000), "t": pa.array(["a", "b"] * 5000), "s": [{"k": 1}] * 10_000})
    for options in (None, pa.ipc.IpcWriteOptions(compression="zstd")):
        with pa.ipc.new_file(path, table.schema, options=options) as file:
            file.write_table(table, 4000)
        with pytest.raises(InputError, match=r"column 's' has the type struct.*types=\{'s': 'X'\} \(--types s=X\)"):
            sources.arrow(path)
        source = sources.arrow(path, types={"s": "X", "t": "T"}, memory_budget="1MiB")
        told = []
        snapshot = sj.Project("p").learn(source.tables(lambda *now, told=told: told.append(now))).snapshot()
        assert snapshot.names == ("x", "t$a", "t$b")
        np.testing.assert_allclose(snapshot.moments.mean()[0], np.mean(table["x"]), rtol=1e-12, atol=1e-15)  # two sums
        assert len(told) > 4
        assert told[-1] == (path.stat().st_size,) * 2
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(InputError, match="is not an Arrow file that can be read"):
        sources.arrow(path)
    path.write_text("x\n1\n")
    with pytest.raises(InputError, match="does not begin with ARROW1"):
        sources.arrow(path)


def _write(folder, **files):
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)


def test_dates_and_numbers_are_not_one_column(tmp_path):
    _write(tmp_path, f1="b\n2024-01-01\n2024-01-02\n", f2="b\n5\n6\n")
    with pytest.raises(InputError, match=r"f2\.csv, line 2, column 'b': '5' is no date or time"):
        list(sources.csv(tmp_path, dates=True))
    _write(tmp_path, f1="b\n5\n6\n", f2="b\n2024-01-01\n2024-01-02\n")
    words = r"f2\.csv: column 'b' holds dates and times, and in .*f1\.csv it holds numbers"
    with pytest.raises(InputError, match=words):
        list(sources.csv(tmp_path, dates=True))
    parquet = tmp_path / "parquet"
    parquet.mkdir()
    for number, column in enumerate((pa.array([1], pa.timestamp("us")), pa.array([1.5]))):
        pq.write_table(pa.table({"b": column}), parquet / f"{number}.parquet")
    words = r"1\.parquet: column 'b' holds numbers, and in .*0\.parquet it holds dates and times"
    with pytest.raises(InputError, match=words):
        list(sources.parquet(parquet, dates=True))


def test_a_column_that_is_empty_in_the_first_file(tmp_path):
    _write(tmp_path, f1="a,b\n1,\n2,\n", f2="a,b\n3,2024-01-01\n4,2024-01-02\n", f3="a,b\n5,\n")
    snapshot = sj.Project("p").learn(sources.csv(tmp_path, dates=True)).snapshot()
    assert snapshot.moments.count.tolist() == [5, 2]
    assert snapshot.moments.mean()[1] == 1704110400.0
    _write(tmp_path, f2="a,b\n3,x\n4,y\n", f3="a,b\n5,7\n")
    assert [v for t in sources.csv(tmp_path) for v in t.column("b").to_pylist()][2:] == ["x", "y", "7"]


def test_types_of_columns_that_only_later_files_have(tmp_path):
    _write(tmp_path, f1="a\n1\n2\n", f2="a,b\n3,x\n4,y\n")
    assert set(sj.Project("p").learn(sources.csv(tmp_path, types={"b": "T"})).snapshot().names) == {"a", "b$x", "b$y"}
    assert sj.Project("p").learn(sources.csv(tmp_path, types={"b": "X"})).snapshot().names == ("a",)
    project = sj.Project("p").learn(([[1.0]], ["a"]))
    before = project.snapshot().hash
    with pytest.raises(InputError, match="no file has a column 'bb', which types names"):
        project.learn(sources.csv(tmp_path, types={"bb": "T"}))
    assert project.snapshot().hash == before


def test_bad_values_say_in_which_file(tmp_path):
    _write(tmp_path, f1="a\n1\n2\n", f2="a\n3\nx\ny\n")
    source = sources.csv(tmp_path, errors="missing")
    list(source)
    assert str(source.bad_values["a"]) == f"2 (the first in {tmp_path / 'f2.csv'}, line 3: 'x')"


@pytest.mark.parametrize("kind", ["csv", "parquet", "arrow"])
def test_files_without_rows_are_passed_over(tmp_path, kind):
    for number, values in enumerate(([], [1.0, 2.0], [], [6.0], None)):
        path = tmp_path / f"{number}.{kind}"
        table = pa.table({"x": pa.array(values or [], pa.float64())})
        if values is None:
            path.write_bytes(b"")
        elif kind == "csv":
            path.write_text("x\n" + "".join(f"{value}\n" for value in values))
        elif kind == "parquet":
            pq.write_table(table, path)
        else:
            with pa.ipc.new_file(path, table.schema) as file:
                file.write_table(table)
    source = getattr(sources, kind)(tmp_path)
    for _ in range(2):
        assert sj.Project("p").learn(source.tables()).snapshot().moments.mean().tolist() == [3.0]
        assert [Path(words.split()[0]).name for words in source.passed_over] == [f"{i}.{kind}" for i in (0, 2, 4)]
        assert all(words.endswith("; it is passed over") for words in source.passed_over)
    context = sj.JobContext()
    sj.LearnJob(sj.Project("p"), sources.open(tmp_path)).run(context)
    assert context.details["emptyFiles"] == "; ".join(source.passed_over)
    (tmp_path / f"1.{kind}").unlink()
    (tmp_path / f"3.{kind}").unlink()
    with pytest.raises(InputError, match="no file holds a row"):
        getattr(sources, kind)(tmp_path)
    with pytest.raises(InputError, match="is empty"):
        getattr(sources, kind)(tmp_path / f"4.{kind}")
