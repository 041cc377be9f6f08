"""``symjobs run kmeans``: the rows of a file, or the micro-clusters of its stream, and the job on them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from symjobs._cli._learn import counted, learn_source, learnt_line, naming, open_source, parse_names, parse_pairs
from symjobs._cli._watch import reading
from symjobs._errors import InputError
from symjobs._jobs._kmeans_data import Settings, check_memory
from symjobs._jobs._optimized_kmeans import OptimizedKmeansJob, OptimizedKmeansParameters, settings_of_parameters
from symjobs._jobs._rows import Collector, CompleteRows, numeric_columns
from symjobs._project import Project
from symjobs._state._filter import RowFilter
from symjobs._state._schema import Schema
from symjobs._state._types import check_types
from symjobs._tables import Batch, read_table
from symjobs.sources import Source

_FEW = 8  # columns that the line about what was read names
_SLACK = 1.02  # rows beyond the estimate for which there is room at once
_PAIRS = 200_000  # rows from which exact silhouettes take minutes


def read(options: argparse.Namespace) -> Project | tuple[Any, tuple[str, ...]]:
    """Open the data that the options name, and return what to cluster: its rows and columns, or a project."""
    settings = settings_of(options)  # before the file is read
    types = check_types(parse_pairs("--types", options.types), "--types")
    source = open_source(options, types)
    if options.stream:
        return _stream(options, settings, source, types)
    if options.centroids is not None:
        raise InputError("--centroids goes with --stream, which keeps so many micro-clusters instead of the rows")
    rows, names = _read_rows(options, settings, source, types)
    if not len(rows.X):
        condition = f"passes the filter {options.filter!r}" if options.filter and not rows.n_input else "is complete"
        raise InputError(f"{source.name}: no row {condition}")
    print(_read_line(rows, names, source), file=sys.stderr)
    if settings.metric == "euclidean" and len(rows.X) > _PAIRS:
        pairs = len(rows.X) ** 2 / 2
        print(f"exact silhouettes of {pairs:.1e} pairs of rows; --metric sqeuclidean is far quicker", file=sys.stderr)
    return rows.X, names


def make_job(options: argparse.Namespace, data: Any) -> OptimizedKmeansJob:
    """Return the job on what `read` has returned."""
    settings = settings_of(options)
    return OptimizedKmeansJob(
        data,
        settings.ks[0],
        settings.ks[-1],
        max_iterations=settings.max_iterations,
        n_init=settings.n_init,
        seed=settings.seed,
        scale=settings.scale,
        metric=settings.metric,
    )


def title(options: argparse.Namespace) -> str:
    """Return what was done, in words."""
    how = "k-means by micro-clusters" if options.stream else "k-means"
    return f"{how}, every column divided by its standard deviation" if options.scale == "standard" else how


def settings_of(options: argparse.Namespace) -> Settings:
    """Return the parameters that the options ask for; InputError if one is out of its range."""
    k_min, k_max = options.k or (2, 10)
    given = {name: getattr(options, name) for name in ("max_iterations", "n_init", "scale", "metric")}
    found = OptimizedKmeansParameters(
        k_min=k_min,
        k_max=k_max,
        seed=0 if options.seed is None else options.seed,
        **{name: value for name, value in given.items() if value is not None},
    )
    return settings_of_parameters(found, "none")


def _read_rows(
    options: argparse.Namespace, settings: Settings, source: Source, types: dict[str, str]
) -> tuple[CompleteRows, tuple[str, ...]]:
    row_filter = RowFilter(options.filter) if options.filter else None
    names: tuple[str, ...] = ()
    collector: Collector | None = None
    with naming(source), reading(Path(source.name).name, "reading") as checkpoint:
        checkpoint(0, source.total_bytes)
        for table, position in source.batches():
            for batch in read_table(table):
                if collector is None:
                    names = numeric_columns([batch], _inputs(options), types)
                    collector = _collector(options, settings, source, names, batch, position)
                collector.add(batch, passes=_passes(row_filter, batch, types))
                expected = collector.n_rows * source.total_bytes / max(1, position)
                _require_room(settings, expected, len(names), collector.dtype)
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
    # Before the first row is kept: do all of them fit, as far as the first batch can tell?
    columns = [first.column(name) for name in names]
    dtype = np.dtype(np.float32 if all(c is not None and c.dtype is np.float32 for c in columns) else np.float64)
    expected = first.n_rows * source.total_bytes / max(1, position)
    if options.filter:  # then nobody knows, and memory grows as rows pass
        expected = first.n_rows
    else:
        _require_room(settings, expected, len(names), dtype)
    return Collector(names, dtype, int(_SLACK * expected) + 1, missing=options.missing)


def _require_room(settings: Settings, rows: float, d: int, dtype: np.dtype[Any]) -> None:
    copies = 2 if settings.scale == "none" else 3  # what is read, what is scaled, and the kernel's own
    check_memory(settings.ks, int(rows), d, int(rows) * d * dtype.itemsize * copies)


def _passes(
    row_filter: RowFilter | None, batch: Batch, types: dict[str, str]
) -> Callable[[int, int], np.ndarray] | None:
    if row_filter is None:
        return None
    letters = {**check_types(batch.types, "attributeTypes"), **types}
    return lambda start, stop: row_filter.mask(batch, start, stop, Schema(), letters)


def _read_line(rows: CompleteRows, names: tuple[str, ...], source: Source) -> str:
    line = f"read {counted(len(rows.X), 'row')}, {counted(len(names), 'column')}"
    if rows.n_missing:
        worst = sorted(rows.missing.items(), key=lambda item: -item[1])
        where = ", ".join(f"{name}: {count}" for name, count in worst[:_FEW])
        line += f"; left out {counted(rows.n_missing, 'row')} with missing values ({where})"
    unused = [name for name in source.attribute_names if name not in names]
    return f"{line}; not used: {', '.join(map(repr, unused))}" if unused else line


def _inputs(options: argparse.Namespace) -> tuple[str, ...] | None:
    return tuple(name for text in options.inputs for name in parse_names(text)) if options.inputs else None


# Without the rows.


def _stream(options: argparse.Namespace, settings: Settings, source: Source, types: dict[str, str]) -> Project:
    with naming(source):
        table, _ = next(source.batches())
        names = numeric_columns(list(read_table(table)), _inputs(options), types)
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
    project = Project(Path(options.data).stem, params=params)
    learn_source(project, source)
    with naming(source):
        clusters = project.snapshot().require_clusters()
    left_out = f"; left out {counted(clusters.n_missing, 'row')} with missing values" if clusters.n_missing else ""
    print(f"{learnt_line(project)}; {counted(centroids, 'micro-cluster')}{left_out}", file=sys.stderr)
    return project
