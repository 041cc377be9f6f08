"""ProjectInfoJob: what one project is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from symjobs._engine._job import Job, JobContext
from symjobs._entities import MLContext, ProjectInfo

if TYPE_CHECKING:
    from symjobs._project import Project


@dataclass(frozen=True)
class ProjectInfoResult:
    """The result of a `ProjectInfoJob`."""

    info: ProjectInfo

    def entities(self) -> dict[str, Any]:
        """Return ``smlInfo``."""
        return {"smlInfo": self.info}


class ProjectInfoJob(Job):
    """Tell what a project is: its attributes, models, parameters and dates. A light job.

    Parameters
    ----------
    project : Project
        The project.
    """

    job_type: ClassVar[str] = "ProjectInfoJob"
    bounded: ClassVar[bool] = False

    def __init__(self, project: Project) -> None:
        self.project = project

    @classmethod
    def from_context(
        cls,
        project: Project,
        mlcontext: MLContext | None = None,
        query: Mapping[str, str] = {},
    ) -> Self:
        """Make the job from a request, of which only the project counts.

        Parameters
        ----------
        project : Project
        mlcontext, query
            Not read.
        """
        return cls(project)

    def run(self, context: JobContext) -> ProjectInfoResult:
        return ProjectInfoResult(context.snapshot(self.project).info())
