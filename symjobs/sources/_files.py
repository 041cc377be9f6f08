"""Checks of a path: readable, not empty, text or Parquet."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from symjobs._errors import InputError
from symjobs._text import shown

_PARQUET = b"PAR1"
_PACKED = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip (or Excel)", b"BZh": "bzip2", b"\x28\xb5\x2f\xfd": "zstd"}


@dataclass(frozen=True)
class SourceFile:
    """A file, and its name in messages."""

    path: Path
    name: str

    def open(self, buffering: int = -1) -> BinaryIO:
        """Open it to read bytes."""
        return open(self.path, "rb", buffering)

    def size(self) -> int:
        return self.path.stat().st_size

    @property
    def is_sent(self) -> bool:
        """Whether a client has sent it, who knows neither the path nor arguments in Python."""
        return self.name != str(self.path)

    def __str__(self) -> str:
        return self.name


def checked_file(path: str | os.PathLike[str], name: str | None = None) -> SourceFile:
    """Return a readable file that is not empty; messages show `name`, by default the path."""
    if not isinstance(path, str | os.PathLike):
        raise InputError(f"a file is named by its path, got {shown(path)}")
    found = Path(path).expanduser()
    file = SourceFile(found, str(found) if name is None else name)
    if not found.exists():
        raise InputError(f"no such file: {file}")
    if found.is_dir():
        raise InputError(f"{file} is a directory; name a file")
    if not found.is_file():  # a pipe or a device: it has no size, and cannot be read again
        raise InputError(f"{file} is not a regular file; save it to a file first, and name that file")
    try:
        with file.open() as opened:
            first = opened.read(1)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error
    if not first:
        raise InputError(f"{file} is empty")
    return file


def is_parquet(file: SourceFile) -> bool:
    """Whether the file begins like Parquet, whatever its name."""
    with file.open() as opened:
        return opened.read(4) == _PARQUET


def check_text(file: SourceFile, start: bytes) -> None:
    """Raise InputError if a file begins like a format that is not text."""
    for magic, what in _PACKED.items():
        if start.startswith(magic):
            raise InputError(f"{file} is a {what} file; unpack or export it to CSV or Parquet first")
    if start.startswith(_PARQUET):
        raise InputError(f"{file} is a Parquet file; read it with sources.parquet")
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{file} is UTF-16; convert it to UTF-8 first (iconv -f UTF-16 -t UTF-8)")
    if b"\0" in start:
        raise InputError(f"{file} is not a text file: it has zero bytes; CSV and Parquet can be read")
