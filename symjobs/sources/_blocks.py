"""Cut a text file into blocks of whole records.

So memory is bounded, whatever a parser reads ahead; byte positions are exact; and a block that one parser refuses goes
to the other one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from symjobs._errors import InputError
from symjobs.sources._files import SourceFile


@dataclass(frozen=True)
class Block:
    """Whole records of a file: their bytes, and the place of the first one."""

    data: memoryview
    start: int

    @property
    def end(self) -> int:
        """The offset just after the block."""
        return self.start + len(self.data)


class RecordFinder:
    """Finds where the last whole record in some bytes ends.

    A line end in quotes is part of a value. A quote in the middle of a value has no meaning. One regular expression
    with possessive repeats matches all records in one call, without backtracking.
    """

    def __init__(self, separator: str, quote: str) -> None:
        self._quote = quote.encode()
        if quote:
            s, q = re.escape(separator.encode()), re.escape(self._quote)
            quoted = rb"%b[^%b]*+(?:%b%b[^%b]*+)*+%b[^%b\n]*+" % (q, q, q, q, q, q, s)
            record = rb"(?:%b|(?!%b)[^%b\n]*+)" % (quoted, q, s)
            record += rb"(?:%b%b)*+" % (s, record)
            self._records = re.compile(rb"(?:%b\n)*+" % record)
            self._record = re.compile(record)

    def end_of_last(self, data: bytes) -> int:
        """Return the offset after the last whole record, 0 if there is none."""
        if not self._quote or self._quote not in data:
            return data.rfind(b"\n") + 1
        match = self._records.match(data)
        return match.end() if match else 0

    def open_quote(self, data: bytes) -> int | None:
        """Return the offset of the last record, if a quote that it opens is not closed at the end of the file."""
        start = self.end_of_last(data)
        if not self._quote or self._quote not in data or self._record.fullmatch(data, start):
            return None
        return start


def blocks(file: SourceFile, start: int, size: int, limit: int, finder: RecordFinder) -> Iterator[Block]:
    """Yield the file from `start` on in blocks of about `size` bytes, up to `limit` where one record needs it."""
    with file.open(buffering=0) as opened:
        wanted = size
        while True:
            opened.seek(start)
            data = _read(opened, wanted)
            if not data:
                return
            last = len(data) < wanted
            end = len(data) if last else finder.end_of_last(data)
            if last and (record := finder.open_quote(data)) is not None:
                raise InputError(f"{file}, line {line_at(file, start + record)}: a quote is opened and never closed")
            if end:
                yield Block(memoryview(data)[:end], start)
                start += end
                wanted = size
                if last:
                    return
            elif wanted >= limit:
                line = line_at(file, start)
                raise InputError(
                    f"{file}, line {line}: no end of the row within {limit} bytes; "
                    "a quote is not closed, the line ends are not \\n, or memory_budget is too small"
                )
            else:
                wanted = min(2 * wanted, limit)


def _read(file, size: int) -> bytes:  # type: ignore[no-untyped-def]  # FileIO; a pipe may give less than asked
    parts = []
    while size and (part := file.read(size)):
        parts.append(part)
        size -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def line_at(file: SourceFile, offset: int) -> int:
    """Return the number of the line that starts at this offset, counted from 1."""
    lines = 1
    with file.open() as opened:
        while offset > 0 and (part := opened.read(min(offset, 2**20))):
            lines += part.count(b"\n")
            offset -= len(part)
    return lines
