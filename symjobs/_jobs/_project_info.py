"""ProjectInfoJob: the description of a project."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from symjobs._engine import Job, JobContext, Request
from symjobs._entities import ProjectInfo
from symjobs._jobs._context import checked_project, the_project
from symjobs._jobs._route import JobRoute
from symjobs._project import Project


@dataclass(frozen=True)
class ProjectInfoResult:
    """The result of a `ProjectInfoJob`."""

    info: ProjectInfo

    def entities(self) -> dict[str, Any]:
        """Return ``smlInfo``."""
        return {"smlInfo": self.info}


class ProjectInfoJob(Job):
    """Describe a project: its attributes, models, parameters and dates. A light job.

    Parameters
    ----------
    project : Project
        The project.

    Examples
    --------
    >>> import symjobs as sj
    >>> project = sj.Project("iris").learn(sj.datasets.load_iris())
    >>> info = sj.ProjectInfoJob(project).run(sj.JobContext()).info
    >>> info.pid, info.attributeNames[:2]
    ('iris', ['sepal_length', 'sepal_width'])
    """

    job_type: ClassVar[str] = "ProjectInfoJob"
    routes: ClassVar[tuple[JobRoute, ...]] = (
        JobRoute(method="GET", path="/projects/{pid}/info", body="", direct=True),
    )
    bounded: ClassVar[bool] = False

    def __init__(self, project: Project) -> None:
        self.project = checked_project(project, self.job_type)

    @classmethod
    def from_request(cls, request: Request) -> Self:
        return cls(the_project(request, cls.job_type))

    def run(self, context: JobContext) -> ProjectInfoResult:
        return ProjectInfoResult(context.snapshot(self.project).info())
