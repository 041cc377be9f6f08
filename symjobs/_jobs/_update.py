"""What the jobs share that learn or forget a data source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from symjobs._entities import ProjectInfo
from symjobs._errors import ProjectError
from symjobs._parameters import Choice, Flag, Parameters, parameter
from symjobs._project import Project
from symjobs._state._params import TypeLetters


class UpdateParameters(Parameters):
    """How a data source is learnt or forgotten, by this machine or by a cluster."""

    types: dict[str, str] | None = parameter("types", TypeLetters(), "type letters of columns", default=None)
    errors: str | None = parameter(
        "errorHandling",
        Choice("raise", "missing"),
        "what becomes of a value that does not fit its column; by default what the source says",
        default=None,
    )
    forget: bool = parameter("forget", Flag(), "take the rows away, which were learnt before", default=False)


@dataclass(frozen=True)
class DSUpdateResult:
    """The project after a data source was learnt or forgotten."""

    info: ProjectInfo
    rows: int

    def entities(self) -> dict[str, Any]:
        """Return ``smlInfo``."""
        return {"smlInfo": self.info}


def check_writable(project: Project, job_type: str, *, forget: bool) -> None:
    """Raise ProjectError if a project is frozen, or is to forget and does so by itself."""
    if project.frozen:
        raise ProjectError(f"cannot run {job_type} on project {project.name!r}: it is frozen")
    if forget and project.params.get("rolling_window") is not None:
        raise ProjectError(f"project {project.name!r} has a rolling window and forgets its oldest rows by itself")
