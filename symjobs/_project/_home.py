"""The files of a project that several processes share: its newest version, and the turn to write the next one.

The folder of a project holds ``about.json`` and one file per version, such as ``7-3f2a9c41.project``, as `Project.save`
writes it. The version with the highest number counts; a writer removes the older ones. So a reader needs no lock, and a
crash at any moment leaves the last complete version. The lock of the writers is beside the folder, in ``.locks``.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock
import msgspec

from symjobs._errors import ProjectError, ProjectExists, StoreError
from symjobs._project._file import Saved, read_file, write_file

_SUFFIX = ".project"
_ABOUT = "about.json"
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.0005, 0.02  # seconds between two attempts to get the turn
_ATTEMPTS = 10  # to read a version before its writer removes it; then the writers wait for the reader
_LEFT_OVER_SECONDS = 3600.0  # a hidden folder of this age is left over from a crash


class About(msgspec.Struct, frozen=True):
    """Whose project a folder holds, and since when."""

    owner: str
    name: str
    added: int  # nanoseconds since the epoch


class Home:
    """The folder of one shared project.

    Parameters
    ----------
    folder_of : callable
        Returns the folder for a name of a project of the same owner.
    about : About
        Whose project it is.
    """

    def __init__(self, folder_of: Callable[[str], Path], about: About) -> None:
        self._folder_of = folder_of
        self._about = about
        self._folder = folder_of(about.name)

    @property
    def name(self) -> str:
        return self._about.name

    @classmethod
    def found(cls, folder_of: Callable[[str], Path], name: str) -> Home | None:
        """Return the home of a project that is there, or None."""
        about = read_about(folder_of(name))
        return None if about is None else cls(folder_of, about)

    @classmethod
    def create(
        cls, folder_of: Callable[[str], Path], owner: str, saved: Saved, added: int | None = None
    ) -> tuple[Home, str]:
        """Make the folder for a new project, in one step; return the home and the first version.

        Raises ProjectExists if there is one of this name.
        """
        home = cls(folder_of, About(owner, saved.name, time.time_ns() if added is None else added))
        target = home._folder
        new = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
        with _as_store_error("keep", saved.name):
            new.mkdir(parents=True)
            _remove_leftovers(new.parent)
            try:
                (new / _ABOUT).write_bytes(msgspec.json.encode(home._about))
                version = _write(new, 1, saved)
                try:
                    os.rename(new, target)  # fails if the other one has files in it
                except OSError as error:
                    if target.exists():
                        raise ProjectExists(f"owner {owner!r} has a project {saved.name!r} already") from error
                    raise
            except BaseException:
                shutil.rmtree(new, ignore_errors=True)
                raise
        return home, version

    def newest(self) -> str | None:
        """Return the newest version, or None if the project was deleted."""
        for _ in range(_ATTEMPTS):
            version = _newest(self._folder)
            if version is not None or not self._folder.exists():
                break
            # A list of files that change meanwhile may lack both the old and the new version.
        return version

    def read(self) -> tuple[str, Saved] | None:
        """Return the newest version and what it holds, or None if the project was deleted."""
        for _ in range(_ATTEMPTS):
            with contextlib.suppress(FileNotFoundError):  # there is a newer one by now
                return self._read()
        with self.turn(lambda: None):
            return self._read()

    def _read(self) -> tuple[str, Saved] | None:
        version = self.newest()
        if version is None:
            return None
        try:
            saved = read_file(self._folder / version)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StoreError(f"project {self.name!r} cannot be read: {error.strerror or error}") from error
        about = read_about(self._folder)
        # Another project may have taken the name.
        return (version, saved) if about is not None and about.added == self._about.added else None

    @contextmanager
    def turn(self, checkpoint: Callable[[], object]) -> Iterator[None]:
        """Be the only writer of all processes. While it waits it calls `checkpoint`, which may raise."""
        folder = self._folder
        lock = filelock.FileLock(folder.parent / ".locks" / folder.name, thread_local=False)
        pause = _SHORTEST_PAUSE
        while True:
            try:
                with _as_store_error("write to", self.name):
                    lock.acquire(timeout=0)
                break
            except filelock.Timeout:
                checkpoint()
                time.sleep(pause)
                pause = min(1.5 * pause, _LONGEST_PAUSE)
        try:
            yield
        finally:
            lock.release()

    def save(self, saved: Saved) -> str:
        """Write the next version and return it. Call it in one's turn."""
        before = self.newest()
        number = 1 if before is None else _number(before) + 1
        with _as_store_error("keep", self.name):
            version = _write(self._folder, number, saved)
        for name in os.listdir(self._folder):
            if name != version and (name.endswith(_SUFFIX) or name.startswith(".")):  # older, or left by a crash
                with contextlib.suppress(OSError):
                    os.unlink(self._folder / name)
        return version

    def move(self, renamed: Saved) -> tuple[Home, str]:
        """Move the project to the folder of its new name; return the new home and its version. Call it in one's turn.

        A crash in the middle leaves it under both names. Raises ProjectExists if the new one is taken.
        """
        moved = Home.create(self._folder_of, self._about.owner, renamed, self._about.added)
        self.remove()
        return moved

    def remove(self) -> None:
        """Delete the project. Call it in one's turn."""
        folder = self._folder
        away = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
        with _as_store_error("delete", self.name):
            os.rename(folder, away)
        shutil.rmtree(away, ignore_errors=True)


def read_about(folder: Path) -> About | None:
    """Return what a folder says of its project, or None if it holds none."""
    try:
        return msgspec.json.decode((folder / _ABOUT).read_bytes(), type=About)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise ProjectError(f"{folder / _ABOUT} is damaged: {error}; restore it from a copy") from error


def _remove_leftovers(folder: Path) -> None:
    for entry in os.scandir(folder):
        if entry.name.startswith(".") and entry.name != ".locks":
            with contextlib.suppress(OSError):
                if time.time() - entry.stat().st_mtime > _LEFT_OVER_SECONDS:
                    shutil.rmtree(entry.path, ignore_errors=True)


def _newest(folder: Path) -> str | None:
    try:
        versions = [name for name in os.listdir(folder) if name.endswith(_SUFFIX) and not name.startswith(".")]
    except (FileNotFoundError, NotADirectoryError):
        return None
    return max(versions, key=_number, default=None)


def _number(version: str) -> int:
    return int(version.partition("-")[0])


def _write(folder: Path, number: int, saved: Saved) -> str:
    # The second part tells a version from one of a project of the same name that was deleted.
    version = f"{number}-{uuid.uuid4().hex[:8]}{_SUFFIX}"
    write_file(folder / version, saved)
    return version


@contextmanager
def _as_store_error(what: str, name: str) -> Iterator[None]:
    try:
        yield
    except filelock.Timeout:
        raise
    except OSError as error:
        raise StoreError(f"cannot {what} project {name!r}: {error.strerror or error}") from error
