"""The registry of one process."""

from __future__ import annotations

import threading

from symjobs._errors import NoSuchProject, ProjectExists
from symjobs._project import Project
from symjobs._text import check_owner


class ProjectRegistry:
    """The projects that a manager's clients can name. Owners do not see each other's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._projects: dict[str, list[Project]] = {}

    def after_fork(self) -> None:
        """Make the registry usable in a forked child."""
        self._lock = threading.Lock()

    def add(self, owner: str, project: Project) -> None:
        """Give an owner a project.

        Raises
        ------
        ProjectExists
            If the owner has another project of this name.
        InputError
            If the owner is not 1 to 255 printable characters that are one segment of a path.
        """
        check_owner(owner)
        if self._keep(owner, project) is not project:
            raise ProjectExists(f"owner {owner!r} has a project {project.name!r} already")

    def get(self, owner: str, name: str) -> Project:
        """Return an owner's project; raises NoSuchProject."""
        project = self._kept(owner, name)
        if project is None:
            raise NoSuchProject(f"owner {owner!r} has no project {name!r}; {self._known(owner)}")
        return project

    def names(self, owner: str) -> list[str]:
        """Return the names of an owner's projects, in the order they were added."""
        return [project.name for project in self.all(owner)]

    def all(self, owner: str) -> list[Project]:
        """Return an owner's projects, in the order they were added."""
        with self._lock:
            kept = list(self._projects.get(owner, ()))
        return [project for project in kept if not project.deleted]

    def delete(self, owner: str, name: str) -> None:
        """Delete an owner's project: later jobs on it fail. Raises NoSuchProject."""
        self.get(owner, name).delete()

    def unload(self, idle: float) -> int:
        """Let go of projects that are kept in files and idle: none here, as these would be lost."""
        return 0

    def _kept(self, owner: str, name: str) -> Project | None:
        # By the name that it has now: a project may be renamed.
        with self._lock:
            kept = list(self._projects.get(owner, ()))
        return next((project for project in kept if project.name == name and not project.deleted), None)

    def _keep(self, owner: str, project: Project) -> Project:
        """Keep a project, and return it, or another one of this name that is kept already."""
        with self._lock:
            kept = [one for one in self._projects.get(owner, ()) if not one.deleted]
            known = next((one for one in kept if one.name == project.name), None)
            if known is None:
                kept.append(known := project)
            self._projects[owner] = kept
            return known

    def _known(self, owner: str) -> str:
        return f"there are: {', '.join(self.names(owner)) or 'none'}"
