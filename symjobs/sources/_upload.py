"""A file that a client has sent."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import Any

from symjobs.sources._budget import DEFAULT_BUDGET, parse_budget
from symjobs.sources._files import checked_file
from symjobs.sources._open import open_files, options_of
from symjobs.sources._source import BadValues, Source


class Upload(Source):
    """A file that belongs to the source; see `upload`."""

    def __init__(self, path: str | os.PathLike[str], source: Source) -> None:
        self._path = path
        self._source = source
        self.name = source.name
        self.total_bytes = source.total_bytes
        self.attribute_names = source.attribute_names
        self.attribute_types = source.attribute_types
        self.row_labels = source.row_labels
        self.notes, self.hints, self.texts = source.notes, source.hints, source.texts
        self.declared = source.declared

    def batches(self) -> Iterator[tuple[Any, int]]:
        return self._source.batches()

    @property
    def bad_values(self) -> Mapping[str, BadValues]:  # type: ignore[override]
        return self._source.bad_values

    def after(self, known: Mapping[str, str]) -> Source:
        source = self._source.after(known)
        return self if source is self._source else Upload(self._path, source)

    def discard(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)


def upload(
    path: str | os.PathLike[str],
    name: str,
    /,
    *,
    info: Mapping[str, str] | None = None,
    types: Mapping[str, str] | None = None,
    memory_budget: int | str = DEFAULT_BUDGET,
) -> Source:
    """Open a file that a client has sent, and that a server has stored under a name of its own.

    Messages say the name that the client gave it. `Source.discard` removes the file. The job that gets the source does
    this when it has ended, however it ends, and `rest.submit_job` when it makes no job.

    Parameters
    ----------
    path : str or path
        The stored file, CSV or Parquet. If it cannot be opened, it is removed, too.
    name : str
        The client's name for it.
    info : mapping of str to str, optional
        Keys of the format, such as ``csv_entry_separator`` and ``errorHandling``, as `open` takes them.
    types : mapping of str to str, optional
        Type letters of some columns, as `csv` and `parquet` take them.
    memory_budget : int or str, default 256 MiB
        Bytes, or text such as ``"64MiB"``.

    Returns
    -------
    Source

    Raises
    ------
    InputError
        If the file is refused, as by `csv` or `parquet`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import symjobs as sj
    >>> stored = Path(tempfile.mkdtemp()) / "7f3a"
    >>> _ = stored.write_text("height,weight\\n1.7,70\\nhigh,80\\n")
    >>> source = sj.sources.upload(stored, "people.csv")
    >>> with sj.JobManager() as manager:
    ...     handle = manager.submit(sj.LearnJob(sj.Project("people"), source))
    >>> handle.info().details["error"].partition(":")[0]
    "people.csv, line 3, column 'height'"
    >>> stored.exists()
    False
    """
    try:
        options = options_of(info or {}, str(name), types)
        return Upload(path, open_files([checked_file(path, str(name))], options, parse_budget(memory_budget)))
    except BaseException:
        with contextlib.suppress(OSError, TypeError):
            os.unlink(path)
        raise
