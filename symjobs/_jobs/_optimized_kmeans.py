"""OptimizedKmeansJob: k-means for a range of k, and the suggested number of clusters."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np

from symjobs._arrays import to_host
from symjobs._engine import Job, JobContext, Request
from symjobs._errors import InputError
from symjobs._jobs._context import (
    Names,
    checked_names,
    discard,
    extra_parameters,
    named_inputs,
    only_context,
    the_project,
)
from symjobs._jobs._kmeans_data import Data, ProjectData, Settings, SweepOutcome, TableData
from symjobs._jobs._kmeans_result import KMeansJobResult
from symjobs._jobs._route import JobRoute
from symjobs._parameters import Choice, Integer, Parameters, parameter
from symjobs._project import Project
from symjobs.sources import Source
from symkernels import SweepEntry

SCALES = ("none", "standard")
METRICS = ("euclidean", "sqeuclidean")
_SEEDS = 2**63  # a drawn seed is below: what clients of the wire hold in an integer
_REASONS = 20  # impossible k that the details list; there may be thousands


class OptimizedKmeansParameters(Parameters):
    """The parameters of an `OptimizedKmeansJob`."""

    strict_prefix = "kmeans_"

    k_min: int = parameter("kmeans_k_min", Integer(1), "the smallest number of clusters to try")
    k_max: int = parameter("kmeans_k_max", Integer(1), "the largest number of clusters to try")
    max_iterations: int = parameter("kmeans_max_iterations", Integer(1), "iterations of each start", default=1000)
    n_init: int = parameter("kmeans_n_init", Integer(1), "starts for each k, of which the best counts", default=10)
    seed: int | None = parameter(
        "kmeans_rnd_seed", Integer(), "what random numbers come from; by default one is drawn", default=None
    )
    scale: str | None = parameter(
        "kmeans_scale",
        Choice(*SCALES),
        "standard divides each column by its standard deviation; by default a project's cluster_scale, else none",
        default=None,
    )
    metric: Literal["euclidean", "sqeuclidean"] = parameter(
        "kmeans_metric", Choice(*METRICS), "distances of the silhouettes", default="euclidean"
    )
    silhouette_sample: int = parameter(
        "kmeans_silhouette_sample",
        Integer(0),
        "rows whose silhouettes are averaged if there are more than twice as many; 0: exact, of all rows",
        default=20_000,
    )

    def check(self) -> None:
        if self.k_min > self.k_max:
            raise InputError(
                f"k_min (kmeans_k_min) must not be above k_max (kmeans_k_max), got {self.k_min} and {self.k_max}"
            )


class OptimizedKmeansJob(Job):
    """k-means for every k of a range, with WSSSE, silhouette, and a suggested k.

    Parameters
    ----------
    project_or_data : Project or table
        A project with the parameter ``cluster_features``: the job clusters its micro-clusters. Or a table in memory, as
        `Project.learn` takes it: rows with a missing value in one of the columns are left out and counted.
    k_min, k_max : int
        The numbers of clusters to try, both included. If k exceeds the number of distinct rows, its WSSSE and
        silhouette are NaN, with a reason.
    inputs : sequence of str or int, optional
        Columns by name or position; of a project, cluster features by name, or attributes by index. By default every C
        and B column of a table, and every cluster feature of a project.
    max_iterations : int, default 1000
        Of each start.
    n_init : int, default 10
        Starts for each k, of which the best counts.
    seed : int, optional
        Seed of the random numbers; the same seed gives the same answer. By default a seed is drawn, which the result
        and the job's details show.
    scale : {"none", "standard"}, optional
        ``standard`` divides each column by its population standard deviation, so that columns in large units do not
        decide alone. A constant column stays as it is. By default a project's ``cluster_scale``, else ``none``.
    metric : {"euclidean", "sqeuclidean"}, default "euclidean"
        Distances of the silhouettes. With Euclidean distances of all rows the work grows with the square of their
        number; with squared ones it is linear, and the silhouettes are larger.
    silhouette_sample : int, default 20_000
        How many rows Euclidean silhouettes are averaged over if there are more than twice as many: a random sample, by
        the seed, of which each row is compared with all rows. The result, the details and the table say the standard
        error. 0 for all rows; on a GPU they always are.
    keep_labels : bool, default False
        Return the cluster of each row, too: 4 bytes a row and k. Only of a table.

    Raises
    ------
    InputError
        If a parameter is out of its range, an input is unknown, named twice or not numeric, a project keeps no clusters
        or has no rows in them, or the work would not fit into memory. When the job runs: if a value is infinite or no
        number, or no row is complete.

    Notes
    -----
    On the wire: ``kmeans_k_min`` and ``kmeans_k_max`` (required), ``kmeans_max_iterations``, ``kmeans_rnd_seed``,
    ``kmeans_n_init``, ``kmeans_scale``, ``kmeans_metric``, ``kmeans_silhouette_sample``.

    ``details``: ``suggestedK`` is the suggested k, ``suggested`` the reason in words, ``elbowK`` the elbow; ``seed``,
    ``scale`` and ``metric`` are those that were used; ``silhouettes`` says that they are of a sample, with the standard
    error; ``kmeans_{k}_reason`` says why a number is missing.

    The suggested k has the largest mean silhouette (Rousseeuw 1987, J. Comput. Appl. Math. 20, 53-65). The elbow of the
    curve of WSSSE is by Kneedle (Satopaa et al. 2011, ICDCS Workshops, 166-171).

    Examples
    --------
    >>> import symjobs as sj
    >>> job = sj.OptimizedKmeansJob(sj.datasets.load_iris(), 2, 4, inputs=["petal_length", "petal_width"], seed=0)
    >>> result = job.run(sj.JobContext())
    >>> print(result.wssse.round(1), result.k)
    [86.4 31.4 19.5] 2
    """

    job_type: ClassVar[str] = "OptimizedKmeansJob"
    routes: ClassVar[tuple[JobRoute, ...]] = (JobRoute(path="/projects/{pid}/kmeansOptimize", body="context"),)
    parameter_type = OptimizedKmeansParameters

    def __init__(
        self,
        project_or_data: Any,
        k_min: int,
        k_max: int,
        inputs: Sequence[str | int] | None = None,
        max_iterations: int = OptimizedKmeansParameters.max_iterations,
        n_init: int = OptimizedKmeansParameters.n_init,
        seed: int | None = OptimizedKmeansParameters.seed,
        scale: str | None = OptimizedKmeansParameters.scale,
        metric: Literal["euclidean", "sqeuclidean"] = OptimizedKmeansParameters.metric,
        silhouette_sample: int = OptimizedKmeansParameters.silhouette_sample,
        *,
        keep_labels: bool = False,
    ) -> None:
        self.parameters = OptimizedKmeansParameters(
            k_min=k_min,
            k_max=k_max,
            max_iterations=max_iterations,
            n_init=n_init,
            seed=seed,
            scale=scale,
            metric=metric,
            silhouette_sample=silhouette_sample,
        )
        own_scale = _own_scale(project_or_data)
        self.settings = settings_of_parameters(self.parameters, own_scale, bool(keep_labels))
        self.inputs = None if inputs is None else checked_names(inputs, "inputs")
        self.project = project_or_data if isinstance(project_or_data, Project) else None
        self._source = project_or_data if isinstance(project_or_data, Source) else None
        self._data = _data(project_or_data, self.inputs)
        self._data.check(self.settings)
        self._echo = self.parameters.as_text(defaults=False)
        if scale == own_scale:
            del self._echo["kmeans_scale"]

    @classmethod
    def from_request(cls, request: Request) -> Self:
        project = the_project(request, cls.job_type) if request.data is None else request.data
        context = only_context(request)
        given = extra_parameters(request, context)
        found = OptimizedKmeansParameters.from_text(given, cls.job_type)
        if not isinstance(project, Project) and context.inputAttributes and context.inputAttributeNames:
            raise InputError("the MLContext's inputs are given twice; give inputAttributes or inputAttributeNames")
        job = cls(project, inputs=named_inputs(project, context), **found.values())
        job._echo = {name: text for name, text in given.items() if name.startswith("kmeans_")}
        return job

    def details(self) -> dict[str, str]:
        settings = self.settings
        return {"seed": str(settings.seed), "scale": settings.scale, "metric": settings.metric}

    def clean_up(self) -> None:
        discard(self._source)

    def run(self, context: JobContext) -> KMeansJobResult:
        settings = self.settings
        for name, text in self.details().items():
            context.details[name] = text  # without a manager nothing else sets them
        found = self._data.sweep(settings, context)
        entries = list(found.sweep)
        _note_reasons(entries, context)
        sweep = found.sweep
        result = KMeansJobResult(
            names=self._data.names,
            method=found.method,
            n_rows=found.n_rows,
            n_missing=found.n_missing,
            n_forgotten=found.n_forgotten,
            ks=np.array([entry.k for entry in entries], dtype=np.int64),
            wssse=np.array([entry.wssse for entry in entries], dtype=np.float64),
            silhouette=sweep.silhouette,
            silhouette_error=sweep.silhouette_error,
            seconds=np.array([entry.seconds for entry in entries], dtype=np.float64),
            n_iter=np.array([entry.n_iter for entry in entries], dtype=np.int64),
            converged=np.array([entry.converged for entry in entries], dtype=bool),
            reasons=tuple(entry.reason for entry in entries),
            k_silhouette=sweep.k_silhouette,
            k_elbow=sweep.k_elbow,
            scale=settings.scale,
            divisors=found.divisors,
            metric=settings.metric,
            n_init=settings.n_init,
            max_iterations=settings.max_iterations,
            seed=settings.seed,
            centers=tuple(_own_units(entry, found.divisors) for entry in entries),
            sizes=tuple(None if entry.counts is None else to_host(entry.counts) for entry in entries),
            labels=tuple(_all_labels(entry, found) for entry in entries) if settings.keep_labels else None,
            backend=found.backend,
            device=found.device,
            _echo=self._echo,
        )
        context.details["suggested"] = result.why
        if (largest := result.largest_error) is not None:
            context.details["silhouettes"] = (
                f"of a random sample of {settings.silhouette_sample} of {result.n_rows} rows, each compared with all; "
                f"standard error at most {largest:.2g} (kmeans_silhouette_sample=0: exact)"
            )
        if result.k is not None:
            context.details["suggestedK"] = str(result.k)
        if result.k_elbow is not None:
            context.details["elbowK"] = str(result.k_elbow)
        return result


def settings_of_parameters(given: OptimizedKmeansParameters, own_scale: str, keep_labels: bool = False) -> Settings:
    """Return the settings. Without a seed one is drawn; without a scale the data's own one counts."""
    return Settings(
        ks=range(given.k_min, given.k_max + 1),
        n_init=given.n_init,
        max_iterations=given.max_iterations,
        seed=secrets.randbelow(_SEEDS) if given.seed is None else given.seed,
        scale=own_scale if given.scale is None else given.scale,
        metric=given.metric,
        silhouette_sample=given.silhouette_sample,
        keep_labels=keep_labels,
    )


def _own_scale(project_or_data: Any) -> str:
    """Return the scale of a project's clusters, which is the default of its models, too."""
    clusters = project_or_data.snapshot().clusters if isinstance(project_or_data, Project) else None
    return "none" if clusters is None else str(clusters.settings.scale)


def _data(project_or_data: Any, inputs: Names | None) -> Data:
    if isinstance(project_or_data, Project):
        return ProjectData(project_or_data, inputs)
    return TableData(project_or_data, inputs)


def _note_reasons(entries: Iterable[SweepEntry], context: JobContext) -> None:
    reasons = [(entry.k, entry.reason) for entry in entries if entry.reason]
    for k, reason in reasons[:_REASONS]:
        context.details[f"kmeans_{k}_reason"] = reason
    if len(reasons) > _REASONS:
        last, reason = reasons[-1]
        context.details["reasons"] = f"{len(reasons)} in all, the last of them for k = {last}: {reason}"


def _own_units(entry: SweepEntry, divisors: np.ndarray) -> np.ndarray | None:
    if entry.centers is None:
        return None
    return to_host(entry.centers) * divisors


def _all_labels(entry: SweepEntry, found: SweepOutcome) -> np.ndarray | None:
    if entry.labels is None:
        return None
    labels = to_host(entry.labels)
    if found.kept is None:
        return labels
    every = np.full(len(found.kept), -1, dtype=np.int32)
    every[found.kept] = labels
    return every
