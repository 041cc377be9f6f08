"""Open the data source that a DSInfo describes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import msgspec

from symjobs._entities import DSInfo
from symjobs._errors import InputError
from symjobs.sources._budget import DEFAULT_BUDGET
from symjobs.sources._csv import csv
from symjobs.sources._files import checked_file, is_parquet
from symjobs.sources._parquet import parquet
from symjobs.sources._source import Source

_SUPPORTED = ("localfile",)
_CSV_KEYS = ("csv_entry_separator", "csv_quote_character", "csv_header_missing")


def open(
    dsinfo: DSInfo | Mapping[str, Any],
    /,
    *,
    types: Mapping[str, str] | None = None,
    memory_budget: int | str = DEFAULT_BUDGET,
) -> Source:
    """Open the data source that a DSInfo describes.

    Parameters
    ----------
    dsinfo : DSInfo or mapping
        ``{"type": "localfile", "name": "d", "info": {"path": "data.csv"}}``. A file that begins like Parquet is read
        as Parquet, any other file as CSV. For CSV `info` may have ``csv_entry_separator``, ``csv_quote_character``
        and ``csv_header_missing`` (``"true"`` or ``"false"``).
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
        If the type is not supported, there is no path, a key ``csv_...`` is unknown, or `csv` or `parquet` refuse the
        file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import symjobs as sj
    >>> path = Path(tempfile.mkdtemp()) / "people.csv"
    >>> _ = path.write_text("height;town\\n1.7;Bern\\n1.8;Chur\\n")
    >>> dsinfo = sj.DSInfo("localfile", "people", {"path": str(path), "csv_entry_separator": ";"})
    >>> sj.sources.open(dsinfo).attribute_names
    ('height', 'town')
    """
    described = _as_dsinfo(dsinfo)
    place = f"data source {described.name!r}"
    if described.type not in _SUPPORTED:
        raise InputError(f"{place} has the type {described.type!r}; supported: {', '.join(_SUPPORTED)}")
    path = described.info.get("path")
    if not path:
        raise InputError(f"{place} has no info.path; give the path of a CSV or Parquet file")
    return open_file(path, None, described.info, place, types, memory_budget)


def open_file(
    path: str | os.PathLike[str],
    name: str | None,
    info: Mapping[str, str],
    place: str,
    types: Mapping[str, str] | None,
    memory_budget: int | str,
) -> Source:
    """Open a file as Parquet if it begins like that, else as CSV, with the keys ``csv_...`` of a DSInfo."""
    unknown = [key for key in info if key.startswith("csv_") and key not in _CSV_KEYS]
    if unknown:
        raise InputError(f"{place} has the unknown key {unknown[0]!r}; known are {', '.join(_CSV_KEYS)}")
    if is_parquet(checked_file(path, name)):
        return parquet(path, types=types, memory_budget=memory_budget, name=name)
    return csv(
        path,
        separator=info.get("csv_entry_separator", ","),
        quote=info.get("csv_quote_character", '"'),
        header=not _flag(info, "csv_header_missing", place),
        types=types,
        memory_budget=memory_budget,
        name=name,
    )


def _as_dsinfo(dsinfo: DSInfo | Mapping[str, Any]) -> DSInfo:
    if isinstance(dsinfo, DSInfo):
        return dsinfo
    if not isinstance(dsinfo, Mapping):
        raise InputError(f"a data source is described by a DSInfo or a mapping, not by {type(dsinfo).__name__}")
    try:
        return msgspec.convert(dict(dsinfo), DSInfo)
    except msgspec.ValidationError as error:
        raise InputError(f"DSInfo: {error}") from error


def _flag(info: Mapping[str, str], key: str, place: str) -> bool:
    text = info.get(key, "false").strip().lower()
    if text not in ("true", "false"):
        raise InputError(f"{place}: {key} is {info[key]!r}; allowed are true and false")
    return text == "true"
