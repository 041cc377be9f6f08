"""Finished jobs go after a while, or once they were read."""

import pytest

import symjobs as sj
from symjobs._engine import _record
from tests.symjobs.engine._jobs import WAIT, Fail, Tell, held


@pytest.fixture
def clock(monkeypatch):
    """Moves the wall clock that dates jobs: clock(3) is three seconds later."""
    offset = 0.0
    real = _record.now_ms

    def later(seconds):
        nonlocal offset
        offset += seconds

    def now():
        return real() + int(offset * 1000)

    for module in ("_record", "_settings", "_manager", "_store._memory", "_store._sql", "_store._base"):
        monkeypatch.setattr(f"symjobs._engine.{module}.now_ms", now)
    return later


def test_a_finished_job_is_readable_until_it_expires(store_url, managers, clock):
    manager = managers(workers=1, store=store_url, expire_after=100)
    done = manager.submit(Tell(a="1"), owner="c1")
    failed = manager.submit(Fail(sj.InputError("no")), owner="c1")
    done.result(WAIT)
    with pytest.raises(sj.JobFailed):
        failed.result(WAIT)
    clock(99)
    assert len(manager.list("c1")) == 2
    assert manager.get("c1", done.id).result(0)
    clock(2)
    assert manager.list("c1") == []
    for handle in (done, failed):
        with pytest.raises(sj.NoSuchJob):
            manager.answer("c1", handle.id)
        with pytest.raises(sj.NoSuchJob):
            manager.kill("c1", handle.id)
    assert done.result(0).pairs == {"a": "1"}  # who holds the handle holds the result


def test_an_expired_job_is_removed_and_its_id_is_not_used_again(store_url, managers, clock):
    manager = managers(workers=1, store=store_url, expire_after=100)
    first = manager.submit(Tell(a="1"), owner="c1")
    first.result(WAIT)
    clock(101)
    assert manager._store.expire() == [first.id]
    assert manager._store.get("c1", first.id) is None
    assert manager._store.values(first.id) is None
    assert manager.submit(Tell(), owner="c1").id > first.id


def test_jobs_that_have_not_finished_do_not_expire(store_url, managers, clock):
    manager = managers(workers=1, store=store_url, expire_after=100)
    with held(manager) as (_, running):
        queued = manager.submit(Tell(a="1"), owner="c1")
        clock(1000)
        assert [info.jobId for info in manager.list("c1")] == [running.id, queued.id]
    queued.result(WAIT)
    assert len(manager.list("c1")) == 2


def test_a_job_may_stay_for_ever(store_url, managers, clock):
    manager = managers(workers=1, store=store_url, expire_after=None)
    manager.submit(Tell(a="1"), owner="c1").result(WAIT)
    clock(1e9)
    assert len(manager.list("c1")) == 1


def test_a_job_may_go_with_the_first_successful_read(store_url, managers):
    manager = managers(workers=1, store=store_url, expire_on_read=True)
    with held(manager) as (_, handle):
        assert manager.answer("c1", handle.id).state == "running"  # no result yet, so nothing goes
    handle._execution.finished.wait(WAIT)
    done = manager.submit(Tell(a="1"), owner="c1")
    done._execution.finished.wait(WAIT)
    assert len(manager.list("c1")) == 2
    assert b'"a":"1"' in manager.answer("c1", done.id).values
    with pytest.raises(sj.NoSuchJob):
        manager.answer("c1", done.id)
    assert [info.jobId for info in manager.list("c1")] == [handle.id]
    assert done.result(0).pairs == {"a": "1"}
    assert handle.result(0) is None  # a read too
    assert manager.list("c1") == []


def test_a_failed_job_stays_when_it_is_read(store_url, managers):
    manager = managers(workers=1, store=store_url, expire_on_read=True)
    handle = manager.submit(Fail(sj.InputError("no")), owner="c1")
    handle._execution.finished.wait(WAIT)
    for _ in range(2):
        assert manager.answer("c1", handle.id).error == "no"
