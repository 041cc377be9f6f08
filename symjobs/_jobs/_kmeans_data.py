"""The data of k-means over a range of k: the rows of a table, or the micro-clusters of a project."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from array_api_compat import array_namespace, device

from symjobs._arrays import to_host
from symjobs._engine._job import JobContext
from symjobs._errors import InputError
from symjobs._jobs._context import Names
from symjobs._project import Project
from symjobs._state import Snapshot
from symjobs._state._memory import physical_memory
from symjobs._tables._complete import CompleteRows
from symjobs._tables._in_memory import NumericTable, values_at_a_time
from symjobs._text import some
from symkernels import DataError, KMeansSweep, kmeans_sweep

_DECIDES = 0.9  # of the variance of all columns
_SHARE = 0.8  # of the machine's memory
_ENTRY_BYTES = 1024  # the result for one k, with its texts
_STRIPE_VALUES = 1 << 18
_FEW_VALUES = 1 << 17  # a table with so few values is read by the constructor, which reports bad ones


@dataclass(frozen=True)
class Settings:
    """The parameters of the job that concern the data, checked."""

    ks: range
    n_init: int
    max_iterations: int
    seed: int
    scale: str
    metric: Literal["euclidean", "sqeuclidean"]
    silhouette_sample: int  # 0 for all rows
    keep_labels: bool


@dataclass(frozen=True, eq=False)
class SweepOutcome:
    """The kernel's answer, and facts on the data; fields as in KMeansJobResult.

    `kept` says which rows of the table have labels; None for all of them.
    """

    sweep: KMeansSweep
    backend: str
    device: str
    method: str
    n_rows: int
    divisors: np.ndarray
    n_missing: int = 0
    n_forgotten: int = 0
    kept: np.ndarray | None = None


class Data(ABC):
    """Something to cluster.

    Attributes
    ----------
    names : tuple of str
        The d columns.
    """

    names: tuple[str, ...]

    @abstractmethod
    def check(self, settings: Settings) -> None:
        """Raise InputError if the data cannot be clustered so, or memory does not suffice."""

    @abstractmethod
    def sweep(self, settings: Settings, context: JobContext) -> SweepOutcome:
        """Cluster for every k."""


class TableData(Data):
    """The complete rows of a table in memory."""

    def __init__(self, data: Any, inputs: Names | None) -> None:
        self._table = table = NumericTable(data, inputs)
        self.names = table.names
        self._rows: CompleteRows | None = None
        if table.n_rows * len(table.names) <= _FEW_VALUES:
            self._rows = replace(table.collect(lambda: None), owned=False)  # a job may run twice

    def check(self, settings: Settings) -> None:
        table = self._table
        n, d, width = table.n_rows, len(table.names), table.dtype.itemsize
        copies = 1 + (table.copied or settings.scale != "none")  # the kernel's own, and ours
        check_memory(settings.ks, n, d, n * d * width * copies)

    def sweep(self, settings: Settings, context: JobContext) -> SweepOutcome:
        context.details["method"] = "rows"
        rows = self._rows or self._table.collect(context.checkpoint)
        n, X = int(rows.X.shape[0]), rows.X
        context.details["rows"] = n
        context.details["rowsMissing"] = rows.n_missing
        if rows.n_missing:
            context.details["missing"] = ", ".join(f"{name}: {count}" for name, count in rows.missing.items())
        if not n:
            worst = max(rows.missing, key=lambda name: rows.missing[name])
            raise InputError(
                f"no row is complete: each of the {rows.n_input} misses a value, {worst!r} most often; leave such "
                "columns out, or fill in what is missing"
            )
        divisors = _divisors(_standard_deviations(X, context.checkpoint), settings, self.names, context)
        if settings.scale == "standard":
            X = _divided(X, divisors, rows.owned, context.checkpoint)
        with _naming(self.names):
            sweep = kmeans_sweep(
                X,
                settings.ks,
                n_init=settings.n_init,
                max_iter=settings.max_iterations,
                seed=settings.seed % 2**64,  # a client's may be negative
                metric=settings.metric,
                silhouette_sample=settings.silhouette_sample or None,
                checkpoint=context.progress,
            )
        backend = array_namespace(X).__name__.rpartition(".")[2]
        return SweepOutcome(
            sweep, backend, str(device(X)), "rows", n, divisors, n_missing=rows.n_missing, kept=rows.kept
        )


class ProjectData(Data):
    """The micro-clusters of a project at the moment when the job runs."""

    def __init__(self, project: Project, inputs: Names | None) -> None:
        self._project = project
        self._inputs = inputs
        snapshot = project.snapshot()
        features = snapshot.require_clusters().features
        self.names = tuple(features[j] for j in self._columns(snapshot))

    def check(self, settings: Settings) -> None:
        if settings.keep_labels:
            raise InputError(
                f"project {self._project.name!r} keeps no rows, so that there are none to label; build a kmeans model "
                "and predict the rows' clusters, or cluster the table itself"
            )
        n = len(self._project.snapshot().require_clusters().coreset())
        check_memory(settings.ks, n, len(self.names), 8 * n * len(self.names))

    def sweep(self, settings: Settings, context: JobContext) -> SweepOutcome:
        snapshot = context.snapshot(self._project)
        columns = self._columns(snapshot)
        clusters = snapshot.require_clusters()
        context.details["method"] = "micro-clusters"
        context.details["rows"] = clusters.n_rows
        context.details["rowsMissing"] = clusters.n_missing
        if clusters.n_forgotten:
            context.details["rowsForgotten"] = (
                f"{clusters.n_forgotten}: the project has forgotten them, and its micro-clusters still hold them"
            )
        coreset = clusters.coreset(columns)
        context.details["microClusters"] = len(coreset)
        divisors = _divisors(np.asarray(coreset.std()), settings, self.names, context)
        with _naming(self.names):
            sweep = coreset.sweep(
                settings.ks,
                n_init=settings.n_init,
                max_iter=settings.max_iterations,
                seed=settings.seed % 2**64,  # a client's may be negative
                metric=settings.metric,
                scale=divisors,
                checkpoint=context.progress,
            )
        return SweepOutcome(
            sweep,
            coreset.backend,
            coreset.device,
            "micro-clusters",
            clusters.n_rows,
            divisors,
            n_missing=clusters.n_missing,
            n_forgotten=clusters.n_forgotten,
        )

    def _columns(self, snapshot: Snapshot) -> list[int]:
        """Return which of the cluster features are meant."""
        clusters = snapshot.require_clusters()
        if self._inputs is None:
            return list(range(len(clusters.features)))
        if not self._inputs:
            raise InputError("no input is named; name at least one cluster feature")
        known = clusters.features
        return clusters.positions(
            [name if name in known else snapshot.names[snapshot.index(name)] for name in self._inputs]
        )


@contextmanager
def _naming(names: Sequence[str]) -> Iterator[None]:
    """Add the names of the columns to an error of symkernels, which knows only their numbers."""
    try:
        yield
    except DataError as error:
        raise InputError(f"k-means over {some(names)}: {str(error).removeprefix('X: ')}") from error


def check_memory(ks: range, n: int, d: int, rows_bytes: int) -> None:
    """Raise InputError if k-means of n rows for every k needs more memory than the machine has.

    `rows_bytes` is the memory of the rows.
    """
    possible = range(min(ks.start, n + 1), min(ks.stop, n + 1))  # there are no more clusters than rows
    centers = 8 * d * len(possible) * (possible.start + possible.stop - 1) // 2
    total = rows_bytes + centers + (4 * n) * len(possible) + _ENTRY_BYTES * len(ks)
    memory = physical_memory()
    if memory is not None and total > _SHARE * memory:
        raise InputError(
            f"k-means for k from {ks.start:,} to {ks.stop - 1:,} (kmeans_k_min, kmeans_k_max) on {n:,} rows of {d:,} "
            f"columns takes about {total / 2**30:,.0f} GiB, and this machine has {memory / 2**30:,.0f}; lower k_max, "
            "name fewer inputs, or cluster in a project that keeps micro-clusters (its parameter cluster_features, or "
            "--stream)"
        )


def _divisors(deviations: np.ndarray, settings: Settings, names: Sequence[str], context: JobContext) -> np.ndarray:
    """Return what each column is divided by. Without a scale, say if one column decides alone."""
    if settings.scale == "none":
        widest = int(np.argmax(deviations))
        with np.errstate(over="ignore", invalid="ignore"):
            share = 1.0 / float(np.sum((deviations / deviations[widest]) ** 2))
        if len(names) > 1 and share > _DECIDES:
            context.details["oneColumn"] = (
                f"{names[widest]!r} has {share:.1%} of the variance and decides alone; kmeans_scale=standard "
                "(--scale standard) divides each column by its standard deviation"
            )
        return np.ones(len(names))
    constant = [name for name, deviation in zip(names, deviations, strict=True) if deviation == 0]
    if constant:
        context.details["constantColumns"] = f"{', '.join(constant)}: not scaled, as they have no spread"
    return np.where(deviations == 0, 1.0, deviations)


def _standard_deviations(X: Any, checkpoint: Callable[[], object]) -> np.ndarray:
    """Return the (d,) population standard deviations in float64, exactly 0 for a constant column."""
    xp = array_namespace(X)
    n = X.shape[0]
    first = xp.astype(X[:1], xp.float64)  # so that a constant column is exactly 0
    mean = xp.zeros_like(first)
    largest = xp.zeros_like(first)
    for part in _stripes(X, checkpoint):
        away = xp.astype(part, xp.float64) - first
        mean = mean + xp.sum(away, axis=0, keepdims=True) / n
        largest = xp.maximum(largest, xp.max(xp.abs(away), axis=0, keepdims=True))
    unit = xp.where(largest > 0.0, largest, xp.ones_like(largest))  # so that squares of tiny values do not underflow
    squares = xp.zeros_like(first)
    for part in _stripes(X, checkpoint):
        away = (xp.astype(part, xp.float64) - first - mean) / unit
        squares = squares + xp.sum(away**2, axis=0, keepdims=True) / n
    return to_host((unit * xp.sqrt(squares))[0, :])


def _divided(X: Any, divisors: np.ndarray, owned: bool, checkpoint: Callable[[], object]) -> Any:
    """Return X divided by the divisors, column by column; in place if it is owned."""
    xp = array_namespace(X)
    by = xp.asarray(divisors, dtype=xp.float64)  # in float32 tiny divisors would be 0
    result = X if owned else xp.empty_like(X)
    for part, target in zip(_stripes(X, checkpoint), _stripes(result, lambda: None), strict=True):
        target[...] = part / by
    return result


def _stripes(X: Any, checkpoint: Callable[[], object]) -> Any:
    step = max(1, values_at_a_time(X, _STRIPE_VALUES) // X.shape[1])
    for start in range(0, X.shape[0], step):
        checkpoint()
        yield X[start : start + step]
