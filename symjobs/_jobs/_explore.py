"""ExploreJob: the metrics of the wire contract, section 5."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Self, get_args

from symjobs._engine import Job, JobContext, Request
from symjobs._entities import KSVDMap, ProjectInfo
from symjobs._errors import InputError
from symjobs._explore import Catalogue, MetricRequest, Statistics, prepare
from symjobs._explore._parameters import KnownValue, UnbiasedParameters
from symjobs._jobs._context import (
    Names,
    checked_names,
    checked_project,
    contexts,
    extra_parameters,
    input_names,
    note_rounding,
    target_names,
    the_project,
)
from symjobs._jobs._route import JobRoute
from symjobs._parameters import Flag, Parameters, Text, parameter, text_parameters
from symjobs._project import Project


@dataclass(frozen=True, eq=False)
class ExploreResult:
    """One map for each list of inputs.

    Attributes
    ----------
    metric : str
    maps : tuple of dict of str to float
        In the order of the request; NaN where a value is undefined.
    info : ProjectInfo or None
        The project that was explored.
    """

    metric: str
    maps: tuple[dict[str, float], ...]
    info: ProjectInfo | None

    def entities(self) -> dict[str, Any]:
        """Return ``KSVDMap``, and ``smlInfo`` if the request asked for it."""
        entities: dict[str, Any] = {"KSVDMap": KSVDMap([dict(values) for values in self.maps])}
        if self.info is not None:
            entities["smlInfo"] = self.info
        return entities


class ExploreQueryParameters(Parameters):
    """What the query of a request says."""

    metric: str | None = parameter("metric", Text(), "what to compute (required)", default=None)
    project_info: bool = parameter("returnProjectInfo", Flag(), "answer with the project, too", default=True)


class ExploreJob(Job):
    """Describe and test a project's attributes.

    Parameters
    ----------
    project : Project
    metric : str
        ``uni``, ``bi``, ``ztest``, ``ztestp``, ``ztestmu``, ``ttest``, ``ttestmu``, ``ftest``, ``ftestmu``, ``anova``,
        ``chi2`` or ``gain``.
    inputs : sequence of sequences of str or int
        Names of attributes or categories, or indexes of attributes. Each inner list has one map in the answer. The
        types of its attributes decide the variant of a test: two continuous ones are compared with each other; a
        continuous one is compared under two binary ones; one alone is compared with a known value.
    targets : sequence of sequences of str or int, optional
        As many inner lists as `inputs` has. The tests of two samples, `bi` and `gain` take inputs and targets together.
    parameters : sequence of mappings of str to str, optional
        As many as `inputs` has lists: ``unbiased``, ``sml_explore_ztest_known_mu``, ``sml_explore_ttest_known_mu``,
        ``sml_explore_ftest_known_sigma``. Numbers and booleans are taken too.
    project_info : bool, default True
        Return the ProjectInfo, too.

    Raises
    ------
    InputError
        If the metric or a name is unknown, the inputs are not what the metric takes, or a parameter is missing.
        When the job runs, `UnsupportedTest` if the data cannot support a test.

    Notes
    -----
    On the wire the metric is ``metric`` in the query, and ``returnProjectInfo=false`` leaves ``smlInfo`` out.

    Examples
    --------
    >>> import symjobs as sj
    >>> project = sj.Project("iris").learn(sj.datasets.load_iris())
    >>> job = sj.ExploreJob(project, "bi", [["petal_length"]], [["petal_width"]])
    >>> (statistics,) = job.run(sj.JobContext()).maps
    >>> round(statistics["linCorr"], 3)
    0.963
    """

    job_type: ClassVar[str] = "ExploreJob"
    routes: ClassVar[tuple[JobRoute, ...]] = (
        JobRoute(path="/projects/{pid}/explore", direct=True, query=ExploreQueryParameters),
    )

    def __init__(
        self,
        project: Project,
        metric: str,
        inputs: Sequence[Sequence[str | int]],
        targets: Sequence[Sequence[str | int]] | None = None,
        parameters: Sequence[Mapping[str, Any]] | None = None,
        *,
        project_info: bool = True,
    ) -> None:
        self.project = checked_project(project, self.job_type)
        self.metric = metric
        self.inputs = _name_lists(inputs, "inputs")
        n = len(self.inputs)
        if not n:
            raise InputError("inputs must hold at least one list of attribute names")
        self.targets = ((),) * n if targets is None else _name_lists(targets, "targets")
        given = [{}] * n if parameters is None else list(parameters)
        for what, found in (("targets", self.targets), ("parameters", given)):
            if len(found) != n:
                raise InputError(f"{what} must be as many as inputs: got {len(found)} and {n}")
        self.parameters = tuple(text_parameters(one, f"parameters[{k}]") for k, one in enumerate(given))
        self.project_info = bool(project_info)
        catalogue = Catalogue(project.snapshot())
        for k in range(n):
            with self._place(k):
                prepare(self._metric_request(catalogue, k))

    @classmethod
    def parameter_types(cls, request: Request) -> tuple[type[Parameters], ...]:
        return (ExploreQueryParameters, UnbiasedParameters, *get_args(KnownValue))

    @classmethod
    def from_request(cls, request: Request) -> Self:
        project = the_project(request, cls.job_type)
        metric = request.query.get("metric")
        if metric is None:
            raise InputError("the request names no metric; put metric=... into its query")
        given = contexts(request)
        return cls(
            project,
            metric,
            [input_names(project, one) for one in given],
            [target_names(project, one) for one in given],
            [extra_parameters(request, one) for one in given],
            project_info=ExploreQueryParameters.from_text(request.query, cls.job_type).project_info,
        )

    def run(self, context: JobContext) -> ExploreResult:
        snapshot = context.snapshot(self.project)
        catalogue, statistics = Catalogue(snapshot), Statistics(snapshot)
        maps = []
        for k in range(len(self.inputs)):
            context.progress(k, len(self.inputs))
            with self._place(k):
                maps.append(prepare(self._metric_request(catalogue, k))(statistics))
        context.progress(len(maps), len(maps))
        note_rounding(context, snapshot)
        bounds = [
            str(names[0])
            for names, values in zip(self.inputs, maps, strict=True)
            if "min" in values and not statistics.extremes_exact[snapshot.index(names[0])]
        ]
        if bounds:
            context.details["boundsOnly"] = (
                f"min and max of {', '.join(bounds)}: rows that may have held them are forgotten"
            )
        return ExploreResult(self.metric, tuple(maps), snapshot.info() if self.project_info else None)

    def _metric_request(self, catalogue: Catalogue, k: int) -> MetricRequest:
        return MetricRequest(catalogue, self.metric, self.inputs[k], self.targets[k], self.parameters[k])

    @contextmanager
    def _place(self, k: int) -> Iterator[None]:
        """Add to an error which map it is about, if there are several."""
        try:
            yield
        except InputError as error:
            if len(self.inputs) == 1:
                raise
            raise type(error)(
                f"map {k + 1} of {len(self.inputs)} ({', '.join(map(str, self.inputs[k]))}): {error}"
            ) from error


def _name_lists(lists: Sequence[Sequence[str | int]], what: str) -> tuple[Names, ...]:
    if isinstance(lists, str) or not isinstance(lists, Sequence):
        raise InputError(f"{what} must be a list of lists of attribute names, got {lists!r}")
    for one in lists:
        if isinstance(one, str):
            raise InputError(f"{what} must be a list of lists, one a map, got {list(lists)!r}; write [{list(lists)!r}]")
    return tuple(checked_names(one, f"{what}[{k}]") for k, one in enumerate(lists))
