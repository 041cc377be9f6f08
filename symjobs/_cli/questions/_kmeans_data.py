"""The data of ``symjobs run kmeans``: the complete rows of a file, or a project with micro-clusters."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from symjobs._cli._learn import counted, learn_source, learnt_line, naming, project_name
from symjobs._cli._watch import reading
from symjobs._errors import InputError
from symjobs._jobs._kmeans_data import Settings, check_memory
from symjobs._project import Project
from symjobs._state._filter import RowFilter
from symjobs._state._schema import Schema
from symjobs._tables import Batch, read_table
from symjobs._tables._complete import Collector, CompleteRows
from symjobs._tables._numeric import numeric_columns
from symjobs._tables._types import check_types
from symjobs.sources import Source

_FEW = 8  # columns that the line about what was read names
_SLACK = 1.02  # room for rows beyond the estimate


def read_rows(
    options: argparse.Namespace,
    settings: Settings,
    source: Source,
    types: dict[str, str],
    columns: list[str] | None,
) -> tuple[CompleteRows, tuple[str, ...]]:
    """Return the complete rows of a file that pass the filter of the options, and the names of their columns."""
    row_filter = RowFilter(options.filter) if options.filter else None
    names: tuple[str, ...] = ()
    collector: Collector | None = None
    with naming(source), reading(Path(source.name).name, "reading") as checkpoint:
        checkpoint(0, source.total_bytes)
        for table, position in source.batches():
            for batch in read_table(table):
                if collector is None:
                    names = numeric_columns([batch], None if columns is None else tuple(columns), types)
                    collector = _collector(options, settings, source, names, batch, position)
                collector.add(batch, passes=_passes(row_filter, batch, types))
                expected = collector.n_rows * source.total_bytes / max(1, position)
                _check_memory(settings, expected, len(names), collector.dtype)
            checkpoint(position, source.total_bytes)
        if collector is None:
            raise InputError("no row is there")
        return collector.finish(), names


def _collector(
    options: argparse.Namespace,
    settings: Settings,
    source: Source,
    names: tuple[str, ...],
    first: Batch,
    position: int,
) -> Collector:
    # Before the first row is kept: estimate from the first batch whether all rows fit into memory.
    columns = [first.column(name) for name in names]
    dtype = np.dtype(np.float32 if all(c is not None and c.dtype is np.float32 for c in columns) else np.float64)
    expected = first.n_rows * source.total_bytes / max(1, position)
    if options.filter:  # then there is no estimate, and the array grows
        expected = first.n_rows
    else:
        _check_memory(settings, expected, len(names), dtype)
    return Collector(names, dtype, int(_SLACK * expected) + 1, missing=options.missing)


def _check_memory(settings: Settings, rows: float, d: int, dtype: np.dtype[Any]) -> None:
    copies = 2 if settings.scale == "none" else 3  # the rows as read, as scaled, and as the kernel holds them
    check_memory(settings.ks, int(rows), d, int(rows) * d * dtype.itemsize * copies)


def _passes(
    row_filter: RowFilter | None, batch: Batch, types: dict[str, str]
) -> Callable[[int, int], np.ndarray] | None:
    if row_filter is None:
        return None
    letters = {**check_types(batch.types, "attributeTypes"), **types}
    return lambda start, stop: row_filter.mask(batch, start, stop, Schema(), letters)


def read_line(rows: CompleteRows, names: tuple[str, ...], source: Source) -> str:
    """Return a line on the rows that were read and left out."""
    line = f"read {counted(len(rows.X), 'row')}, {counted(len(names), 'column')}"
    if rows.n_missing:
        worst = sorted(rows.missing.items(), key=lambda item: -item[1])
        where = ", ".join(f"{name}: {count}" for name, count in worst[:_FEW])
        line += f"; left out {counted(rows.n_missing, 'row')} with missing values ({where})"
    unused = [name for name in source.attribute_names if name not in names]
    return f"{line}; not used: {', '.join(map(repr, unused))}" if unused else line


def keep_clusters(
    options: argparse.Namespace,
    settings: Settings,
    source: Source,
    types: dict[str, str],
    columns: list[str] | None,
) -> Project:
    """Learn a file into a project that keeps micro-clusters instead of the rows."""
    with naming(source):
        table, _ = next(source.batches())
        names = numeric_columns(list(read_table(table)), None if columns is None else tuple(columns), types)
    centroids = max(100, 10 * settings.ks[-1]) if options.centroids is None else options.centroids
    others = {name: "X" for name in source.attribute_names if name not in names}
    params: dict[str, object] = {
        "missing": options.missing,
        "types": {**others, **{name: letter for name, letter in types.items() if name in names}},
        "cluster_features": names,
        "cluster_num_centroids": centroids,
        "cluster_warmup_period": centroids + 1,
        "cluster_max_iterations": settings.max_iterations,
        "cluster_rnd_seed": settings.seed,
        "cluster_scale": settings.scale,
    }
    if options.filter is not None:
        params["row_filter"] = options.filter
    project = Project(project_name(options), params=params)
    learn_source(project, source)
    with naming(source):
        clusters = project.snapshot().require_clusters()
    left_out = f"; left out {counted(clusters.n_missing, 'row')} with missing values" if clusters.n_missing else ""
    print(
        f"{learnt_line(project, source.row_labels)}; {counted(centroids, 'micro-cluster')}{left_out}", file=sys.stderr
    )
    return project
