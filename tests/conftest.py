"""Fixtures that more than one folder of tests needs."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A first call compiles, and two cores are shared: timings say nothing about correctness.
settings.register_profile("symjobs", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("symjobs")

_POSTGRESQL = "SYMJOBS_TEST_POSTGRESQL"


@pytest.fixture(scope="session")
def _postgresql_database() -> Iterator[str]:
    server = os.environ.get(_POSTGRESQL)
    if not server:
        pytest.skip(f"no PostgreSQL: {_POSTGRESQL} is not set; run the tests with `make test`")
    import sqlalchemy as sa

    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    name = f"symjobs_{uuid.uuid4().hex}"
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    yield engine.url.set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture
def postgresql_url(_postgresql_database: str) -> str:
    """An empty database on the PostgreSQL server that tests/services.sh starts."""
    import sqlalchemy as sa

    engine = sa.create_engine(_postgresql_database)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP SCHEMA public CASCADE"))
        connection.execute(sa.text("CREATE SCHEMA public"))
    engine.dispose()
    return _postgresql_database


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A new SQLite database in a file."""
    return f"sqlite:///{tmp_path / 'jobs.db'}"


_SHARED = [
    pytest.param("sqlite_url", id="sqlite"),
    pytest.param("postgresql_url", id="postgresql", marks=pytest.mark.postgresql),
]


@pytest.fixture(params=_SHARED)
def shared_url(request: pytest.FixtureRequest) -> str:
    """A store that several processes can use: SQLite and PostgreSQL in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture(params=[pytest.param(None, id="memory"), *_SHARED])
def store_url(request: pytest.FixtureRequest) -> str | None:
    """Every kind of store in turn."""
    return None if request.param is None else request.getfixturevalue(request.param)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly how many tests were left out for want of a server: a skip is easily overlooked."""
    skipped = [report for report in terminalreporter.stats.get("skipped", []) if _POSTGRESQL in str(report.longrepr)]
    if skipped:
        terminalreporter.write_line(f"NOT TESTED: {len(skipped)} tests need PostgreSQL, and there was none", red=True)
