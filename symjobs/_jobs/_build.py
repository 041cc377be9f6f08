"""BuildJob: a model from what a project has learnt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from symjobs._engine import Job, JobContext, Request
from symjobs._jobs._context import (
    checked_names,
    checked_project,
    extra_parameters,
    named_inputs,
    only_context,
    target_names,
    the_project,
)
from symjobs._jobs._route import JobRoute
from symjobs._models import MODEL_TYPES, check_model
from symjobs._parameters import Parameters, Text, parameter
from symjobs._project import Project
from symjobs._text import check_name


class BuildParameters(Parameters):
    """The parameters of a `BuildJob`, besides those of the model type."""

    model_id: str = parameter("modelid", Text(), "the model's name")
    algo: str = parameter("algo", Text(), "the model type")


class BuildJob(Job):
    """Build a model from what the project has learnt, and keep it in the project.

    Parameters
    ----------
    project : Project
    model_id : str
        The model's name. A model of this name is replaced when the new one is there.
    algo : str
        The model type; the guide's page on models has them.
    inputs : sequence of str or int, optional
        Names or indexes of attributes; by default all that the model type can take.
    targets : sequence of str or int, optional
        Names or indexes of attributes, for model types that have targets.
    parameters : mapping, optional
        The model type's own, by their names on the wire. Values may be text, as on the wire.

    Raises
    ------
    InputError
        If the model type, an attribute or a parameter is unknown, or a parameter is out of range. When the job runs:
        also if the project does not keep what the model needs.

    Notes
    -----
    On the wire: ``modelid`` and ``algo``; any other parameter is the model type's. ``details`` has both of them, and
    the ``projectHash`` of the state that the model was built from.

    Examples
    --------
    >>> import symjobs as sj
    >>> project = sj.Project("iris").learn(sj.datasets.load_iris())
    >>> with sj.JobManager() as manager:
    ...     manager.submit(sj.BuildJob(project, "usual", "oospca")).result(timeout=60)
    >>> project.models
    ('usual',)
    """

    job_type: ClassVar[str] = "BuildJob"
    routes: ClassVar[tuple[JobRoute, ...]] = (JobRoute(path="/projects/{pid}/build", body="context"),)
    isolable: ClassVar[bool] = False
    parameter_type = BuildParameters

    def __init__(
        self,
        project: Project,
        model_id: str,
        algo: str,
        inputs: Sequence[str | int] | None = None,
        targets: Sequence[str | int] | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> None:
        self.project = checked_project(project, self.job_type)
        self.parameters = BuildParameters(model_id=check_name(model_id, "model"), algo=algo)
        self._inputs = None if inputs is None else checked_names(inputs, "inputs")
        self._targets = None if targets is None else checked_names(targets, "targets")
        self._given = dict(parameters or {})
        self.check()

    @classmethod
    def from_request(cls, request: Request) -> Self:
        project = the_project(request, cls.job_type)
        context = only_context(request)
        given = extra_parameters(request, context)
        own = BuildParameters.from_text(given, cls.job_type)
        return cls(
            project,
            own.model_id,
            own.algo,
            named_inputs(project, context),
            target_names(project, context) or None,
            {name: value for name, value in given.items() if name not in ("modelid", "algo")},
        )

    @classmethod
    def parameter_types(cls, request: Request) -> tuple[type[Parameters], ...]:
        algo = extra_parameters(request, only_context(request)).get("algo", "")
        return (cls.parameter_type, *([MODEL_TYPES[algo].parameter_type] if algo in MODEL_TYPES else []))

    def check(self) -> None:
        super().check()
        snapshot = self.project.snapshot()
        check_model(self.parameters.algo, self._given)
        for names in (self._inputs, self._targets):
            snapshot.resolve(names or ())

    def details(self) -> dict[str, str]:
        return {"modelid": self.parameters.model_id, "algo": self.parameters.algo}

    def run(self, context: JobContext) -> None:
        context.details.update(self.details())  # without a manager nothing else sets them
        info = self.project.build(
            self.parameters.model_id,
            self.parameters.algo,
            self._inputs,
            self._targets,
            self._given,
            checkpoint=context.progress,
        )
        context.details["projectHash"] = info.info["projectHash"]
