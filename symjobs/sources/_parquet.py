"""Parquet files."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

from symjobs._errors import InputError
from symjobs.sources._arrow_columns import ArrowColumns
from symjobs.sources._budget import DEFAULT_BUDGET, block_bytes, parse_budget
from symjobs.sources._column_source import ColumnSource
from symjobs.sources._files import PARQUET, DataFile, NoRows
from symjobs.sources._location import TIMEOUT, found_files
from symjobs.sources._several import source_of
from symjobs.sources._source import Source

_SHARE = 24  # a decoded byte, the pages it came from, its Arrow column, and the moments' block
_LARGEST = 2**25


class ParquetSource(ColumnSource):
    """A Parquet file; see `parquet`."""

    def __init__(
        self,
        file: DataFile,
        types: Mapping[str, str],
        dates: Sequence[str] | bool,
        memory_budget: int,
        *,
        strict: bool = True,
        checkpoint: Callable[[], object] | None = None,
    ) -> None:
        self.name = str(file)
        self._file = file
        self._path = file.on_disk(checkpoint)
        self.total_bytes = self._path.stat().st_size
        self._budget = memory_budget
        with self._open() as opened:
            if opened.metadata.num_rows == 0:
                raise NoRows(f"{self.name} holds no rows")
            self._take(ArrowColumns(opened.schema_arrow, types, dates, self.name, strict=strict))
            self._rows = self._batch_rows(opened.metadata)

    def _batches(self) -> Generator[tuple[Any, int], None, None]:
        """Yield (record batch, bytes read so far); within a row group the bytes are shared out by rows."""
        import pyarrow as pa

        with self._open() as file:
            sizes = [file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups)]
            scale = self.total_bytes / max(1, sum(sizes))
            before = 0.0
            columns = list(self.attribute_names)
            for group, size in enumerate(sizes):
                rows = file.metadata.row_group(group).num_rows
                seen = 0
                try:
                    for batch in file.iter_batches(self._rows, [group], columns=columns, use_threads=True):
                        seen += batch.num_rows
                        position = int(scale * (before + size * seen / max(1, rows)))
                        yield self._columns.converted(batch), min(position, self.total_bytes)
                except (pa.ArrowException, OSError) as error:
                    place = f"{self.name}, row group {group}, after its row {seen}"
                    raise InputError(f"{place}: damaged Parquet data: {error}") from error
                before += size

    def _open(self) -> Any:
        import pyarrow as pa
        from pyarrow.parquet import ParquetFile

        try:
            # A buffer a column instead of whole column chunks: a row group may be larger than the budget.
            return ParquetFile(self._path, pre_buffer=False, buffer_size=self._buffer_bytes())
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{self.name} is not a Parquet file that can be read: {error}") from error

    def _buffer_bytes(self) -> int:
        return max(2**12, min(2**18, self._budget // 2**10))

    def _batch_rows(self, metadata: Any) -> int:
        # Numbers become float64; a text takes what the file says of its decoded size, and some for its place.
        groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
        widest = max(sum(_row_bytes(g.column(j), g.num_rows) for j in range(g.num_columns)) for g in groups)
        return max(1, block_bytes(self._budget, _SHARE, _LARGEST) // max(1, int(widest)))


def _row_bytes(chunk: Any, rows: int) -> float:
    if chunk.physical_type in ("BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"):
        return 16 + 4 * chunk.total_uncompressed_size / max(1, rows)  # dictionary coded: smaller in the file
    return 8.0


def parquet(
    path: str | os.PathLike[str],
    /,
    *,
    types: Mapping[str, str] | None = None,
    dates: Sequence[str] | bool = (),
    memory_budget: int | str = DEFAULT_BUDGET,
    name: str | None = None,
    timeout: float = TIMEOUT,
) -> Source:
    """Open Parquet files as a source.

    The types of columns are those of the file: numbers, booleans, decimals, text, dictionaries (categories) and lists.
    Dates and times are text, which is not learnt.

    Parameters
    ----------
    path : str or path
        A file, a folder, a pattern, or an address, as for `csv`. A file from an address is copied to a temporary one.
    types : mapping of str to str, optional
        Columns that are categories (``T``), are carried as text (``S``) or are not read (``X``).
    dates : sequence of str, or bool, default ()
        Columns of dates and times that are learnt as seconds since 1970; True for all of them.
    memory_budget : int or str, default 256 MiB
        Bytes, or text such as ``"64MiB"``: the limit for reading and learning together, besides the project's state. A
        page of each column (usually 1 MiB) is decoded as a whole.
    name : str, optional
        The name of a file in messages; by default the path.
    timeout : float, default 30
        Seconds to wait for a host, for the connection and for each part of the data.

    Returns
    -------
    Source
        It yields Arrow record batches.

    Raises
    ------
    InputError
        If the file is missing, empty, without rows, damaged or not Parquet, `types` has an unknown column, or
        a column has a type that cannot be learnt, and is not left out.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import pyarrow as pa, pyarrow.parquet as pq
    >>> import symjobs as sj
    >>> path = Path(tempfile.mkdtemp()) / "people.parquet"
    >>> pq.write_table(pa.table({"height": [1.7, 1.8], "town": ["Bern", "Chur"]}), path)
    >>> sj.Project("people").learn(sj.sources.parquet(path, types={"town": "T"}).tables()).n_rows
    2
    """
    budget = parse_budget(memory_budget)

    def open_one(file: DataFile, known: Mapping[str, str] | None) -> Source:
        if not file.start().startswith(PARQUET):
            raise InputError(f"{file} is not a Parquet file: it does not begin with PAR1")
        return ParquetSource(file, types or {}, dates, budget, strict=known is None).after(known or {})

    return source_of(found_files(path, name=name, timeout=timeout), open_one, types or {})
