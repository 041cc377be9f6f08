"""Arrow IPC files, which Feather files of version 2 are, too."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

from symjobs._errors import InputError
from symjobs.sources._arrow_columns import ArrowColumns
from symjobs.sources._budget import DEFAULT_BUDGET, block_bytes, parse_budget
from symjobs.sources._column_source import ColumnSource
from symjobs.sources._files import ARROW, DataFile, NoRows
from symjobs.sources._location import TIMEOUT, found_files
from symjobs.sources._several import source_of
from symjobs.sources._source import Source

_SHARE = 16  # of the budget
_LARGEST = 2**25


class ArrowSource(ColumnSource):
    """An Arrow IPC file; see `arrow`."""

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
        import pyarrow as pa

        self._pa = pa
        self.name = str(file)
        self._file = file
        self._path = file.on_disk(checkpoint)
        self.total_bytes = self._path.stat().st_size
        self._block = block_bytes(memory_budget, _SHARE, _LARGEST)
        reader = self._open()
        self._take(ArrowColumns(reader.schema, types, dates, self.name, strict=strict))
        if not any(self._read(reader, i).num_rows for i in range(reader.num_record_batches)):
            raise NoRows(f"{self.name} holds no rows")

    def _batches(self) -> Generator[tuple[Any, int], None, None]:
        """Yield (record batch, bytes read so far); within a batch of the file the bytes are shared out by rows."""
        reader = self._open()
        count = reader.num_record_batches
        for number in range(count):
            batch = self._read(reader, number)
            if not batch.num_rows:
                continue
            batch = batch.select(list(self.attribute_names))
            step = max(1, self._block // max(1, batch.nbytes // batch.num_rows))
            for first in range(0, batch.num_rows, step):
                part = batch.slice(first, step)
                done = (number + (first + part.num_rows) / batch.num_rows) / count
                yield self._columns.converted(part), int(self.total_bytes * done)

    def _open(self) -> Any:
        try:
            # Not mapped: when a mapped file is cut, the process is killed.
            return self._pa.ipc.open_file(self._pa.OSFile(os.fsencode(self._path)))
        except (self._pa.ArrowException, OSError) as error:
            raise InputError(f"{self.name} is not an Arrow file that can be read: {error}") from error

    def _read(self, reader: Any, number: int) -> Any:
        try:
            return reader.get_batch(number)
        except (self._pa.ArrowException, OSError) as error:
            raise InputError(f"{self.name}, record batch {number}: damaged Arrow data: {error}") from error


def arrow(
    path: str | os.PathLike[str],
    /,
    *,
    types: Mapping[str, str] | None = None,
    dates: Sequence[str] | bool = (),
    memory_budget: int | str = DEFAULT_BUDGET,
    timeout: float = TIMEOUT,
) -> Source:
    """Open Arrow IPC files (Feather version 2) as a source.

    Parameters
    ----------
    path : str or path
        A file, a folder, a pattern, or an address, as for `csv`. A file from an address is copied to a temporary one.
    types : mapping of str to str, optional
        Columns that are categories (``T``), are carried as text (``S``) or are not read (``X``).
    dates : sequence of str, or bool, default ()
        Columns of dates and times that are learnt as seconds since 1970; True for all of them.
    memory_budget : int or str, default 256 MiB
        Bytes, or text such as ``"64MiB"``. A record batch of the file is read as a whole.
    timeout : float, default 30
        Seconds to wait for a host, for the connection and for each part of the data.

    Returns
    -------
    Source
        It yields Arrow record batches.

    Raises
    ------
    InputError
        If a file is missing, empty, without rows, damaged or no Arrow file, `types` has an unknown column, or a column
        has a type that cannot be learnt, and is not left out.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import pyarrow as pa
    >>> import symjobs as sj
    >>> path = Path(tempfile.mkdtemp()) / "people.arrow"
    >>> table = pa.table({"height": [1.7, 1.8]})
    >>> with pa.ipc.new_file(path, table.schema) as file:
    ...     file.write(table)
    >>> sj.Project("people").learn(sj.sources.arrow(path)).n_rows
    2
    """
    budget = parse_budget(memory_budget)

    def open_one(file: DataFile, known: Mapping[str, str] | None) -> Source:
        if not file.start().startswith(ARROW):
            raise InputError(f"{file} is not an Arrow file: it does not begin with ARROW1")
        return ArrowSource(file, types or {}, dates, budget, strict=known is None).after(known or {})

    return source_of(found_files(path, timeout=timeout), open_one, types or {})
