"""The managers with unfinished jobs: one row each, with a heartbeat by the database's clock."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from symjobs._engine._record import now_ms
from symjobs._engine._store._process import Process, is_gone, this_process
from symjobs._engine._store._tables import instances, jobs


def enter(connection: Connection, instance: str) -> None:
    """Add the row of this process."""
    row = this_process()._asdict()
    connection.execute(sa.insert(instances).values(id=instance, beat=_clock(connection), **row))


def beat(connection: Connection, instance: str) -> bool:
    """Renew the row; False if another manager has removed it."""
    renewed = sa.update(instances).where(instances.c.id == instance).values(beat=_clock(connection))
    return connection.execute(renewed).rowcount == 1


def remove(connection: Connection, instance: str) -> None:
    connection.execute(sa.delete(instances).where(instances.c.id == instance))


def gone(connection: Connection, lease: float) -> list[tuple[str, str]]:
    """Return (id, description) of the instances that are gone."""
    late = _clock(connection) - int(lease * 1000)
    rows = connection.execute(sa.select(instances, (instances.c.beat < late).label("late"))).all()
    return [(row.id, _describe(row)) for row in rows if row.late or is_gone(_process(row))]


def lost_jobs(connection: Connection) -> list[tuple[int, str]]:
    """Return (job id, instance id) of unfinished jobs whose instance has no row."""
    orphan = jobs.c.instance.is_not(None) & jobs.c.instance.not_in(sa.select(instances.c.id))
    return [(row.id, row.instance) for row in connection.execute(sa.select(jobs.c.id, jobs.c.instance).where(orphan))]


def _process(row: Row[Any]) -> Process:
    return Process(row.machine, row.host, row.pid, row.birth)


def _describe(row: Row[Any]) -> str:
    return f"process {row.pid} on {row.host}"


def _clock(connection: Connection) -> Any:
    # Servers that share a database may have different clocks, so the database's clock counts. SQLite's
    # clock is this machine's own.
    if connection.dialect.name == "postgresql":
        return sa.cast(sa.extract("epoch", sa.func.clock_timestamp()) * 1000, sa.BigInteger)
    return sa.literal(now_ms(), sa.BigInteger)
