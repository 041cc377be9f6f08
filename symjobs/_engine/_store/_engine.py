"""An SQLAlchemy engine for several processes at the same time."""

from __future__ import annotations

import os
import sqlite3
import time
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from symjobs._engine._store._tables import SCHEMA_VERSION, metadata, schema
from symjobs._errors import InputError, MissingDependency, StoreError

# How long a writer waits for another one before the database says that it is locked; the second for what can be written
# later as well.
_BUSY_SECONDS = 10.0
_HASTY_SECONDS = 0.1
_SCHEMA_LOCK = 0x73796D6A6F6273  # an arbitrary key for PostgreSQL's advisory lock: "symjobs"

WRITE = {"symjobs_write": "wait"}
WRITE_SOON = {"symjobs_write": "soon"}

# SQLAlchemy wraps what the driver raises, except while our own listener prepares a connection.
DATABASE_ERRORS = (SQLAlchemyError, sqlite3.Error)


def open_engine(text: str) -> Engine:
    """Return an engine for a URL, and create the tables."""
    url = _parse(text)
    sqlite = url.get_backend_name() == "sqlite"
    options: dict[str, Any] = {"connect_args": {"timeout": _BUSY_SECONDS}} if sqlite else {"pool_pre_ping": True}
    try:
        engine = sa.create_engine(url, **options)
    except ModuleNotFoundError as error:
        raise _missing_driver(url, error) from error
    if sqlite:
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    elif url.get_backend_name() == "postgresql":
        event.listen(engine, "begin", _begin_postgresql)
    try:
        _make_tables(engine)
    except StoreError:
        engine.dispose()
        raise
    except DATABASE_ERRORS as error:
        engine.dispose()
        hint = " (does the folder exist, and may it be written?)" if sqlite else " (does the server run?)"
        raise StoreError(f"cannot open the job store {shown(url)}: {cause(error)}{hint}") from error
    return engine


def _missing_driver(url: URL, error: ModuleNotFoundError) -> Exception:
    package = error.name or url.drivername
    if url.get_backend_name() == "postgresql":
        return MissingDependency(package, "postgresql", "a job store in PostgreSQL")
    return StoreError(f"a job store at {url.drivername}:// needs the package {package!r}; install it")


def shown(url: URL) -> str:
    return url.render_as_string(hide_password=True)


def cause(error: Exception) -> str:
    """Return the database's own words on one line."""
    return " ".join(str(getattr(error, "orig", None) or error).split())


# What to do about an error, by a part of the database's words.
_ADVICE = {
    "is locked": "another program holds its lock; try again when that has ended",
    "lock timeout": "another program holds its lock; try again when that has ended",
    "no such table": "its tables are gone; open it again with a new JobManager, which makes them",
    "does not exist": "its tables are gone; open it again with a new JobManager, which makes them",
    "readonly": "let this user write the file and its folder",
    "disk is full": "make room on its disk",
    "disk I/O": "look at its disk",
    "malformed": "it is damaged; restore it from a copy, or use another file",
    "not a database": "it is damaged, or another program's; use another file",
    "connection": "does the server run?",
}


def advice(words: str) -> str:
    """Return what a user can do about an error with these words of the database, in brackets; empty if not known."""
    return next((f" ({todo})" for part, todo in _ADVICE.items() if part in words), "")


class DatabaseFile:
    """The file of an SQLite database: whether it is still the one that was opened.

    SQLite itself goes on with a file that was deleted, and makes an empty one for the next connection.
    """

    def __init__(self, engine: Engine) -> None:
        sqlite = engine.dialect.name == "sqlite" and "uri" not in engine.url.query
        self.path = str(engine.url.database) if sqlite else None
        self._identity = self._look()

    def check(self) -> None:
        """Raise StoreError if the file was deleted or replaced."""
        if self._look() != self._identity:
            raise StoreError(
                f"the file of the job store {self.path} was deleted or replaced while it was in use; the jobs in it "
                "are lost, and a new JobManager opens the store again"
            )

    def _look(self) -> tuple[int, int] | None:
        if self.path is None:
            return None
        try:
            found = os.stat(self.path)
        except OSError:
            return None
        return found.st_dev, found.st_ino


def _parse(text: str) -> URL:
    examples = "'sqlite:///jobs.db', 'postgresql+psycopg://user@host/db', or None for a store in memory"
    try:
        url = sa.make_url(text)
        url.get_dialect()
    except (ArgumentError, NoSuchModuleError) as error:
        scheme = str(text).partition(":")[0]  # not the whole text: it may hold a password
        raise InputError(f"store: {scheme!r}... is not an SQLAlchemy URL; allowed are {examples}") from error
    in_memory = url.database in (None, "", ":memory:") or url.query.get("mode") == "memory"
    if url.get_backend_name() == "sqlite" and in_memory:
        raise InputError(f"store: {shown(url)!r} lives in one connection only; allowed are {examples}")
    if url.get_backend_name() == "sqlite" and url.database and "uri" not in url.query:
        return url.set(database=os.path.abspath(url.database))  # the process may change its folder
    return url


def _prepare_sqlite(connection: sqlite3.Connection, _: Any) -> None:
    connection.isolation_level = None  # the driver opens no transactions: _begin_sqlite does
    _set_wal(connection)
    # In WAL mode NORMAL survives a crash of the process; a power failure may lose the last transactions, whole ones.
    connection.execute("PRAGMA synchronous=NORMAL")


def _set_wal(connection: sqlite3.Connection) -> None:
    # Unlike other statements, the change of the mode does not wait for other connections, so it is tried again.
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later could find the database locked in the middle, and waiting would
    # not help; writers take the lock at once.
    write = connection.get_execution_options().get("symjobs_write")
    if write:
        milliseconds = int(1000 * (_HASTY_SECONDS if write == "soon" else _BUSY_SECONDS))
        if connection.info.get("symjobs_timeout") != milliseconds:
            connection.exec_driver_sql(f"PRAGMA busy_timeout={milliseconds}")
            connection.info["symjobs_timeout"] = milliseconds
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _begin_postgresql(connection: Connection) -> None:
    if connection.get_execution_options().get("symjobs_write") == "soon":
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(1000 * _HASTY_SECONDS)}")


def _make_tables(engine: Engine) -> None:
    with engine.connect() as connection:
        connection = connection.execution_options(**WRITE)
        with connection.begin():
            if engine.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_SCHEMA_LOCK)))
            _refuse_foreign_tables(connection)
            metadata.create_all(connection)
            version = connection.execute(sa.select(sa.func.max(schema.c.version))).scalar_one()
            if version is None:
                connection.execute(sa.insert(schema).values(version=SCHEMA_VERSION))
    if version not in (None, SCHEMA_VERSION):
        raise StoreError(
            f"the job store {shown(engine.url)} has tables of version {version}; this symjobs reads version "
            f"{SCHEMA_VERSION}: use another database, or the symjobs that wrote it"
        )


def _refuse_foreign_tables(connection: Connection) -> None:
    inspector = sa.inspect(connection)
    there = set(inspector.get_table_names())
    if schema.name in there:
        columns = {column["name"] for column in inspector.get_columns(schema.name)}
        if columns == {column.name for column in schema.c}:  # ours, of whatever version
            return
    foreign = sorted(there & set(metadata.tables))
    if foreign:
        raise StoreError(
            f"the database {shown(connection.engine.url)} has a table {foreign[0]} that is not of a job store; use "
            "another database"
        )
