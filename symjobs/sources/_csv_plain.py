"""Read a block of CSV with the standard library. It is slow, and its errors have the line and the column."""

from __future__ import annotations

import csv
import io
import math
import shlex
from collections.abc import Callable, Iterator

from symjobs._entities import Cell, DataFrame
from symjobs._errors import InputError
from symjobs._tables._cells import parse_number
from symjobs._text import types_option
from symjobs.sources._blocks import Block, line_at
from symjobs.sources._dialect import FALSE_TEXTS, TRUE_TEXTS, Columns, Dialect, Kind, separator_hint
from symjobs.sources._files import SourceFile


class PlainReader:
    """Turns blocks of one file into DataFrame entities.

    Raises InputError, with file, line and column, for a row of the wrong length, text in a numeric column, an infinite
    value, and bytes that are not in the file's encoding.
    """

    def __init__(self, file: SourceFile, dialect: Dialect, columns: Columns) -> None:
        self._file = file
        self._dialect = dialect
        self._columns = columns

    def table(self, block: Block) -> DataFrame:
        """Return the rows of the block."""
        names, learnt = self._columns.names, self._columns.learnt
        readers = [(j, self._cell_reader(self._columns.kinds[j])) for j in learnt]
        rows: list[list[Cell]] = []
        for line, row in numbered_rows(self._file, self._dialect, block):
            if len(row) != len(names):
                raise InputError(
                    f"{self._where(block, line)}: {len(row)} values in the row, and the header has {len(names)} columns"
                    f"{separator_hint(names, self._dialect)}"
                )
            try:
                rows.append([read(row[j]) for j, read in readers])
            except ValueError:
                raise self._bad_cell(block, line, row, readers) from None
        return DataFrame([names[j] for j in learnt], self._letters(rows), rows)

    def _cell_reader(self, kind: Kind) -> Callable[[str], Cell]:
        read, missing = _READ.get(kind, str), self._dialect.missing
        return lambda text: None if text.strip() in missing else read(text)

    def _letters(self, rows: list[list[Cell]]) -> list[str]:
        # The same types as for an Arrow table of the block: only 0, 1 and missing is binary.
        letters = {Kind.FLAG: "B", Kind.TEXT: "S", Kind.CATEGORY: "T", Kind.LIST: "L"}
        return [
            letters.get(self._columns.kinds[j]) or ("B" if all(row[i] in (None, 0, 1) for row in rows) else "C")
            for i, j in enumerate(self._columns.learnt)
        ]

    def _bad_cell(
        self, block: Block, line: int, row: list[str], readers: list[tuple[int, Callable[[str], Cell]]]
    ) -> InputError:
        problems = []
        for j, read in readers:
            try:
                read(row[j])
            except ValueError as error:
                problems.append((self._columns.names[j], self._columns.kinds[j], error, row[j].strip()))
        name, kind, problem, text = problems[0]
        what = f"{self._where(block, line)}, column {name!r}: {problem}, and the column holds {kind.value}; correct it"
        if self._file.is_sent:
            return InputError(f"{what}, leave it empty if it is missing, or declare the column S (text)")
        return InputError(
            f"{what}, or declare the column text: types={{{name!r}: 'S'}} ({types_option(name, 'S')}); "
            f"if it means missing: missing=({text!r},) (--na {shlex.quote(text)})"
        )

    def _where(self, block: Block, line: int) -> str:
        return f"{self._file}, line {line_at(self._file, block.start) + line}"


def numbered_rows(file: SourceFile, dialect: Dialect, block: Block) -> Iterator[tuple[int, list[str]]]:
    """Yield (line within the block, from 0; values) of each row that is not blank."""
    reader = csv.reader(
        io.StringIO(_text(file, dialect, block), newline=""),
        delimiter=dialect.separator,
        quotechar=dialect.quote or None,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
    )
    line = 0
    try:
        for row in reader:
            if row:
                yield line, row
            line = reader.line_num
    except csv.Error as error:
        raise InputError(f"{file}, line {line_at(file, block.start) + line}: {error}") from error


def _text(file: SourceFile, dialect: Dialect, block: Block) -> str:
    try:
        return str(block.data, dialect.encoding)
    except UnicodeDecodeError as error:
        line = line_at(file, block.start + error.start)
        byte = error.object[error.start]
        raise InputError(
            f"{file}, line {line}: the byte 0x{byte:02x} is not {dialect.encoding}; "
            "name the file's encoding, such as encoding='latin-1'"
        ) from error


def _number(text: str) -> float | None:
    # ValueError, here and below, says what is wrong with the text.
    try:
        value = parse_number(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None
    if math.isinf(value):
        raise ValueError(f"{text!r} is infinite")
    return None if math.isnan(value) else value


def _flag(text: str) -> int:
    if text in TRUE_TEXTS or text in FALSE_TEXTS:
        return int(text in TRUE_TEXTS)
    raise ValueError(f"{text!r} is neither true nor false")


_READ: dict[Kind, Callable[[str], Cell]] = {Kind.NUMBER: _number, Kind.FLAG: _flag}
