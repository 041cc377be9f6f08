"""A DataFrame entity that is still JSON: decoded in parts while it is read, so that a large one takes little memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

import msgspec
import numpy as np

from symjobs._entities import DataFrame, from_json
from symjobs._errors import InputError
from symjobs._tables._arrow import values_of
from symjobs._tables._batch import Batch
from symjobs._tables._cells import MISSING_TEXTS
from symjobs._tables._columns import Column, NumberColumn, ObjectColumn
from symkernels import DelimitedParser, thread_count

_PART_BYTES = 4 << 20
_WHOLE_BYTES = 16 << 20  # up to here the rows are one part, which is faster
_BLOCK_BYTES = 1 << 20  # of CSV, for each of Arrow's threads
_BETWEEN_ROWS = re.compile(rb"\]\s*,\s*(?=\[)")
_SPACED = re.compile(rb"[\[\],] | [\[\],]")
_NOT_CSV = (b"\\", b"{", b"\n", b"\t", b"\r")  # JSON's escapes, objects, and layouts of many lines
_NUMERIC, _NOT_READ = frozenset("CB"), frozenset("SX")

# The entity, whose rows stay as they are; named as it is for messages.
_Frame: Any = msgspec.defstruct(
    "DataFrame",
    [
        ("attributeNames", list[str]),
        ("attributeTypes", list[str] | None, None),
        ("data", msgspec.Raw, msgspec.Raw(b"[]")),
    ],
)


class JsonRows:
    """The JSON of a DataFrame entity, as a table that can be read many times.

    Rows of numbers, as text or not, are parsed as CSV, which makes no Python object of a cell. Everything else is
    decoded as `DataFrame` is. Bodies of more than 16 MiB are read in parts of some megabytes; where no types are given,
    those of the first part hold.

    Parameters
    ----------
    body : bytes-like
        Held, not copied.

    Raises
    ------
    InputError
        If it is no JSON, or no such entity; rows of the wrong length are found when they are read.
    """

    def __init__(self, body: bytes | bytearray) -> None:
        frame = from_json(body, _Frame)
        # The constructor checks names and types.
        self._entity = DataFrame(frame.attributeNames, frame.attributeTypes or [])
        self._rows = _inside(memoryview(frame.data))

    def batches(self) -> Iterator[Batch]:
        """Yield the rows, some megabytes at a time."""
        names = self._entity.attributeNames
        types = dict(zip(names, self._entity.attributeTypes, strict=False))
        first, start, size = 0, 0, len(self._rows)
        step = size if size <= _WHOLE_BYTES else _PART_BYTES
        while True:
            at = start + step
            while True:
                found = _BETWEEN_ROWS.search(self._rows, at) if at < size else None
                stop = size if found is None else found.start() + 1
                try:
                    n_rows, columns = self._read(self._rows[start:stop], first)
                    break
                except msgspec.DecodeError:  # the end of a row was in a text: the part is longer
                    if found is None:
                        raise
                    at = max(found.end(), 2 * at - start)  # twice as long, so that a text of brackets is read but once
            yield Batch(n_rows, columns, types=types, first_row=first, alone=start == 0 and stop == size)
            if found is None:
                return
            first, start = first + n_rows, found.end()

    def _read(self, part: memoryview, first: int) -> tuple[int, list[Column]]:
        found = self._read_numbers(part, first)
        if found is not None:
            return found
        rows = _split(part)
        return len(rows), self._decoded(rows, first)

    def _read_numbers(self, part: memoryview, first: int) -> tuple[int, list[Column]] | None:
        """Return the number of rows and the columns if those to be read hold numbers, else None."""
        names, letters = self._entity.attributeNames, self._entity.attributeTypes
        numeric = [j for j in range(len(names)) if not letters or letters[j] in _NUMERIC]
        if not numeric or not set(letters) <= _NUMERIC | _NOT_READ:
            return None
        found = _as_csv(part)
        table = None if found is None else _numbers(found[0], len(names), numeric)
        if found is None or table is None or len(table[0]) != found[1]:  # a row without cells is an empty line, too
            return None
        n_rows = found[1]
        later = _Later(lambda: self._decoded(_split(part), first))
        columns: list[Column] = [_LaterColumn(name, n_rows, later, j) for j, name in enumerate(names)]
        for j, values in zip(numeric, table, strict=True):
            if letters or not np.isnan(values).all():  # a column without a value has no type yet
                columns[j] = NumberColumn.of_array(names[j], values)
        return n_rows, columns

    def _decoded(self, rows: Sequence[msgspec.Raw], first: int) -> list[Column]:
        """Return the columns as Python objects."""
        names = self._entity.attributeNames
        cells = []
        for i, row in enumerate(rows):
            try:
                found = msgspec.json.decode(row, type=list[str | int | float | bool | None])
            except (msgspec.MsgspecError, UnicodeError) as error:
                raise InputError(f"DataFrame: in $.data[{first + i}]: {error}") from None
            if len(found) != len(names):
                raise InputError(f"data row {first + i} has {len(found)} values; there are {len(names)} attributeNames")
            cells.append(found)
        return [ObjectColumn(name, [row[j] for row in cells], parse=True) for j, name in enumerate(names)]


class _Later:
    """The columns of a part as Python objects, decoded when one of them is read."""

    def __init__(self, decode: Callable[[], list[Column]]) -> None:
        self._decode = decode

    @cached_property
    def columns(self) -> list[Column]:
        return self._decode()


class _LaterColumn(Column):
    def __init__(self, name: str, n_rows: int, later: _Later, position: int) -> None:
        super().__init__(name, n_rows)
        self._later, self._position = later, position

    def letter(self) -> str | None:
        return self._later.columns[self._position].letter()

    def numbers(self, start: int, stop: int) -> np.ndarray:
        return self._later.columns[self._position].numbers(start, stop)

    def _texts(self) -> tuple[np.ndarray, list[str]]:
        return self._later.columns[self._position].texts()


def _inside(data: memoryview) -> memoryview:
    """Return what is between the brackets of a JSON array."""
    start, stop = 0, len(data)
    while start < stop and data[start : start + 1] in (b" ", b"\t", b"\n", b"\r"):
        start += 1
    while stop > start and data[stop - 1 : stop] in (b" ", b"\t", b"\n", b"\r"):
        stop -= 1
    if data[start:stop] == b"null":
        return data[:0]
    if data[start : start + 1] != b"[":
        raise InputError("DataFrame: at $.data: Expected `array`")
    return data[start + 1 : stop - 1]


def _split(part: memoryview) -> list[msgspec.Raw]:
    """Return rows apart from each other; msgspec.DecodeError if this is no JSON."""
    rows: list[msgspec.Raw] = msgspec.json.decode(b"".join((b"[", part, b"]")), type=list[msgspec.Raw])
    return rows


def _as_csv(part: memoryview) -> tuple[Any, int] | None:
    """Return rows as CSV, with empty lines between them, and their number; None where a text may hold brackets."""
    text = bytearray(part)
    if any(byte in text for byte in _NOT_CSV):
        return None
    if b" " in text:
        text = text.replace(b", ", b",")  # as Python writes it
        if b" " in text and _SPACED.search(text):  # any other layout; blanks in texts do no harm
            return None
    cells = np.frombuffer(text, np.uint8)
    closed = np.flatnonzero(cells == ord("]"))
    n_rows, between = len(closed), closed[:-1]
    good = n_rows > 0 and text[:1] == b"[" and closed[-1] == len(text) - 1 and text.count(b"[") == n_rows
    if not good or (cells[between + 1] != ord(",")).any() or (cells[between + 2] != ord("[")).any():
        return None
    if np.count_nonzero(cells == ord('"')) % 2:  # the part ends in a text
        return None
    cells[0] = cells[closed] = cells[between + 1] = cells[between + 2] = ord("\n")
    return text, n_rows


def _numbers(text: Any, n_columns: int, numeric: Sequence[int]) -> list[np.ndarray] | None:
    """Return some columns of CSV as float64, NaN where missing, or None if there is anything else in them."""
    wanted = set(numeric)
    kinds = ["number" if j in wanted else "skip" for j in range(n_columns)]
    parser = DelimitedParser(kinds, missing=[missing.encode() for missing in sorted(MISSING_TEXTS)])
    pieces = _pieces(text, thread_count() if len(text) > _BLOCK_BYTES else 1)
    if len(pieces) == 1:
        parsed = [parser.parse(text)]
    else:
        with ThreadPoolExecutor(len(pieces)) as pool:
            parsed = list(pool.map(parser.parse, pieces))
    found = [cells for cells in parsed if cells is not None]
    if len(found) < len(pieces):
        return _numbers_of_arrow(text, n_columns, numeric)
    if any(len(cells.odd) for cells in found):
        return None
    if len(found) == 1:
        return found[0].numbers
    return [np.concatenate(parts) for parts in zip(*(cells.numbers for cells in found), strict=True)]


def _pieces(text: Any, count: int) -> list[memoryview]:
    """Return whole rows in so many pieces of about the same size, or in fewer."""
    ends = {text.find(b"\n", i * len(text) // count) for i in range(1, count)} - {-1}
    starts = [0, *sorted(ends)]
    return [memoryview(text)[start:stop] for start, stop in zip(starts, [*starts[1:], len(text)], strict=True)]


def _numbers_of_arrow(text: Any, n_columns: int, numeric: Sequence[int]) -> list[np.ndarray] | None:
    # As long as the loops are not compiled.
    import pyarrow as pa
    from pyarrow import csv

    names = [str(j) for j in range(n_columns)]
    chosen = [names[j] for j in numeric]
    try:
        table = csv.read_csv(
            pa.py_buffer(text),
            csv.ReadOptions(column_names=names, block_size=_BLOCK_BYTES),
            csv.ParseOptions(ignore_empty_lines=True),
            csv.ConvertOptions(
                column_types={name: pa.float64() for name in chosen},
                include_columns=chosen,
                null_values=sorted(MISSING_TEXTS),
                check_utf8=False,
            ),
        )
    except pa.ArrowInvalid:  # or a row that is longer than a block
        return None
    return [values_of(column.combine_chunks()).astype(np.float64, copy=False) for column in table.columns]
