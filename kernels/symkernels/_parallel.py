"""The one place that owns threads: how many there are, and the workers that rows are split over."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")

_lock = threading.Lock()
_inbox: SimpleQueue[_Call] | None = None


def _forget_after_fork() -> None:
    # A child process has none of its parent's threads: it starts its own when it needs them.
    global _lock, _inbox
    _lock, _inbox = threading.Lock(), None
    thread_count.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)


def container_quota(root: Path = Path("/sys/fs/cgroup")) -> float | None:
    """Cores that the container may use.

    Parameters
    ----------
    root : Path, default /sys/fs/cgroup
        Where the control groups are mounted.

    Returns
    -------
    float or None
        cgroup v2's ``cpu.max``, else v1's quota over period, else None.
    """
    try:
        quota, period = (root / "cpu.max").read_text().split()[:2]
    except (OSError, ValueError):
        try:
            quota = (root / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (root / "cpu/cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    try:
        cores = float(quota) / float(period)
    except (ValueError, ZeroDivisionError):  # "max": no quota
        return None
    return cores if cores > 0 else None


@lru_cache(maxsize=1)
def thread_count() -> int:
    """Threads that the kernels use: ``SYMKERNELS_NUM_THREADS``, else the cores this process may use.

    The container's quota and the process's affinity count, not the host's cores.

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    ValueError
        ``SYMKERNELS_NUM_THREADS`` is no positive whole number.
    """
    asked = os.environ.get("SYMKERNELS_NUM_THREADS", "").strip()
    if asked:
        if not asked.isdigit() or int(asked) < 1:
            raise ValueError(f"SYMKERNELS_NUM_THREADS must be a positive whole number, got {asked!r}")
        return int(asked)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = container_quota()
    return max(1, min(cores, round(quota))) if quota is not None else cores


class _Call:
    """A task on its way through a worker. A bare lock wakes its caller several times faster than a Future does."""

    __slots__ = ("done", "error", "result", "task")

    def __init__(self, task: Callable[[], Any]) -> None:
        self.task = task
        self.result: Any = None
        self.error: BaseException | None = None
        self.done = threading.Lock()
        self.done.acquire()

    def run(self) -> None:
        try:
            self.result = self.task()
        except BaseException as error:  # noqa: BLE001  raised again where the caller waits
            self.error = error
        self.done.release()


def _work(inbox: SimpleQueue[_Call]) -> None:
    while True:
        inbox.get().run()


def _get_inbox() -> SimpleQueue[_Call]:
    """The queue of the workers, which start with its first use and end with the process."""
    global _inbox
    with _lock:
        if _inbox is not None:
            return _inbox
        inbox: SimpleQueue[_Call] = SimpleQueue()
        for i in range(max(1, thread_count() - 1)):
            threading.Thread(target=_work, args=(inbox,), name=f"symkernels-{i}", daemon=True).start()
            _inbox = inbox  # one worker is enough to serve it, should no other one start
        return inbox


def run_all(tasks: Sequence[Callable[[], T]]) -> list[T]:
    """Run the tasks on the workers, the first one on the calling thread, and return their results in order.

    All tasks have ended when this returns or raises. Tasks must not call ``run_all`` themselves.
    """
    if len(tasks) == 1:
        return [tasks[0]()]
    inbox = _inbox or _get_inbox()
    calls = [_Call(task) for task in tasks[1:]]
    for call in calls:
        inbox.put(call)
    try:
        first = tasks[0]()
    finally:
        for call in calls:
            call.done.acquire()
    for call in calls:
        if call.error is not None:
            raise call.error
    return [first, *(call.result for call in calls)]


def split(n: int, parts: int, head_start: int = 0) -> list[tuple[int, int]]:
    """Split ``range(n)`` into at most ``parts`` contiguous, nearly equal, non-empty ranges.

    The first one, the calling thread's, is ``head_start`` longer than the others, which begin later.
    """
    parts = max(1, min(parts, n))
    rest = max(0, n - head_start) * (parts - 1) // parts  # what the others do
    edges = [0, *(n - rest + rest * i // max(parts - 1, 1) for i in range(parts))]
    return [(start, stop) for start, stop in itertools.pairwise(edges) if start < stop]
