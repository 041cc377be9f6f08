"""A queue of jobs, and the threads that run them."""

from __future__ import annotations

import bisect
import contextlib
import threading
import time
from collections.abc import Callable

from symjobs._engine._execution import JobExecution
from symjobs._engine._log import logger
from symjobs._engine._threads import start_thread
from symjobs._errors import ManagerClosed, QueueFull

# An idle thread ends after so many seconds, so that an unused manager holds no threads.
_IDLE_SECONDS = 5.0


class WorkerPool:
    """A queue of at most `capacity` jobs for at most `workers` threads, which start when there is work.

    Of the jobs that may run, the one with the highest priority is next, and of equal ones the oldest.

    Parameters
    ----------
    name : str
        For the names of the threads.
    workers : int
        Jobs that run at the same time.
    capacity : int or None
        Jobs that may wait; None for any number.
    per_owner : int or None
        Jobs of one owner that run at the same time; None for any number. The others wait.
    execute : callable
        Runs one job to its end. It must not raise.
    """

    def __init__(
        self,
        name: str,
        workers: int,
        capacity: int | None,
        per_owner: int | None,
        execute: Callable[[JobExecution], None],
    ) -> None:
        self._name = name
        self._workers = workers
        self._capacity = capacity
        self._per_owner = per_owner
        self._execute = execute
        self._changed = threading.Condition()
        self._waiting: dict[int, JobExecution] = {}
        self._order: list[tuple[int, int]] = []  # (-priority, id) of those that wait, sorted
        self._running: dict[int, JobExecution] = {}
        self._running_of: dict[str, int] = {}  # by owner
        self.deaths = 0  # of workers
        self._reserved = 0
        self._threads = 0
        self._idle = 0
        self._closed = False

    def reserve(self) -> None:
        """Reserve a place in the queue, and see to it that a thread is there.

        Raises QueueFull if there is no place, or no thread can start. Call `put` or `release` afterwards.
        """
        with self._changed:
            if self._closed:
                raise ManagerClosed("the job manager was shut down and takes no more jobs")
            taken = len(self._waiting) + len(self._running) + self._reserved
            if self._capacity is not None and taken >= self._workers + self._capacity:
                raise QueueFull(
                    f"{len(self._running)} jobs run and {taken - len(self._running)} wait, and queue_size is "
                    f"{self._capacity}; try again later"
                )
            self._start_threads(self._reserved + 1)
            self._reserved += 1

    def release(self) -> None:
        """Give a reserved place back."""
        with self._changed:
            self._reserved -= 1
            self._changed.notify_all()

    def put(self, execution: JobExecution) -> None:
        """Queue a job in the reserved place."""
        with self._changed:
            self._reserved -= 1
            self._waiting[execution.id] = execution
            bisect.insort(self._order, _place(execution))
            self._changed.notify_all()  # all, as one of them may wait for the pool to be empty

    def withdraw(self, execution: JobExecution) -> bool:
        """Remove a waiting job; False if it no longer waits."""
        with self._changed:
            if self._waiting.pop(execution.id, None) is None:
                return False
            del self._order[bisect.bisect_left(self._order, _place(execution))]
            return True

    def close(self) -> None:
        """Refuse new jobs."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def wait_empty(self, timeout: float | None) -> bool:
        """Wait until no job waits or runs; False after the timeout."""
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while self._waiting or self._running or self._reserved:
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return False
                self._changed.wait(left)
            return True

    def jobs(self) -> list[JobExecution]:
        """Return the jobs that run or wait."""
        with self._changed:
            return [*self._running.values(), *self._waiting.values()]

    def sizes(self) -> tuple[int, int]:
        """Return how many jobs wait, and how many run."""
        with self._changed:
            return len(self._waiting), len(self._running)

    def _start_threads(self, reserved: int) -> None:
        # Call it with the lock. Fewer threads than wanted do: the jobs wait for those that are there.
        while self._threads < self._workers and len(self._waiting) + reserved > self._idle:
            try:
                start_thread(self._work, f"symjobs-{self._name}")
            except QueueFull:
                if not self._threads:
                    raise
                return
            self._threads += 1
            reserved -= 1

    def _work(self) -> None:
        try:
            self._run_jobs()
        except BaseException:  # noqa: BLE001 - it may come from outside, as the death of a thread does
            logger.exception("a worker died; another one takes its place")
            with self._changed:
                self.deaths += 1
                self._threads -= 1
                with contextlib.suppress(QueueFull):  # the next job tries again
                    self._start_threads(self._reserved)

    def _run_jobs(self) -> None:
        while (execution := self._take()) is not None:
            try:
                self._execute(execution)
            finally:
                with self._changed:
                    del self._running[execution.id]
                    self._count(execution.owner, -1)
                    self._changed.notify_all()
                execution.finish()  # after the place is free, so that who waits may submit the next job
            del execution  # otherwise its result would stay in memory until the next job

    def _take(self) -> JobExecution | None:
        with self._changed:
            self._idle += 1
            try:
                while (execution := self._next()) is None:
                    if self._closed and not self._reserved and not self._waiting:
                        break
                    if not self._changed.wait(_IDLE_SECONDS) and not self._waiting and not self._reserved:
                        break
            finally:
                self._idle -= 1
            if execution is None:
                self._threads -= 1
                return None
            self.withdraw(execution)
            self._running[execution.id] = execution
            self._count(execution.owner, 1)
            return execution

    def _count(self, owner: str, change: int) -> None:
        self._running_of[owner] = left = self._running_of.get(owner, 0) + change
        if not left:
            del self._running_of[owner]

    def _next(self) -> JobExecution | None:
        for _, job_id in self._order:
            execution = self._waiting[job_id]
            if self._per_owner is None or self._running_of.get(execution.owner, 0) < self._per_owner:
                return execution
        return None


def _place(execution: JobExecution) -> tuple[int, int]:
    return -execution.priority, execution.id
