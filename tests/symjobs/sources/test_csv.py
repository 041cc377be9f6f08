"""CSV sources: pyarrow's conversion and ours give the same table, and every way to be wrong has one clear message."""

from __future__ import annotations

import csv
import io
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symjobs import sources
from symjobs._errors import InputError
from symjobs.sources._csv import CsvSource
from symkernels import DelimitedParser
from symkernels._numba import compile_now, numba_works

MISSING = ("", "null", "NaN", "NA")


def _write(folder, text, name="data.csv", encoding="utf-8"):
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def _rows(source):
    """All rows of a source as Python values; missing is None, numbers are floats, flags 0.0 and 1.0."""
    rows = []
    for table in source:
        assert tuple(table.schema.names) == source.attribute_names
        rows += [tuple(map(_plain, record)) for record in _records(table)]
    return rows


def _records(table):
    return zip(*(column.to_pylist() for column in table.columns), strict=True)


def _plain(cell):
    if isinstance(cell, bool | int | float):
        return None if math.isnan(cell) else float(cell)
    if isinstance(cell, list):
        return "|" + "|".join(cell)
    return None if cell is None or cell.strip() in MISSING else cell


@pytest.fixture(params=["compiled loops", "as pyarrow converts", "from text"])
def careful(request, monkeypatch):
    """Each of the ways in which a block is parsed: pyarrow does it until the loops are compiled, and where it refuses a
    value, every value is converted from text."""
    if request.param == "compiled loops":
        if not numba_works():
            pytest.skip("Numba does not work here")
        compile_now("delimited")
        monkeypatch.setattr(CsvSource, "_converted", None)
        monkeypatch.setattr(CsvSource, "_from_text", None)
        return
    monkeypatch.setattr(DelimitedParser, "parse", lambda *arguments, **options: None)
    if request.param == "from text":
        monkeypatch.setattr(CsvSource, "_converted", CsvSource._from_text)


@pytest.fixture
def read(careful, tmp_path):
    """Write text to a file and read its rows, both ways in turn."""

    def rows(text, *, encoding="utf-8", **options):
        path = _write(tmp_path, text, encoding=encoding)
        return _rows(sources.csv(path, encoding=encoding, **options))

    return rows


_number = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(10**20), 10**20).map(str),
    st.sampled_from([*MISSING, "+1", " 2 ", "3.", ".5", "1E5", "nan", " NA"]),
)
_text = st.one_of(st.text('ab",;\n é|', max_size=5), st.sampled_from(MISSING))


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(_number, _text, st.sampled_from(["true", "False", ""]), _number), min_size=1, max_size=30),
    separator=st.sampled_from(",;\t"),
    size=st.integers(16, 300),
    ending=st.sampled_from(["\n", "\r\n"]),
)
def test_rows_are_those_of_the_standard_library(tmp_path_factory, rows, separator, size, ending):
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator, lineterminator=ending).writerows([("n", "s", "f", "m"), *rows])
    path = _write(tmp_path_factory.mktemp("csv"), text.getvalue())
    types = {"s": "S"}  # text that happens to look like numbers stays text
    source = sources.csv(path, separator=separator, types=types)
    source._block = size
    if numba_works():
        compile_now("delimited")
    records = list(csv.reader(io.StringIO(text.getvalue(), newline=""), delimiter=separator))[1:]
    right = [(_number_of(n), _plain(s), _number_of(f), _number_of(m)) for n, s, f, m in records]
    assert _rows(source) == right
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DelimitedParser, "parse", lambda *arguments, **options: None)
        assert _rows(source) == right
        patch.setattr(CsvSource, "_converted", CsvSource._from_text)
        assert _rows(source) == right


def _number_of(text):
    text = text.strip().lower()
    return None if text in ("", "null", "nan", "na") else float({"true": "1", "false": "0"}.get(text, text))


def test_pandas_reads_the_same_numbers(careful, tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(5000, 7)) * 10.0 ** rng.integers(-8, 8, 7), columns=list("abcdefg"))
    frame = frame.mask(rng.random(frame.shape) < 0.1)
    path = tmp_path / "data.csv"
    frame.to_csv(path, index=False)
    rows = _rows(sources.csv(path, memory_budget="1MiB"))
    got = np.array([[np.nan if v is None else v for v in row] for row in rows])
    np.testing.assert_array_equal(got, frame.to_numpy())


def test_missing_tokens(read):
    assert read("a,b\n1,x\n,\nnull,null\nNaN,NaN\nNA,NA\n2,y\n") == [(1.0, "x"), *[(None, None)] * 4, (2.0, "y")]


def test_separator_quote_and_missing_header(read):
    assert read("1;'a;b'\n2;c\n", separator=";", quote="'", header=False) == [(1.0, "a;b"), (2.0, "c")]


def test_no_quote_character(read):
    assert read('a,b\n1,"x\n2,y"\n', quote="") == [(1.0, '"x'), (2.0, 'y"')]


def test_quotes_line_ends_and_blank_lines(read):
    assert read('a,b\r\n1,"x\ny"\r\n\r\n2,"say ""hi"""\r\n') == [(1.0, "x\ny"), (2.0, 'say "hi"')]


def test_line_ends_of_several_kinds(read):
    assert read("a,b\r1,2\r3,4\n5,6\r\n7,8") == [(1.0, 2.0), (3.0, 4.0), (5.0, 6.0), (7.0, 8.0)]


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path):
    path = _write(tmp_path, "\ufeffa,b\n1,2\n")
    assert sources.csv(path).attribute_names == ("a", "b")


def test_latin_1(read):
    assert read("né,b\nà,1\n", encoding="latin-1") == [("à", 1.0)]


def test_integers_that_become_floats_after_the_first_block(read):
    lines = ["a,b", *["1,2"] * 200_000, "1.5,2e-3"]
    rows = read("\n".join(lines) + "\n", memory_budget="1MiB")
    assert len(rows) == 200_001
    assert rows[-1] == (1.5, 0.002)


def test_types_say_what_a_column_is(careful, tmp_path):
    path = _write(tmp_path, "c,s,l,x,n\nred,12,|a|b,zzz,1\nblue,13,|b,yyy,2\n")
    types = {"c": "T", "s": "S", "l": "L", "x": "X"}
    source = sources.csv(path, types=types)
    assert source.attribute_names == ("c", "s", "l", "n")
    assert _rows(source) == [("red", "12", "|a|b", 1.0), ("blue", "13", "|b", 2.0)]
    table = next(iter(source))
    assert [str(kind) for kind in table.schema.types][:3] == [
        "dictionary<values=string, indices=int32, ordered=0>",
        "string",
        "list<item: string>",
    ]


def test_progress_counts_bytes_and_ends_at_the_size_of_the_file(tmp_path):
    path = _write(tmp_path, "a,b\n" + "1,2\n" * 100_000 + "\n\n")
    source = sources.csv(path, memory_budget="1MiB")
    told = []
    for _ in source.tables(lambda current, maximum: told.append((current, maximum))):
        pass
    current = [now for now, _ in told]
    assert {maximum for _, maximum in told} == {path.stat().st_size} == {source.total_bytes}
    assert current == sorted(current)
    assert current[0] == 0
    assert current[-1] == source.total_bytes
    assert len(set(current)) > 4


def test_a_checkpoint_that_raises_ends_the_reading(tmp_path):
    path = _write(tmp_path, "a\n" + "1\n" * 300_000)
    taken = []

    def stop(current, maximum):
        if current:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        taken.extend(sources.csv(path, memory_budget="1MiB").tables(stop))
    assert len(taken) == 1


def test_a_source_can_be_read_twice(tmp_path):
    source = sources.csv(_write(tmp_path, "a\n1\n2\n"))
    assert _rows(source) == _rows(source) == [(1.0,), (2.0,)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n3,4\n5,6\n3,x\n", r"data\.csv, line 5, column 'b': 'x' is not a number.*types=\{'b': 'S'\}"),
        ("a,b\n1,2\n3,inf\n", r"line 3, column 'b': 'inf' is infinite"),
        ("a,b\n1,2\n3,1e999\n", r"line 3, column 'b': '1e999' is infinite"),
        ("a,b\n1,2\n3,1_000\n", r"line 3, column 'b': '1_000' is not a number"),
        ("a,b\n1,2\n3\n", r"line 3: 1 values in the row, and the header has 2 columns"),
        ("a,b\n1,2\n\n3,4,5\n", r"line 4: 3 values in the row, and the header has 2 columns"),
        ('a,b\n"1\n",2\nx,3\n', r"line 4, column 'a': 'x' is not a number"),
    ],
)
def test_a_bad_row_is_named_with_file_line_and_column(tmp_path, text, words):
    path = _write(tmp_path, text)
    with pytest.raises(InputError, match=words):
        _rows(sources.csv(path))


def test_text_far_down_a_column_of_numbers_is_named_with_its_line(tmp_path):
    path = _write(tmp_path, "a,b\n" + "1,2\n" * 400_000 + "1,oops\n")
    with pytest.raises(InputError, match=r"line 400002, column 'b': 'oops' is not a number"):
        _rows(sources.csv(path, memory_budget="2MiB"))


def test_a_flag_column_takes_nothing_else(tmp_path):
    path = _write(tmp_path, "a,b\ntrue,1\n" + "false,1\n" * 100_000 + "maybe,1\n")
    with pytest.raises(InputError, match=r"line 100003, column 'a': 'maybe' is neither true nor false"):
        _rows(sources.csv(path))


def test_a_wrong_encoding_is_named_with_its_line_and_a_remedy(tmp_path):
    path = tmp_path / "data.csv"
    path.write_bytes(b"a,b\n" + b"x,1\n" * 200_000 + b"caf\xe9,2\n")
    with pytest.raises(InputError, match=r"line 200002: the byte 0xe9 is not utf-8; .*encoding='windows-1252'"):
        _rows(sources.csv(path))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n\n", "holds no rows"),
        (b"a,b\n", "has a header and no rows below it"),
        (b"a,b\n\n\n", "has a header and no rows below it"),
        (b"a,b,a\n1,2,3\n", "the header: columns 1 and 3 are both named 'a'"),
        (b'a,b\n1,"2\n', "line 2: a quote is opened and never closed"),
        (b"a,b\r1,2\r", r"ends its lines with \\r alone; convert"),
        (b"\x1f\x8b\x08\x00", "the gzip data is damaged or ends too early"),
        (b"PK\x03\x04abc", "is a zip"),
        ("a,b\n1,2\n".encode("utf-16"), "is UTF-16; convert it to UTF-8"),
        (b"a,b\n\x00\x01,2\n", "is not a text file"),
        (b"PAR1....", "is a Parquet file; read it with sources.parquet"),
    ],
)
def test_a_file_that_cannot_be_a_table_is_refused_when_it_is_opened(tmp_path, content, words):
    path = tmp_path / "data.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        sources.csv(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_and_a_directory(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        sources.csv(tmp_path / "none.csv")
    with pytest.raises(InputError, match=r"holds no data files; their names end with \.csv"):
        sources.csv(tmp_path)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"separator": ";;"}, "separator is ';;'"),
        ({"quote": "ab"}, "quote is 'ab'"),
        ({"quote": ","}, "quote is ','"),
        ({"encoding": "klingon"}, "unknown encoding 'klingon'"),
        ({"encoding": "utf-16"}, "does not extend ASCII"),
        ({"types": {"z": "C"}}, "has no column 'z'.*it has a, b"),
        ({"types": {"a": "Q"}}, "letter 'Q'; allowed are C, B, T, S, L, X"),
        ({"memory_budget": "12 bananas"}, "memory_budget is '12 bananas'"),
        ({"memory_budget": 10}, "at least 1048576"),
        ({"types": {"a": "X", "b": "X"}}, "every column is ignored"),
    ],
)
def test_options_are_checked(tmp_path, options, words):
    path = _write(tmp_path, "a,b\n1,2\n")
    with pytest.raises(InputError, match=words):
        sources.csv(path, **options)
