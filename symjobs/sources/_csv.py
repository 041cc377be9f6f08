"""CSV files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any, Literal, Protocol

from symjobs._entities import DataFrame
from symjobs._errors import InputError, MissingDependency
from symjobs._tables import MISSING_TEXTS
from symjobs.sources._blocks import Block, RecordFinder, blocks
from symjobs.sources._budget import DEFAULT_BUDGET, block_bytes, parse_budget
from symjobs.sources._csv_plain import PlainReader, numbered_rows
from symjobs.sources._dialect import Columns, Dialect, check_separator, find_columns
from symjobs.sources._files import SourceFile, check_text, checked_file
from symjobs.sources._source import Source

_BOM = b"\xef\xbb\xbf"
_SAMPLE_BYTES = 2**18  # types are inferred from so many bytes, with both readers

# How many bytes of memory a byte of CSV takes until it is learnt, by reader. pyarrow: the bytes, the parsed text,
# float64 columns and the block of the moments, at two bytes a value. Python: an object a value, and a list.
_SHARE = {"pyarrow": 32, "python": 64}
_LARGEST = {"pyarrow": 2**24, "python": 2**21}


class _Reader(Protocol):
    def table(self, block: Block) -> Any: ...


class CsvSource(Source):
    """A CSV file; see `csv`."""

    def __init__(
        self,
        file: SourceFile,
        dialect: Dialect,
        header: bool,
        types: Mapping[str, str] | None,
        memory_budget: int,
        reader: str,
    ) -> None:
        self.name = str(file)
        self.reader = reader
        self.total_bytes = file.size()
        self._file = file
        self._dialect = dialect
        self._finder = RecordFinder(dialect.separator, dialect.quote)
        self._limit = max(memory_budget // 4, 2**16)
        self._block = min(block_bytes(memory_budget, _SHARE[reader], _LARGEST[reader]), self._limit)
        names, self._start, sample = self._look(header)
        if header and not set(names) <= set(types or ()):
            check_separator(names, sample, dialect, self.name)
        self._columns = find_columns(names, sample, types, dialect, self.name)
        self.attribute_names = tuple(self._columns.names[j] for j in self._columns.learnt)

    def batches(self) -> Iterator[tuple[Any, int]]:
        """Yield (table, bytes read so far)."""
        reader = self._reader(self._columns)
        for block in blocks(self._file, self._start, self._block, self._limit, self._finder):
            table = reader.table(block)
            if _has_rows(table):
                yield table, block.end

    def _reader(self, columns: Columns) -> _Reader:
        if self.reader == "python":
            return PlainReader(self._file, self._dialect, columns)
        from symjobs.sources._csv_arrow import ArrowReader

        return ArrowReader(self._file, self._dialect, columns)

    def _look(self, header: bool) -> tuple[list[str], int, list[list[str]]]:
        # The names of the columns, the offset of the first row of data, and the first rows.
        with self._file.open() as opened:
            opening = opened.read(4096)
        check_text(self._file, opening)
        if b"\r" in opening and b"\n" not in opening:
            raise InputError(f"{self.name} ends its lines with \\r alone; convert them to \\n first")
        start = len(_BOM) if opening.startswith(_BOM) and self._dialect.is_utf8 else 0
        size = min(_SAMPLE_BYTES, self._limit)
        first = next(blocks(self._file, start, size, self._limit, self._finder), None)
        rows = [] if first is None else list(numbered_rows(self._file, self._dialect, first))
        if not rows:
            raise InputError(f"{self.name} holds no rows")
        if not header:
            names = [f"x{j + 1}" for j in range(len(rows[0][1]))]
            return names, start, [row for _, row in rows]
        names = [name.strip() for name in rows[0][1]]
        self._check_names(names)
        data = self._after_header(start)
        if len(rows) == 1 and first is not None and first.end == self.total_bytes:
            raise InputError(f"{self.name} has a header and no rows below it")
        return names, data, [row for _, row in rows[1:]]

    def _after_header(self, start: int) -> int:
        # The header is the first record that is not blank; it may hold line ends in quotes.
        with self._file.open() as opened:
            opened.seek(start)
            record = b""
            while line := opened.readline():
                record += line
                if record.strip(b"\r\n") and self._finder.end_of_last(record):
                    break
        return start + len(record)

    def _check_names(self, names: list[str]) -> None:
        seen: dict[str, int] = {}
        for position, name in enumerate(names, start=1):
            if not name:
                raise InputError(
                    f"{self.name}, line 1: column {position} has no name; name it, or pass header=False if the first "
                    "line is data (pandas writes such a column of row numbers: use to_csv(index=False))"
                )
            if name in seen:
                raise InputError(
                    f"{self.name}, line 1: columns {seen[name]} and {position} are both named {name!r}; rename one, "
                    "since columns are matched by name"
                )
            seen[name] = position


def _has_rows(table: Any) -> bool:
    # A block of blank lines, such as those at the end of a file, has none.
    return bool(table.data if isinstance(table, DataFrame) else table.num_rows)


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
    reader: Literal["auto", "pyarrow", "python"] = "auto",
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
        Whether the first line has the names of the columns; otherwise these are ``x1``, ``x2``, ...
    types : mapping of str to str, optional
        Type letters of some columns: ``C`` or ``B`` numbers, ``T`` category, ``S`` text, ``L`` list (``|a|b``), ``X``
        not read at all.
    encoding : str, default "utf-8"
        Any encoding that extends ASCII, such as ``"latin-1"``.
    missing : sequence of str, default ()
        Further texts that mean missing in every column, such as ``("?", "-999")``. Blanks around a value are ignored. A
        number is compared as text, so that ``"-999"`` is not ``-999.0``.
    memory_budget : int or str, default 256 MiB
        Bytes, or text such as ``"64MiB"``: the limit for reading and learning together, besides the project's state.
    reader : {"auto", "pyarrow", "python"}
        pyarrow (extra ``files``) is 10 to 30 times faster than Python's csv module; the answers are the same.
        ``"auto"`` takes pyarrow if it is installed.
    name : str, optional
        The name in messages; by default the path.

    Returns
    -------
    Source
        It yields Arrow tables, or `DataFrame` entities with the reader ``"python"``.

    Raises
    ------
    InputError
        If the file is missing, empty, without rows, or not text; if a column name is empty or comes twice; if there is
        one column, and its name and rows all contain another separator; or if an option is not allowed. During the
        reading, with file, line and column: if a row has the wrong length, a value does not fit its column or is
        infinite, or bytes are not in the encoding.
    MissingDependency
        If `reader` is ``"pyarrow"`` and pyarrow is not installed.

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
    if reader not in ("auto", "pyarrow", "python"):
        raise InputError(f"reader is {reader!r}; allowed are 'auto', 'pyarrow' and 'python'")
    found = find_spec("pyarrow") is not None
    if reader == "pyarrow" and not found:
        raise MissingDependency("pyarrow", "files", "reader='pyarrow'")
    chosen = ("pyarrow" if found else "python") if reader == "auto" else reader
    dialect = Dialect(separator, quote, encoding, MISSING_TEXTS | _texts(missing))
    return CsvSource(checked_file(path, name), dialect, header, types, parse_budget(memory_budget), chosen)
