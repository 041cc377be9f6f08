"""CSV files, read with pyarrow."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from symjobs._errors import InputError
from symjobs._tables import MISSING_TEXTS
from symjobs.sources._budget import DEFAULT_BUDGET, block_bytes, parse_budget
from symjobs.sources._cells import BadText, Cells, bad_cell
from symjobs.sources._dialect import (
    FALSE_TEXTS,
    TRUE_TEXTS,
    Dialect,
    Kind,
    check_separator,
    find_columns,
    is_number,
    separator_hint,
)
from symjobs.sources._files import SourceFile, check_text, checked_file
from symjobs.sources._source import Source
from symjobs.sources._text import TextCheck, check_last_quote, line_of, lines_of_first, utf8_copy

_SAMPLE_BYTES = 2**18  # types are inferred from so many bytes
_SHARE = 128  # of the budget for a block: pyarrow reads 32 ahead, and the rest is for what comes of a few of them
_LARGEST = 2**20  # more at once leaves the cache


class CsvSource(Source):
    """A CSV file; see `csv`."""

    def __init__(
        self,
        file: SourceFile,
        dialect: Dialect,
        header: bool,
        types: Mapping[str, str] | None,
        memory_budget: int,
    ) -> None:
        self.name = str(file)
        self._is_sent = file.is_sent
        if not dialect.is_utf8:
            file, dialect = utf8_copy(file, dialect), replace(dialect, encoding="utf-8")
        self.total_bytes = file.size()
        self._file = file
        self._dialect = dialect
        self._limit = max(memory_budget // 4, 2**16)
        self._block = min(block_bytes(memory_budget, _SHARE, _LARGEST), self._limit)
        import pyarrow as pa
        import pyarrow.csv

        self._pa = pa
        self._cells = Cells(dialect)
        self._skipped = 0  # lines before the first row of data
        self._header = header
        names, sample = self._look()
        if header and not set(names) <= set(types or ()):
            check_separator(names, sample, dialect, self.name)
        self._columns = find_columns(names, sample, types, dialect, self.name)
        self.attribute_names = tuple(self._columns.names[j] for j in self._columns.learnt)
        self.row_labels = self._columns.row_labels
        self.notes = self._columns.notes

    def batches(self) -> Iterator[tuple[Any, int]]:
        """Yield (table, bytes read so far)."""
        done = position = 0
        block = self._block
        read = self._careful if self._padded_numbers else self._typed
        while True:
            try:
                for table, now in read(block, done):
                    done += table.num_rows
                    position = max(position, now)
                    yield table, position
            except _NeedsCare:
                read = self._careful
            except _RowTooLong:
                block = self._larger(block, done)
            else:
                return

    @property
    def _padded_numbers(self) -> bool:
        # Where -999 means missing, pyarrow's own conversion would read " -999" as a number.
        return any(is_number(text) for text in self._dialect.missing - MISSING_TEXTS)

    def _typed(self, block: int, done: int) -> Iterator[tuple[Any, int]]:
        """Yield the rows from `done` on as pyarrow converts them; `_NeedsCare` if it cannot."""
        pa = self._pa
        text = pa.string()
        coded = pa.dictionary(pa.int32(), text)
        types = {Kind.NUMBER: pa.float64(), Kind.FLAG: pa.bool_(), Kind.CATEGORY: coded, Kind.LIST: coded}
        convert = {
            "column_types": {str(j): types.get(self._columns.kinds[j], text) for j in self._columns.learnt},
            "null_values": sorted(self._dialect.missing),
            "true_values": list(TRUE_TEXTS),
            "false_values": list(FALSE_TEXTS),
            "strings_can_be_null": True,
        }
        for batch, position in self._open(block, done, convert):
            columns = []
            for j, column in zip(self._columns.learnt, batch.columns, strict=True):
                kind = self._columns.kinds[j]
                if kind is Kind.NUMBER and self._cells.any_infinite(column):
                    raise _NeedsCare("an infinite value")
                if kind is Kind.TEXT:
                    column = self._cells.converted(column, kind)
                elif kind in (Kind.CATEGORY, Kind.LIST):
                    column = self._cells.coded(column, kind)
                columns.append(column)
            yield self._table(columns), position

    def _careful(self, block: int, done: int) -> Iterator[tuple[Any, int]]:
        """Yield the rows from `done` on, converted from text; the first value or row that is wrong is an InputError."""
        wrong: list[Any] = []

        def note(row: Any) -> str:
            wrong.append(row)
            return "skip"

        convert = {"column_types": {str(j): self._pa.string() for j in self._columns.learnt}}
        try:
            for batch, position in self._open(block, done, convert, note):
                columns, bad = [], {}
                for j, texts in zip(self._columns.learnt, batch.columns, strict=True):
                    try:
                        columns.append(self._cells.converted(texts, self._columns.kinds[j]))
                    except BadText as error:
                        bad[done + error.row, j] = error
                row, j = min(bad, default=(done + batch.num_rows, 0))
                if wrong and self._record(wrong[0]) <= row:
                    raise self._wrong_length(wrong[0])
                if bad:
                    raise self._bad_cell(row, j, bad[row, j])
                done += batch.num_rows
                yield self._table(columns), position
        except _NeedsCare as error:
            raise InputError(f"{self.name}: {error}") from error
        if wrong:
            raise self._wrong_length(wrong[0])

    def _open(
        self, block: int, done: int, convert: dict[str, Any], note: Callable[[Any], str] | None = None
    ) -> Iterator[tuple[Any, int]]:
        # Yield (record batch, bytes read so far).
        names = [str(j) for j in range(len(self._columns.names))]  # names of columns may be equal to each other
        read = {"column_names": names, "skip_rows": self._skipped, "skip_rows_after_names": done}
        convert |= {"include_columns": [str(j) for j in self._columns.learnt]}
        with self._reader(block, read, convert, note) as (reader, check):
            for number, batch in enumerate(reader, start=1):
                check()
                if batch.num_rows:
                    yield batch, min(number * block, self.total_bytes)  # pyarrow itself is some blocks ahead
            check(last=True)

    @contextmanager
    def _reader(
        self, block: int, read: dict[str, Any], convert: dict[str, Any], note: Callable[[Any], str] | None
    ) -> Iterator[tuple[Any, Callable[..., None]]]:
        # A reader, and a function that checks the bytes that it has read.
        pa, csv, dialect = self._pa, self._pa.csv, self._dialect
        parse = csv.ParseOptions(
            delimiter=dialect.separator,
            quote_char=dialect.quote or False,
            newlines_in_values=bool(dialect.quote),
            invalid_row_handler=note,
        )
        with TextCheck(self._file, dialect) as text, pa.OSFile(os.fsencode(self._file.path)) as opened:

            def check(*, last: bool = False) -> None:
                text.follow(opened.tell())
                if last and text.quotes % 2:
                    check_last_quote(self._file, dialect)

            try:
                reader = csv.open_csv(
                    opened,
                    # One thread is as fast, and numbers the rows for `note`.
                    csv.ReadOptions(block_size=block, use_threads=False, **read),
                    parse,
                    csv.ConvertOptions(check_utf8=False, **convert),  # `check` does
                )
                yield reader, check
            except pa.ArrowInvalid as error:
                if "straddl" in str(error) or "larger than block" in str(error):
                    raise _RowTooLong from None
                raise _NeedsCare(str(error)) from None

    def _table(self, columns: list[Any]) -> Any:
        return self._pa.table(columns, list(self.attribute_names))

    def _larger(self, block: int, done: int) -> int:
        """Return the size of larger blocks, for a row that is longer than one."""
        if block < self._limit:
            return min(4 * block, self._limit)
        check_last_quote(self._file, self._dialect)
        raise InputError(
            f"{self._place(done)}: no end of the row within {block} bytes; a quote is not closed, the line ends are "
            "not \\n, or memory_budget is too small"
        )

    # -- messages ------------------------------------------------------------------------------------------------------

    def _record(self, row: Any) -> int:
        # Which row of data it is, from 0; pyarrow counts skipped lines, too, and from 1.
        return row.number - 1 - self._skipped

    def _place(self, record: int) -> str:
        return f"{self.name}, line {line_of(self._file, self._dialect, record + self._header)}"

    def _wrong_length(self, row: Any) -> InputError:
        check_last_quote(self._file, self._dialect)
        return InputError(
            f"{self._place(self._record(row))}: {row.actual_columns} values in the row, and the header has "
            f"{row.expected_columns} columns{separator_hint(self._columns.names, self._dialect)}"
        )

    def _bad_cell(self, record: int, j: int, bad: BadText) -> InputError:
        check_last_quote(self._file, self._dialect)
        name, kind = self._columns.names[j], self._columns.kinds[j]
        return bad_cell(self._place(record), name, kind, bad, sent=self._is_sent)

    # -- the first rows ------------------------------------------------------------------------------------------------

    def _look(self) -> tuple[list[str], list[list[str]]]:
        """Return the names of the columns, and the first rows of data."""
        with self._file.open() as opened:
            opening = opened.read(4096)
        check_text(self._file, opening)
        if b"\r" in opening and b"\n" not in opening:
            raise InputError(f"{self.name} ends its lines with \\r alone; convert them to \\n first")
        rows, more = self._first_rows()
        if not rows:
            raise InputError(f"{self.name} holds no rows")
        if not self._header:
            return [f"x{j + 1}" for j in range(len(rows[0]))], rows
        if len(rows) == 1 and not more:
            raise InputError(f"{self.name} has a header and no rows below it")
        self._skipped = lines_of_first(self._file, self._dialect)
        return [name.strip() for name in rows[0]], rows[1:]

    def _first_rows(self) -> tuple[list[list[str]], bool]:
        # The text of the first rows that are as long as the first one, and whether there are more rows.
        block, wrong = min(_SAMPLE_BYTES, self._limit), []

        def note(row: Any) -> str:
            wrong.append(row)
            return "skip"

        while True:
            try:
                with self._reader(block, {"autogenerate_column_names": True}, {}, note) as (reader, _):
                    names = reader.schema.names
                text = {"column_types": dict.fromkeys(names, self._pa.string())}
                with self._reader(block, {"autogenerate_column_names": True}, text, note) as (reader, check):
                    columns = next(iter(reader)).columns
                    more = bool(wrong) or next(iter(reader), None) is not None
                    check(last=not more)
            except _RowTooLong:
                block = self._block = self._larger(block, 0)
            except _NeedsCare:  # no line that is not blank
                return [], False
            else:
                return [list(row) for row in zip(*(column.to_pylist() for column in columns), strict=True)], more


class _NeedsCare(Exception):
    """pyarrow has not taken a value as it is written, or a row."""


class _RowTooLong(Exception):
    """A row is longer than a block."""


def _texts(missing: Sequence[str]) -> frozenset[str]:
    if isinstance(missing, str) or not all(isinstance(text, str) for text in missing):
        raise InputError(f"missing is {missing!r}; it must be a sequence of texts, such as ('?', '-')")
    return frozenset(text.strip() for text in missing)


def csv(
    path: str | os.PathLike[str],
    /,
    *,
    separator: str = ",",
    quote: str = '"',
    header: bool = True,
    types: Mapping[str, str] | None = None,
    encoding: str = "utf-8",
    missing: Sequence[str] = (),
    memory_budget: int | str = DEFAULT_BUDGET,
    name: str | None = None,
) -> Source:
    r"""Open a CSV file as a source.

    An empty value, ``null``, ``NaN`` and ``NA`` are missing. The type of a column is inferred from the first 256 KiB. A
    column is numeric if at least half of its values are numbers; text in it is then an error with the line. It is
    binary as long as it has only 0 and 1, and if it has only true and false. Other columns are text, type ``S``, which
    is not learnt: give them a type in `types` to learn them as categories.

    Parameters
    ----------
    path : str or path
        The file. Lines end with ``\n`` or ``\r\n``; blank lines are skipped.
    separator : str, default ","
        One ASCII character.
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
        Any encoding that extends ASCII, such as ``"latin-1"``. A file that is not UTF-8 is copied to a temporary one.
    missing : sequence of str, default ()
        Further texts that mean missing in every column, such as ``("?", "-999")``. Blanks around a value are ignored. A
        number is compared as text, so that ``"-999"`` is not ``-999.0``.
    memory_budget : int or str, default 256 MiB
        Bytes, or text such as ``"64MiB"``: the limit for reading and learning together, besides the project's state.
    name : str, optional
        The name in messages; by default the path.

    Returns
    -------
    Source
        It yields Arrow tables.

    Raises
    ------
    InputError
        If the file is missing, empty, without rows, or not text; if a column name comes twice; if all is one
        column, and its name and rows all contain another separator; or if an option is not allowed. During the
        reading, with file, line and column: if a row has the wrong length, a value does not fit its column or is
        infinite, or bytes are not in the encoding.

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
    dialect = Dialect(separator, quote, encoding, MISSING_TEXTS | _texts(missing))
    return CsvSource(checked_file(path, name), dialect, header, types, parse_budget(memory_budget))
