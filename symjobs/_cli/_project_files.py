"""``symjobs learn``, ``show`` and ``merge``: projects in files."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from symjobs._cli._learn import (
    counted,
    learnt_line,
    load_project,
    naming,
    open_source,
    parse_pairs,
    project_name,
    report_reading,
)
from symjobs._cli._print import show
from symjobs._cli._tables import Cell, Table
from symjobs._cli._watch import raise_if_interrupted, reading
from symjobs._entities import to_json
from symjobs._errors import InputError
from symjobs._project import Project
from symjobs.sources import Source
from symjobs.sources._files import NoRows


def learn(options: argparse.Namespace) -> int:
    """Learn all the data into the project of a file, or forget it; the file is as it was if anything fails."""
    types = parse_pairs("--types", options.types)
    sources = list(_sources(options, types))
    with _alone(options.project):
        project = _project(options, types)
        before = project.n_rows
        for source in sources:
            write = project.forget if options.forget else project.learn
            source = source.after(project.column_types)
            with (
                naming(source),
                reading(Path(source.name).name, "forgetting" if options.forget else "learning") as told,
            ):
                write(source.tables(told), types=source.declared, row_filter=options.filter)
            report_reading(source)
        raise_if_interrupted()
        project.save(options.project)
    change = project.n_rows - before
    what = f"forgot {counted(-change, 'row')}" if options.forget else f"learnt {counted(change, 'row')}"
    print(
        f"{what}; {options.project}: {learnt_line(project, sources[0].row_labels).removeprefix('learnt ')}",
        file=sys.stderr,
    )
    return 0


def show_project(options: argparse.Namespace) -> int:
    """Print what a project has learnt."""
    project = load_project(options.project)
    snapshot = project.snapshot()
    if options.json:
        sys.stdout.write(to_json(snapshot.info()).decode() + "\n")
        return 0
    moments = snapshot.moments
    rows: list[list[Cell]] = [
        [name, letter, int(count), mean, deviation]
        for name, letter, count, mean, deviation in zip(
            snapshot.names,
            snapshot.types,
            moments.count.tolist(),
            moments.mean().tolist(),
            (moments.var() ** 0.5).tolist(),
            strict=True,
        )
    ]
    tables = [Table("attributes", ["attribute", "type", "count", "mean", "stddev"], rows)]
    carried: list[list[Cell]] = [
        [name, letter]
        for name, letter in zip(snapshot.column_names, snapshot.column_types, strict=True)
        if letter in ("S", "X")
    ]
    if carried:
        tables.append(Table("columns that are not learnt", ["column", "type"], carried))
    models = project.models
    if models:
        tables.append(Table("models", ["model"], [[name] for name in models]))
    show(tables, heading=f"{snapshot.name}: {counted(snapshot.n_rows, 'row')}")
    return 0


def merge(options: argparse.Namespace) -> int:
    """Add projects up, and save the sum."""
    if len(options.projects) < 2:
        raise InputError("symjobs merge adds up two projects or more; name their files")
    total, *others = (load_project(path) for path in options.projects)
    for path, other in zip(options.projects[1:], others, strict=True):
        try:
            total.merge(other)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
    total.rename(Path(options.out).stem.encode(errors="replace").decode())
    with _alone(options.out):
        total.save(options.out)
    print(f"{options.out}: {learnt_line(total).removeprefix('learnt ')}", file=sys.stderr)
    return 0


def _project(options: argparse.Namespace, types: dict[str, str]) -> Project:
    params: dict[str, object] = {**parse_pairs("--param", options.param)}
    if os.path.exists(options.project):
        if params or options.histogram or options.missing != "pairwise":
            raise InputError(
                f"{options.project} is there already; --param, --histogram and --missing are for a new one"
            )
        return load_project(options.project)
    if options.forget:
        raise InputError(f"no such file: {options.project}; there is nothing to forget")
    return Project(
        project_name(options),
        histogram=options.histogram,
        params={"missing": options.missing, "types": types, **params},
    )


def _sources(options: argparse.Namespace, types: dict[str, str]) -> Iterator[Source]:
    """Yield the sources of the data; of several, which a shell may have found by a pattern, those with rows."""
    empty: list[NoRows] = []
    for data in options.data:
        try:
            yield open_source(options, types, data)
        except NoRows as error:
            empty.append(error)
    if len(empty) == len(options.data):
        raise empty[0]
    for words in empty:
        print(f"{words}; it is passed over", file=sys.stderr)


@contextmanager
def _alone(path: str) -> Iterator[None]:
    """Let other processes that write this file wait."""
    from filelock import FileLock

    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise InputError(f"no such folder: {folder}")
    with FileLock(os.path.join(folder, f".{os.path.basename(path)}.lock")):
        yield
