"""Fixtures that more than one folder of tests needs; the options of `make soak`."""

from __future__ import annotations

import os
import uuid
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests._soak import Rounds, is_soak_test, multiply_examples

# A first call compiles, and two cores are shared: timings say nothing about correctness. `make soak` multiplies the
# number of examples.
settings.register_profile(
    "symjobs", max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("symjobs")

# Compiled loops from the first call on, whatever ran before. tests/symkernels/test_compiling.py tests the rest.
os.environ.setdefault("SYMKERNELS_COMPILE", "now")

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


# --- soak: long runs (make soak) --------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("soak", "long runs (make soak)")
    group.addoption("--soak", type=int, metavar="SEED", help="run only the tests that can run for long, with this seed")
    group.addoption("--full", action="store_true", help="with --soak: run every test as often as its author says")
    group.addoption("--soak-seconds", type=float, default=20.0, help="without --full: how long a test makes rounds")


def _effort(config: pytest.Config) -> int:
    if config.getoption("--soak") is None:
        return 1
    return 100 if config.getoption("--full") else 10


def _examples(config: pytest.Config) -> int:
    """What the number of Hypothesis's examples is multiplied by: 100 times takes two cores several hours."""
    return min(_effort(config), 20)


def pytest_report_header(config: pytest.Config) -> list[str]:
    seed = config.getoption("--soak")
    if seed is None:
        return []
    what = "every round" if config.getoption("--full") else f"{config.getoption('--soak-seconds'):g} s of rounds a test"
    return [f"soak: seed {seed} (make soak SEED={seed} repeats it), {_examples(config)} times the examples, {what}"]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave tests/soak out of `make test`."""
    is_soak = collection_path == Path(__file__).parent / "soak"
    return True if is_soak and config.getoption("--soak") is None else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With --soak, keep the tests that have a count to multiply, and multiply it.

    Without, put those marked no_numba in the middle: there a second worker begins, while the first one compiles the
    loops that nearly all others need. Else both would compile the same ones.
    """
    if config.getoption("--soak") is None:
        aside = [item for item in items if item.get_closest_marker("no_numba")]
        others = [item for item in items if not item.get_closest_marker("no_numba")]
        middle = len(items) // 2
        items[:] = [*others[:middle], *aside, *others[middle:]]
        return
    config.hook.pytest_deselected(items=[item for item in items if not is_soak_test(item)])
    items[:] = [item for item in items if is_soak_test(item)]
    for item in items:
        multiply_examples(item, _examples(config))


@pytest.fixture(scope="session")
def effort(pytestconfig: pytest.Config) -> int:
    """What a test multiplies its counts by: 1 in `make test`, 10 in `make soak`, 100 in `make soak FULL=1`."""
    return _effort(pytestconfig)


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> Rounds:
    """Counts the rounds of a long run: ``for rng in rounds(full): ...``; see `tests._soak.Rounds`."""
    option = request.config.getoption
    seconds = None if option("--full") else option("--soak-seconds")
    return Rounds(request.node, option("--soak"), seconds)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say in which round a long run failed."""
    report = yield
    count = dict(item.user_properties).get("rounds")
    if report.failed and count is not None:
        report.sections.append(("soak", f"seed {item.config.getoption('--soak')}, round {count} (the first is 1)"))
    return report


# --- reports ----------------------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable(report: object) -> Generator[None, object, object]:
    """Escape lone surrogates, which some tests log on purpose: a worker of pytest-xdist cannot send them."""
    return _utf8((yield))


def _utf8(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {_utf8(key): _utf8(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_utf8(inner) for inner in value)
    return value


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly how many tests were left out for want of a server: a skip is easily overlooked."""
    for service, variable in (("PostgreSQL", _POSTGRESQL), ("Chromium", "SYMJOBS_TEST_CHROMIUM")):
        skipped = [report for report in terminalreporter.stats.get("skipped", []) if variable in str(report.longrepr)]
        if skipped:
            terminalreporter.write_line(
                f"NOT TESTED: {len(skipped)} tests need {service}, and there was none", red=True
            )
    for report in terminalreporter.stats.get("passed", []) + terminalreporter.stats.get("failed", []):
        for name, value in report.user_properties:
            if name == "rounds" and report.when == "call":
                terminalreporter.write_line(f"{value:7d} rounds of {report.nodeid}")
