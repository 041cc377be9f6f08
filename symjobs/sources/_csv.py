"""CSV files: blocks of whole records, parsed in threads, in order."""

from __future__ import annotations

import contextlib
import os
import re
from collections import deque
from collections.abc import Container, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import takewhile
from typing import Any

import numpy as np

from symjobs._errors import InputError
from symjobs._tables import MISSING_TEXTS
from symjobs._tables._types import LEARNT
from symjobs._text import shown
from symjobs.sources._budget import DEFAULT_BUDGET, block_bytes, parse_budget
from symjobs.sources._cells import BadText, Cells
from symjobs.sources._dialect import (
    CSV_OPTIONS,
    CsvOptions,
    Kind,
    check_blanks,
    check_separator,
    find_columns,
    separator_hint,
)
from symjobs.sources._files import DataFile, NoRows, Stream, bad_byte, check_text, open_text
from symjobs.sources._hints import bad_cell, column_hints, sent_bad_cell
from symjobs.sources._location import TIMEOUT, found_files
from symjobs.sources._records import (
    BadLine,
    Block,
    blocks,
    end_of_first_record,
    end_of_records,
    endless,
    records,
    unquoted,
)
from symjobs.sources._several import source_of
from symjobs.sources._source import BadValues, Source
from symkernels import DelimitedCells, DelimitedParser, thread_count

_SAMPLE_BYTES = 2**18  # types are inferred from so many bytes
_BLOCKS_AT_ONCE = 10  # that the budget has room for: some wait to be parsed, some to be learnt, some are copied
_CELL_BYTES = 16  # of a value in memory, beside its text
_SMALLEST, _LARGEST = 2**20, 2**23  # a project learns more rows at a time faster; a small file has work for all threads
_BLOCKS = 8  # at least, for each thread
_MOST = 2**30  # pyarrow counts the bytes of a block in 32 bits
_COMMENT = "#"
_BOM = b"\xef\xbb\xbf"
_SEPARATOR_LINE = re.compile(rb'"?sep=([ -~\t])"?\r?\n', re.IGNORECASE)  # as Excel writes it


class CsvSource(Source):
    """A CSV file; see `csv`."""

    def __init__(
        self,
        file: DataFile,
        options: CsvOptions,
        memory_budget: int,
    ) -> None:
        self.name = str(file)
        self.bad_values: dict[str, BadValues] = {}
        self._file = file
        self._dialect = options.dialect
        self._options = options
        self._budget = memory_budget
        self._limit = min(max(memory_budget // 4, 2**16), _MOST)
        names, sample = self._look()
        self.total_bytes = file.size or 0  # known at last when it was opened
        largest = min(_LARGEST, max(_SMALLEST, self.total_bytes // (_BLOCKS * thread_count())))
        share = int(_BLOCKS_AT_ONCE * (1 + _CELL_BYTES / _bytes_per_value(sample)))
        self._block = min(block_bytes(memory_budget, share, largest), self._limit)
        if self._may_be_separated(names):
            check_separator(names, sample, self._dialect, self.name)
        self._columns = find_columns(names, sample, options, self._dialect, self.name)
        self.attribute_names = tuple(self._columns.names[j] for j in self._columns.learnt)
        self.attribute_types = tuple(self._columns.letters[j] for j in self._columns.learnt)
        self.row_labels = self._columns.row_labels
        self.notes, self.texts = self._columns.notes, self._columns.texts
        kinds = list(zip(self._columns.names, self._columns.kinds, strict=True))
        self.times = tuple(name for name, kind in kinds if kind is Kind.TIME)
        self.left_out = tuple(name for name, kind in kinds if kind is Kind.IGNORED)
        self.undecided = self._columns.undecided
        asked = {name: letter for name, letter in options.types.items() if name not in self.left_out}
        self.declared = {**asked, **dict.fromkeys(self.times, "C")}
        self.hints = column_hints(self._texts_in(sample, self.texts), self._numbers(sample), self.times, self._dialect)

    def batches(self) -> Iterator[tuple[Any, int]]:
        """Yield (table, bytes read so far)."""
        self.bad_values.clear()
        with contextlib.closing(self._open()) as stream:
            _skip(stream, self._skipped)
            found = blocks(stream, self._dialect, self._block, self._limit)
            line = self._first_line
            try:
                with ThreadPoolExecutor(thread_count(), thread_name_prefix="symjobs-csv") as pool:
                    pool.submit(self._parser.expect, self.total_bytes)  # pyarrow parses the first blocks meanwhile
                    for part in _in_order(pool, self._parse, found, thread_count() + 2):
                        for name, bad in part.bad.items():
                            bad = replace(bad, line=line + bad.line)
                            self.bad_values[name] = (
                                self.bad_values[name].joined(bad) if name in self.bad_values else bad
                            )
                        line += part.lines
                        if part.table.num_rows:
                            yield part.table, part.position
            except BadLine as bad_line:
                raise bad_line.error(self.name, line) from None

    def after(self, known: Mapping[str, str]) -> Source:
        letters = dict(zip(self.attribute_names, self.attribute_types, strict=True))
        new = {
            name: letter
            for name, letter in known.items()
            if letter in LEARNT and letters.get(name, letter) != letter and name not in self._options.asked
        }
        if not new:
            return self
        source = CsvSource(self._file, replace(self._options, known={**new, **self._options.known}), self._budget)
        source.notes, source.bad_values = self.notes, self.bad_values
        return source

    def _open(self) -> Stream:
        return open_text(self._file, self._dialect.transcoding, self._dialect.encoding_errors)

    # -- a block -------------------------------------------------------------------------------------------------------

    def _parse(self, block: Block) -> _Part:
        self._check_utf8(block.data)
        cells = self._parser.parse(block.data)
        try:
            columns, bad = self._parsed(block, cells) if cells is not None else self._converted(block)
        except _NeedsCare:
            columns, bad = self._from_text(block)
        if any(bad.values()) and self._dialect.errors == "raise":
            row, j = min((values[0].row, j) for j, values in bad.items() if values)
            raise self._bad_cell(block, row, j, bad[j][0])
        report = {
            self._columns.names[j]: BadValues(len(values), self._line(block, values[0].row), values[0].text)
            for j, values in bad.items()
            if values
        }
        lines = block.data.count(b"\n") if cells is None else cells.n_lines
        return _Part(self._pa.table(columns, list(self.attribute_names)), block.position, lines, report)

    def _check_utf8(self, data: bytes) -> None:
        if data.isascii() or self._dialect.transcoding is not None:
            return
        try:
            data.decode()
        except UnicodeDecodeError as error:
            raise BadLine(data.count(b"\n", 0, error.start), bad_byte(error, "utf-8")) from None

    @cached_property
    def _parser(self) -> DelimitedParser:
        dialect = self._dialect
        kinds = {Kind.NUMBER: "number" if self._are_plain else "text", Kind.IGNORED: "skip"}
        return DelimitedParser(
            [kinds.get(kind, "text") for kind in self._columns.kinds],
            separator=dialect.separator.encode(),
            quote=dialect.quote.encode(),
            decimal=dialect.numerals.decimal.encode(),
            missing=[text.encode() for text in sorted(dialect.missing_in(Kind.NUMBER))],
        )

    @property
    def _are_plain(self) -> bool:
        # Whether numbers can be read without a look at their text.
        return self._dialect.numerals.is_plain and self._dialect.numerals.decimal != self._dialect.separator

    def _parsed(self, block: Block, cells: DelimitedCells) -> tuple[list[Any], dict[int, list[BadText]]]:
        """Return the columns from what the compiled loops have found."""
        numbers, texts = iter(cells.numbers), iter(cells.texts)
        columns: dict[int, Any] = {}
        bad: dict[int, list[BadText]] = {j: [] for j in self._columns.learnt}
        for j in self._columns.learnt:
            kind = self._columns.kinds[j]
            if kind is Kind.NUMBER and self._are_plain:
                columns[j] = next(numbers)
                continue
            ends, data, quoted = next(texts)
            column = self._cells.texts_of(ends, data)
            if len(quoted):
                values = column.to_pylist()
                for row in quoted.tolist():
                    values[row] = unquoted(values[row], self._dialect.quote)
                column = self._cells.texts(values)
            columns[j] = self._cells.converted(column, kind, bad[j])
        for row, j, start, stop in cells.odd.tolist():
            text = block.data[start : stop if stop >= 0 else -1 - stop].decode(errors="replace")
            if stop < 0:
                text = unquoted(text, self._dialect.quote)
            columns[j][row] = self._cells.number(row, text, bad[j])
        return [
            self._cells.numbers_of(column) if isinstance(column, np.ndarray) else column for column in columns.values()
        ], bad

    def _converted(self, block: Block) -> tuple[list[Any], dict[int, list[BadText]]]:
        """Return the columns as pyarrow converts them; `_NeedsCare` if it cannot."""
        if any(self._dialect.numerals.reads(text) for text in self._dialect.missing - MISSING_TEXTS):
            raise _NeedsCare  # where -999 means missing, pyarrow would read " -999" as a number
        pa = self._pa
        text = pa.string()
        coded = pa.dictionary(pa.int32(), text)
        types = {Kind.CATEGORY: coded, Kind.LIST: coded}
        if self._are_plain:
            types[Kind.NUMBER] = pa.float64()
        batch = self._read(block, {j: types.get(self._columns.kinds[j], text) for j in self._columns.learnt})
        columns = []
        bad: dict[int, list[BadText]] = {j: [] for j in self._columns.learnt}
        for j, column in zip(self._columns.learnt, batch, strict=True):
            kind = self._columns.kinds[j]
            if pa.types.is_floating(column.type):
                if self._cells.any_infinite(column):
                    raise _NeedsCare
            elif pa.types.is_dictionary(column.type):
                column = self._cells.coded(column, kind)
            else:
                column = self._cells.converted(column, kind, bad[j])
            columns.append(column)
        return columns, bad

    def _from_text(self, block: Block) -> tuple[list[Any], dict[int, list[BadText]]]:
        """Return the columns, converted from text; the first row of the wrong length is an InputError."""
        wrong: list[Any] = []

        def note(row: Any) -> str:
            wrong.append(row)
            return "skip"

        bad: dict[int, list[BadText]] = {j: [] for j in self._columns.learnt}
        try:
            batch = self._read(block, dict.fromkeys(self._columns.learnt, self._pa.string()), note)
        except _NeedsCare as error:
            raise BadLine(0, f": {error}") from error
        columns = [
            self._cells.converted(texts, self._columns.kinds[j], bad[j])
            for j, texts in zip(self._columns.learnt, batch, strict=True)
        ]
        if wrong:
            row, first = wrong[0].number - 1, min((values[0].row for values in bad.values() if values), default=None)
            if first is None or row <= first or self._dialect.errors != "raise":
                raise self._wrong_length(block, row, wrong[0])
        return columns, bad

    def _read(self, block: Block, types: Mapping[int, Any], note: Any = None) -> list[Any]:
        csv, dialect = self._pa_csv, self._dialect
        names = [str(j) for j in range(len(self._columns.names))]  # names of columns may be equal to each other
        try:
            table = csv.read_csv(
                self._pa.BufferReader(block.data),
                csv.ReadOptions(column_names=names, use_threads=False, block_size=len(block.data) + 1),
                csv.ParseOptions(
                    delimiter=dialect.separator,
                    quote_char=dialect.quote or False,
                    newlines_in_values=bool(dialect.quote),
                    invalid_row_handler=note,
                ),
                csv.ConvertOptions(
                    check_utf8=False,  # `_parse` does
                    column_types={str(j): kind for j, kind in types.items()},
                    include_columns=[str(j) for j in types],
                    null_values=sorted(dialect.missing_in(Kind.NUMBER)),
                    strings_can_be_null=False,
                    decimal_point=dialect.numerals.decimal,
                ),
            )
        except self._pa.ArrowInvalid as error:
            raise _NeedsCare(str(error)) from None
        return [_one_chunk(column) for column in table.columns]

    @cached_property
    def _cells(self) -> Cells:
        return Cells(self._dialect)

    @cached_property
    def _pa(self) -> Any:
        import pyarrow

        return pyarrow

    @cached_property
    def _pa_csv(self) -> Any:
        import pyarrow.csv

        return pyarrow.csv

    # -- messages ------------------------------------------------------------------------------------------------------

    def _line(self, block: Block, record: int) -> int:
        found = (start for i, (start, _, _) in enumerate(records(block.data, self._dialect)) if i == record)
        return next(found, 0)

    def _wrong_length(self, block: Block, record: int, row: Any) -> BadLine:
        return BadLine(
            self._line(block, record),
            f": {row.actual_columns} values in the row, and the header has {row.expected_columns} columns"
            f"{separator_hint(self._columns.names, self._dialect)}",
        )

    def _bad_cell(self, block: Block, record: int, j: int, bad: BadText) -> BadLine:
        name, kind = self._columns.names[j], self._columns.kinds[j]
        if self._file.is_sent:
            return BadLine(self._line(block, record), sent_bad_cell(name, kind, bad))
        found = list(records(block.data, self._dialect))
        numbers = self._numbers([row for _, _, row in found])
        return BadLine(found[record][0], bad_cell(name, kind, bad, self._dialect, numbers))

    def _texts_in(self, rows: Sequence[Sequence[str]], names: Container[str]) -> dict[str, list[str]]:
        """Return the texts of some columns."""
        wanted = [(j, name) for j, name in enumerate(self._columns.names) if name in names]
        return {name: [row[j] for row in rows if j < len(row)] for j, name in wanted}

    def _numbers(self, rows: Sequence[Sequence[str]]) -> dict[str, list[str]]:
        """Return the texts of the columns of numbers."""
        kinds = zip(self._columns.names, self._columns.kinds, strict=True)
        return self._texts_in(rows, {name for name, kind in kinds if kind is Kind.NUMBER})

    # -- the first rows ------------------------------------------------------------------------------------------------

    def _look(self) -> tuple[list[str], list[list[str]]]:
        """Return the names of the columns, and the first rows of data; find where the data begins."""
        with contextlib.closing(self._open()) as stream:
            data, at_end = self._first_bytes(stream)
        check_text(self.name, data[:4096])
        if b"\r" in data and b"\n" not in data:
            raise InputError(f"{self.name} ends its lines with \\r alone; convert them to \\n first")
        skipped, line = self._preamble(data)
        data = data[skipped:]
        if not at_end:
            data = data[: end_of_records(data, self._dialect)]
        rows = list(records(data, self._dialect))
        if not rows:
            raise NoRows(f"{self.name} holds no rows")
        self._check_comments([row for _, _, row in rows], line)
        if not self._options.header:
            self._skipped, self._first_line = skipped, line
            return [f"x{j + 1}" for j in range(len(rows[0][2]))], [row for _, _, row in rows]
        if len(rows) == 1:
            self._check_quotes(data, line)
            raise NoRows(f"{self.name} has a header and no rows below it")
        (_, _, names), *more = rows
        no_blanks = " " not in (self._dialect.separator, self._dialect.quote)
        if len(names) == 1 and no_blanks and self._may_be_separated(names):
            by_blanks = records(data, replace(self._dialect, separator=" "))
            check_blanks([row for _, _, row in by_blanks], names[0], self._dialect, self.name)
        end, lines = end_of_first_record(data, self._dialect)
        try:
            self._check_utf8(data[:end])
        except BadLine as bad:
            raise bad.error(self.name, line) from None
        self._skipped, self._first_line = skipped + end, line + lines
        return [name.strip() for name in names], [row for _, _, row in more]

    def _preamble(self, data: bytes) -> tuple[int, int]:
        """Return how many bytes come before the first record, and its line; take the separator that they name."""
        skipped = len(_BOM) if data.startswith(_BOM) else 0
        line = 1
        if found := _SEPARATOR_LINE.match(data, skipped):
            if not self._options.has_separator:
                self._dialect = replace(self._dialect, separator=found[1].decode())
            skipped, line = found.end(), 2
        while self._dialect.comment and data.startswith(self._dialect.comment.encode(), skipped):
            skipped, line = data.find(b"\n", skipped) + 1 or len(data), line + 1
        return skipped, line

    def _check_comments(self, rows: Sequence[Sequence[str]], line: int) -> None:
        """Raise InputError if the first lines are comments: of another length than the rows, or several."""
        comments = list(takewhile(lambda row: row[0].startswith(_COMMENT), rows))
        rest = rows[len(comments) :]
        if comments and rest and (len(comments) > 1 or len(comments[0]) != len(rest[0])):
            raise InputError(
                f"{self.name}, line {line}: {shown(self._dialect.separator.join(comments[0]))} is a comment, it seems; "
                f"comment={_COMMENT!r} (--comment '{_COMMENT}') skips such lines at the top of the file"
            )

    def _may_be_separated(self, names: Sequence[str]) -> bool:
        """Whether nobody has said of the names that they are such."""
        return self._options.header and not set(names) <= set(self._options.types)

    def _check_quotes(self, data: bytes, line: int) -> None:
        try:
            for block in blocks(_Bytes(data), self._dialect, len(data) + 1, len(data) - 1):
                line += block.data.count(b"\n")
        except BadLine as bad:
            raise bad.error(self.name, line) from None

    def _first_bytes(self, stream: Stream) -> tuple[bytes, bool]:
        """Return so many bytes that they hold some rows of data, and whether that is all."""
        data, size = b"", _SAMPLE_BYTES
        while True:
            while len(data) < size:
                if not (more := stream.read(size - len(data))):
                    return data, True
                data += more
            rest = data[self._preamble(data)[0] :]
            whole = records(rest[: end_of_records(rest, self._dialect)], self._dialect)
            if len(list(zip(range(2), whole, strict=False))) == 2:
                return data, False
            if size >= self._limit:
                try:
                    raise endless(data, self._dialect)
                except BadLine as bad:
                    raise bad.error(self.name, 1) from None
            size = min(4 * size, self._limit)


@dataclass(frozen=True, slots=True)
class _Part:
    """A parsed block."""

    table: Any
    position: int
    lines: int
    bad: dict[str, BadValues]


class _Bytes:
    """A stream of bytes that are in memory."""

    def __init__(self, data: bytes) -> None:
        self.position = 0
        self._data = data

    def read(self, size: int) -> bytes:
        data = self._data[self.position : self.position + size]
        self.position += len(data)
        return data

    def close(self) -> None:
        pass


class _NeedsCare(Exception):
    """pyarrow has not taken a value as it is written, or a row."""


def _in_order(pool: ThreadPoolExecutor, parse: Any, found: Iterator[Block], most: int) -> Iterator[_Part]:
    """Yield the blocks, parsed in threads, in their order; an error comes after the blocks before it."""
    waiting: deque[Future[_Part]] = deque()
    try:
        late: BadLine | InputError | None = None
        block: Block | None = None
        while True:
            try:
                block = next(found, None)
            except (BadLine, InputError) as error:
                block, late = None, error
            if block is not None:
                waiting.append(pool.submit(parse, block))
            elif not waiting:
                break
            if block is None or len(waiting) == most:
                yield waiting.popleft().result()
        if late is not None:
            raise late
    finally:
        for future in waiting:
            future.cancel()


def _bytes_per_value(sample: Sequence[Sequence[str]]) -> float:
    """Return how many bytes of the file a value takes, with its separator."""
    values = sum(map(len, sample))
    return 1 + sum(len(text) for row in sample for text in row) / max(1, values)


def _skip(stream: Stream, size: int) -> None:
    while size > 0 and (data := stream.read(size)):
        size -= len(data)


def _one_chunk(column: Any) -> Any:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def csv(
    path: str | os.PathLike[str],
    /,
    *,
    separator: str | None = None,
    quote: str = '"',
    header: bool = True,
    types: Mapping[str, str] | None = None,
    encoding: str = "utf-8",
    encoding_errors: str = "strict",
    decimal: str = ".",
    thousands: str = "",
    percent: bool = False,
    currency: str = "",
    dates: Sequence[str] | bool = (),
    missing: Sequence[str] = (),
    comment: str = "",
    errors: str = "raise",
    memory_budget: int | str = DEFAULT_BUDGET,
    name: str | None = None,
    timeout: float = TIMEOUT,
) -> Source:
    r"""Open CSV files as a source.

    An empty value, ``null``, ``NaN`` and ``NA`` are missing; in columns of numbers also these, ``N/A`` and ``None``
    in upper or lower case, and ``-``. The type of a column is inferred from the first 256 KiB. A column is numeric if
    at least half of its values are numbers; text in it is then an error with the line. It is binary as long as it has
    only 0 and 1, and if it has only true and false, or yes and no. Other columns are text, type ``S``, which is not
    learnt: give them a type in `types` to learn them as categories.

    Parameters
    ----------
    path : str or path
        A file, a folder, a pattern such as ``"data/*.csv"``, or the address of a file (``https://...``,
        ``s3://bucket/key``). Files may be packed with gzip or zstd. Lines end with ``\n`` or ``\r\n``; blank lines are
        skipped. Columns of several files are matched by their names; the first file gives the types.
    separator : str, optional
        One ASCII character. By default what a first line ``sep=;`` says, as Excel writes it, else a comma.
    quote : str, default '"'
        One ASCII character; ``""`` if the file has no quotes. A quoted value may contain separators, line ends,
        and the quote itself if it is doubled.
    header : bool, default True
        Whether the first line has the names of the columns; otherwise these are ``x1``, ``x2``, ... A first column
        without a name holds row labels: it is the text column ``row``, `Source.row_labels`. A last one without name and
        values is left out. `Source.notes` says so.
    types : mapping of str to str, optional
        Type letters of some columns: ``C`` or ``B`` numbers, ``T`` category, ``S`` text, ``L`` list (``|a|b``), ``X``
        not read at all.
    encoding : str, default "utf-8"
        Any encoding that extends ASCII, such as ``"latin-1"``.
    encoding_errors : {"strict", "replace"}, default "strict"
        What becomes of bytes that are not in the encoding: an error with the line, or the character U+FFFD.
    decimal : {".", ","}, default "."
        The decimal mark.
    thousands : str, default ""
        What separates groups of three digits: a comma, a point, an apostrophe or a blank.
    percent : bool, default False
        Whether ``12%`` is a number: 0.12.
    currency : str, default ""
        Signs that may stand before or after a number, such as ``"$€"``.
    dates : sequence of str, or bool, default ()
        Columns of dates and times of ISO 8601 that are learnt as seconds since 1970; True for all that look like that.
        Times without a zone are UTC.
    missing : sequence of str, default ()
        Further texts that mean missing in every column, such as ``("?", "-999")``. Blanks around a value are ignored. A
        number is compared as text, so that ``"-999"`` is not ``-999.0``.
    comment : str, default ""
        How lines at the top of a file begin that are skipped, such as ``"#"``. Further down they are rows.
    errors : {"raise", "missing"}, default "raise"
        What becomes of a value that does not fit its column: an error with the line, or a missing value;
        `Source.bad_values` counts them.
    memory_budget : int or str, default 256 MiB
        Bytes, or text such as ``"64MiB"``: the limit for reading and learning together, besides the project's state.
    name : str, optional
        The name of a file in messages; by default the path.
    timeout : float, default 30
        Seconds to wait for a host, for the connection and for each part of the data.

    Returns
    -------
    Source
        It yields Arrow tables.

    Raises
    ------
    InputError
        If a file is missing, empty, without rows, or not text; if a column name comes twice; if all is one
        column, and its name and rows all contain another separator; or if an option is not allowed. During the
        reading, with file, line and column: if a row has the wrong length, a value does not fit its column or is
        infinite, or bytes are not in the encoding; if a file becomes shorter, or its packed data is damaged.

    Notes
    -----
    Blocks of whole rows are parsed by several threads while others are learnt. Numbers are those of ``float(text)``, to
    the last bit (`symkernels.DelimitedParser`).

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import symjobs as sj
    >>> path = Path(tempfile.mkdtemp()) / "people.csv"
    >>> _ = path.write_text("height,town\n1.7,Bern\n?,Chur\n")
    >>> source = sj.sources.csv(path, types={"town": "T"}, missing=["?"])
    >>> snapshot = sj.Project("people").learn(source.tables()).snapshot()
    >>> snapshot.names, snapshot.moments.count.tolist()
    (('height', 'town$bern', 'town$chur'), [1.0, 2.0, 2.0])
    """
    options = CsvOptions.of(**{name: value for name, value in locals().items() if name in CSV_OPTIONS})
    budget = parse_budget(memory_budget)

    def open_one(file: DataFile, known: Mapping[str, str] | None) -> Source:
        return CsvSource(file, options.after(known), budget)

    return source_of(found_files(path, name=name, timeout=timeout), open_one, options.types)
