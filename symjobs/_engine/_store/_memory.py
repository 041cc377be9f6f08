"""Jobs in the memory of this process."""

from __future__ import annotations

import threading

from symjobs._engine._record import Outcome, Record, now_ms, unfinished
from symjobs._engine._states import Event, State
from symjobs._engine._store._base import NO_LIMITS, OwnerLimits, Store, advance, oldest


class MemoryStore(Store):
    """Dictionaries under a lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_id = 0
        self._records: dict[int, Record] = {}
        self._values: dict[int, bytes] = {}
        self._by_owner: dict[str, dict[int, None]] = {}

    def add(
        self, owner: str, job_type: str, bounded: bool, details: dict[str, str], limits: OwnerLimits = NO_LIMITS
    ) -> Record:
        with self._lock:
            if limits != NO_LIMITS:
                records = [self._records[job_id] for job_id in self._by_owner.get(owner, ())]
                queued = sum(record.state is State.QUEUED for record in records)
                limits.check(owner, queued, sum(record.bytes for record in records))
            self._last_id += 1
            record = Record(id=self._last_id, owner=owner, job_type=job_type, bounded=bounded, details=details)
            self._records[record.id] = record
            self._by_owner.setdefault(owner, {})[record.id] = None
            return record

    def change(self, job_id: int, event: Event, outcome: Outcome | None = None, *, soon: bool = False) -> Record | None:
        with self._lock:
            record = self._records.get(job_id)
            if record is None:
                return None
            after = advance(record, event, outcome)
            if after is record:
                return record
            self._records[job_id] = after
            if after.state is State.DONE and outcome is not None and outcome.values is not None:
                self._values[job_id] = outcome.values
            elif after.state is State.KILLED:
                self._remove(job_id)  # no client can see it any more
            return after

    def get(self, owner: str, job_id: int) -> Record | None:
        record = self._records.get(job_id)
        return record if record is not None and record.owner == owner else None

    def owned(self, owner: str) -> list[Record]:
        now = now_ms()
        with self._lock:
            records = [self._records[job_id] for job_id in self._by_owner.get(owner, ())]
        return [record for record in records if record.visible(now)]

    def values(self, job_id: int) -> bytes | None:
        return self._values.get(job_id)

    def take(self, job_id: int) -> bytes | None:
        with self._lock:
            values = self._values.get(job_id)
            if values is not None:
                self._remove(job_id)
            return values

    def expire(self) -> list[int]:
        now = now_ms()
        with self._lock:
            expired = [record.id for record in self._records.values() if 0 < record.expires <= now]
            for job_id in expired:
                self._remove(job_id)
        return expired

    def shrink(self, size: int) -> list[int]:
        with self._lock:
            results = sorted(
                (record for record in self._records.values() if record.bytes), key=lambda record: record.finished
            )
            excess = sum(record.bytes for record in results) - size
            chosen = oldest(((record.id, record.bytes) for record in results), excess)
            for job_id in chosen:
                self._remove(job_id)
        return chosen

    def after_fork(self) -> None:
        self._lock = threading.Lock()
        for record in list(self._records.values()):
            reason = "the job was lost: it runs in the process that this one was forked from"
            self.change(record.id, Event.ABANDON, unfinished(record, 0, reason))

    def close(self) -> None:
        """Do nothing: finished jobs stay readable."""

    def _remove(self, job_id: int) -> None:
        record = self._records.pop(job_id)
        self._values.pop(job_id, None)
        jobs = self._by_owner[record.owner]
        del jobs[job_id]
        if not jobs:
            del self._by_owner[record.owner]
