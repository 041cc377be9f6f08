"""One job inside the process that runs it."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import traceback
from collections.abc import Callable
from contextvars import ContextVar

from symjobs._engine._failure import failure_text, is_bad_input
from symjobs._engine._job import Job, JobContext, Result
from symjobs._engine._log import job_fields, logger
from symjobs._engine._record import Outcome, Record
from symjobs._engine._states import State
from symjobs._engine._tracing import current_context, end_span, start_span

_listening = threading.Lock()  # of all jobs: it is held for a moment only


def _free_in_child() -> None:
    global _listening
    _listening = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free_in_child)

_RUNNING: ContextVar[JobExecution | None] = ContextVar("symjobs_running_job", default=None)


def running_here() -> JobExecution | None:
    """Return the job that the caller's thread runs, if it runs one."""
    return _RUNNING.get()


class JobExecution:
    """A submitted job, its context, and how it ended.

    `ended` is None until the job has ended. `finished` is set when the store has the outcome and the worker is free.
    `saved` is the part of `reported` that the store has; `StoreSync` updates it. `here` is False in a forked child, if
    the job goes on in the parent. `seconds` is how long it ran.
    """

    def __init__(
        self, record: Record, job: Job, priority: int = 0, time_limit: float | None = None, isolated: bool = False
    ) -> None:
        self.id = record.id
        self.job_type = record.job_type
        self.owner = record.owner
        self.bounded = record.bounded
        self.priority = priority
        self.time_limit = time_limit
        self.isolated = isolated
        self.job: Job | None = job
        self._to_clean_up = [job]
        self.context = JobContext(record.details)
        self.here = True
        self.finished = threading.Event()
        self.seconds = 0.0
        self._listeners: list[Callable[[], object]] = []
        self._parent_span = current_context()
        self.ended: State | None = None
        self.error = ""
        self.exception: BaseException | None = None
        self.result: Result | None = None
        self.saved = self.reported()

    def perform(self, run: Callable[[Job, JobContext], tuple[Result | None, bytes]]) -> Outcome:
        """Run the job, as `run` does it. Never raises: an exception of the job is its outcome."""
        job = self.job
        if job is None:
            raise RuntimeError(f"job {self.id} has run already")
        error, bad_input, values = "", False, None
        begin = time.perf_counter()
        before, fields_before = _RUNNING.set(self), job_fields.set(self.fields())
        span = start_span(self._parent_span, self.id, self.job_type, self.owner)
        if self.time_limit is not None:
            self.context.limit_time(self.time_limit)
        try:
            self.result, values = run(job, self.context)
        except BaseException as exception:  # noqa: BLE001 - even SystemExit must not end the worker
            error = failure_text(exception, self.job_type, self.id)
            bad_input = is_bad_input(exception)
            # The caller raises from this traceback. Clear its frames, which would keep arrays in memory.
            traceback.clear_frames(exception.__traceback__)
            self.exception = exception
        finally:
            self.seconds = time.perf_counter() - begin
            end_span(span, self.exception)
            job_fields.reset(fields_before)
            _RUNNING.reset(before)
        (current, maximum), details = self.reported()
        return Outcome(
            current=current, maximum=maximum, details=details, error=error, bad_input=bad_input, values=values
        )

    def fields(self) -> dict[str, object]:
        """Return what log records say of the job."""
        return {"job_id": self.id, "job_type": self.job_type, "owner": self.owner}

    def when_finished(self, call: Callable[[], object]) -> None:
        """Call it when `finished` is set, or now if it is. What it raises is logged."""
        with _listening:
            if not self.finished.is_set():
                self._listeners.append(call)
                return
        self._call(call)

    def forget_listener(self, call: Callable[[], object]) -> None:
        """Do not call it any more."""
        with _listening, contextlib.suppress(ValueError):
            self._listeners.remove(call)

    def finish(self) -> None:
        """Set `finished`, and tell those who wait."""
        with _listening:
            self.finished.set()
            listeners, self._listeners = self._listeners, []
        for call in listeners:
            self._call(call)

    def _call(self, call: Callable[[], object]) -> None:
        try:
            call()
        except BaseException:  # noqa: BLE001 - whatever it raises, the worker goes on
            logger.exception("a callback of job %d raised", self.id, extra=self.fields())

    def reported(self) -> tuple[tuple[int, int], dict[str, str]]:
        """Return ((current, maximum), details) as the job has reported them so far."""
        return self.context.read_progress(), self.context.read_details()

    def end(self, state: State, error: str = "") -> None:
        """Keep the outcome, and release what only the work needed."""
        if state is not State.DONE:
            self.result = None
        self.error = error
        self.job = None
        self.ended = state

    def clean_up(self) -> None:
        """Let the job remove what it owns, at the first call."""
        with contextlib.suppress(IndexError):
            clean_up(self._to_clean_up.pop())  # atomic: two threads may call it


def clean_up(job: Job) -> None:
    """Let a job that will not run again remove what it owns. Never raises."""
    try:
        job.clean_up()
    except BaseException:  # noqa: BLE001 - whatever it raises, the worker goes on
        logger.exception("%s could not clean up", job.job_type)
