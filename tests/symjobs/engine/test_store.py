"""Databases: opening them, sharing them, and what happens when they fail."""

import sqlite3
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy import event

import symjobs as sj
from symjobs._engine._record import Outcome
from symjobs._engine._states import Event, State
from symjobs._engine._store import _engine, _instances, _process, open_store
from tests.symjobs.engine._jobs import WAIT, Deaf, Gate, Nothing, Tell, held


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("jobs.db", "'jobs.db'... is not an SQLAlchemy URL; allowed are 'sqlite:///jobs.db'"),
        ("", "is not an SQLAlchemy URL"),
        ("oracle9:secret@host", "'oracle9'... is not an SQLAlchemy URL"),
        ("nosuch://user:secret@host/db", "'nosuch'... is not an SQLAlchemy URL"),
        ("sqlite://", "lives in one connection only; allowed are"),
        ("sqlite:///:memory:", "lives in one connection only"),
        ("sqlite:///file:x?mode=memory&uri=true", "lives in one connection only"),
    ],
)
def test_what_is_no_url_of_a_store(url, words):
    with pytest.raises(sj.InputError) as caught:
        sj.JobManager(store=url)
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_store_that_cannot_be_opened(tmp_path):
    with pytest.raises(sj.StoreError, match="does the folder exist"):
        sj.JobManager(store=f"sqlite:///{tmp_path}/no/such/folder/jobs.db")
    (tmp_path / "text.db").write_text("This is not a database, though it is long enough to be taken for one. " * 20)
    with pytest.raises(sj.StoreError, match="file is not a database"):
        sj.JobManager(store=f"sqlite:///{tmp_path}/text.db")
    with pytest.raises(sj.StoreError, match="does the server run") as caught:
        sj.JobManager(store="postgresql+psycopg://user:secret@127.0.0.1:1/db")
    assert "secret" not in str(caught.value)


def test_a_driver_that_is_not_installed(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "psycopg"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(sj.MissingDependency, match=r"pip install 'symjobs\[postgresql\]'"):
        sj.JobManager(store="postgresql+psycopg://user@127.0.0.1/db")
    with pytest.raises(sj.StoreError, match=r"mysql\+pymysql:// needs the package 'pymysql'"):
        sj.JobManager(store="mysql+pymysql://user@127.0.0.1/db")


def test_a_store_of_another_version_is_refused(shared_url, managers):
    managers(store=shared_url)
    engine = sa.create_engine(shared_url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE symjobs_schema SET version = 999"))
    engine.dispose()
    with pytest.raises(sj.StoreError, match="has tables of version 999; this symjobs reads version 3"):
        sj.JobManager(store=shared_url)


def test_many_open_a_new_store_at_once(shared_url):
    barrier = threading.Barrier(6)

    def open_one(_):
        barrier.wait()
        return open_store(shared_url)

    with ThreadPoolExecutor(6) as pool:
        for store in pool.map(open_one, range(6)):
            store.close()


def test_importing_and_using_memory_does_not_load_sqlalchemy():
    import subprocess

    script = (
        "import sys, symjobs as sj\n"
        "manager = sj.JobManager()\n"
        "assert 'sqlalchemy' not in sys.modules and 'numba' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


@pytest.fixture
def elsewhere(monkeypatch):
    """Whoever joins a store now seems to do so on another machine."""
    process = _process.Process("another machine", "other-host", 4711, "1")
    monkeypatch.setattr(_instances, "this_process", lambda: process)


class Clocks:
    """The monotonic clock of this process and the wall clock, which a test sets."""

    def __init__(self, monkeypatch):
        self.monotonic = 1000.0
        self.wall = time.time_ns()
        monkeypatch.setattr(_instances.time, "monotonic", lambda: self.monotonic)
        monkeypatch.setattr("symjobs._engine._record.time.time_ns", lambda: self.wall)


@pytest.fixture
def clocks(monkeypatch):
    return Clocks(monkeypatch)


def _running(store, lease):
    store.join(lease)
    job = store.add("c1", "Nothing", True, {})
    store.change(job.id, Event.START)
    return job.id


def test_a_silent_machine_s_jobs_are_lost_when_its_own_lease_is_over(shared_url, elsewhere, clocks):
    theirs, mine = open_store(shared_url), open_store(shared_url)
    job_id = _running(theirs, lease=60)
    looks = 0
    while mine.get("c1", job_id).state is State.RUNNING:
        mine.fail_lost_jobs(12345)
        clocks.monotonic += 1
        looks += 1
    assert looks == 62  # the first look starts the count, the last one is beyond the lease
    record = mine.get("c1", job_id)
    assert (record.state, record.expires) == (State.FAILED, 12345)
    assert record.error == "the job was lost: process 4711 on other-host ended before the job did"
    late = Outcome(current=1, maximum=1, details={}, values=b"{}")
    assert theirs.change(job_id, Event.SUCCEED, late).state is State.FAILED  # too late
    assert mine.values(job_id) is None
    assert theirs.beat() is False
    assert theirs.beat() is True
    theirs.close()
    mine.close()


def test_a_machine_with_heartbeats_keeps_its_jobs_whatever_the_clocks_do(shared_url, elsewhere, clocks):
    theirs, mine = open_store(shared_url), open_store(shared_url)
    job_id = _running(theirs, lease=60)
    for jump in (1, 10**6, -(10**6), 61):
        for _ in range(10):
            mine.fail_lost_jobs(0)
            theirs.beat()
            clocks.monotonic += 15
        clocks.wall += jump * 10**9
    mine.fail_lost_jobs(0)
    assert mine.get("c1", job_id).state is State.RUNNING
    theirs.close()
    mine.close()


def test_a_long_pause_of_this_process_is_not_the_silence_of_another(shared_url, elsewhere, clocks):
    theirs, mine = open_store(shared_url), open_store(shared_url)
    job_id = _running(theirs, lease=60)
    mine.fail_lost_jobs(0)
    clocks.monotonic += 3600  # both were stopped
    mine.fail_lost_jobs(0)
    assert mine.get("c1", job_id).state is State.RUNNING
    theirs.close()
    mine.close()


def test_on_this_machine_only_the_end_of_the_process_counts(shared_url, clocks):
    theirs, mine = open_store(shared_url), open_store(shared_url)
    job_id = _running(theirs, lease=0.001)
    for _ in range(100):
        mine.fail_lost_jobs(0)
        clocks.monotonic += 3600
        clocks.wall += 61 * 10**9
    assert mine.get("c1", job_id).state is State.RUNNING
    theirs.close()
    mine.close()


def test_a_manager_never_declares_its_own_jobs_lost(shared_url, elsewhere, clocks):
    store, other = open_store(shared_url), open_store(shared_url)
    job_id = _running(store, lease=1)
    for _ in range(10):
        store.fail_lost_jobs(0)
        clocks.monotonic += 1
    assert store.get("c1", job_id).state is State.RUNNING
    engine = sa.create_engine(shared_url)
    with engine.begin() as connection:  # as another one that took it for dead does first
        connection.execute(sa.text("DELETE FROM symjobs_instances"))
    engine.dispose()
    store.fail_lost_jobs(0)
    assert store.get("c1", job_id).state is State.RUNNING
    other.fail_lost_jobs(0)
    assert store.get("c1", job_id).state is State.FAILED
    store.close()
    other.close()


def test_a_manager_that_was_taken_for_dead_stops_its_jobs_and_goes_on(sqlite_url, managers):
    manager = managers(workers=1, store=sqlite_url, lease=0.2)
    with held(manager) as (_, handle):
        other = open_store(sqlite_url)
        engine = sa.create_engine(sqlite_url)
        while not other.get("c1", handle.id).state.final:
            with engine.begin() as connection:
                connection.execute(sa.text("DELETE FROM symjobs_instances"))
            other.fail_lost_jobs(0)
        engine.dispose()
        other.close()
        with pytest.raises(sj.JobFailed, match="the job was lost"):
            handle.result(WAIT)
    assert manager.submit(Tell(a="1"), owner="c1").result(WAIT).pairs == {"a": "1"}


def test_a_manager_without_jobs_is_no_instance(shared_url, managers, monkeypatch):
    monkeypatch.setattr("symjobs._engine._sync._LINGER_SECONDS", 0)
    manager = managers(workers=1, store=shared_url)
    engine = sa.create_engine(shared_url)

    def instances():
        with engine.connect() as connection:
            return connection.execute(sa.text("SELECT count(*) FROM symjobs_instances")).scalar_one()

    for _ in range(2):  # it comes back with the next job
        assert instances() == 0
        with held(manager):
            assert instances() == 1
            thread = manager._runner._sync._thread
        thread.join(WAIT)
    assert instances() == 0
    engine.dispose()


def test_is_this_process_there():
    process = _process.this_process()
    assert not _process.is_gone(process)
    assert _process.is_gone(process._replace(birth="0"))  # the pid was given to another process
    assert _process.is_gone(process._replace(pid=2**22 + 1))
    assert not _process.is_gone(process._replace(machine="another", pid=2**22 + 1))


def test_a_process_that_this_user_cannot_see_is_not_gone(monkeypatch):
    process = _process.this_process()
    monkeypatch.setattr(_process, "_stat", lambda pid: ("", ""))  # as with /proc mounted with hidepid
    assert not _process.is_gone(process)


def test_the_name_of_the_host_may_change(monkeypatch):
    process = _process.this_process()
    monkeypatch.setattr(_process.socket, "gethostname", lambda: "another")
    assert _process.is_here(process)


def test_a_damaged_row_is_an_error_of_the_store(shared_url, managers):
    manager = managers(workers=1, store=shared_url)
    handle = manager.submit(Tell(a="1"), owner="c1")
    handle.result(WAIT)
    engine = sa.create_engine(shared_url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE symjobs_jobs SET details = '{\"a'"))
    engine.dispose()
    with pytest.raises(sj.StoreError, match=r"could not list jobs: .* truncated"):
        manager.list("c1")


@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_a_file_that_was_deleted_in_use_is_noticed(tmp_path, sqlite_url, managers, how):
    manager = managers(workers=1, store=sqlite_url)
    manager.submit(Tell(a="1"), owner="c1").result(WAIT)
    (tmp_path / "jobs.db").unlink()
    if how == "replaced":
        managers(store=sqlite_url)
    for ask in (lambda: manager.list("c1"), lambda: manager.submit(Nothing(), owner="c1")):
        with pytest.raises(sj.StoreError, match=r"jobs\.db was deleted or replaced while it was in use"):
            ask()
    assert managers(store=sqlite_url).submit(Nothing(), owner="c1").result(WAIT) is None


def test_the_process_may_change_its_folder(tmp_path, managers, monkeypatch):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path / "one")
    manager = managers(workers=1, store="sqlite:///jobs.db")
    monkeypatch.chdir(tmp_path / "two")
    manager._store.close()  # the next connection is a new one
    assert manager.submit(Tell(a="1"), owner="c1").result(WAIT).pairs == {"a": "1"}
    assert not list((tmp_path / "two").iterdir())


def test_a_table_of_another_program_is_refused(shared_url, managers):
    engine = sa.create_engine(shared_url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE symjobs_jobs (id INTEGER, name TEXT)"))
        connection.execute(sa.text("INSERT INTO symjobs_jobs VALUES (1, 'x')"))
    with pytest.raises(sj.StoreError, match="has a table symjobs_jobs that is not of a job store; use another"):
        managers(store=shared_url)
    with engine.begin() as connection:
        assert connection.execute(sa.text("SELECT name FROM symjobs_jobs")).scalar() == "x"
    assert sa.inspect(engine).get_table_names() == ["symjobs_jobs"]
    engine.dispose()


@pytest.mark.parametrize(
    ("words", "todo"),
    [
        ("database is locked", "another program holds its lock"),
        ("canceling statement due to lock timeout", "another program holds its lock"),
        ("no such table: symjobs_jobs", "its tables are gone"),
        ('relation "symjobs_jobs" does not exist', "its tables are gone"),
        ("attempt to write a readonly database", "let this user write"),
        ("database or disk is full", "make room"),
        ("file is not a database", "it is damaged, or another program's"),
        ("connection failed: Connection refused", "does the server run"),
    ],
)
def test_errors_of_a_store_say_what_to_do(words, todo):
    assert _engine.advice(words).startswith(f" ({todo}")


def test_an_error_names_what_could_not_be_done(shared_url):
    store = open_store(shared_url)
    store.join(lease=60)
    job = store.add("c1", "Tell", True, {})
    engine = sa.create_engine(shared_url)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE symjobs_jobs"))
    engine.dispose()
    with pytest.raises(sj.StoreError, match=rf"could not keep the result of job {job.id}: .*\(its tables are gone"):
        store.change(job.id, Event.SUCCEED)
    store.close()


def test_a_connection_that_a_thread_uses_while_the_store_closes_is_closed_afterwards(shared_url):
    """A shutdown does not wait for all threads. psycopg warns of connections that nobody has closed."""
    store = open_store(shared_url)
    for use in (store._read, store._write):
        with use("look") as connection:
            raw = connection.connection.dbapi_connection
            store.close()
        with pytest.raises((sqlite3.ProgrammingError, psycopg.OperationalError), match="closed"):
            raw.cursor().execute("select 1")


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(_engine, "_BUSY_SECONDS", 0.01)
    monkeypatch.setattr("symjobs._engine._runner._SAVE_PAUSES", (0.001,))
    monkeypatch.setattr("symjobs._engine._sync._RETRY_SECONDS", 0.01)


def test_a_result_that_cannot_be_stored_fails_the_job_and_nothing_else(tmp_path, sqlite_url, managers, impatient):
    manager = managers(workers=1, store=sqlite_url, show_errors=True)
    with held(manager) as (gate, handle):
        lock = sqlite3.connect(tmp_path / "jobs.db", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        gate.go.set()
        with pytest.raises(sj.JobFailed, match=r"the result could not be stored: .* database is locked"):
            handle.result(WAIT)
        assert "could not be stored" in manager.answer("c1", handle.id).error
        assert manager.list("c1")[0].isDone
        with pytest.raises(sj.StoreError, match="database is locked"):
            manager.submit(Nothing(), owner="c1")
        lock.execute("ROLLBACK")
        lock.close()
    assert manager.submit(Tell(a="1"), owner="c1").result(WAIT).pairs == {"a": "1"}
    manager.shutdown()
    again = managers(store=sqlite_url).answer("c1", handle.id)  # the synchronisation told the store as soon as it could
    assert again.state is State.FAILED


@contextmanager
def locked(url):
    """Hold the lock for writing, as another program may."""
    engine = sa.create_engine(url)
    sqlite = engine.dialect.name == "sqlite"
    if sqlite:
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    with engine.begin() as connection:
        if not sqlite:
            connection.execute(sa.text("LOCK TABLE symjobs_jobs, symjobs_instances IN SHARE ROW EXCLUSIVE MODE"))
        yield
    engine.dispose()


def test_a_running_job_is_read_while_another_program_writes(shared_url, managers):
    class Steps(Gate):
        def run(self, context):
            context.progress(2, 5)
            return super().run(context)

    manager = managers(workers=1, store=shared_url, expire_after=0.01)
    manager.submit(Tell(a="1"), owner="c1").result(WAIT)  # expires, so that there is something to remove, too
    time.sleep(0.05)
    with held(manager, gate=Steps()) as (gate, handle):
        assert (handle.info().current, handle.info().maximum) == (2, 5)
        with locked(shared_url):
            manager._next_maintenance = 0.0
            start = time.monotonic()
            assert manager.answer("c1", handle.id).state is State.RUNNING
            assert sj.rest.get_job(manager, "c1", handle.id).status == 202
            assert [info.current for info in manager.list("c1")] == [2]
            assert time.monotonic() - start < 5  # not the ten seconds that a writer waits
        gate.go.set()
        handle.result(WAIT)


def test_progress_that_cannot_be_stored_now_is_shown_later_and_never_falls(shared_url, managers):
    class Counts(Gate):
        def run(self, context):
            self.started.set()
            at = 0
            while not self.go.wait(0.001):
                at += 1
                context.progress(at, at)

    manager = managers(workers=1, store=shared_url)
    with held(manager, gate=Counts()) as (_, handle):
        seen = [handle.info().current]
        with locked(shared_url):
            seen += [handle.info().current for _ in range(3)]
        until = time.monotonic() + WAIT
        while seen[-1] == seen[-2] and time.monotonic() < until:
            seen.append(handle.info().current)
        assert seen == sorted(seen)
        assert seen[-1] > seen[-2]


def test_a_job_that_cannot_be_started_fails(tmp_path, sqlite_url, managers, impatient):
    manager = managers(workers=1, store=sqlite_url)
    with held(manager) as (gate, _):
        queued = manager.submit(Nothing(), owner="c1")
        lock = sqlite3.connect(tmp_path / "jobs.db", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        gate.go.set()
        with pytest.raises(sj.JobFailed, match="the job could not be started"):
            queued.result(WAIT)
        lock.execute("ROLLBACK")
        lock.close()
    assert manager.submit(Tell(a="1"), owner="c1").result(WAIT).pairs == {"a": "1"}


def test_a_store_that_is_deleted_under_a_running_job(tmp_path, sqlite_url, managers, impatient):
    manager = managers(workers=1, store=sqlite_url)
    with held(manager) as (gate, handle):
        manager._store.close()
        for file in tmp_path.glob("jobs.db*"):
            file.unlink()
        gate.go.set()
        with pytest.raises(sj.JobFailed, match=r"the result could not be stored: .* was deleted or replaced"):
            handle.result(WAIT)
    with pytest.raises(sj.StoreError, match="was deleted or replaced"):
        manager.submit(Nothing(), owner="c1")
    manager.shutdown(timeout=0)


@pytest.mark.postgresql
def test_a_server_that_drops_its_connections(postgresql_url, managers):
    manager = managers(workers=1, store=postgresql_url)
    with held(manager, gate=Deaf(Tell(a="1"))) as (gate, handle):
        engine = sa.create_engine(postgresql_url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            drop = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            connection.execute(sa.text(drop + "AND pid <> pg_backend_pid()"))
        engine.dispose()
        gate.go.set()
        assert handle.result(WAIT).pairs == {"a": "1"}
    assert manager.answer("c1", handle.id).state is State.DONE


def test_a_crash_between_two_writes_loses_no_result(shared_url):
    """State and result are one transaction: nobody ever sees a job that is done and has no result."""
    store = open_store(shared_url)
    store.join(lease=60)
    reader = open_store(shared_url)
    done = threading.Event()
    torn = []

    def read():
        while not done.is_set():
            torn.extend(
                record.id
                for record in reader.owned("c1")
                if record.state is State.DONE and not reader.values(record.id)
            )

    thread = threading.Thread(target=read)
    thread.start()
    outcome = Outcome(current=1, maximum=1, details={}, values=b'{"a":1}')
    for _ in range(40):
        job = store.add("c1", "Tell", True, {})
        store.change(job.id, Event.START)
        store.change(job.id, Event.SUCCEED, outcome)
    done.set()
    thread.join()
    assert torn == []
    store.close()
    reader.close()
