"""An object in shared memory: another process maps its arrays instead of copying them."""

from __future__ import annotations

import mmap
import os
import pickle
import tempfile
from typing import Any, NamedTuple

_ALIGNMENT = 64  # bytes: what vector instructions like


class Parcel(NamedTuple):
    """Where a file of shared memory holds a pickle and its buffers: pairs of start and size."""

    path: str
    pickle: tuple[int, int]
    buffers: list[tuple[int, int]]


class Sender:
    """A value in shared memory, until `close`."""

    def __init__(self, value: Any) -> None:
        buffers: list[pickle.PickleBuffer] = []
        data = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
        self._file, self._temporary, path = _memory_file()
        self._end = 0
        try:
            self.parcel = Parcel(path, self._add(memoryview(data)), [self._add(buffer.raw()) for buffer in buffers])
        except BaseException:
            self.close()
            raise

    def _add(self, view: memoryview) -> tuple[int, int]:
        start = -(-self._end // _ALIGNMENT) * _ALIGNMENT
        self._end = start + view.nbytes
        os.lseek(self._file, start, os.SEEK_SET)
        while view:
            view = view[os.write(self._file, view) :]
        return start, self._end - start

    def close(self) -> None:
        """Release the memory; a process that has mapped it keeps it."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        if self._temporary is not None:
            os.unlink(self._temporary)
            self._temporary = None


def receive(parcel: Parcel, *, writable: bool = False) -> Any:
    """Return the value. Its arrays are views of the memory that the other process has written.

    Writing to them, if that is allowed, copies what is written to, and changes nothing there.
    """
    with open(parcel.path, "rb") as file:
        access = mmap.ACCESS_COPY if writable else mmap.ACCESS_READ
        memory = memoryview(mmap.mmap(file.fileno(), 0, access=access))
    data, *buffers = (memory[start : start + size] for start, size in (parcel.pickle, *parcel.buffers))
    return pickle.loads(data, buffers=buffers)


def _memory_file() -> tuple[int, str | None, str]:
    """Return an open file, its path if it must be deleted, and the path by which another process opens it."""
    if hasattr(os, "memfd_create"):  # it is gone with this process, however that ends
        file = os.memfd_create("symjobs", os.MFD_CLOEXEC)
        return file, None, f"/proc/{os.getpid()}/fd/{file}"
    file, path = tempfile.mkstemp(prefix="symjobs-")
    return file, path, path
