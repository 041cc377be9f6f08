"""What observes a job changes nothing about it; threads that die or cannot start lose no job."""

import ctypes
import logging
import threading
import time

import pytest

import symjobs as sj
from symjobs._engine import State
from tests.symjobs.engine._jobs import WAIT, Fail, Light, Nothing, Tell, held

JOBS = logging.getLogger("symjobs.jobs")


class Raises(logging.Handler):
    def __init__(self, error):
        super().__init__()
        self.error = error
        self.seen = 0

    def emit(self, record):
        self.seen += 1
        raise self.error

    def filter(self, record):
        return True


def _handler(error):
    handler = Raises(error)
    JOBS.addHandler(handler)
    return handler, lambda: JOBS.removeHandler(handler)


def _filter(error):
    observer = Raises(error)
    JOBS.addFilter(observer.emit)
    return observer, lambda: JOBS.removeFilter(observer.emit)


def _record_factory(error):
    observer, before = Raises(error), logging.getLogRecordFactory()
    logging.setLogRecordFactory(lambda *args, **kwargs: observer.emit(None))
    return observer, lambda: logging.setLogRecordFactory(before)


@pytest.mark.parametrize("error", [RuntimeError("disk full"), SystemExit(3)], ids=["error", "exit"])
@pytest.mark.parametrize("observe", [_handler, _filter, _record_factory])
def test_a_log_that_cannot_be_written_changes_no_outcome(manager, observe, error, capsys):
    observer, remove = observe(error)
    try:
        handle = manager.submit(Fail(ZeroDivisionError("oh")), owner="c1")
        with pytest.raises(sj.JobFailed, match="ZeroDivisionError: oh"):
            handle.result(WAIT)
        assert manager.answer("c1", handle.id).state is State.FAILED
        assert manager.submit(Tell(a="1")).result(WAIT).pairs == {"a": "1"}
    finally:
        remove()
    assert observer.seen
    assert "the log could not be written" in capsys.readouterr().err


def test_an_interrupt_while_the_log_is_written_is_not_lost():
    _, remove = _handler(KeyboardInterrupt())
    try:
        with pytest.raises(KeyboardInterrupt):
            sj._engine._log.logger.error("x")
    finally:
        remove()


def test_the_log_names_the_line_that_wrote_it(managers, caplog):
    with pytest.raises(sj.JobFailed):
        managers().submit(Fail(ZeroDivisionError("oh"))).result(WAIT)
    assert caplog.records[0].funcName == "failure_text"


@pytest.fixture
def no_threads():
    """Makes starting a thread fail, as a limit of processes does, until it is called: no address space is so large."""
    before = threading.stack_size(1 << 48)
    yield lambda: threading.stack_size(before)
    threading.stack_size(before)


@pytest.mark.parametrize("job", [Nothing, Light])
def test_a_job_is_refused_when_no_thread_can_start(manager, no_threads, job):
    with pytest.raises(sj.QueueFull, match="lets no thread start"):
        manager.submit(job(), owner="c1")
    assert manager.list("c1") == []
    no_threads()
    handle = manager.submit(job(), owner="c1")
    assert handle.result(WAIT) is None
    assert [info.jobId for info in manager.list("c1")] == [handle.id]
    manager.shutdown(timeout=WAIT)


def test_rest_says_that_the_server_refused_it(managers, no_threads):
    manager = managers()
    manager.projects.add("c1", sj.Project("p").learn(sj.datasets.load_iris()))
    answer = sj.rest.submit_job(manager, "c1", "ProjectInfoJob", "p")
    assert (answer.status, answer.body["statusString"]) == (500, "Job execution was refused by server.")
    manager.shutdown(timeout=WAIT)


def test_jobs_wait_for_the_threads_that_there_are(managers, no_threads):
    manager = managers(workers=2)
    no_threads()
    with held(manager):
        before = threading.stack_size(1 << 48)
        waiting = manager.submit(Tell(a="1"))
        threading.stack_size(before)
        assert not waiting.done()
    assert waiting.result(WAIT).pairs == {"a": "1"}


def _workers(name="symjobs-heavy"):
    return [thread for thread in threading.enumerate() if thread.name == name]


def _raise_in(thread):
    raised = ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit))
    assert raised == 1


def test_an_idle_worker_that_dies_is_replaced(managers, caplog):
    before = set(_workers())
    manager = managers(workers=1)
    manager.submit(Nothing()).result(WAIT)
    (worker,) = set(_workers()) - before
    _raise_in(worker)
    assert manager.submit(Tell(a="1")).result(WAIT).pairs == {"a": "1"}  # wakes the worker, which dies
    worker.join(WAIT)
    assert not worker.is_alive()
    assert "a worker died" in caplog.text
    assert manager.submit(Tell(a="2")).result(WAIT).pairs == {"a": "2"}
    manager.shutdown(timeout=WAIT)


def test_an_exception_from_outside_fails_the_job_that_it_meets(managers):
    class Spins(sj.Job):
        started = threading.Event()

        def run(self, context):
            self.started.set()
            until = time.monotonic() + WAIT
            while time.monotonic() < until:
                pass

    before = set(_workers())
    manager = managers(workers=1)
    handle = manager.submit(Spins())
    assert Spins.started.wait(WAIT)
    (worker,) = set(_workers()) - before
    _raise_in(worker)
    with pytest.raises(sj.JobFailed, match="SystemExit"):
        handle.result(WAIT)
    assert manager.submit(Tell(a="1")).result(WAIT).pairs == {"a": "1"}


def test_a_worker_that_waits_for_a_slow_store_is_there_when_the_job_comes(managers, monkeypatch):
    monkeypatch.setattr("symjobs._engine._pool._IDLE_SECONDS", 0.02)
    manager = managers(workers=1)
    manager.submit(Nothing()).result(WAIT)
    add = manager._store.add

    def slow(*args):
        time.sleep(0.2)
        return add(*args)

    monkeypatch.setattr(manager._store, "add", slow)
    assert manager.submit(Tell(a="1")).result(WAIT).pairs == {"a": "1"}
