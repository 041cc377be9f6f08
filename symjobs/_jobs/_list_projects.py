"""ListProjectsInfoJob: descriptions of all projects of an owner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from symjobs._engine import Job, JobContext, Request, check_project
from symjobs._entities import ExploreContext, MLContext, ProjectInfo
from symjobs._jobs._route import JobRoute
from symjobs._project import Project


@dataclass(frozen=True)
class ListProjectsInfoResult:
    """The result of a `ListProjectsInfoJob`."""

    infos: tuple[ProjectInfo, ...]

    def entities(self) -> dict[str, Any]:
        """Return ``smlInfoList``."""
        return {"smlInfoList": {"values": self.infos}}


class ListProjectsInfoJob(Job):
    """Describe several projects. A light job.

    Parameters
    ----------
    projects : iterable of Project
        The projects, for instance ``manager.projects.all(owner)``. A project that is deleted before the job runs is
        left out.

    Examples
    --------
    >>> import symjobs as sj
    >>> manager = sj.JobManager()
    >>> manager.projects.add("c1", sj.Project("iris").learn(sj.datasets.load_iris()))
    >>> result = sj.ListProjectsInfoJob(manager.projects.all("c1")).run(sj.JobContext())
    >>> [info.pid for info in result.infos]
    ['iris']
    >>> manager.shutdown()
    """

    job_type: ClassVar[str] = "ListProjectsInfoJob"
    routes: ClassVar[tuple[JobRoute, ...]] = (JobRoute(method="GET", path="/projects/info", body=""),)
    bounded: ClassVar[bool] = False

    def __init__(self, projects: Iterable[Project]) -> None:
        self.projects = tuple(projects)

    @classmethod
    def from_request(cls, request: Request) -> Self:
        return cls(request.projects)

    @classmethod
    def from_context(
        cls,
        projects: Iterable[Project],
        mlcontext: MLContext | ExploreContext | None = None,
        query: Mapping[str, str] = {},
        *,
        data: Any = None,
    ) -> Self:
        """Return the job for these projects. The other arguments have no effect.

        Parameters
        ----------
        projects : iterable of Project
            All that the owner has.
        mlcontext, query, data
            Not read.
        """
        return cls.from_request(Request(projects=tuple(projects)))

    def check(self) -> None:
        for project in self.projects:
            check_project(project)

    def run(self, context: JobContext) -> ListProjectsInfoResult:
        infos = []
        for i, project in enumerate(self.projects):
            context.progress(i, len(self.projects))
            if not project.deleted:
                infos.append(project.info())
        return ListProjectsInfoResult(tuple(infos))
