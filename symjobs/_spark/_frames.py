"""Any source that Spark reads, as a DataFrame whose columns can be learnt."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from symjobs._errors import InputError
from symjobs._project import Project
from symjobs._spark._errors import spark_errors
from symjobs._spark._plan import Plan, TextColumns, TypedColumns
from symjobs._state._params import as_text
from symjobs._tables._types import LEARNT
from symjobs.sources._arrow_columns import ArrowColumns
from symjobs.sources._dialect import CsvOptions, Dialect, Kind, find_columns
from symjobs.sources._hints import column_hints

_SAMPLE_ROWS = 1000  # types of CSV are inferred from so many
_ENDINGS = {".parquet": "parquet", ".pq": "parquet", ".csv": "csv", ".tsv": "csv", ".txt": "csv"}
_PACKED = (".gz", ".zst", ".bz2")


@dataclass(frozen=True)
class SparkFrame:
    """A DataFrame of Spark, and how its columns are learnt."""

    name: str
    frame: Any
    columns: TypedColumns | TextColumns
    names: tuple[str, ...]
    declared: Mapping[str, str]
    texts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()

    @property
    def session(self) -> Any:
        """The session of the DataFrame."""
        return self.frame.sparkSession

    def plan(self, project: Project) -> Plan:
        """Return what executors do with a partition for a project."""
        return Plan(as_text(project.params), project.histogram, self.declared, self.columns)


def open_frame(
    frame: Any, options: CsvOptions, known: Mapping[str, str], *, name: str = "DataFrame", is_text: bool = False
) -> SparkFrame:
    """Return a DataFrame of Spark with the kinds of its columns.

    Parameters
    ----------
    frame : pyspark.sql.DataFrame
    options : CsvOptions
        Its types and dates; with `is_text` all that it says of values.
    known : mapping of str to str
        Type letters that the project knows.
    name : str
        In messages.
    is_text : bool
        Whether the columns are text as CSV files hold it.

    Raises
    ------
    InputError
        If a column cannot be learnt, or types name one that is not there.
    """
    if is_text:
        return _text_frame(frame, replace(options, known={k: v for k, v in known.items() if v in LEARNT}), name)
    dialect = options.dialect
    columns = ArrowColumns(_arrow_schema(frame, options.types, name), options.types, dialect.dates, name)
    columns = columns.after(known)
    types = dict(zip(columns.names, columns.letters, strict=True))
    told = {**{n: "T" for n, letter in types.items() if letter == "T"}, **options.types}
    told = {n: letter for n, letter in told.items() if n in columns.names}
    return SparkFrame(
        name,
        frame.select(*(frame[_quoted(n)] for n in columns.names)),
        TypedColumns(name, told, columns.times),
        columns.names,
        columns.declared,
        columns.texts,
        hints=columns.hints,
    )


def _arrow_schema(frame: Any, types: Mapping[str, str], name: str) -> Any:
    import pyarrow as pa
    from pyspark.errors import PySparkException
    from pyspark.sql.pandas.types import to_arrow_type
    from pyspark.sql.types import TimestampNTZType, TimestampType

    times = {TimestampType: pa.timestamp("us", "UTC"), TimestampNTZType: pa.timestamp("us")}
    fields = []
    for column in frame.schema.fields:
        try:
            kind = times.get(type(column.dataType)) or to_arrow_type(column.dataType)
        except PySparkException:
            if types.get(column.name) != "X":
                raise InputError(
                    f"{name}: column {column.name!r} has the type {column.dataType.simpleString()}, which cannot be "
                    f"learnt; leave it out: types={{{column.name!r}: 'X'}}"
                ) from None
            kind = pa.null()
        fields.append(pa.field(column.name, kind))
    return pa.schema(fields)


def _text_frame(frame: Any, options: CsvOptions, name: str) -> SparkFrame:
    with spark_errors(name):
        sample = [["" if value is None else value for value in row] for row in frame.limit(_SAMPLE_ROWS).collect()]
    if not sample:
        raise InputError(f"{name} holds no rows")
    dialect = options.dialect
    columns = find_columns(frame.columns, sample, options, dialect, name)
    renamed = frame.toDF(*columns.names)
    learnt = tuple(columns.names[j] for j in columns.learnt)
    times = [columns.names[j] for j in columns.learnt if columns.kinds[j] is Kind.TIME]
    categories = {columns.names[j]: columns.letters[j] for j in columns.learnt if columns.letters[j] in "TL"}
    asked = {n: letter for n, letter in options.types.items() if n in learnt}
    texts_of = {n: [row[j] for row in sample] for j, n in enumerate(columns.names)}
    numbers = {columns.names[j]: texts_of[columns.names[j]] for j in columns.learnt if columns.kinds[j] is Kind.NUMBER}
    return SparkFrame(
        name,
        renamed.select(*(renamed[_quoted(n)] for n in learnt)),
        TextColumns(name, columns, dialect),
        learnt,
        {**categories, **asked, **dict.fromkeys(times, "C")},
        columns.texts,
        columns.notes,
        column_hints({n: texts_of[n] for n in columns.texts}, numbers, times, dialect),
    )


def read_path(
    session: Any,
    path: str | os.PathLike[str] | Sequence[str],
    options: CsvOptions,
    known: Mapping[str, str],
    *,
    kind: str = "",
    settings: Mapping[str, str] | None = None,
    name: str = "",
) -> SparkFrame:
    """Return files of CSV or Parquet that Spark reads.

    Parameters
    ----------
    session : pyspark.sql.SparkSession
    path : str, path or sequence of str
        As Spark takes it: a file, a folder or a pattern, on any file system that it knows; or several files.
    options : CsvOptions
    known : mapping of str to str
        Type letters that the project knows.
    kind : {"csv", "parquet"}, optional
        By default what the ending says; Parquet without one.
    settings : mapping of str to str, optional
        Options of Spark's reader, such as keys of a file system.
    name : str, optional
        In messages, instead of the path.
    """
    paths = [os.fspath(path)] if isinstance(path, str | os.PathLike) else list(path)
    name = name or paths[0]
    kind = kind or _kind_of(paths[0])
    if kind == "csv":
        _check_options(options.dialect, name)
    reader = session.read.options(**(settings or {}))
    with spark_errors(name):
        if kind == "parquet":
            frame = reader.option("mergeSchema", "true").parquet(*paths)  # columns of all files, by name
            return open_frame(frame, options, known, name=name)
        dialect = options.dialect
        reader = reader.options(
            header=str(options.header).lower(),
            sep=dialect.separator,
            quote=dialect.quote,
            escape=dialect.quote,
            encoding=dialect.encoding,
            enforceSchema="false",  # a file with another header is an error
            mode="FAILFAST",  # as a row of another length
        )
        frame = reader.csv(paths)
        if not options.header:
            frame = frame.toDF(*(f"x{j + 1}" for j in range(len(frame.columns))))
        return open_frame(frame, options, known, name=name, is_text=True)


def _check_options(dialect: Dialect, name: str) -> None:
    for option, given in (("comment", dialect.comment), ("encoding_errors", dialect.encoding_errors != "strict")):
        if given:
            raise InputError(f"{name}: {option} (csv_{option}) is not for CSV files that Spark reads")


def _kind_of(path: str) -> str:
    lower = path.rstrip("/*").lower()
    for ending in _PACKED:
        lower = lower.removesuffix(ending)
    for ending, kind in _ENDINGS.items():
        if lower.endswith(ending):
            return kind
    if "." not in lower.rpartition("/")[2]:
        return "parquet"  # a folder, and what Spark takes it for
    raise InputError(f"the name {path!r} does not say whether the files are CSV or Parquet; give the format")


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
