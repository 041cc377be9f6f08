"""The identity of a process, and whether it has ended."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import NamedTuple


class Process(NamedTuple):
    """The identity of a process, which stays unique when its pid is used again.

    `machine` is the boot and the pid namespace: processes with the same one can see each other's pids. `birth` is the
    start time in clock ticks since boot, empty where the system does not provide it.
    """

    machine: str
    host: str
    pid: int
    birth: str


def this_process() -> Process:
    pid = os.getpid()
    return Process(_machine(), socket.gethostname()[:255], pid, _stat(pid)[1])


def is_here(process: Process) -> bool:
    """Whether this process can tell if the other one has ended."""
    return process.machine == _machine()


def is_gone(process: Process) -> bool:
    """Whether a process has certainly ended; False if that is not known."""
    if not is_here(process):
        return False
    try:
        os.kill(process.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # it exists, under another user
    state, birth = _stat(process.pid)
    if not state:  # not to be seen by this user, or gone since
        return False
    return state in ("Z", "X") or birth != process.birth


def _machine() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        return socket.gethostname()[:255]
    return f"{boot}/{namespace}"  # not the name of the host, which may change meanwhile


def _stat(pid: int) -> tuple[str, str]:
    # Fields 3 (state) and 22 (start time) of proc(5); the name in field 2 may hold spaces and parentheses.
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "", ""
    return fields[0], fields[19]
