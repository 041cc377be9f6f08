"""The threads of all kernels: their number, and the workers that run tasks. No other module starts threads."""

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
_turns: SimpleQueue[None] | None = None  # one for each thread of the budget; a task takes one while it runs


def _forget_after_fork() -> None:
    # A child process does not inherit its parent's threads. It starts its own when it needs them.
    global _lock, _inbox, _turns
    _lock, _inbox, _turns = threading.Lock(), None, None
    thread_count.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)


def container_quota(root: Path = Path("/sys/fs/cgroup")) -> float | None:
    """Return the number of cores that the container may use.

    Parameters
    ----------
    root : Path, default /sys/fs/cgroup
        Folder where the control groups are mounted.

    Returns
    -------
    float or None
        ``cpu.max`` of cgroup v2, else quota over period of cgroup v1, else None. It may be a fraction.

    Examples
    --------
    >>> from symkernels import container_quota
    >>> quota = container_quota()
    >>> quota is None or quota > 0
    True
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
    """Return the number of threads that the kernels use.

    It is the environment variable ``SYMKERNELS_NUM_THREADS`` if set. Otherwise it is the number of cores that this
    process may use, by its CPU affinity and the container's quota. The first call fixes it for the process.

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    ValueError
        ``SYMKERNELS_NUM_THREADS`` is not a positive whole number.

    Examples
    --------
    >>> from symkernels import thread_count
    >>> thread_count() >= 1
    True
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
    """A task for a worker, and its result. A plain lock wakes the caller several times faster than a Future does."""

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


def _work(inbox: SimpleQueue[_Call], turns: SimpleQueue[None]) -> None:
    while True:
        call = inbox.get()
        turns.get()
        call.run()
        turns.put(None)


def _get_turns() -> SimpleQueue[None]:
    global _turns
    with _lock:
        if _turns is None:
            turns: SimpleQueue[None] = SimpleQueue()
            for _ in range(thread_count()):
                turns.put(None)
            _turns = turns
        return _turns


def _get_inbox() -> SimpleQueue[_Call]:
    """Return the queue of the workers. They start with its first use and end with the process."""
    global _inbox
    turns = _turns or _get_turns()
    with _lock:
        if _inbox is not None:
            return _inbox
        inbox: SimpleQueue[_Call] = SimpleQueue()
        for i in range(max(1, thread_count() - 1)):
            threading.Thread(target=_work, args=(inbox, turns), name=f"symkernels-{i}", daemon=True).start()
            _inbox = inbox  # set after the first worker has started: it can serve the queue if no other one starts
        return inbox


def run_all(tasks: Sequence[Callable[[], T]]) -> list[T]:
    """Run the first task on the calling thread and the others on the workers; return their results in order.

    All tasks have ended when this returns or raises. However many threads call this, no more than `thread_count` tasks
    run at the same time. So a task is short, and long work is done in rounds. A task must not call ``run_all``: it
    would wait for itself.
    """
    turns = _turns or _get_turns()
    if len(tasks) == 1:
        turns.get()
        try:
            return [tasks[0]()]
        finally:
            turns.put(None)
    inbox = _inbox or _get_inbox()
    calls = [_Call(task) for task in tasks[1:]]
    for call in calls:
        inbox.put(call)
    turns.get()
    try:
        first = tasks[0]()
    finally:
        turns.put(None)
        for call in calls:
            call.done.acquire()
    for call in calls:
        if call.error is not None:
            raise call.error
    return [first, *(call.result for call in calls)]


def split(n: int, parts: int, head_start: int = 0) -> list[tuple[int, int]]:
    """Split ``range(n)`` into at most ``parts`` contiguous, nearly equal, non-empty ranges.

    The first range, which the calling thread takes, is ``head_start`` longer than the others, which start later.
    """
    parts = max(1, min(parts, n))
    rest = max(0, n - head_start) * (parts - 1) // parts  # of the other ranges together
    edges = [0, *(n - rest + rest * i // max(parts - 1, 1) for i in range(parts))]
    return [(start, stop) for start, stop in itertools.pairwise(edges) if start < stop]
