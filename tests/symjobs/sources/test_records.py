"""Blocks of whole records: however the bytes come, the records are those of the whole text."""

from __future__ import annotations

import csv
import io

import pyarrow as pa
import pyarrow.csv
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from symjobs.sources._dialect import Dialect
from symjobs.sources._records import BadLine, blocks, records, unquoted

DIALECT = Dialect()


class Pieces:
    """A stream that gives pieces of some sizes in turn."""

    def __init__(self, data, sizes):
        self.data, self.sizes, self.position, self.turn = data, sizes, 0, 0

    def read(self, size):
        size = min(size, self.sizes[self.turn % len(self.sizes)])
        self.turn += 1
        part = self.data[self.position : self.position + size]
        self.position += len(part)
        return part

    def close(self):
        pass


def _blocks(data, sizes=(7,), limit=10_000):
    return list(blocks(Pieces(data, sizes), DIALECT, 50, limit))


def _as_arrow_reads(data):
    table = pa.csv.read_csv(
        pa.BufferReader(data),
        pa.csv.ReadOptions(column_names=["a", "b"], use_threads=False),
        pa.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=lambda row: "skip"),
        pa.csv.ConvertOptions(column_types={"a": pa.string(), "b": pa.string()}),
    )
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


_tidy = st.tuples(st.text('ab",\n é', max_size=5), st.text('ab",\n é', max_size=5))
_sizes = st.lists(st.integers(1, 40), min_size=1, max_size=4)


@settings(max_examples=200, deadline=None)
@given(rows=st.lists(_tidy, min_size=1, max_size=20), sizes=_sizes, ending=st.sampled_from(["\n", "\r\n"]))
def test_records_stay_whole_in_whatever_pieces_they_come(rows, sizes, ending):
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=ending).writerows(rows)
    data = text.getvalue().encode()
    found = _blocks(data, sizes)
    assert b"".join(block.data for block in found) == data
    assert [block.position for block in found] == sorted(block.position for block in found)
    read = [tuple(row) for block in found for _, _, row in records(block.data, DIALECT)]
    assert read == rows


_untidy = st.lists(st.text('a", \n', max_size=6), min_size=1, max_size=8).map(
    lambda cells: "".join(f"{cell},{cell[::-1]}\n" for cell in cells)
)


@settings(max_examples=300, deadline=None)
@given(text=_untidy, sizes=_sizes)
@example(text='5" pipe,1\n6" pipe,2\n"x",3\n', sizes=[9])
@example(text='"a"b,"c\nd"\n"e""",f"g\n', sizes=[5])
@example(text=' "a\nb,c\n', sizes=[4])
def test_stray_quotes_are_read_as_pyarrow_reads_them(text, sizes):
    data = text.encode()
    try:
        found = _blocks(data, sizes)
    except BadLine as bad:
        if "a quote is opened and never closed" not in bad.problem:
            raise
        return
    assert b"".join(block.data for block in found) == data
    by_block = [row for block in found for row in _as_arrow_reads(block.data)]
    assert by_block == _as_arrow_reads(data)
    ours = [tuple(row) for _, _, row in records(data, DIALECT) if len(row) == 2]
    assert ours == by_block


def test_lines_of_records():
    data = b'a,b\n\n"x\ny",2\r\n\r\n3,4'
    assert [(start, after) for start, after, _ in records(data, DIALECT)] == [(0, 1), (2, 4), (5, 5)]


@pytest.mark.parametrize(
    ("data", "line", "words"),
    [
        (b'a,b\n1,"2\n3,4\n', 0, "a quote is opened and never closed"),
        (b'a,"b"\n1,2\n"3,4', 0, "a quote is opened and never closed"),
        (b"a,b\n1,\x002\n", 1, "a zero byte"),
    ],
)
def test_what_no_record_is(data, line, words):
    whole = []
    with pytest.raises(BadLine) as caught:
        whole.extend(blocks(Pieces(data, [100]), DIALECT, 100, 1000))
    assert words in caught.value.problem
    assert caught.value.line == line
    assert str(caught.value.error("f", 5)).startswith(f"f, line {5 + line}: ")


def test_a_record_that_is_too_long():
    with pytest.raises(BadLine, match="no end of the row within") as caught:
        _blocks(b"a,b\n" + b"x" * 5000, sizes=[100], limit=1000)
    assert caught.value.line == 0


@pytest.mark.parametrize(
    ("text", "value"),
    [('"a"', "a"), ('"a""b"', 'a"b'), ('"a"b', "ab"), ('a"b"', 'a"b"'), ('""', ""), ('"', ""), ("", ""), ('"a', "a")],
)
def test_quotes_around_a_value(text, value):
    assert unquoted(text, '"') == value
    assert unquoted(text, "") == text
