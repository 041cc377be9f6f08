"""Files as real programs write them, and what should come of them."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest

import symjobs as sj
from symjobs import sources
from symjobs._cli import main
from symkernels import DelimitedParser
from symkernels._numba import compile_now, numba_works

DATA = Path(__file__).parents[2] / "data"


def _learnt(path, **options):
    source = sources.csv(path, **options)
    snapshot = sj.Project("p").learn(source.tables()).snapshot()
    moments = snapshot.moments
    return source, {name: (moments.count[i], moments.mean()[i]) for i, name in enumerate(snapshot.names)}


def _column(source, name):
    return [value for table in source for value in table.column(name).to_pylist()]


def test_r_writes_row_names_into_a_column_without_a_name():
    source, learnt = _learnt(DATA / "r-write-csv.csv")
    assert source.row_labels == "row"
    assert _column(source, "row") == ["Mazda RX4", "Fiat 128", "Ford Pantera L"]
    assert learnt == {"mpg": (3, pytest.approx(69.2 / 3)), "cyl": (3, 6.0)}
    assert source.notes == ("column 1 has no name: its values are row labels, column 'row', and not learnt",)


def test_pandas_writes_its_index_into_a_column_without_a_name():
    source, learnt = _learnt(DATA / "pandas-to-csv.csv")
    assert _column(source, "row") == ["0", "1", "2"]
    assert learnt == {"a": (3, pytest.approx(8 / 3)), "b": (2, 1.5)}


def test_blanks_around_values():
    source, learnt = _learnt(DATA / "blanks.csv")
    assert source.attribute_names == ("flag", "x", "note")
    assert learnt == {"flag": (3, pytest.approx(2 / 3)), "x": (2, 1.5)}
    assert _column(source, "note").count(None) == 1


def test_a_separator_at_the_end_of_each_line():
    source, learnt = _learnt(DATA / "trailing-separator.csv")
    assert learnt == {"a": (2, 2.0), "b": (2, 3.0)}
    assert source.notes == ("column 3 has no name and no values, and is left out",)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_byte_order_mark(encoding):
    source, _ = _learnt(DATA / "utf8-bom.csv", encoding=encoding)
    assert len(source.attribute_names) == 2
    assert not source.attribute_names[0].startswith("\ufeff")


def test_a_missing_list():
    _, learnt = _learnt(DATA / "list-na.csv", types={"tags": "L"})
    assert {name: count * mean for name, (count, mean) in learnt.items() if name != "x"} == {"tags$a": 2, "tags$b": 1}
    assert learnt["tags$a"][0] == 2


def test_one_text_far_down_a_column_of_numbers(tmp_path):
    path = tmp_path / "late.csv"
    path.write_text("x,y\n" + "".join(f"{i},{i % 11}\n" for i in range(60_000)) + "60000,n.a.\n60001,4\n")
    with pytest.raises(sj.InputError, match=r"line 60002, column 'y': 'n\.a\.' is not a number.*missing=\('n\.a\.',\)"):
        _learnt(path)
    _, learnt = _learnt(path, missing=["n.a."])
    assert learnt["y"][0] == 60_001


@pytest.mark.parametrize("types", [None, {"blob": "X"}])
def test_a_long_field(tmp_path, types):
    path = tmp_path / "long.csv"
    path.write_text("x,blob\n1," + "a" * 150_000 + "\n3,b\n")
    assert _learnt(path, types=types)[1] == {"x": (2, 2.0)}
    assert _learnt(path, types=types, memory_budget="1MiB")[1] == {"x": (2, 2.0)}


def test_bytes_that_are_not_text_in_a_column_that_nobody_asked_for(tmp_path):
    path = tmp_path / "late.csv"
    path.write_bytes(b"x,skip\n" + b"1,ok\n" * 50_000 + b"2,caf\xe9\n")
    for types in (None, {"skip": "X"}):
        with pytest.raises(sj.InputError, match=r"line 50002: the byte 0xe9 is not utf-8"):
            _learnt(path, types=types)
        assert _learnt(path, types=types, encoding="latin-1")[1]["x"][0] == 50_001


@pytest.mark.parametrize("where", [b"x,t\n1,%b\n", b"x,%b\n1,2\n"], ids=["a row", "the header"])
@pytest.mark.parametrize(
    ("byte", "encoding", "text"),
    [(b"\x80", "windows-1252", "\u20ac"), (b"\xe9", "windows-1252", "\u00e9"), (b"\x81", "latin-1", "\u0081")],
)
def test_an_encoding_is_named_for_a_byte(tmp_path, where, byte, encoding, text):
    path = tmp_path / "d.csv"
    path.write_bytes(where % byte)
    with pytest.raises(sj.InputError, match=r"the byte 0x.. is not utf-8") as caught:
        list(sources.csv(path))
    assert f"encoding='{encoding}' (--encoding {encoding})" in str(caught.value)
    assert "(--encoding-errors replace)" in str(caught.value)
    source = sources.csv(path, encoding=encoding)
    assert text in [*source.attribute_names, *_column(source, source.attribute_names[1])]


@pytest.mark.parametrize(
    ("header", "names", "labels"),
    [
        (",row,b", ("row_2", "row", "b"), "row_2"),
        ("a,,b", ("a", "column2", "b"), None),
        (",,b", ("row", "column2", "b"), "row"),
        ("a,column2,", ("a", "column2", "column3"), None),
    ],
)
def test_columns_without_a_name(tmp_path, header, names, labels):
    path = tmp_path / "names.csv"
    path.write_text(f"{header}\n1,2,3\n4,5,6\n")
    source = sources.csv(path)
    assert source.attribute_names == names
    assert source.row_labels == labels


def test_row_labels_can_be_learnt_by_choice(tmp_path):
    path = tmp_path / "names.csv"
    path.write_text(",b\n1,2\n4,5\n")
    source, learnt = _learnt(path, types={"row": "C"})
    assert learnt == {"row": (2, 2.5), "b": (2, 3.5)}
    assert source.row_labels is None


def test_a_job_says_what_was_done_with_columns_without_a_name():
    job = sj.LearnJob(sj.Project("p"), sources.csv(DATA / "r-write-csv.csv"))
    context = sj.JobContext()
    job.run(context)
    assert context.details["unnamedColumns"].startswith("column 1 has no name: its values are row labels")


def test_the_command_line_shows_row_labels_of_anomalies(tmp_path, capfd):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1200, 2))
    X[1100] = 40.0
    path = tmp_path / "labelled.csv"
    path.write_text('"","x","y"\n' + "".join(f'"car {i}",{x},{y}\n' for i, (x, y) in enumerate(X)))
    assert main(["run", "anomaly", str(path), "--warmup", "500", "--model", "mahalanobis"]) == 0
    out, err = capfd.readouterr()
    assert "label" in out
    assert "car 1100" in out
    assert err.startswith("column 1 has no name: its values are row labels")
    assert "not learnt (text)" not in err


@pytest.mark.parametrize("compiled", [True, False])
def test_a_spreadsheet_with_decimal_commas(compiled, monkeypatch):
    _only(monkeypatch, compiled=compiled)
    _, learnt = _learnt(DATA / "decimal-comma.csv", separator=";", decimal=",")
    assert learnt == {"a": (3, pytest.approx(3.25 / 3)), "b": (3, pytest.approx(6.625 / 3))}


@pytest.mark.parametrize("compiled", [True, False])
def test_groups_of_thousands_and_per_cent(compiled, monkeypatch):
    _only(monkeypatch, compiled=compiled)
    _, learnt = _learnt(DATA / "thousands.csv", thousands=",", percent=True)
    assert learnt == {"people": (3, pytest.approx(1002222 / 3)), "share": (3, pytest.approx(1 / 3))}


@pytest.mark.parametrize(
    ("file", "options", "hints"),
    [
        ("decimal-comma.csv", {"separator": ";"}, ["decimal=',' (--decimal ,)"]),
        ("thousands.csv", {}, ["thousands=',' (--thousands ,)", "percent=True (--percent)"]),
        ("dates.csv", {}, ["dates=['when'] (--dates when)"]),
    ],
)
def test_a_hint_names_the_option(file, options, hints):
    source = sources.csv(DATA / file, **options)
    assert len(source.hints) == len(hints)
    for hint, words in zip(source.hints, hints, strict=True):
        assert words in hint
    project = sj.Project("p")
    with (
        pytest.warns(sj.NotLearntWarning) as caught,
        contextlib.suppress(sj.InputError),
    ):  # nothing may be left to learn
        project.learn(source)
    (warning,) = caught
    assert all(words in str(warning.message) for words in hints)
    assert Path(warning.filename) == Path(__file__)


def test_the_first_line_of_excel():
    source, learnt = _learnt(DATA / "excel-sep.csv")
    assert learnt == {"a": (2, 2.0), "b": (2, 3.5)}
    with pytest.raises(sj.InputError, match="separated by ';'"):
        sources.csv(DATA / "excel-sep.csv", separator=",")
    assert source.total_bytes == (DATA / "excel-sep.csv").stat().st_size


def test_lines_are_counted_behind_the_first_line_of_excel(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("sep=;\r\na;b\r\n1;2\r\n1;x\r\n1;3\r\n")
    with pytest.raises(sj.InputError, match="line 4, column 'b'"):
        _learnt(path)


@pytest.mark.parametrize("dates", [["when"], "when", True])
@pytest.mark.parametrize("compiled", [True, False])
def test_iso_times_by_choice(dates, compiled, monkeypatch):
    _only(monkeypatch, compiled=compiled)
    source, learnt = _learnt(DATA / "dates.csv", dates=dates)
    assert learnt["when"] == (3, 1704110420.0)
    assert source.attribute_types == ("C", "C")


def test_a_text_in_a_column_of_dates(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("when\n2024-01-01\n2024-01-02\nsoon\n")
    with pytest.raises(sj.InputError, match="line 4, column 'when': 'soon' is no date or time") as caught:
        _learnt(path, dates=["when"])
    assert "(forms that are read are 2024-01-31, 2024-01-31 12:30 or" in str(caught.value)
    assert _learnt(path, dates=["when"], types={"when": "T"})[0].times == ()  # as the message proposes for S
    source, learnt = _learnt(path, dates=["when"], errors="missing")
    assert learnt["when"][0] == 2
    assert source.bad_values == {"when": sources.BadValues(1, 4, "soon")}


def test_a_time_that_does_not_exist_is_no_reason_for_a_hint(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("when,x\n2024-01-01T23:59:60,1\n2024-02-30,2\n")
    assert sources.csv(path).hints == ()
    with pytest.raises(sj.InputError, match=r"'2024-01-01T23:59:60' is no date or time \(second must be in 0\.\.59"):
        _learnt(path, dates=["when"])


@pytest.mark.parametrize("compiled", [True, False])
def test_a_late_text_among_numbers_by_choice(compiled, monkeypatch, tmp_path):
    _only(monkeypatch, compiled=compiled)
    path = tmp_path / "late.csv"
    rows = [f"{i},{i % 11}" for i in range(60_000)]
    path.write_text("\n".join(["x,y", *rows, "60000,n.a.", "inf,4", "60002,"]) + "\n")
    source, learnt = _learnt(path, errors="missing", memory_budget="4MiB")
    assert (learnt["x"][0], learnt["y"][0]) == (60_002, 60_001)
    assert source.bad_values == {
        "y": sources.BadValues(1, 60_002, "n.a."),
        "x": sources.BadValues(1, 60_003, "inf"),
    }
    assert str(source.bad_values["y"]) == "1 (the first in line 60002: 'n.a.')"


def test_what_was_missing_is_in_the_details_of_a_job(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("x,y,t\n1,2,a\nmany,3,b\n4,few,c\n5,6,d\nsome,7,e\n")
    context = sj.JobContext()
    sj.LearnJob(sj.Project("p"), sources.csv(path, errors="missing")).run(context)
    assert context.details["badValues"] == "x: 2 (the first in line 3: 'many'); y: 1 (the first in line 4: 'few')"
    assert context.details["notLearnt"].startswith(f"{path}: not learnt, as they hold text: 't'")


@pytest.mark.parametrize("compiled", [True, False])
def test_more_missing_texts_where_a_column_is_numeric(compiled, monkeypatch, tmp_path):
    _only(monkeypatch, compiled=compiled)
    path = tmp_path / "d.csv"
    path.write_text(
        "x,f,t\nN/A,yes,None\nNULL,no,-\nNone,N/A,a\n-,-,b\n1,Yes,N/A\n"
        "n/a,n/a,a\nNull,null,a\nnone,NONE,a\nna,Na,a\nnan,NAN,a\n"
    )
    _, learnt = _learnt(path, types={"t": "T"})
    assert learnt["x"] == (1, 1.0)
    assert learnt["f"] == (3, pytest.approx(2 / 3))
    assert {name.partition("$")[2] for name in learnt if name.startswith("t$")} == {"none", "-", "a", "b", "n/a"}


def test_r_write_table_gives_row_names_no_name(tmp_path):
    path = tmp_path / "d.txt"
    path.write_text('"mpg" "cyl"\n"Mazda RX4" 21 6\n"Fiat 128" 32.4 4\n')
    source, learnt = _learnt(path, separator=" ")
    assert source.row_labels == "row"
    assert learnt == {"mpg": (2, 26.7), "cyl": (2, 5.0)}


def test_rows_but_the_header_end_in_a_separator(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("a,b\n1,2,\n3,4,\n")
    source, learnt = _learnt(path)
    assert learnt == {"a": (2, 2.0), "b": (2, 3.0)}
    assert source.notes == ("column 3 has no name and no values, and is left out",)


@pytest.mark.parametrize("compiled", [True, False])
def test_bytes_that_are_not_text_by_choice(compiled, monkeypatch, tmp_path):
    _only(monkeypatch, compiled=compiled)
    path = tmp_path / "late.csv"
    path.write_bytes(b"x,skip\n" + b"1,ok\n" * 50_000 + b"2,caf\xe9\n")
    for types in ({"skip": "S"}, {"skip": "X"}):
        assert _learnt(path, types=types, encoding_errors="replace")[1] == {"x": (50_001, pytest.approx(50002 / 50001))}
    source = sources.csv(path, types={"skip": "S"}, encoding_errors="replace")
    assert _column(source, "skip")[-1] == "caf\ufffd"


def _only(monkeypatch, *, compiled):
    """Let the compiled loops parse every block, or pyarrow."""
    if not compiled:
        monkeypatch.setattr(DelimitedParser, "parse", lambda *arguments, **options: None)
    elif numba_works():
        compile_now("delimited")
    else:
        pytest.skip("Numba does not work here")


@pytest.mark.parametrize(
    ("letter", "means"), [("T", {"g$a": 11 / 4}), ("L", {"g$a": 2.0, "g$A": 3.5})], ids=["one category", "two"]
)
def test_two_cases_are_one_category_and_two_by_choice(letter, means):
    project = sj.Project("p").learn(sources.csv(DATA / "two-case.csv", types={"g": letter}))
    snapshot = project.snapshot()
    assert {name for name in snapshot.names if name != "x"} == set(means)
    result = sj.ExploreJob(project, "bi", [["x", name] for name in means]).run(sj.JobContext())
    assert [found["condMean"] for found in result.maps] == list(means.values())
