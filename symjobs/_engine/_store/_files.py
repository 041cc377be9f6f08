"""Large results as files beside the store: written whole or not at all, and checked when they are read."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
import uuid
from collections.abc import Iterable
from pathlib import Path

from symjobs._errors import StoreError

LARGE = 1 << 20  # bytes; smaller results are in the database
_SUFFIX = ".json"
_UNKNOWN_SECONDS = 3600.0  # a file of this age that the store does not know is left over from a crash


class ResultFiles:
    """The files of one store, in a folder that is made when the first one is written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, job_id: int, values: bytes) -> tuple[str, str]:
        """Write a result; return the name and the checksum of its file."""
        name = f"{job_id}-{uuid.uuid4().hex}{_SUFFIX}"
        path = self._folder / name
        unfinished = path.with_suffix(".part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            try:
                with open(unfinished, "xb") as file:
                    file.write(values)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(unfinished, path)
            except BaseException:
                with contextlib.suppress(OSError):
                    unfinished.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise StoreError(f"cannot write a result to {self._folder}: {error.strerror or error}") from error
        return name, _checksum(values)

    def read(self, name: str, checksum: str) -> bytes | None:
        """Return a result; None if there is no such file, StoreError if it is not the one that was written."""
        path = self._folder / name
        try:
            values = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"cannot read the result {path}: {error.strerror or error}") from error
        if _checksum(values) != checksum:
            raise StoreError(f"the result {path} is damaged: its checksum is another one; run the job again")
        return values

    def remove(self, names: Iterable[str]) -> None:
        """Remove files. One that cannot be removed now is removed by `sweep`."""
        for name in names:
            with contextlib.suppress(OSError):
                (self._folder / name).unlink(missing_ok=True)

    def leftovers(self) -> list[str]:
        """Return the names of old files. Those that the store does not know are left over from a crash."""
        try:
            entries = [entry for entry in os.scandir(self._folder) if entry.name.endswith((_SUFFIX, ".part"))]
        except OSError:
            return []
        old = []
        for entry in entries:
            with contextlib.suppress(OSError):
                if time.time() - entry.stat().st_mtime > _UNKNOWN_SECONDS:
                    old.append(entry.name)
        return old


def _checksum(values: bytes) -> str:
    return hashlib.sha256(values).hexdigest()
