"""Cutting a file into blocks of whole records: the records are those of the whole file, wherever it is cut."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symjobs._errors import InputError
from symjobs.sources._blocks import RecordFinder, blocks, line_at
from symjobs.sources._files import SourceFile

LIMIT = 2**20


def _records(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


def _cut(path, data, size, separator=",", quote='"', limit=LIMIT):
    path.write_bytes(data)
    return list(blocks(SourceFile(path, str(path)), 0, size, limit, RecordFinder(separator, quote)))


@settings(max_examples=200, deadline=None)
@given(
    rows=st.lists(st.lists(st.text('ab",\n\r |é', max_size=6), min_size=2, max_size=4), min_size=1, max_size=12),
    size=st.integers(1, 60),
    ending=st.sampled_from(["\n", "\r\n"]),
)
def test_any_block_size_gives_the_records_of_the_whole_file(tmp_path_factory, rows, size, ending):
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=ending).writerows(rows)
    data = text.getvalue().encode()
    parts = _cut(tmp_path_factory.mktemp("cut") / "a.csv", data, size)
    assert b"".join(part.data for part in parts) == data
    assert [part.start for part in parts] == [sum(len(p.data) for p in parts[:i]) for i in range(len(parts))]
    assert [record for part in parts for record in _records(bytes(part.data))] == _records(data)


@pytest.mark.parametrize("size", range(1, 40))
def test_a_quote_inside_a_field_opens_nothing(tmp_path, size):
    data = b'5" pipe,1\n6" pipe,2\n"7"" pipe",3\na"b"c,4\n'
    parts = _cut(tmp_path / "a.csv", data, size)
    assert [record for part in parts for record in _records(bytes(part.data))] == _records(data)
    assert all(bytes(part.data).endswith(b"\n") for part in parts)


def test_without_a_quote_character_every_line_is_a_record(tmp_path):
    parts = _cut(tmp_path / "a.csv", b'"a\nb"\nc\n', 3, quote="")
    assert [bytes(part.data) for part in parts] == [b'"a\n', b'b"\n', b"c\n"]


def test_a_file_without_a_last_line_end(tmp_path):
    parts = _cut(tmp_path / "a.csv", b"a,b\nc,d", 5)
    assert b"".join(part.data for part in parts) == b"a,b\nc,d"


def test_a_quote_that_is_never_closed_is_named_with_its_line(tmp_path):
    with pytest.raises(InputError, match=r"a\.csv, line 3: a quote is opened and never closed"):
        _cut(tmp_path / "a.csv", b'a,b\n1,2\n3,"4\n5,6\n', 4)


def test_a_record_longer_than_the_limit_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"line 2: no end of the row within 64 bytes"):
        _cut(tmp_path / "a.csv", b"a,b\n" + b"x" * 1000, 8, limit=64)


def test_line_at_counts_from_one(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"a\nb\nc\n")
    assert [line_at(SourceFile(path, str(path)), offset) for offset in (0, 2, 4)] == [1, 2, 3]
