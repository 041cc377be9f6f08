"""Learn the data of the command line into a project."""

from __future__ import annotations

import argparse
import csv
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from symjobs import datasets
from symjobs._cli._watch import reading
from symjobs._errors import InputError, NothingLearnt
from symjobs._project import Project
from symjobs._text import types_option
from symjobs.sources import Source
from symjobs.sources._budget import parse_budget
from symjobs.sources._dialect import CSV_OPTIONS, CsvOptions
from symjobs.sources._location import found_files
from symjobs.sources._open import check_options, not_for_csv, open_files

_NAMED = 8  # columns that the line about what was learnt names


def learn(options: argparse.Namespace) -> Project:
    """Return the project of the options, or learn the data that they name, with a progress bar."""
    if options.project is not None:
        return load_project(options.project)
    types = parse_pairs("--types", options.types)
    return learn_all(options, open_source(options, types), types)


def load_project(path: str) -> Project:
    """Read a project from a file; one that is not there or cannot be read is bad input, as other files are."""
    try:
        return Project.load(path)
    except FileNotFoundError:
        raise InputError(f"no such file: {path}; symjobs learn DATA --project {shlex.quote(path)} makes it") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error


def learn_all(
    options: argparse.Namespace, source: Source, types: dict[str, str], *, histogram: bool = False
) -> Project:
    """Learn the rows of a source that pass the filter of the options, and print what was learnt."""
    params: dict[str, object] = {"missing": options.missing, "types": types}
    if options.filter is not None:
        params["row_filter"] = options.filter
    project = Project(project_name(options), histogram=histogram, params=params)
    learn_source(project, source)
    if project.n_rows == 0:
        condition = f"passes the filter {options.filter!r}" if options.filter else "is complete"
        raise InputError(f"{source.name}: no row {condition}")
    print(learnt_line(project, source.row_labels), file=sys.stderr)
    return project


def project_name(options: argparse.Namespace) -> str:
    """Return a name for the project of a file."""
    return Path(options.project or options.data).stem.encode(errors="replace").decode()  # file names need not be UTF-8


def learnt_line(project: Project, row_labels: str | None = None) -> str:
    """Return a line on what a project has learnt, on the columns that it only carries, and how to learn them."""
    snapshot = project.snapshot()
    columns = list(zip(snapshot.column_names, snapshot.column_types, strict=True))
    learnt = sum(letter not in ("S", "X") for _, letter in columns)
    line = f"learnt {counted(project.n_rows, 'row')}, {counted(learnt, 'column')}"
    if project.type == "gpu":
        line += ", on the GPU"
    texts = [name for name, letter in columns if letter == "S" and name != row_labels]
    if not texts:
        return line
    more = f" and {len(texts) - _NAMED} more" if len(texts) > _NAMED else ""
    named = ", ".join(texts[:_NAMED])
    return f"{line}; not learnt (text): {named}{more} ({types_option(texts[0], 'T')} makes a category)"


def counted(number: int, what: str) -> str:
    """Return "1 row", or "2 rows"."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def learn_source(project: Project, source: Source) -> None:
    """Learn a source, and show how many of its bytes have been learnt."""
    with naming(source), reading(Path(source.name).name) as checkpoint:
        project.learn(source.tables(checkpoint))
    report_reading(source)


@contextmanager
def naming(source: Source) -> Iterator[None]:
    """Add the name of the file to errors about its rows."""
    try:
        yield
    except NothingLearnt as error:
        also = "; the lines above name other options" if source.hints else ""
        raise InputError(f"{source.name}: {error}{also}") from error
    except InputError as error:
        if str(error).startswith(source.name):
            raise
        raise InputError(f"{source.name}: {error}") from error


def parse_names(text: str) -> list[str]:
    """Split names at commas; a name that holds one stands in double quotes."""
    (row,) = csv.reader([text], skipinitialspace=True)
    return [name.strip() for name in row]


def parse_pairs(option: str, texts: Sequence[str] | None) -> dict[str, str]:
    """Read ``a=T,b=S`` of each time that the option was given; the last ``=`` of a pair separates it."""
    pairs = {}
    for pair in (pair for text in texts or () for pair in parse_names(text)):
        name, equals, value = pair.rpartition("=")
        if not equals or not name or not value:
            raise InputError(f"{option}: {pair!r} is not of the form name=value")
        pairs[name] = value
    return pairs


def open_source(options: argparse.Namespace, types: dict[str, str], data: str | None = None) -> Source:
    """Open the data, or the shipped data set, that the options name, and print what was done with its columns."""
    source = _open(options, types, options.data if data is None else data)
    for note in (*source.notes, *source.hints):
        print(note, file=sys.stderr)
    return source


def _open(options: argparse.Namespace, types: dict[str, str], data: str) -> Source:
    given = {
        "separator": "\t" if options.separator == r"\t" else options.separator,
        "quote": options.quote,
        "header": not options.no_header,
        "encoding": options.encoding,
        "encoding_errors": options.encoding_errors,
        "decimal": options.decimal,
        "thousands": options.thousands,
        "percent": options.percent,
        "currency": options.currency,
        "missing": tuple(options.na or ()),
        "comment": options.comment,
        "errors": options.errors,
    }
    flags = {"header": "--no-header", "missing": "--na", "encoding_errors": "--encoding-errors"}
    others = [flags.get(name, f"--{name}") for name, value in given.items() if value != CSV_OPTIONS[name]]
    if data in datasets.names() and not Path(data).exists():
        if others:
            raise not_for_csv(others, data, "a shipped data set")
        return datasets.open(data)
    csv_options = CsvOptions.of(**given, types=types, dates=_names_or_all(options.dates))
    try:
        files = found_files(data)
    except InputError as error:
        if str(error).startswith("no such file"):
            raise InputError(f"{error}; shipped data sets are {', '.join(datasets.names())}") from None
        raise
    check_options(files, others)
    return open_files(files, csv_options, parse_budget(options.memory_budget), name=data)


def _names_or_all(texts: Sequence[str] | None) -> list[str] | bool:
    """Return the names of each time that the option was given, True for ``all``; names after it take its place."""
    names: list[str] | bool = False
    for text in texts or ():
        names = True if text == "all" else [*(names if isinstance(names, list) else ()), *parse_names(text)]
    return names


def report_reading(source: Source) -> None:
    """Print which files held no rows, and which values did not fit their columns and count as missing."""
    for words in source.passed_over:
        print(words, file=sys.stderr)
    for name, bad in source.bad_values.items():
        print(f"column {name!r}: missing instead of values that do not fit: {bad}", file=sys.stderr)
