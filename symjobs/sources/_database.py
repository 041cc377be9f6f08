"""Tables and queries of databases, read with SQLAlchemy."""

from __future__ import annotations

import contextlib
import math
import sqlite3
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from symjobs._errors import InputError, MissingDependency
from symjobs.sources._access import Access, check_timeout
from symjobs.sources._arrow_columns import ArrowColumns
from symjobs.sources._budget import block_bytes
from symjobs.sources._column_source import ColumnSource
from symjobs.sources._files import checked_file
from symjobs.sources._source import BadValues

if TYPE_CHECKING:
    import sqlalchemy as sa

_DRIVERS = {
    "postgresql": "postgresql",
    "org.postgresql.driver": "postgresql",
    "sqlite": "sqlite",
    "org.sqlite.jdbc": "sqlite",
}
_SHARE = 8 * 64  # of the budget for a value of a batch: an object of Python, its row, and its column
_MOST = 20_000


@dataclass(frozen=True)
class Database:
    """Which table or query of which database.

    Attributes
    ----------
    driver : str
        ``postgresql`` or ``sqlite``, or the class of a JDBC driver for them.
    database : str
        Its name, or the path of an SQLite file.
    table, query : str
        One of the two.
    """

    driver: str
    database: str
    host: str = ""
    port: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    table: str = ""
    query: str = ""

    @property
    def name(self) -> str:
        """The name in messages."""
        return f"{self.table or 'the query'} of {self.database}"


class DatabaseSource(ColumnSource):
    """The rows of a table or a query that was checked. How many bytes they are is not known before they are read."""

    total_bytes = 0

    def __init__(
        self,
        database: Database,
        types: Mapping[str, str],
        dates: Sequence[str] | bool,
        errors: str,
        memory_budget: int,
        timeout: float,
        access: Access | None,
    ) -> None:
        self.name = database.name
        self._errors = errors
        self.bad_values: dict[str, BadValues] = {}
        self._timeout = check_timeout(timeout if access is None else access.timeout)
        self._engine = _engine(database, self._timeout, access)
        self._query = _query(database, self._engine)
        with contextlib.closing(self._rows(1000)) as parts:
            names, first = next(parts)
        self._step = max(100, min(_MOST, block_bytes(memory_budget, _SHARE, 2**25) // max(1, len(names))))
        if not first:
            raise InputError(f"{self.name} holds no rows")
        self._kinds = {name: _kind(row[j] for row in first) for j, name in enumerate(names)}
        self._take(ArrowColumns(self._table(names, first, 0, {}).schema, types, dates, self.name))

    def _batches(self) -> Generator[tuple[Any, int], None, None]:
        """Yield (record batch, bytes read so far)."""
        bad = self.bad_values
        bad.clear()
        position = n_rows = 0
        for names, rows in self._rows(self._step):
            if rows:
                for name in names:
                    if self._kinds.get(name) is None:
                        self._kinds[name] = _kind(row[names.index(name)] for row in rows)
                batch = self._table(names, rows, n_rows, bad).select(list(self.attribute_names))
                n_rows += len(rows)
                position += batch.nbytes
                yield self._columns.converted(batch), position

    def _rows(self, step: int) -> Generator[tuple[list[str], Sequence[Any]], None, None]:
        import sqlalchemy as sa

        try:
            with self._engine.connect() as connection:
                deadline = self._watch(connection)
                streaming = connection.execution_options(stream_results=True, max_row_buffer=step)
                with streaming.execute(self._query) as result:
                    names = [str(name) for name in result.keys()]  # noqa: SIM118 - no dict
                    some = False
                    while rows := result.fetchmany(step):
                        some = True
                        deadline[0] = math.inf  # while others work
                        yield names, rows
                        deadline[0] = time.monotonic() + self._timeout
                    if not some:
                        yield names, []
        except sa.exc.SQLAlchemyError as error:
            raise InputError(f"{self.name}: {_words(error)}") from None
        finally:
            self._engine.dispose()

    def _watch(self, connection: Any) -> list[float]:
        """Return a moment, after which SQLite gives up; PostgreSQL has a time limit of its own."""
        deadline = [time.monotonic() + self._timeout]
        if self._engine.dialect.name == "sqlite":
            raw = connection.connection.dbapi_connection
            raw.set_progress_handler(lambda: int(time.monotonic() > deadline[0]), 100_000)
        return deadline

    def _table(self, names: list[str], rows: Sequence[Any], before: int, bad: dict[str, BadValues]) -> Any:
        import pyarrow as pa

        arrays = []
        for j, name in enumerate(names):
            values = [row[j] for row in rows]
            arrays.append(_ARRAYS[self._kinds[name]](pa, values, _Report(self, name, before, bad)))
        return pa.RecordBatch.from_arrays(arrays, names=names)

    def does_not_fit(self, name: str, row: int, value: Any, bad: dict[str, BadValues]) -> None:
        """Count a value that does not fit its column, or raise InputError."""
        if self._errors == "raise":
            raise InputError(
                f"{self.name}, row {row + 1}, column {name!r}: {str(value)[:80]!r} is of another kind than the values "
                "before it; convert it in the query, or set errorHandling=missing"
            )
        one = BadValues(1, row + 1, str(value)[:80])
        bad[name] = bad[name].joined(one) if name in bad else one


@dataclass(frozen=True)
class _Report:
    """Where values that do not fit are reported."""

    source: DatabaseSource
    name: str
    before: int
    bad: dict[str, BadValues]

    def __call__(self, row: int, value: Any) -> None:
        self.source.does_not_fit(self.name, self.before + row, value, self.bad)


def _kind(values: Any) -> str | None:
    """Return the kind of a column by the first value that is not missing."""
    from datetime import date

    for value in values:
        if value is not None:
            if isinstance(value, bool):
                return "flags"
            if isinstance(value, date):
                return "times"
            return (
                "texts" if isinstance(value, str | bytes | memoryview) or not hasattr(value, "__float__") else "numbers"
            )
    return None


def _numbers(pa: Any, values: list[Any], report: _Report) -> Any:
    found: list[float | None] = []
    for row, value in enumerate(values):
        if value is None or isinstance(value, str | bytes) or not hasattr(value, "__float__"):
            if value is not None:
                report(row, value)
            found.append(None)
            continue
        number = float(value)
        found.append(None if math.isnan(number) else number)
    return pa.array(found, pa.float64())


def _flags(pa: Any, values: list[Any], report: _Report) -> Any:
    if all(value is None or isinstance(value, bool) for value in values):
        return pa.array(values, pa.bool_())
    return _numbers(pa, values, report)


def _times(pa: Any, values: list[Any], report: _Report) -> Any:
    from datetime import UTC, date, datetime, time

    found: list[datetime | None] = []
    for row, value in enumerate(values):
        if value is None or not isinstance(value, date):
            if value is not None:
                report(row, value)
            found.append(None)
            continue
        moment = value if isinstance(value, datetime) else datetime.combine(value, time(), UTC)
        found.append(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))
    return pa.array(found, pa.timestamp("us", "UTC"))


def _texts(pa: Any, values: list[Any], report: _Report) -> Any:
    del report  # every value has a text
    return pa.array([value if value is None or isinstance(value, str) else str(value) for value in values], pa.string())


def _nothing(pa: Any, values: list[Any], report: _Report) -> Any:
    del report
    return pa.nulls(len(values))


_ARRAYS: dict[str | None, Any] = {
    "numbers": _numbers,
    "flags": _flags,
    "times": _times,
    "texts": _texts,
    None: _nothing,
}


def check_database(database: Database) -> None:
    """Raise InputError unless this may be a table or a query of a database."""
    if bool(database.table) == bool(database.query):
        raise InputError("a database needs info.table or info.query, one of the two")
    driver = _DRIVERS.get(database.driver.lower())
    if driver is None:
        raise InputError(f"the driver {database.driver!r} is unknown; known are {', '.join(sorted(_DRIVERS))}")
    if driver == "sqlite":
        return
    if not database.host or any(mark in database.host for mark in "/,") or "=" in database.database:
        raise InputError("a database has a host, one name or address, and a database's name")
    port = database.port
    if port and not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 2**16):
        raise InputError(f"port is {port!r}; it must be a number from 1 to 65535")


def _engine(database: Database, timeout: float, access: Access | None) -> sa.Engine:
    import sqlalchemy as sa

    driver = _DRIVERS[database.driver.lower()]
    if driver == "sqlite":
        path = checked_file(access.find(database.database)[0] if access else database.database, database.database).path
        address = sa.URL.create(
            "sqlite",
            database=f"file:{path.resolve().as_uri().removeprefix('file://')}",
            query={"mode": "ro", "uri": "true"},
        )
        engine = sa.create_engine(address, connect_args={"timeout": timeout}, poolclass=sa.pool.NullPool)
        sa.event.listen(engine, "connect", _read_only)
        return engine
    if access is not None:
        access.check_host(database.host)
    address = sa.URL.create(
        "postgresql+psycopg",
        username=database.user or None,
        password=database.password or None,
        host=database.host,
        port=int(database.port) if database.port else None,
        database=database.database,
    )
    options = f"-c default_transaction_read_only=on -c statement_timeout={int(1000 * timeout)}"
    arguments = {"connect_timeout": max(2, math.ceil(timeout)), "options": options}
    try:
        return sa.create_engine(address, connect_args=arguments, poolclass=sa.pool.NullPool)
    except ImportError:
        raise MissingDependency("psycopg", "postgresql", "reading from PostgreSQL") from None


_ALLOWED = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE})


def _read_only(connection: Any, record: Any) -> None:
    """Let a query of SQLite read the tables of its own file, and do nothing else."""
    del record

    def allow(action: int, name: str | None, *others: Any) -> int:
        asked_by_sqlalchemy = (action == sqlite3.SQLITE_PRAGMA and name == "read_uncommitted") or (
            action == sqlite3.SQLITE_TRANSACTION
        )
        return sqlite3.SQLITE_OK if action in _ALLOWED or asked_by_sqlalchemy else sqlite3.SQLITE_DENY

    connection.set_authorizer(allow)


def _query(database: Database, engine: sa.Engine) -> Any:
    import sqlalchemy as sa

    if database.query:
        return sa.text(database.query.replace(":", r"\:"))  # a colon begins no parameter
    parts = database.table.split(".")
    quote = engine.dialect.identifier_preparer.quote_identifier
    return sa.text("SELECT * FROM " + ".".join(map(quote, parts)).replace(":", r"\:"))


def _words(error: Exception) -> str:
    """Return the first line of what a database says, without the query and its parameters."""
    lines = str(getattr(error, "orig", None) or error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
