"""Open the data source that a DSInfo describes, or a file of any known format."""

from __future__ import annotations

import csv as _csv
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from symjobs._entities import DSInfo
from symjobs._errors import InputError
from symjobs._tables._types import check_types
from symjobs._text import HIDDEN, hide, shown
from symjobs.sources._access import TIMEOUT, Access
from symjobs.sources._arrow import ArrowSource
from symjobs.sources._arrow_columns import ARROW_LETTERS
from symjobs.sources._budget import DEFAULT_BUDGET, parse_budget
from symjobs.sources._csv import CsvSource
from symjobs.sources._database import Database, DatabaseSource, check_database
from symjobs.sources._dialect import CsvOptions
from symjobs.sources._files import DataFile, format_of
from symjobs.sources._http import without_password
from symjobs.sources._location import found_files
from symjobs.sources._parquet import ParquetSource
from symjobs.sources._s3 import S3Settings
from symjobs.sources._several import source_of
from symjobs.sources._source import Source

_NAMES = {  # of the keys of a DSInfo, the arguments of `csv`
    "csv_entry_separator": "separator",
    "csv_quote_character": "quote",
    "csv_header_missing": "header",
    "csv_encoding": "encoding",
    "csv_encoding_errors": "encoding_errors",
    "csv_decimal": "decimal",
    "csv_thousands": "thousands",
    "csv_percent": "percent",
    "csv_currency": "currency",
    "csv_missing": "missing",
    "csv_comment": "comment",
    "dates": "dates",
    "errorHandling": "errors",
}
_FLAGS = ("csv_header_missing", "csv_percent")
_LISTS = ("csv_missing", "dates")
_REQUIRED = {
    "localfile": ("path",),
    "http": ("path",),
    "s3": ("path", "s3bucket"),
    "jdbc": ("driver", "database"),
}
SPARK_PREFIX = "sparks3_map_reduce_"
_DATABASE = ("driver", "host", "port", "database", "user", "password", "table", "query")
SECRETS = frozenset({"s3accessKey", "s3secretKey", "password"})


def open(
    data: DSInfo | Mapping[str, Any] | str | os.PathLike[str],
    /,
    *,
    types: Mapping[str, str] | None = None,
    errors: str | None = None,
    memory_budget: int | str = DEFAULT_BUDGET,
    timeout: float = TIMEOUT,
    access: Access | None = None,
    checkpoint: Callable[[], object] | None = None,
) -> Source:
    """Open a data source.

    Parameters
    ----------
    data : DSInfo, mapping, str or path
        A path, a folder, a pattern or an address, as `csv` takes it; or a description such as
        ``{"type": "localfile", "name": "d", "info": {"path": "data.csv"}}``. What begins like a Parquet or Arrow file
        is read as that, any other file as CSV.
    types : mapping of str to str, optional
        Type letters of some columns, as `csv` and `parquet` take them.
    errors : {"raise", "missing"}, optional
        What becomes of a value of a CSV file or a database that does not fit its column; by default what the
        description says, else an error.
    memory_budget : int or str, default 256 MiB
        Bytes, or text such as ``"64MiB"``.
    timeout : float, default 30
        Seconds to wait for a host, for the connection and for each part of the data; with `access` its own.
    access : Access, optional
        What a server opens for its clients; by default everything, with the rights of this process.
    checkpoint : callable, optional
        Called while a Parquet or Arrow file is copied from an address. What it raises ends that.

    Returns
    -------
    Source

    Raises
    ------
    InputError
        If the type is not supported, `info` lacks a key or has an unknown one that begins with ``csv_``, access is
        refused, a host does not answer, or the data is refused, as by `csv` or `parquet`.
    MissingDependency
        If the package for an S3 store or a database is not installed.

    Notes
    -----
    The types of a DSInfo and the keys of its `info`:

    - ``localfile``: ``path``
    - ``http``: ``path``, an address. A name and a password in it are sent.
    - ``s3``: ``path``, ``s3bucket``, ``s3accessKey``, ``s3secretKey``, and for a store other than Amazon's
      ``s3endpoint`` and ``s3region``. A path that ends with ``/``, or with ``*`` in it, stands for several objects.
    - ``sparks3_map_reduce_*``: for a `SparkDSUpdateJob`, and not opened here.
    - ``jdbc``: ``driver`` (``postgresql`` or ``sqlite``, or the class of a JDBC driver for one of them), ``host``,
      ``port``, ``database`` (the path of an SQLite file), ``user``, ``password``, and ``table`` or ``query``.

    All but ``jdbc`` take the keys of CSV files: ``csv_entry_separator``, ``csv_quote_character``,
    ``csv_header_missing`` (true or false), ``csv_encoding``, ``csv_encoding_errors``, ``csv_decimal``,
    ``csv_thousands``, ``csv_percent`` (true or false), ``csv_currency``, ``csv_missing`` (texts with commas
    between them), ``csv_comment``. ``dates`` (names of columns with commas between them, or true), ``types`` (a JSON
    object of type letters) and ``errorHandling`` (``raise`` or ``missing``) are for all.

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
    budget = parse_budget(memory_budget)
    if isinstance(data, str | os.PathLike) or not isinstance(data, DSInfo | Mapping):
        files = found_files(data, access=access, timeout=timeout)
        check_options(files, ["errors"] if errors == "missing" else ())
        return open_files(files, CsvOptions.of(types=types, errors=errors or "raise"), budget, checkpoint)
    described = check_dsinfo(data)
    if is_for_spark(described):
        raise InputError(f"data source {described.name!r} is read by Spark; a SparkDSUpdateJob learns it")
    info = described.info
    options = described_options(described, types or {}, errors)
    try:
        if described.type == "jdbc":
            dialect = options.dialect
            return DatabaseSource(
                _database(info), options.types, dialect.dates, dialect.errors, budget, timeout, access
            )
        return open_files(_files(described, timeout, access), options, budget, checkpoint, described.name)
    except InputError as error:
        raise InputError(without_secrets(str(error), info)) from None


def open_files(
    files: Sequence[DataFile],
    options: CsvOptions,
    budget: int,
    checkpoint: Callable[[], object] | None = None,
    name: str = "",
) -> Source:
    """Open files, each by what it begins with, as one source."""

    def open_one(file: DataFile, known: Mapping[str, str] | None) -> Source:
        kind = format_of(file)
        if kind == "csv":
            return CsvSource(file, options.after(known), budget)
        opened = ParquetSource if kind == "parquet" else ArrowSource
        types = options.types if known is None else {k: v for k, v in options.types.items() if v in ARROW_LETTERS}
        source = opened(file, types, options.dialect.dates, budget, strict=known is None, checkpoint=checkpoint)
        return source.after(known or {})

    return source_of(files, open_one, options.types, name)


def check_options(files: Sequence[DataFile], names: Sequence[str]) -> None:
    """Raise InputError if options that are for CSV files were given, and no file is one."""
    if names and all(format_of(file) != "csv" for file in files):
        what = "a Parquet file" if format_of(files[0]) == "parquet" else "an Arrow file"
        raise not_for_csv(names, str(files[0]), what)


def not_for_csv(names: Sequence[str], data: str, what: str) -> InputError:
    """Return the error for options that are for CSV files, and data that is something else."""
    verb = "is" if len(names) == 1 else "are"
    return InputError(f"{' and '.join(names)} {verb} for CSV files, and {data} is {what}, which needs no such option")


def is_for_spark(described: DSInfo) -> bool:
    """Whether Spark reads a source."""
    return described.type.startswith(SPARK_PREFIX)


def described_options(described: DSInfo, types: Mapping[str, str], errors: str | None) -> CsvOptions:
    """Return what a description says of its columns and of its format, and a request says of them."""
    info = described.info if errors is None else {**described.info, "errorHandling": errors}
    place = f"data source {described.name!r}"
    return options_of(info, place, {**_types_of(info, place), **types})


def check_dsinfo(data: DSInfo | Mapping[str, Any]) -> DSInfo:
    """Return the description of a source if its type and the keys of its info are known, or raise InputError."""
    described = _as_dsinfo(data)
    place = f"data source {described.name!r}"
    required = ("path",) if is_for_spark(described) else _REQUIRED.get(described.type)
    if required is None:
        known = ", ".join((*_REQUIRED, f"{SPARK_PREFIX}*"))
        raise InputError(f"{place} has the type {described.type!r}; supported: {known}")
    for key in required:
        if not described.info.get(key):
            raise InputError(f"{place} has no info.{key}, which the type {described.type!r} needs")
    if described.type == "jdbc":
        check_database(_database(described.info))
    if described.type == "http" and not described.info["path"].lower().startswith(("http://", "https://")):
        raise InputError(f"{place}: info.path must begin with http:// or https://")
    if described.type == "localfile" and "://" in described.info["path"]:
        raise InputError(f"{place}: info.path of a localfile is the path of a file, no address")
    options_of(described.info, place, _types_of(described.info, place))
    return described


def _database(info: Mapping[str, str]) -> Database:
    return Database(**{key: info[key] for key in _DATABASE if key in info})


def _types_of(info: Mapping[str, str], place: str) -> dict[str, str]:
    if not info.get("types", "").strip():
        return {}
    try:
        found = msgspec.json.decode(info["types"], type=dict[str, str])
    except msgspec.MsgspecError:
        raise InputError(
            f'{place}: types is {shown(info["types"])}; it must be a JSON object such as {{"name": "T"}}'
        ) from None
    return check_types(found, f"{place}: types")


def options_of(info: Mapping[str, str], place: str, types: Mapping[str, str] | None) -> CsvOptions:
    """Return what a DSInfo says of the format of its files."""
    unknown = [key for key in info if key.startswith("csv_") and key not in _NAMES]
    if unknown:
        known = ", ".join(key for key in _NAMES if key.startswith("csv_"))
        raise InputError(f"{place} has the unknown key {unknown[0]!r}; known are {known}")
    given: dict[str, Any] = {}
    for key, name in _NAMES.items():
        if key in info:
            value: Any = info[key]
            if key in _FLAGS or (key == "dates" and value.strip().lower() in ("true", "false")):
                value = _flag(info, key, place)
            elif key in _LISTS:
                try:
                    value = next(_csv.reader([value], skipinitialspace=True), [])
                except _csv.Error as error:
                    raise InputError(f"{place}: {key} is {shown(value)}: {error}") from None
            given[name] = value
    if "header" in given:
        given["header"] = not given["header"]
    try:
        return CsvOptions.of(**given, types=types)
    except InputError as error:
        raise InputError(f"{place}: {error}") from None


def without_secrets(text: str, info: Mapping[str, str]) -> str:
    """Return a message without the secrets of a source."""
    return hide(text, [info.get(key, "") for key in SECRETS])


def shown_dsinfo(described: DSInfo) -> DSInfo:
    """Return a description as it may be shown: without its secrets."""
    info = {key: HIDDEN if key in SECRETS and value else value for key, value in described.info.items()}
    if described.type == "http":
        info["path"] = without_password(info.get("path", ""))
    return DSInfo(described.type, described.name, info, described.extra)


def _files(described: DSInfo, timeout: float, access: Access | None) -> Sequence[DataFile]:
    info = described.info
    if described.type != "s3":
        return found_files(info["path"], access=access, timeout=timeout)
    settings = S3Settings.of(info)
    return found_files(
        f"s3://{info['s3bucket']}/{info['path'].lstrip('/')}", access=access, s3=settings, timeout=timeout
    )


def _as_dsinfo(dsinfo: DSInfo | Mapping[str, Any]) -> DSInfo:
    if isinstance(dsinfo, DSInfo):
        return dsinfo
    try:
        return msgspec.convert(dict(dsinfo), DSInfo)
    except msgspec.ValidationError as error:
        raise InputError(f"DSInfo: {error}") from error


def _flag(info: Mapping[str, str], key: str, place: str) -> bool:
    text = info.get(key, "false").strip().lower()
    if text not in ("true", "false"):
        raise InputError(f"{place}: {key} is {info[key]!r}; allowed are true and false")
    return text == "true"
