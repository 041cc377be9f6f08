"""The bytes of a text file: whether they are in its encoding, and where its lines are, for messages."""

from __future__ import annotations

import codecs
import csv
import io
import os
import tempfile
import weakref
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Self

from symjobs._errors import InputError
from symjobs.sources._dialect import Dialect
from symjobs.sources._files import SourceFile

_LONGEST_FIELD = 2**31 - 1
_PIECE = 2**20


class TextCheck:
    """Reads a file beside the library that parses it, and checks its bytes, also those of columns that nobody reads.

    pyarrow reads the file itself, not through an object of Python: a thread of its own may still be reading when Python
    ends, and would abort the process.

    Attributes
    ----------
    position : int
        How many bytes have been checked.
    quotes : int
        How many quote characters there were.
    """

    def __init__(self, file: SourceFile, dialect: Dialect) -> None:
        self.position = self.quotes = 0
        self._file, self._dialect = file, dialect
        self._opened = file.open(buffering=0)
        self._decoder = codecs.getincrementaldecoder(dialect.encoding)()
        self._quote = dialect.quote.encode()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._opened.close()

    def follow(self, position: int) -> None:
        """Check the file up to a position. Bytes that are not in its encoding are an InputError with their line."""
        while data := self._opened.read(min(position - self.position, _PIECE)):
            if not data.isascii() or self._decoder.getstate()[0]:
                self._decoded(data)
            self.position += len(data)
            self.quotes += data.count(self._quote) if self._quote else 0
        if self.position == self._file.size():
            self._decoded(b"")

    def copy_to(self, other: BinaryIO) -> None:
        """Write the file to another one, in UTF-8."""
        while data := self._opened.read(_PIECE):
            other.write(self._decoded(data).encode())
            self.position += len(data)
        self._decoded(b"")

    def _decoded(self, data: bytes) -> str:
        try:
            return self._decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            offset = self.position + len(data) - len(error.object) + error.start
            byte = error.object[error.start]
            raise InputError(
                f"{self._file}, line {_line_at(self._file, offset)}: the byte 0x{byte:02x} is not "
                f"{self._dialect.encoding}; name the file's encoding, such as encoding='latin-1'"
            ) from None


def utf8_copy(file: SourceFile, dialect: Dialect) -> SourceFile:
    """Return a temporary copy of a file in UTF-8, which goes when the result is no longer used."""
    number, path = tempfile.mkstemp(prefix="symjobs-", suffix=".csv")
    copy = SourceFile(Path(path), file.name)
    weakref.finalize(copy, os.unlink, path)
    with os.fdopen(number, "wb") as opened, TextCheck(file, dialect) as text:
        text.copy_to(opened)
    return copy


def _line_at(file: SourceFile, offset: int) -> int:
    # The number of the line in which this byte is, counted from 1.
    lines = 1
    with file.open() as opened:
        while offset > 0 and (part := opened.read(min(offset, 2**20))):
            lines += part.count(b"\n")
            offset -= len(part)
    return lines


def line_of(file: SourceFile, dialect: Dialect, record: int) -> int:
    """Return the line, from 1, on which a record begins; records count from 0, blank lines are none."""
    return next(islice((start for start, _ in _records(file, dialect)), record, None), record + 1)


def lines_of_first(file: SourceFile, dialect: Dialect) -> int:
    """Return how many lines there are up to the end of the first record."""
    return next((end for _, end in _records(file, dialect)), 0)


def check_last_quote(file: SourceFile, dialect: Dialect) -> None:
    """Raise InputError if the last record opens a quote that the file does not close."""
    if not dialect.quote:
        return
    start = max((start for start, _ in _records(file, dialect)), default=1)
    with _as_text(file, dialect) as text:
        last = [line for number, line in enumerate(text, start=1) if number >= start]
    try:
        list(csv.reader(last, strict=True, **_format(dialect)))
    except csv.Error as error:
        if "unexpected end of data" in str(error):
            raise InputError(f"{file}, line {start}: a quote is opened and never closed") from None


def _records(file: SourceFile, dialect: Dialect) -> Iterator[tuple[int, int]]:
    # The first and the last line of each record, counted from 1. Only messages and the header need them: the values are
    # read by another library, which does not tell lines.
    limit = csv.field_size_limit(_LONGEST_FIELD)
    try:
        with _as_text(file, dialect) as text:
            reader = csv.reader(text, **_format(dialect))
            start = 1
            for row in reader:
                if row:
                    yield start, reader.line_num
                start = reader.line_num + 1
    except csv.Error:
        return  # a line end within a line: there are no more numbers
    finally:
        csv.field_size_limit(limit)


def _as_text(file: SourceFile, dialect: Dialect) -> io.TextIOWrapper:
    encoding = "utf-8-sig" if dialect.is_utf8 else dialect.encoding
    return io.TextIOWrapper(file.open(), encoding, errors="replace", newline="\n")


def _format(dialect: Dialect) -> dict:
    return {
        "delimiter": dialect.separator,
        "quotechar": dialect.quote or None,
        "quoting": csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
    }
