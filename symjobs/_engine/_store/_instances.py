"""The managers with unfinished jobs: one row each, with a count of heartbeats."""

from __future__ import annotations

import time
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from symjobs._engine._store._process import Process, is_gone, is_here, this_process
from symjobs._engine._store._tables import instances, jobs


class Silence:
    """For how long the managers on other machines have been silent.

    The clocks of two machines may differ, and each of them may jump. So only heartbeats count that this process sees or
    misses, by its own monotonic clock. Of the time between two looks at most a quarter of a lease counts: this process
    may have been stopped itself.
    """

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, float, float]] = {}  # id: (beat, seconds of silence, time of the last look)

    def late(self, rows: list[Row[Any]]) -> set[str]:
        """Return the ids of those that have been silent for longer than their lease."""
        now = time.monotonic()
        seen = {}
        for row in rows:
            beat, silent, last = self._seen.get(row.id, (row.beat, 0.0, now))
            silent = silent + min(now - last, row.lease / 4) if beat == row.beat else 0.0
            seen[row.id] = (row.beat, silent, now)
        self._seen = seen  # as a whole: two threads may look at once
        return {row.id for row in rows if seen[row.id][1] > row.lease}


def enter(connection: Connection, instance: str, lease: float) -> None:
    """Add the row of this process."""
    row = this_process()._asdict()
    connection.execute(sa.insert(instances).values(id=instance, beat=0, lease=lease, **row))


def beat(connection: Connection, instance: str) -> bool:
    """Count a heartbeat; False if another manager has removed the row."""
    counted = sa.update(instances).where(instances.c.id == instance).values(beat=instances.c.beat + 1)
    return connection.execute(counted).rowcount == 1


def remove(connection: Connection, instance: str) -> None:
    connection.execute(sa.delete(instances).where(instances.c.id == instance))


def gone(connection: Connection, own: str | None, silence: Silence) -> list[tuple[str, str]]:
    """Return (id, description) of the instances that are gone, the caller's own left out.

    On this machine an instance is gone when its process has ended, on another one when its lease is over.
    """
    rows = [row for row in connection.execute(sa.select(instances)) if row.id != own]
    late = silence.late([row for row in rows if not is_here(_process(row))])
    return [(row.id, _describe(row)) for row in rows if row.id in late or is_gone(_process(row))]


def lost_jobs(connection: Connection, own: str | None) -> list[tuple[int, str]]:
    """Return (job id, instance id) of unfinished jobs whose instance has no row, the caller's own left out."""
    orphan = jobs.c.instance.is_not(None) & jobs.c.instance.not_in(sa.select(instances.c.id))
    rows = connection.execute(sa.select(jobs.c.id, jobs.c.instance).where(orphan))
    return [(row.id, row.instance) for row in rows if row.instance != own]


def _process(row: Row[Any]) -> Process:
    return Process(row.machine, row.host, row.pid, row.birth)


def _describe(row: Row[Any]) -> str:
    return f"process {row.pid} on {row.host}"
