"""The registry that several processes share: a folder for each owner, and in it one for each project."""

from __future__ import annotations

import hashlib
import os
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

    def add(self, owner: str, project: Project) -> None:
        check_owner(owner)
        if self._kept(owner, project.name) is project:
            return
        project.share(partial(self._place, owner), owner)
        with self._lock:
            kept = [one for one in self._projects.get(owner, ()) if one.name != project.name]
            self._projects[owner] = [*kept, project]

    def get(self, owner: str, name: str) -> Project:
        known = self._kept(owner, name)
        if known is not None:
            return known
        home = Home.found(partial(self._place, owner), name) if self._is_plausible(owner, name) else None
        project = None if home is None else Project.open_shared(home)
        if project is None:
            raise NoSuchProject(f"owner {owner!r} has no project {name!r}; {self._known(owner)}")
        return self._keep(owner, project)

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
