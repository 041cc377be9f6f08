"""Jobs in a database that SQLAlchemy can use, such as SQLite or PostgreSQL."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from symjobs._engine._record import Outcome, Record, now_ms, unfinished
from symjobs._engine._states import Event, State
from symjobs._engine._store import _instances
from symjobs._engine._store._base import NO_LIMITS, OwnerLimits, SharedStore, advance, oldest
from symjobs._engine._store._engine import (
    DATABASE_ERRORS,
    WRITE,
    WRITE_SOON,
    DatabaseFile,
    advice,
    cause,
    open_engine,
    shown,
)
from symjobs._engine._store._files import LARGE, ResultFiles
from symjobs._engine._store._tables import instances, jobs, results
from symjobs._errors import InputError, StoreError
from symjobs._forks import ForkGate
from symjobs._text import shown as shown_value

_WORDS = {
    Event.START: "start",
    Event.SUCCEED: "keep the result of",
    Event.FAIL: "keep the error of",
    Event.KILL: "kill",
    Event.ABANDON: "give up",
}
_COLUMNS = tuple(column for column in jobs.c if column.name != "instance")

# The statements of every job, built once: building them takes longer than the database needs.
_JOB: sa.BindParameter[int] = sa.bindparam("b_job_id")
_ADD = sa.insert(jobs)
_LOCKED = sa.select(*_COLUMNS).where(jobs.c.id == _JOB).with_for_update()
_OWNED = sa.select(*_COLUMNS).where(jobs.c.id == _JOB, jobs.c.owner == sa.bindparam("b_owner"))
_CHANGE = sa.update(jobs).where(jobs.c.id == _JOB)
_ADD_RESULT = sa.insert(results)
_RESULT = sa.select(results).where(results.c.job_id == _JOB)


class SqlStore(SharedStore):
    """Jobs and their results in tables (`_tables.py`); details and entities are JSON, nothing is pickled.

    Large results are files in `folder`, if there is one.
    """

    def __init__(self, url: str, folder: str | os.PathLike[str] | None) -> None:
        if not isinstance(folder, str | os.PathLike | None):
            raise InputError(f"folder must be a path, got {shown_value(folder)}")
        self._engine, self._closed = open_engine(url), False
        self._file = DatabaseFile(self._engine)
        if folder is None and self._file.path is not None:
            folder = f"{self._file.path}.files"
        self.folder = None if folder is None else Path(folder).absolute()
        self._files = None if self.folder is None else ResultFiles(self.folder / "results")
        self._gate = ForkGate()
        self._instance: str | None = None
        self._lease = 0.0
        self._silence = _instances.Silence()

    def add(
        self, owner: str, job_type: str, bounded: bool, details: dict[str, str], limits: OwnerLimits = NO_LIMITS
    ) -> Record:
        new = Record(id=0, owner=owner, job_type=job_type, bounded=bounded, details=details)
        row = _row(new)
        del row["id"]
        with self._write("add a job") as connection:
            if limits != NO_LIMITS:
                limits.check(owner, *_owned_amounts(connection, owner))
            result = connection.execute(_ADD, {"instance": self._instance, **row})
            (job_id,) = result.inserted_primary_key or (0,)
        return msgspec.structs.replace(new, id=job_id)

    def change(self, job_id: int, event: Event, outcome: Outcome | None = None, *, soon: bool = False) -> Record | None:
        file = None
        if self._files is not None and outcome is not None and len(outcome.values or b"") >= LARGE:
            file = self._files.write(job_id, outcome.values or b"")
        # If this raises, the transaction may have been committed all the same: the file stays until `sweep`.
        with self._write(f"{_WORDS[event]} job {job_id}", WRITE_SOON if soon else WRITE) as connection:
            record = _change(connection, job_id, event, outcome, file)
        if self._files is not None and file is not None and (record is None or record.state is not State.DONE):
            self._files.remove([file[0]])
        return record

    def get(self, owner: str, job_id: int) -> Record | None:
        with self._read("read a job") as connection:
            return _record(connection, _OWNED, b_job_id=job_id, b_owner=owner)

    def owned(self, owner: str) -> list[Record]:
        visible = (jobs.c.state != State.KILLED.value) & ((jobs.c.expires == 0) | (jobs.c.expires > now_ms()))
        query = sa.select(*_COLUMNS).where(jobs.c.owner == owner, visible).order_by(jobs.c.id)
        with self._read("list jobs") as connection:
            return [_parse(row) for row in connection.execute(query)]

    def values(self, job_id: int) -> bytes | None:
        with self._read("read a result") as connection:
            row = connection.execute(_RESULT, {"b_job_id": job_id}).one_or_none()
        if row is None or row.file is None:
            return None if row is None else row.entities
        values = None if self._files is None else self._files.read(row.file, row.checksum)
        if values is None:  # it was removed just now, with its row, or it is lost
            with self._read("read a result") as connection:
                lost = connection.execute(sa.select(results.c.file).where(results.c.job_id == job_id)).scalar()
            if lost is not None:
                raise StoreError(f"the result of job {job_id} is lost: its file {lost} is not in the store's folder")
        return values

    def take(self, job_id: int) -> bytes | None:
        with self._write("take a result") as connection:  # only one caller gets past the lock with a row
            connection.execute(sa.select(results.c.job_id).where(results.c.job_id == job_id).with_for_update())
            values = self.values(job_id)
            if values is not None:
                files = _delete(connection, jobs.c.id == job_id)
        if values is not None:
            self._remove_files(files)
        return values

    def expire(self) -> list[int]:
        expired = (jobs.c.expires > 0) & (jobs.c.expires <= now_ms())
        with self._read("look for expired jobs") as connection:
            job_ids = list(connection.execute(sa.select(jobs.c.id).where(expired)).scalars())
        if job_ids:
            with self._write("remove expired jobs", WRITE_SOON) as connection:
                files = _delete(connection, expired)
            self._remove_files(files)
        return job_ids

    def shrink(self, size: int) -> list[int]:
        with self._read("look for old results") as connection:
            excess = int(connection.execute(sa.select(sa.func.sum(jobs.c.bytes))).scalar() or 0) - size
            if excess <= 0:
                return []
            query = sa.select(jobs.c.id, jobs.c.bytes).where(jobs.c.bytes > 0).order_by(jobs.c.finished, jobs.c.id)
            job_ids = oldest(((row.id, row.bytes) for row in connection.execute(query)), excess)
        with self._write("remove old results", WRITE_SOON) as connection:
            files = _delete(connection, jobs.c.id.in_(job_ids))
        self._remove_files(files)
        return job_ids

    def sweep(self) -> None:
        if self._files is None:
            return
        names = self._files.leftovers()
        if names:
            with self._read("look for files of results") as connection:
                known = set(connection.execute(sa.select(results.c.file).where(results.c.file.is_not(None))).scalars())
            self._files.remove(name for name in names if name not in known)

    def join(self, lease: float) -> None:
        instance = uuid.uuid4().hex
        with self._write("join") as connection:
            _instances.enter(connection, instance, lease)
        self._instance, self._lease = instance, lease

    def beat(self) -> bool:
        if self._instance is None:
            return True
        with self._write("beat") as connection:
            alive = _instances.beat(connection, self._instance)
            if not alive:
                _instances.enter(connection, self._instance, self._lease)
        return alive

    def leave(self) -> None:
        instance, self._instance = self._instance, None
        if instance is None:
            return
        with self._write("leave") as connection:
            _instances.remove(connection, instance)

    def fail_lost_jobs(self, expires: int) -> list[tuple[int, str]]:
        with self._read("look for lost jobs") as connection:
            gone = dict(_instances.gone(connection, self._instance, self._silence))
            if not gone and not _instances.lost_jobs(connection, self._instance):
                return []
        with self._write("fail lost jobs", WRITE_SOON) as connection:
            for instance in gone:
                _instances.remove(connection, instance)
            lost = [
                (job_id, f"the job was lost: {gone.get(instance, 'its process')} ended before the job did")
                for job_id, instance in _instances.lost_jobs(connection, self._instance)
            ]
            for job_id, reason in lost:
                _abandon(connection, job_id, reason, expires)
        return lost

    def kills(self) -> list[tuple[int, State]]:
        query = sa.select(jobs.c.id, jobs.c.state).where(jobs.c.instance == self._instance, jobs.c.kill_requested)
        with self._read("look for kills") as connection:
            return [(row.id, State(row.state)) for row in connection.execute(query)]

    def acknowledge(self, job_ids: Iterable[int]) -> None:
        done = sa.update(jobs).where(jobs.c.id.in_(list(job_ids)), jobs.c.state == State.KILLED.value)
        with self._write("acknowledge kills") as connection:
            connection.execute(done.values(instance=None))

    def save_progress(self, progress: Iterable[tuple[int, int, int, dict[str, str]]]) -> None:
        with self._write("save progress", WRITE_SOON) as connection:
            for job_id, current, maximum, details in progress:
                # The second condition, as of two threads that save, the later one may have the older progress.
                running = (jobs.c.state == State.RUNNING.value) & (jobs.c.current <= current)
                saved = sa.update(jobs).where(jobs.c.id == job_id, running)
                connection.execute(saved.values(current=current, maximum=maximum, details=_text(details)))

    def _remove_files(self, names: Iterable[str]) -> None:
        if self._files is not None:
            self._files.remove(names)

    def after_fork(self) -> None:
        self._engine.dispose(close=False)  # the connections belong to the parent
        self._instance = None

    def close(self) -> None:
        self._closed = True
        self._engine.dispose()

    @contextmanager
    def _read(self, what: str) -> Iterator[Connection]:
        with self._translated(what), self._engine.connect() as connection:
            try:
                yield connection
            finally:
                if self._closed:  # by another thread, meanwhile: the pool to which this would go back is closed already
                    connection.detach()

    @contextmanager
    def _write(self, what: str, how: Mapping[str, str] = WRITE) -> Iterator[Connection]:
        with self._read(what) as connection:
            connection = connection.execution_options(**how)
            with connection.begin():
                yield connection

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        self._file.check()
        try:
            with self._gate:  # SQLite knows in memory who holds its locks: a child would take them for held
                yield
        except (*DATABASE_ERRORS, msgspec.DecodeError) as error:
            why = cause(error)
            raise StoreError(f"the job store {shown(self._engine.url)} could not {what}: {why}{advice(why)}") from error


def _change(
    connection: Connection, job_id: int, event: Event, outcome: Outcome | None, file: tuple[str, str] | None = None
) -> Record | None:
    record = _record(connection, _LOCKED, b_job_id=job_id)
    if record is None:
        return None
    after = advance(record, event, outcome)
    if after is record:
        return record
    changed: dict[str, Any] = _row(after)
    if after.state.final and record.state is State.RUNNING:
        changed["instance"] = None  # kept for a job killed while it waited: its manager must read the kill
    connection.execute(_CHANGE, {"b_job_id": job_id, **changed})
    if after.state is State.DONE and outcome is not None and outcome.values is not None:
        name, checksum = file or (None, None)
        entities = outcome.values if file is None else None
        row = {"job_id": job_id, "entities": entities, "file": name, "checksum": checksum}
        connection.execute(_ADD_RESULT, row)
    return after


def _abandon(connection: Connection, job_id: int, reason: str, expires: int) -> None:
    record = _record(connection, _LOCKED, b_job_id=job_id)
    if record is not None:
        _change(connection, job_id, Event.ABANDON, unfinished(record, expires, reason))
        connection.execute(_CHANGE, {"b_job_id": job_id, "instance": None})


def _delete(connection: Connection, which: sa.ColumnElement[bool]) -> list[str]:
    """Delete jobs and their results; return the files of these, to be removed when that is committed."""
    theirs = results.c.job_id.in_(sa.select(jobs.c.id).where(which))
    files = list(connection.execute(sa.select(results.c.file).where(theirs, results.c.file.is_not(None))).scalars())
    connection.execute(sa.delete(results).where(theirs))
    connection.execute(sa.delete(jobs).where(which))
    return files


def _owned_amounts(connection: Connection, owner: str) -> tuple[int, int]:
    """Return how many jobs of an owner wait, and how many bytes its results have."""
    # By the index of the few unfinished jobs.
    unfinished_jobs = jobs.c.instance.in_(sa.select(instances.c.id))
    waiting = unfinished_jobs & (jobs.c.owner == owner) & (jobs.c.state == State.QUEUED.value)
    queued = connection.execute(sa.select(sa.func.count()).where(waiting)).scalar_one()
    size = connection.execute(sa.select(sa.func.sum(jobs.c.bytes)).where(jobs.c.owner == owner)).scalar()
    return queued, int(size or 0)


def _record(connection: Connection, query: sa.Select[Any], **values: Any) -> Record | None:
    row = connection.execute(query, values).one_or_none()
    return None if row is None else _parse(row)


def _parse(row: sa.Row[Any]) -> Record:
    fields = dict(row._mapping)
    details = fields["details"]
    fields["details"] = msgspec.json.decode(details) if details != "{}" else {}
    fields["state"] = State(fields["state"])
    return Record(**fields)


def _row(record: Record) -> dict[str, Any]:
    row = msgspec.structs.asdict(record)
    row["state"] = record.state.value
    row["details"] = _text(record.details)
    return row


def _text(details: dict[str, str]) -> str:
    return msgspec.json.encode(details).decode()
