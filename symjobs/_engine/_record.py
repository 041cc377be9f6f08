"""What a store keeps of a job, and what a client gets of it."""

from __future__ import annotations

import time

import msgspec

from symjobs._engine._failure import internal_error
from symjobs._engine._states import Life, State
from symjobs._entities import JobInfo


def now_ms() -> int:
    """Return the time in epoch milliseconds. Every date of a job comes from here."""
    return time.time_ns() // 1_000_000


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One job as the store keeps it, without its result. Dates are in epoch milliseconds, 0 for not yet."""

    id: int
    owner: str
    job_type: str
    bounded: bool
    state: State = State.QUEUED
    kill_requested: bool = False
    started: int = 0
    finished: int = 0
    expires: int = 0  # 0: never
    current: int = 0
    maximum: int = 1
    details: dict[str, str] = {}
    error: str = ""
    bad_input: bool = False  # the error is about what the client asked for
    bytes: int = 0  # the size of the result

    @property
    def life(self) -> Life:
        return Life(self.state, self.kill_requested)

    def visible(self, now: int) -> bool:
        """Whether clients can see the job: it is neither killed nor expired."""
        return self.state is not State.KILLED and not 0 < self.expires <= now

    def shown_error(self, everything: bool) -> str:
        """Return the error of a failed job as its client sees it, or all of it."""
        if self.state is not State.FAILED:
            return ""
        return self.error if everything or self.bad_input else internal_error(self.id)

    def info(self, everything: bool) -> JobInfo:
        """Return what a client sees; `everything` shows it errors that are not about its input, too."""
        details = self.details | {"state": self.state.value}
        if self.state is State.RUNNING and self.kill_requested:
            details["kill"] = "pending"
        if self.state is State.FAILED:
            details["error"] = self.shown_error(everything)
        if self.finished:
            details["finishedDate"] = str(self.finished)
        return JobInfo(
            self.id,
            self.job_type,
            self.owner,
            self.started,
            self.current,
            self.maximum,
            self.bounded,
            self.started > 0,
            self.state.final,
            details,
        )


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a job ended. The store writes all of it in one transaction."""

    current: int
    maximum: int
    details: dict[str, str]
    error: str = ""
    bad_input: bool = False
    values: bytes | None = None  # the entities as one JSON object; None unless it succeeded
    expires: int = 0


def unfinished(record: Record, expires: int, error: str = "") -> Outcome:
    """Return the outcome of a job that did not finish: it was killed while it waited, or its process is gone."""
    return Outcome(current=record.current, maximum=record.maximum, details=record.details, error=error, expires=expires)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a client gets for a job.

    `values` is the JSON object of the entities if `state` is done; `error` is one line if it is failed.
    """

    state: State
    info: JobInfo
    error: str = ""
    values: bytes = b"{}"
