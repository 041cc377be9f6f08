"""What the manager needs of a store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec

from symjobs._engine._record import Outcome, Record, now_ms
from symjobs._engine._states import Event, Life, State, step
from symjobs._errors import QueueFull


class OwnerLimits(NamedTuple):
    """What an owner may have before a further job is refused; None for any number."""

    queued: int | None = None
    bytes: int | None = None

    def check(self, owner: str, queued: int, size: int) -> None:
        """Raise QueueFull if the owner has `queued` jobs waiting and results of `size` bytes, and that is too much."""
        if self.queued is not None and queued >= self.queued:
            raise QueueFull(
                f"{queued} jobs of owner {owner!r} wait, and max_queued_per_owner is {self.queued}; try again later"
            )
        if self.bytes is not None and size >= self.bytes:
            raise QueueFull(
                f"the results of owner {owner!r} have {size} bytes, and max_bytes_per_owner is {self.bytes}; try again "
                "when some of them have expired"
            )


NO_LIMITS = OwnerLimits()


class Store(ABC):
    """Jobs and their results. Every method is one transaction, and raises StoreError if it cannot be done.

    Methods of which the work can be done later as well (`expire`, `shrink`, `fail_lost_jobs`, `save_progress`) raise it
    soon when another program holds the lock. The others wait.
    """

    @abstractmethod
    def add(
        self, owner: str, job_type: str, bounded: bool, details: dict[str, str], limits: OwnerLimits = NO_LIMITS
    ) -> Record:
        """Add a queued job, with an id that was never used before; QueueFull if the owner has too much already."""

    @abstractmethod
    def change(self, job_id: int, event: Event, outcome: Outcome | None = None, *, soon: bool = False) -> Record | None:
        """Apply an event, and return the job after it; None if there is no such job.

        With `soon`, raise StoreError at once if another program holds the lock.
        """

    @abstractmethod
    def get(self, owner: str, job_id: int) -> Record | None:
        """Return an owner's job; killed and expired ones, too, until they are removed."""

    @abstractmethod
    def owned(self, owner: str) -> list[Record]:
        """Return the visible jobs of an owner, oldest first."""

    @abstractmethod
    def values(self, job_id: int) -> bytes | None:
        """Return the JSON of the entities of a finished job, None if it has expired."""

    @abstractmethod
    def take(self, job_id: int) -> bytes | None:
        """Return the JSON as `values` does, and remove the job. Only one caller gets it."""

    @abstractmethod
    def expire(self) -> list[int]:
        """Remove the jobs that have expired and return their ids."""

    @abstractmethod
    def shrink(self, size: int) -> list[int]:
        """Remove the oldest results until at most `size` bytes are left, and return the ids of their jobs."""

    @abstractmethod
    def after_fork(self) -> None:
        """Make the store usable in a forked child; unfinished jobs stay with the parent."""

    @abstractmethod
    def close(self) -> None:
        """Close files and connections."""


class SharedStore(Store):
    """A store that several processes use at the same time, and that stays when they end.

    Each manager with unfinished jobs has an instance in the store (`join`, `beat`, `leave`). The jobs of an instance
    that is gone are lost; the first manager that notices lets them fail (`fail_lost_jobs`).

    Attributes
    ----------
    folder : Path or None
        Where files are that belong to the store.
    """

    folder: Path | None

    @abstractmethod
    def join(self, lease: float) -> None:
        """Add an instance. Jobs added from now on belong to it.

        Managers on other machines count it as gone when they have seen no heartbeat for `lease` seconds.
        """

    @abstractmethod
    def beat(self) -> bool:
        """Renew the heartbeat; False if another manager counted this instance as gone and failed its jobs."""

    @abstractmethod
    def leave(self) -> None:
        """Remove the instance. Its unfinished jobs are lost."""

    @abstractmethod
    def fail_lost_jobs(self, expires: int) -> list[tuple[int, str]]:
        """Fail the jobs of each instance whose process is gone, or whose lease is over. Never those of its own.

        Return (id, reason) of each of them.
        """

    @abstractmethod
    def kills(self) -> list[tuple[int, State]]:
        """Return the jobs of this instance that were killed, or have a pending kill."""

    @abstractmethod
    def acknowledge(self, job_ids: Iterable[int]) -> None:
        """Leave these jobs, which were killed while they waited, out of `kills` from now on."""

    @abstractmethod
    def sweep(self) -> None:
        """Remove what a crash has left beside the store."""

    @abstractmethod
    def save_progress(self, progress: Iterable[tuple[int, int, int, dict[str, str]]]) -> None:
        """Keep (id, current, maximum, details) of running jobs."""


def advance(record: Record, event: Event, outcome: Outcome | None) -> Record:
    """Return the record after an event; the same object if its state does not allow the event."""
    life = step(record.life, event)
    if life == record.life:
        return record
    after = msgspec.structs.replace(record, **_dates(record.life, life), state=life.state, kill_requested=life[1])
    if outcome is None or not life.state.final:
        return after
    return msgspec.structs.replace(
        after,
        current=outcome.current,
        maximum=outcome.maximum,
        details=outcome.details,
        error=outcome.error,
        bad_input=outcome.bad_input,
        expires=outcome.expires,
        bytes=len(outcome.values or b"") if life.state is State.DONE else 0,
    )


def oldest(sizes: Iterable[tuple[int, int]], excess: int) -> list[int]:
    """Return the first ids of (id, bytes) whose bytes are at least `excess` together."""
    chosen = []
    for job_id, size in sizes:
        if excess <= 0:
            break
        chosen.append(job_id)
        excess -= size
    return chosen


def _dates(before: Life, after: Life) -> dict[str, int]:
    if after.state is before.state:
        return {}
    if after.state is State.RUNNING:
        return {"started": now_ms()}
    return {"finished": now_ms()}
