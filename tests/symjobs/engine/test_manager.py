"""Submitting jobs and reading them back, on every kind of store."""

import re
import sys
import threading
import time

import numpy as np
import pytest

import symjobs as sj
from symjobs._entities import KSVSMap
from tests.symjobs.engine._jobs import WAIT, Fail, Gate, Light, Nothing, Tell, held


def test_a_job_from_submit_to_result(manager):
    before = time.time_ns() // 1_000_000
    handle = manager.submit(Tell(a="1"), owner="c1")
    assert handle.result(WAIT).pairs == {"a": "1"}
    assert handle.done()
    info = handle.info()
    assert before <= info.startingDate <= time.time_ns() // 1_000_000
    ended = info.details["finishedDate"]
    assert info.startingDate <= int(ended) <= time.time_ns() // 1_000_000
    details = {"state": "done", "finishedDate": ended}
    assert info == sj.JobInfo(handle.id, "Tell", "c1", info.startingDate, 1, 1, True, True, True, details)


def test_a_result_reads_the_same_from_the_store(manager):
    handle = manager.submit(Tell(a="1"), owner="c1")
    entities = handle.result(WAIT).entities()
    del handle
    again = manager.get("c1", 1).result(WAIT)
    assert again.entities() == entities == {"KSVSMap": KSVSMap([{"a": "1"}])}


def test_a_job_without_a_result(manager):
    handle = manager.submit(Nothing(), owner="c1")
    assert handle.result(WAIT) is None
    assert manager.answer("c1", handle.id).values == b"{}"


def test_the_info_of_a_queued_and_of_a_running_job(manager):
    with held(manager) as (_, running):
        queued = manager.submit(Nothing(), owner="c1")
        info = running.info()
        assert (info.isStarted, info.isDone, info.startingDate > 0) == (True, False, True)
        details = {"state": "queued"}
        assert queued.info() == sj.JobInfo(queued.id, "Nothing", "c1", 0, 0, 1, True, False, False, details)
        assert info.details == {"state": "running"}
        assert not queued.done()
        assert not running.done()


def test_progress_and_details_are_seen_at_once_and_kept(manager):
    class Steps(Gate):
        def details(self):
            return {"from": "the start"}

        def run(self, context):
            context.progress(2, 5)
            context.details["text"] = "\x00 \ud800 é"
            return super().run(context)

    with held(manager, gate=Steps()) as (_, handle):
        info = handle.info()
        assert (info.current, info.maximum) == (2, 5)
        assert info.details["from"] == "the start"
    handle.result(WAIT)
    info = handle.info()
    assert (info.current, info.maximum) == (5, 5)
    assert info.details.items() >= {"from": "the start", "text": "\x00 ? é"}.items()


def test_a_failed_job_keeps_the_progress_it_made(manager):
    class Half(sj.Job):
        def run(self, context):
            context.progress(3, 6)
            raise sj.InputError("column 'a' holds text")

    handle = manager.submit(Half(), owner="c1")
    with pytest.raises(sj.JobFailed, match="column 'a' holds text"):
        handle.result(WAIT)
    assert (handle.info().current, handle.info().maximum) == (3, 6)


def test_the_list_is_oldest_first_and_owners_are_apart(manager):
    with held(manager, "c1") as (_, first):
        second = manager.submit(Nothing(), owner="c1")
        other = manager.submit(Nothing(), owner="c2")
        assert [info.jobId for info in manager.list("c1")] == [first.id, second.id]
        assert [info.jobId for info in manager.list("c2")] == [other.id]
        assert manager.list("c3") == manager.list("") == manager.list("a\nb") == []
        for owner in ("c2", "C1", "c1 ", "", None):
            with pytest.raises(sj.NoSuchJob):
                manager.get(owner, first.id)
            with pytest.raises(sj.NoSuchJob):
                manager.kill(owner, first.id)
        assert not first.done()


def test_result_times_out_and_the_job_goes_on(manager):
    with held(manager) as (_, handle), pytest.raises(TimeoutError, match=r"0\.01 seconds"):
        handle.result(0.01)
    assert handle.result(WAIT) is None


def test_a_full_queue_refuses_and_takes_jobs_again(manager):
    with held(manager) as (gate, running):
        queued = [manager.submit(Nothing(), owner="c1") for _ in range(3)]
        with pytest.raises(sj.QueueFull, match="queue_size is 3"):
            manager.submit(Nothing(), owner="c1")
        assert len(manager.list("c1")) == 4
        assert queued[1].kill()
        queued.append(manager.submit(Nothing(), owner="c1"))
        with pytest.raises(sj.QueueFull):
            manager.submit(Nothing(), owner="c1")
        gate.go.set()
        for handle in (queued[0], *queued[2:]):
            handle.result(WAIT)
    assert running.result(WAIT) is None
    manager.submit(Nothing(), owner="c1").result(WAIT)


def test_without_a_queue_a_worker_is_free_when_its_job_has_ended(managers):
    manager = managers(workers=1, queue_size=0)
    for _ in range(200):
        manager.submit(Nothing()).result(WAIT)
    with held(manager) as (_, running):
        with pytest.raises(sj.QueueFull):
            manager.submit(Nothing())
        assert running.kill()
        manager.submit(Nothing()).result(WAIT)


def test_light_jobs_do_not_wait_behind_heavy_ones(manager):
    with held(manager):
        for _ in range(3):
            manager.submit(Nothing(), owner="c1")
        light = [manager.submit(Light(), owner="c1") for _ in range(10)]
        for handle in light:
            handle.result(WAIT)
        assert light[0].info().isOnBoundedExecutor is False


def test_jobs_run_in_the_order_they_came(manager):
    order = []

    class Note(sj.Job):
        def __init__(self, n):
            self.n = n

        def run(self, context):
            order.append(self.n)

    with held(manager):
        handles = [manager.submit(Note(n), owner="c1") for n in range(3)]
    for handle in handles:
        handle.result(WAIT)
    assert order == [0, 1, 2]


def test_many_threads_submit_at_once(manager, managers, store_url):
    many = managers(workers=3, queue_size=1000, store=store_url)
    handles, lock = [], threading.Lock()

    def submit(owner):
        for n in range(20):
            handle = many.submit(Tell(n=str(n)) if n % 2 else Light(), owner=owner)
            with lock:
                handles.append((owner, n, handle))

    threads = [threading.Thread(target=submit, args=(f"c{i}",)) for i in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({handle.id for *_, handle in handles}) == 100
    assert all(handle.id > 0 for *_, handle in handles)
    for _, n, handle in handles:
        result = handle.result(WAIT)
        assert result.pairs == {"n": str(n)} if n % 2 else result is None
    for i in range(5):
        assert [info.jobId for info in many.list(f"c{i}")] == sorted(h.id for o, _, h in handles if o == f"c{i}")


def test_ids_are_not_used_again(manager):
    ids = []
    for _ in range(3):
        with held(manager) as (_, handle):
            ids.append(handle.id)
            assert handle.kill()
    assert len(set(ids)) == 3
    assert ids == sorted(ids)


def test_bad_owners(managers):
    manager = managers()
    for owner in ["", None, 5, 10**5000, "a\nb", "a\x00", "\ud800", "x" * 256]:
        with pytest.raises(sj.InputError, match="an owner is a string of 1 to 255 printable characters"):
            manager.submit(Nothing(), owner=owner)
    for owner in ["a/b", "/", ".", ".."]:
        with pytest.raises(sj.InputError, match=rf"owner '{re.escape(owner)}' (holds '/'|is a relative path)"):
            manager.submit(Nothing(), owner=owner)
        with pytest.raises(sj.NoSuchJob):
            manager.get(owner, 1)
    for owner in ["müller", "a b", "...", "a.b"]:
        assert manager.submit(Nothing(), owner=owner).result(WAIT) is None


@pytest.mark.parametrize("job", [None, Nothing, lambda context: None, "PCAJob"])
def test_what_is_no_job(managers, job):
    with pytest.raises(sj.InputError, match="submit takes a Job"):
        managers().submit(job)


def test_a_job_is_checked_before_it_gets_a_number(managers):
    class Wrong(Nothing):
        def check(self):
            raise sj.UnknownAttribute("no attribute 'x'")

    manager = managers(queue_size=0, workers=1)
    with pytest.raises(sj.UnknownAttribute, match="no attribute 'x'"):
        manager.submit(Wrong())
    assert manager.list() == []
    assert manager.submit(Nothing()).id == 1


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("workers", 0),
        ("workers", 1.5),
        ("workers", True),
        ("light_workers", 0),
        ("queue_size", -1),
        ("grace", -0.1),
        ("grace", float("nan")),
        ("expire_after", float("inf")),
        ("lease", "60"),
        ("lease", float("inf")),
        ("lease", sys.maxsize),
        ("grace", sys.maxsize),
        ("expire_after", sys.maxsize),
    ],
)
def test_bad_settings_are_named(setting, value):
    with pytest.raises(sj.InputError, match=f"{setting} must be .*, got {value!r}"):
        sj.JobManager(**{setting: value})


@pytest.mark.parametrize(
    "timeout", [sys.maxsize, float("inf"), 10**400, np.float32(20)], ids=["maxsize", "inf", "huge", "float32"]
)
def test_a_timeout_may_be_as_long_as_it_likes(manager, timeout):
    assert manager.submit(Tell(a="1"), owner="c1").result(timeout).pairs == {"a": "1"}
    assert manager.get("c1", 1).result(timeout).entities() == Tell(a="1").run(None).entities()
    manager.shutdown(timeout)


@pytest.mark.parametrize("timeout", ["5", float("nan"), True, [1]])
def test_a_timeout_that_is_no_number(managers, timeout):
    manager = managers()
    handle = manager.submit(Nothing())
    for wait in (handle.result, manager.shutdown):
        with pytest.raises(sj.InputError, match="timeout must be a number of seconds, or None for no limit, got"):
            wait(timeout)
    assert handle.result(WAIT) is None


def test_a_timeout_that_is_over_already(managers):
    manager = managers(workers=1)
    with held(manager) as (_, running), pytest.raises(TimeoutError):
        running.result(-1)
    assert manager.submit(Nothing()).result(WAIT) is None


def test_shutdown_finishes_what_is_there(manager):
    with held(manager) as (gate, running):
        queued = manager.submit(Tell(a="1"), owner="c1")
        gate.go.set()
        manager.shutdown()
    assert running.result(0) is None
    assert queued.result(0).pairs == {"a": "1"}
    assert [info.isDone for info in manager.list("c1")] == [True, True]
    with pytest.raises(sj.ManagerClosed):
        manager.submit(Nothing())
    manager.shutdown()


def test_shutdown_in_a_hurry_fails_what_is_left_and_says_so(manager):
    with held(manager) as (_, running):
        queued = manager.submit(Nothing(), owner="c1")
        manager.shutdown(timeout=0)
        for handle in (running, queued):
            with pytest.raises(sj.JobFailed, match="the job manager was shut down before the job finished"):
                handle.result(0)
    assert [info.isDone for info in manager.list("c1")] == [True, True]


def test_a_manager_is_a_context(managers):
    with managers() as manager:
        handle = manager.submit(Gate(Tell(a="1")))
        handle._execution.job.go.set()
    assert handle.result(0).pairs == {"a": "1"}
    with pytest.raises(ZeroDivisionError), managers() as manager, held(manager) as (_, handle):
        raise ZeroDivisionError
    assert handle.done()


def test_the_default_owner(managers):
    manager = managers()
    handle = manager.submit(Fail(sj.InputError("no")))
    assert handle.owner == "local"
    assert [info.jobId for info in manager.list()] == [handle.id]
