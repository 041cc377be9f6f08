"""The projects of each owner, by name."""

from __future__ import annotations

import threading
from typing import Any, Protocol

from symjobs._engine._ids import check_owner
from symjobs._errors import NoSuchProject, ProjectExists


class Subject(Protocol):
    """What the engine needs of a project."""

    @property
    def name(self) -> str: ...

    @property
    def deleted(self) -> bool: ...

    def snapshot(self) -> Any: ...

    def delete(self) -> None: ...


class ProjectRegistry:
    """The projects that a manager's clients can name. Owners do not see each other's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._projects: dict[str, dict[str, Subject]] = {}

    def after_fork(self) -> None:
        """Make the registry usable in a forked child."""
        self._lock = threading.Lock()

    def add(self, owner: str, project: Subject) -> None:
        """Give an owner a project.

        Raises
        ------
        ProjectExists
            If the owner has another project of this name.
        InputError
            If the owner is not 1 to 255 printable characters that are one segment of a path.
        """
        check_owner(owner)
        with self._lock:
            mine = self._projects.setdefault(owner, {})
            known = mine.get(project.name)
            if known is not None and known is not project and not known.deleted:
                raise ProjectExists(f"owner {owner!r} has a project {project.name!r} already")
            mine[project.name] = project

    def get(self, owner: str, name: str) -> Any:
        """Return an owner's project; raises NoSuchProject."""
        with self._lock:
            project = self._projects.get(owner, {}).get(name)
        if project is None or project.deleted:
            known = ", ".join(self.names(owner)) or "none"
            raise NoSuchProject(f"owner {owner!r} has no project {name!r}; there are: {known}")
        return project

    def names(self, owner: str) -> list[str]:
        """Return the names of an owner's projects, in the order they were added."""
        return [project.name for project in self.all(owner)]

    def all(self, owner: str) -> list[Any]:
        """Return an owner's projects, in the order they were added."""
        with self._lock:
            return [project for project in self._projects.get(owner, {}).values() if not project.deleted]

    def delete(self, owner: str, name: str) -> None:
        """Delete an owner's project: later jobs on it fail. Raises NoSuchProject."""
        project = self.get(owner, name)
        with self._lock:
            mine = self._projects.get(owner, {})
            if mine.get(name) is project:
                del mine[name]
        project.delete()
