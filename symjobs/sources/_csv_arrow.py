"""Read a block of CSV with pyarrow."""

from __future__ import annotations

import re
from typing import Any

from symjobs._tables import MISSING_TEXTS
from symjobs.sources._blocks import Block
from symjobs.sources._csv_plain import PlainReader
from symjobs.sources._dialect import FALSE_TEXTS, TRUE_TEXTS, Columns, Dialect, Kind, is_number
from symjobs.sources._files import SourceFile


class ArrowReader:
    """Turns blocks of one file into Arrow tables: numbers as float64, categories as dictionaries.

    A block that pyarrow refuses goes to the plain reader, which raises the error, or reads what only pyarrow refuses.
    So both readers accept the same files and give the same answers.
    """

    def __init__(self, file: SourceFile, dialect: Dialect, columns: Columns) -> None:
        import pyarrow as pa
        import pyarrow.compute
        import pyarrow.csv

        self._pa = pa
        self._dialect = dialect
        self._columns = columns
        self._plain = PlainReader(file, dialect, columns)
        further = dialect.missing - MISSING_TEXTS
        self._further = pa.array(sorted(further), pa.string()) if further else None
        self._padded = _padded_number([text for text in further if is_number(text)])
        text = pa.string()
        types = {Kind.NUMBER: pa.float64(), Kind.FLAG: pa.bool_(), Kind.CATEGORY: pa.dictionary(pa.int32(), text)}
        self._parse = pa.csv.ParseOptions(
            delimiter=dialect.separator,
            quote_char=dialect.quote or False,
            newlines_in_values=bool(dialect.quote),
        )
        self._convert = pa.csv.ConvertOptions(
            column_types={columns.names[j]: types.get(columns.kinds[j], text) for j in columns.learnt},
            include_columns=[columns.names[j] for j in columns.learnt],
            null_values=sorted(dialect.missing),
            true_values=list(TRUE_TEXTS),
            false_values=list(FALSE_TEXTS),
            strings_can_be_null=True,
        )

    def table(self, block: Block) -> Any:
        """Return the rows of the block: an Arrow table, or a DataFrame entity where pyarrow could not read it."""
        pa = self._pa
        if self._padded and self._padded.search(block.data):
            return self._plain.table(block)
        # One chunk for the whole block, which is learnt as one batch.
        read = pa.csv.ReadOptions(column_names=list(self._columns.names), block_size=len(block.data) + 1)
        try:
            table = pa.csv.read_csv(self._utf8(block), read, self._parse, self._convert)
        except (pa.ArrowInvalid, UnicodeDecodeError):
            return self._plain.table(block)
        return self._with_lists(self._without_padded(table)) if self._finite(table) else self._plain.table(block)

    def _utf8(self, block: Block) -> Any:
        data = block.data if self._dialect.is_utf8 else str(block.data, self._dialect.encoding).encode()
        # A copy in Arrow's memory. A thread of pyarrow may free its input later than `read_csv` returns; if that is an
        # object of Python (`py_buffer`) and Python is about to exit, the process aborts.
        buffer = self._pa.allocate_buffer(len(data))
        memoryview(buffer).cast("B")[:] = data
        return buffer

    def _finite(self, table: Any) -> bool:
        # The plain reader refuses it, with the line of the infinite value.
        pc = self._pa.compute
        floats = (column for column in table.columns if self._pa.types.is_floating(column.type))
        return not any(pc.any(pc.is_inf(column)).as_py() for column in floats)

    def _without_padded(self, table: Any) -> Any:
        # pyarrow compares texts with their blanks, and " ?" is missing, as "?" is.
        if self._further is None:
            return table
        pa, pc = self._pa, self._pa.compute
        for i, column in enumerate(table.columns):
            coded = pa.types.is_dictionary(column.type)
            if not coded and not pa.types.is_string(column.type):
                continue
            texts = column.cast(pa.string()) if coded else column
            padded = pc.is_in(pc.utf8_trim_whitespace(texts), value_set=self._further)
            if pc.any(padded).as_py():
                texts = pc.if_else(padded, pa.scalar(None, pa.string()), texts)
                table = table.set_column(i, table.field(i).name, texts.dictionary_encode() if coded else texts)
        return table

    def _with_lists(self, table: Any) -> Any:
        # "|a|b" -> ["a", "b"]: an Arrow list, which needs no declared type.
        pc = self._pa.compute
        for j in self._columns.learnt:
            if self._columns.kinds[j] is Kind.LIST:
                i = table.schema.get_field_index(self._columns.names[j])
                members = pc.split_pattern(pc.utf8_trim(table.column(i), "|"), "|")
                table = table.set_column(i, self._columns.names[j], members)
        return table


def _padded_number(texts: list[str]) -> re.Pattern[bytes] | None:
    # Where a number such as -999 means missing, pyarrow would read " -999" as that number.
    if not texts:
        return None
    either = b"|".join(re.escape(text.encode()) for text in texts)
    return re.compile(rb"[ \t](?:%b)|(?:%b)[ \t]" % (either, either))
