"""Files as streams of bytes: on a disk, packed with gzip or zstd, in another encoding."""

from __future__ import annotations

import codecs
import contextlib
import os
import tempfile
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from symjobs._errors import InputError
from symjobs._text import shown

PARQUET, ARROW = b"PAR1", b"ARROW1"
_PACKED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_OTHERS = {b"PK\x03\x04": "zip (or Excel)", b"BZh": "bzip2", b"\xfd7zXZ": "xz"}
_START = 4096
_PIECE = 2**20


class NoRows(InputError):
    """A file holds no rows. As one of several it is passed over."""


class Stream(Protocol):
    """Bytes in order.

    Attributes
    ----------
    position : int
        How many bytes of the file have been read for what was returned so far.
    """

    position: int

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes; none at the end only."""

    def close(self) -> None: ...


class DataFile(ABC):
    """A file that can be read several times.

    Attributes
    ----------
    name : str
        Its name in messages.
    size : int or None
        Its bytes, where they are known before it is read.
    is_sent : bool
        Whether a client has sent it, who knows neither the path nor arguments in Python.
    """

    name: str
    size: int | None
    is_sent: bool = False

    @abstractmethod
    def open(self) -> Stream:
        """Open it at its beginning."""

    @abstractmethod
    def on_disk(self, checkpoint: Callable[[], object] | None = None) -> Path:
        """Return the path of the file, or of a copy that goes with this object.

        `checkpoint` is called while it is copied; what it raises ends that.
        """

    def start(self) -> bytes:
        """Return the first bytes."""
        with contextlib.closing(self.open()) as stream:
            return stream.read(_START)

    def __str__(self) -> str:
        return self.name


class LocalFile(DataFile):
    """A file on a disk. What is appended while it is read belongs to the next reading."""

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.name = name
        self.size: int = path.stat().st_size
        self.is_sent = name != str(path)

    def open(self) -> Stream:
        return _LocalStream(self)

    def on_disk(self, checkpoint: Callable[[], object] | None = None) -> Path:
        return self.path


class RemoteFile(DataFile):
    """A file that is read from its beginning to its end, over a network."""

    _copy: Path | None = None

    def on_disk(self, checkpoint: Callable[[], object] | None = None) -> Path:
        if self._copy is None:
            number, name = tempfile.mkstemp(prefix="symjobs-")
            weakref.finalize(self, Path(name).unlink, missing_ok=True)
            with os.fdopen(number, "wb") as copy, contextlib.closing(self.open()) as stream:
                while data := stream.read(_PIECE):
                    copy.write(data)
                    if checkpoint is not None:
                        checkpoint()
            self._copy = Path(name)
        return self._copy


class _LocalStream:
    def __init__(self, file: LocalFile) -> None:
        self.position = 0
        self._file = file
        try:
            self._opened: BinaryIO = open(file.path, "rb", buffering=0)  # noqa: SIM115 - `close` closes it
        except FileNotFoundError:
            raise InputError(f"no such file: {file}") from None
        except OSError as error:
            raise InputError(f"{file} cannot be read: {error.strerror}") from error
        self._size = os.fstat(self._opened.fileno()).st_size

    def read(self, size: int) -> bytes:
        size = min(size, self._size - self.position)
        data = self._opened.read(size) if size > 0 else b""
        if size > 0 and not data:
            raise InputError(
                f"{self._file} became shorter while it was read: {self.position} of {self._size} bytes are left; "
                "read it again when nothing writes to it"
            )
        self.position += len(data)
        return data

    def close(self) -> None:
        self._opened.close()


class _Started:
    """A stream whose first bytes have been looked at."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.start = stream.read(_START)
        self._rest = self.start

    @property
    def position(self) -> int:
        return self._stream.position

    def read(self, size: int) -> bytes:
        if self._rest:
            data, self._rest = self._rest[:size], self._rest[size:]
            return data
        return self._stream.read(size)

    def close(self) -> None:
        self._stream.close()


class _Unpacked:
    """The contents of a packed stream."""

    def __init__(self, stream: Stream, codec: str, name: str) -> None:
        import pyarrow as pa

        self._stream, self._codec, self._name = stream, codec, name
        self._errors = (pa.ArrowException, OSError)
        self._opened = pa.CompressedInputStream(pa.PythonFile(_ForArrow(stream), mode="r"), codec)

    @property
    def position(self) -> int:
        return self._stream.position

    def read(self, size: int) -> bytes:
        try:
            data: bytes = self._opened.read(size)
        except self._errors as error:
            raise InputError(
                f"{self._name}: after {self._stream.position} bytes the {self._codec} data is damaged or ends too "
                f"early ({error}); get the file again"
            ) from error
        return data

    def close(self) -> None:
        self._opened.close()
        self._stream.close()


class _ForArrow:
    # What pyarrow needs of a file in Python.
    closed = False

    def __init__(self, stream: Stream) -> None:
        self.read = stream.read

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        pass  # the stream is closed by its owner, whatever becomes of pyarrow's object


class _Transcoded:
    """A stream in UTF-8 of text in another encoding."""

    def __init__(self, stream: Stream, encoding: str, errors: str, name: str) -> None:
        self._stream, self._encoding, self._name = stream, encoding, name
        self._decoder = codecs.getincrementaldecoder(encoding)(errors)
        self._line = 1
        self._rest = b""

    @property
    def position(self) -> int:
        return self._stream.position

    def read(self, size: int) -> bytes:
        while not self._rest:
            data = self._stream.read(size)
            try:
                text = self._decoder.decode(data, final=not data)
            except UnicodeDecodeError as error:
                line = self._line + error.object.count(b"\n", 0, error.start)
                raise InputError(f"{self._name}, line {line}{bad_byte(error, self._encoding)}") from None
            self._line += text.count("\n")
            if not data and not text:
                break
            self._rest = text.encode("utf-8", "replace")
        found, self._rest = self._rest[:size], self._rest[size:]
        return found

    def close(self) -> None:
        self._stream.close()


def bad_byte(error: UnicodeDecodeError, encoding: str) -> str:
    """Return what is wrong with a line that has a byte that is not in the encoding of the file."""
    try:  # it is Latin-1 with the euro sign and others in 0x80 to 0x9f, and lacks five of these bytes
        error.object.decode("windows-1252")
        other = "windows-1252"
    except UnicodeDecodeError:
        other = "latin-1"
    return (
        f": the byte 0x{error.object[error.start]:02x} is not {encoding}; name the file's encoding, such as "
        f"encoding={other!r} (--encoding {other}), or replace such bytes: encoding_errors='replace' "
        "(--encoding-errors replace)"
    )


def open_text(file: DataFile, encoding: str | None, errors: str) -> Stream:
    """Open a file, unpack it if it is packed, and recode it to UTF-8 unless `encoding` is None."""
    stream: Any = _Started(file.open())
    try:
        codec = next((codec for magic, codec in _PACKED.items() if stream.start.startswith(magic)), None)
        if codec is not None:
            stream = _Unpacked(stream, codec, file.name)
        if encoding is not None:
            stream = _Transcoded(stream, encoding, errors, file.name)
    except BaseException:
        stream.close()
        raise
    return stream


def checked_file(path: str | os.PathLike[str], name: str | None = None, *, may_be_empty: bool = False) -> LocalFile:
    """Return a readable file; messages show `name`, by default the path."""
    if not isinstance(path, str | os.PathLike):
        raise InputError(f"a file is named by its path, got {shown(path)}")
    found = Path(path).expanduser()
    label = str(found) if name is None else name
    try:
        exists = found.exists()
    except (OSError, ValueError) as error:
        raise InputError(f"{label!r} is no path of a file: {error}") from error
    if not exists:
        raise InputError(f"no such file: {label}")
    if found.is_dir():
        raise InputError(f"{label} is a directory; name a file")
    if not found.is_file():  # a pipe or a device: it has no size, and cannot be read again
        raise InputError(f"{label} is not a regular file; save it to a file first, and name that file")
    file = LocalFile(found, label)
    if not may_be_empty:
        check_not_empty(file)
    return file


def check_not_empty(file: DataFile) -> None:
    """Raise NoRows if a file has no byte."""
    if file.size in (0, None) and not file.start():
        raise NoRows(f"{file} is empty")


def format_of(file: DataFile) -> str:
    """Return "parquet", "arrow" or "csv", by how a file begins, whatever its name."""
    start = file.start()
    if start.startswith(PARQUET):
        return "parquet"
    return "arrow" if start.startswith(ARROW) else "csv"


def check_text(name: str, start: bytes) -> None:
    """Raise InputError if a file begins like a format that is not text."""
    for magic, what in _OTHERS.items():
        if start.startswith(magic):
            raise InputError(f"{name} is a {what} file; unpack or export it to CSV or Parquet first")
    if start.startswith(PARQUET):
        raise InputError(f"{name} is a Parquet file; read it with sources.parquet")
    if start.startswith(ARROW):
        raise InputError(f"{name} is an Arrow file; read it with sources.arrow")
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{name} is UTF-16; convert it to UTF-8 first (iconv -f UTF-16 -t UTF-8)")
    if b"\0" in start:
        raise InputError(f"{name} is not a text file: it has zero bytes; CSV, Parquet and Arrow files can be read")
