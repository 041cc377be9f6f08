"""The registry that several processes share: a folder for each owner, and in it one for each project."""

from __future__ import annotations

import hashlib
import os
import time
import weakref
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import quote

from symjobs._errors import NoSuchProject
from symjobs._project import Project
from symjobs._project._home import Home, read_about
from symjobs._registry._memory import ProjectRegistry
from symjobs._text import check_owner


class SharedProjectRegistry(ProjectRegistry):
    """Projects in a folder. What one process learns into one of them, the others see.

    A project that was added, or that `get` returned, is kept in step with its files by itself.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._used: weakref.WeakKeyDictionary[Project, float] = weakref.WeakKeyDictionary()
        # Projects that were unloaded, but that a job or a caller still holds: one name is one object.
        self._unloaded: weakref.WeakValueDictionary[tuple[str, int], Project] = weakref.WeakValueDictionary()

    def add(self, owner: str, project: Project) -> None:
        check_owner(owner)
        if self._kept(owner, project.name) is project:
            return
        project.share(partial(self._place, owner), owner)
        with self._lock:
            kept = [one for one in self._projects.get(owner, ()) if one.name != project.name]
            self._projects[owner] = [*kept, project]
        self._used[project] = time.monotonic()

    def get(self, owner: str, name: str) -> Project:
        known = self._kept(owner, name)
        if known is not None:
            return known
        home = Home.found(partial(self._place, owner), name) if self._is_plausible(owner, name) else None
        project = None if home is None else Project.open_shared(home)
        if project is None:
            raise NoSuchProject(f"owner {owner!r} has no project {name!r}; {self._known(owner)}")
        return self._keep(owner, project)

    def unload(self, idle: float) -> int:
        """Let go of projects that nobody has asked for in so many seconds, and return how many these were.

        They stay in their files, and are read again when they are asked for.
        """
        before, unloaded = time.monotonic() - idle, 0
        with self._lock:
            for owner, projects in list(self._projects.items()):
                kept = [project for project in projects if self._used.get(project, before) > before]
                for project in projects:
                    if project not in kept:
                        self._unloaded[owner, id(project)] = project
                unloaded += len(projects) - len(kept)
                self._projects[owner] = kept
        return unloaded

    def names(self, owner: str) -> list[str]:
        return [name for _, name in sorted(self._stored(owner))]

    def all(self, owner: str) -> list[Project]:
        found = []
        for name in self.names(owner):
            try:
                found.append(self.get(owner, name))
            except NoSuchProject:  # deleted meanwhile
                continue
        return found

    def _kept(self, owner: str, name: str) -> Project | None:
        project = super()._kept(owner, name)
        if project is None:
            with self._lock:
                waiting = [one for (whose, _), one in self._unloaded.items() if whose == owner]
            project = next((one for one in waiting if one.name == name and not one.deleted), None)
            project = None if project is None else self._keep(owner, project)
        if project is not None:
            self._used[project] = time.monotonic()
        return project

    def _keep(self, owner: str, project: Project) -> Project:
        self._used[project] = time.monotonic()
        return super()._keep(owner, project)

    def _stored(self, owner: str) -> Iterator[tuple[int, str]]:
        folder = self._place(owner, "").parent
        try:
            entries = os.listdir(folder)
        except (FileNotFoundError, NotADirectoryError):
            return
        for entry in entries:
            about = None if entry.startswith(".") else read_about(folder / entry)
            if about is not None:
                yield about.added, about.name

    def _place(self, owner: str, name: str) -> Path:
        return self._folder / _segment(owner) / _segment(name)

    @staticmethod
    def _is_plausible(owner: object, name: object) -> bool:
        return isinstance(owner, str) and isinstance(name, str)


def _segment(name: str) -> str:
    # Readable, short enough for any file system, and different where upper and lower case do not count.
    readable = quote(name, safe=" ", errors="replace").replace(".", "%2E").strip()[:60]  # what begins with . is hidden
    return f"{readable}-{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:16]}"
