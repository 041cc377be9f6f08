"""A stream of CSV text, cut into blocks of whole records."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from symjobs._errors import InputError
from symjobs.sources._dialect import Dialect
from symjobs.sources._files import Stream


@dataclass(frozen=True, slots=True)
class Block:
    """Whole records.

    Attributes
    ----------
    data : bytes
    position : int
        How many bytes of the file had been read when the block was complete.
    """

    data: bytes
    position: int


class BadLine(Exception):
    """Something is wrong in a line of a block. Who knows how many lines came before it makes an error of it.

    Attributes
    ----------
    line : int
        The line, from 0 where the block begins.
    problem : str
        What follows the place in the message.
    """

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(line, problem)
        self.line, self.problem = line, problem

    def error(self, name: str, first: int) -> InputError:
        """Return the error; `first` is the line of the file, from 1, on which the block begins."""
        return InputError(f"{name}, line {first + self.line}{self.problem}")


def blocks(stream: Stream, dialect: Dialect, size: int, limit: int) -> Iterator[Block]:
    """Yield the records of a stream in blocks of about `size` bytes; a longer record makes a larger block.

    Raises
    ------
    BadLine
        If a record is longer than `limit` bytes, or a quote is not closed, or there is a zero byte. Lines count from
        the end of the last block.
    """
    rest = b""
    while data := stream.read(size):
        if b"\0" in data:
            line = (rest + data[: data.index(b"\0")]).count(b"\n")
            raise BadLine(line, ": a zero byte; this is no text, or UTF-16 that must be converted first")
        rest, whole = _split(rest, data, dialect)
        if whole:
            yield Block(whole, stream.position)
        elif len(rest) > limit:
            raise endless(rest, dialect)
        else:
            size = min(2 * size, limit)
    if rest:
        _check_last_quote(rest, dialect)
        yield Block(rest, stream.position)


def endless(data: bytes, dialect: Dialect) -> BadLine:
    """Return the error for so many bytes, whose last record has no end yet."""
    _check_last_quote(data, dialect)
    return BadLine(
        data.count(b"\n", 0, end_of_records(data, dialect)),
        f": no end of the row within {len(data)} bytes; a quote is not closed, the line ends are not \\n, or "
        "memory_budget is too small",
    )


def _split(rest: bytes, data: bytes, dialect: Dialect) -> tuple[bytes, bytes]:
    """Return what is left of some bytes, and those that came before and the records that are whole now."""
    quote = dialect.quote.encode()
    if quote and (quote in rest or quote in data):
        data, rest = rest + data, b""
        end = end_of_records(data, dialect)
    else:
        end = data.rfind(b"\n") + 1
    if not end:
        return rest + data, b""
    return data[end:], b"".join((rest, memoryview(data)[:end]))


def end_of_records(data: bytes, dialect: Dialect) -> int:
    """Return how many of the bytes, which begin with a record, are whole records. A record ends at a line end that is
    in no quotes."""
    end = data.rfind(b"\n") + 1
    quote = dialect.quote.encode()
    if not end or not quote or quote not in data:
        return end
    if not _only_around_values(data, dialect):
        return _end_by_fields(data, dialect)
    quotes = data.count(quote, 0, end)
    while end and quotes % 2:
        before = data.rfind(b"\n", 0, end - 1) + 1
        quotes -= data.count(quote, before, end)
        end = before
    return end


def _only_around_values(data: bytes, dialect: Dialect) -> bool:
    # Whether quotes only begin values, end them, or are doubled. If so, their number says whether one is open.
    cells = np.frombuffer(data, np.uint8)
    marks = np.flatnonzero(cells == ord(dialect.quote))
    opening, closing = marks[0::2], marks[1::2]
    before, after = _neighbours(dialect)
    return bool(
        before[cells[opening[opening > 0] - 1]].all() and after[cells[closing[closing < len(cells) - 1] + 1]].all()
    )


@lru_cache
def _neighbours(dialect: Dialect) -> tuple[np.ndarray, np.ndarray]:
    before, after = np.zeros(256, bool), np.zeros(256, bool)
    before[[ord(dialect.separator), ord("\n"), ord(dialect.quote)]] = True
    after[[ord(dialect.separator), ord("\n"), ord("\r"), ord(dialect.quote)]] = True
    return before, after


@lru_cache
def _field(dialect: Dialect) -> re.Pattern[bytes]:
    # As pyarrow reads them: only a quote at the beginning of a value opens quotes; what follows the closing one belongs
    # to the value, too. A value whose quotes are not closed is no match.
    mark = re.escape(dialect.separator).encode()
    start = b""
    if dialect.quote:
        quote = re.escape(dialect.quote).encode()
        start = b"(?:%b(?:[^%b]|%b%b)*+%b|(?!%b))" % ((quote,) * 6)
    return re.compile(b"(%b[^%b\r\n]*+)(%b|\r?\n|\r|\\Z)" % (start, mark, mark))


def _end_by_fields(data: bytes, dialect: Dialect) -> int:
    end, at, field = 0, 0, _field(dialect)
    while (found := field.match(data, at)) and found[2]:
        at = found.end()
        if found[2].endswith(b"\n"):
            end = at
    return end


def records(data: bytes, dialect: Dialect) -> Iterator[tuple[int, int, list[str]]]:
    """Yield for each record of the bytes its first line and the line after it, from 0, and its values.

    Blank lines are no records. Only messages and the first rows need this: it takes a microsecond a value.
    """
    for start, line, _, row in _raw_records(data, dialect):
        if row is None:
            return
        yield start, line, [unquoted(value.decode(errors="replace"), dialect.quote) for value in row]


def end_of_first_record(data: bytes, dialect: Dialect) -> tuple[int, int]:
    """Return how many bytes there are up to the end of the first record, and how many line ends."""
    return next(((end, line) for _, line, end, _ in _raw_records(data, dialect)), (0, 0))


def _raw_records(data: bytes, dialect: Dialect) -> Iterator[tuple[int, int, int, list[bytes] | None]]:
    # First line, line after it, byte after it, values. The last record is None if it opens a quote that is not closed.
    field, mark = _field(dialect), dialect.separator.encode()
    at = line = start = 0
    row: list[bytes] = []
    while at < len(data) or row:
        found = field.match(data, at)
        if found is None:
            yield start, line, at, None
            return
        at = found.end()
        row.append(found[1])
        line += found[1].count(b"\n") + found[2].endswith(b"\n")
        if found[2] == mark:
            continue
        if row != [b""]:
            yield start, line, at, row
        row, start = [], line


def unquoted(text: str, quote: str) -> str:
    """Return a value without its quotes."""
    if not quote or not text.startswith(quote):
        return text
    end = 1
    while (end := text.find(quote, end)) >= 0 and text[end + 1 : end + 2] == quote:
        end += 2
    end = len(text) if end < 0 else end
    return text[1:end].replace(2 * quote, quote) + text[end + 1 :]


def _check_last_quote(data: bytes, dialect: Dialect) -> None:
    """Raise BadLine if the last record opens a quote that is not closed."""
    if dialect.quote and dialect.quote.encode() in data:
        for start, _, _, row in _raw_records(data, dialect):
            if row is None:
                raise BadLine(start, ": a quote is opened and never closed")
