"""One job inside the process that runs it."""

from __future__ import annotations

import threading
import traceback

from symjobs._engine._failure import failure_text
from symjobs._engine._job import Job, JobContext, Result
from symjobs._engine._record import Outcome, Record
from symjobs._engine._states import State
from symjobs._entities import to_json


class JobExecution:
    """A submitted job, its context, and how it ended.

    `ended` is None until the job has ended; `finished` is set once the store knows it and the worker is free again.
    `saved` is what the store knows of what the job has `reported`; `StoreSync` keeps it.
    """

    def __init__(self, record: Record, job: Job) -> None:
        self.id = record.id
        self.owner = record.owner
        self.bounded = record.bounded
        self.job: Job | None = job
        self.context = JobContext(record.details)
        self.finished = threading.Event()
        self.ended: State | None = None
        self.error = ""
        self.exception: BaseException | None = None
        self.result: Result | None = None
        self.saved = self.reported()

    def perform(self) -> Outcome:
        """Do the work. Never raises: whatever the job raises is its outcome."""
        job = self.job
        if job is None:
            raise RuntimeError(f"job {self.id} has run already")
        error, values = "", None
        try:
            result = job.run(self.context)
            values = _encode(result)
            self.context.complete()
            self.result = result
        except BaseException as exception:  # noqa: BLE001 - the boundary: even SystemExit must not end the worker
            error = failure_text(exception, f"{job.job_type} {self.id}")
            # Keep the lines of the traceback for the caller's `from`, not the arrays in its frames.
            traceback.clear_frames(exception.__traceback__)
            self.exception = exception
        (current, maximum), details = self.reported()
        return Outcome(current=current, maximum=maximum, details=details, error=error, values=values)

    def reported(self) -> tuple[tuple[int, int], dict[str, str]]:
        """Return ((current, maximum), details) as the job has reported them so far."""
        return self.context.read_progress(), self.context.read_details()

    def end(self, state: State, error: str = "") -> None:
        """Note how the job ended, and let go of what only its work needed."""
        if state is not State.DONE:
            self.result = None
        self.error = error
        self.job = None
        self.ended = state


def _encode(result: Result | None) -> bytes:
    if result is None:
        return b"{}"
    if not isinstance(result, Result):
        raise TypeError(f"run() returned {type(result).__name__}; a result has entities(), or is None")
    return to_json(result.entities())
