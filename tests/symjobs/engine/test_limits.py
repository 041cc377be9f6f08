"""Priorities, limits per owner, and limits of time and bytes."""

import sqlite3
import time

import pytest

import symjobs as sj
from tests.symjobs.engine._jobs import WAIT, Deaf, Gate, Light, Nothing, Tell, held


class Note(Nothing):
    """Notes when it runs."""

    def __init__(self, order, name):
        self.order, self.name = order, name

    def run(self, context):
        self.order.append(self.name)


def test_the_highest_priority_is_next_and_of_equal_ones_the_oldest(managers, store_url):
    manager, order = managers(workers=1, store=store_url), []
    with held(manager):
        handles = [manager.submit(Note(order, f"{p}{i}"), priority=p) for i, p in enumerate([0, 5, -5, 5, 0])]
        assert handles[3].kill()
    for handle in handles[:3] + handles[4:]:
        handle.result(WAIT)
    assert order == ["51", "00", "04", "-52"]


@pytest.mark.parametrize(("name", "value"), [("priority", 1001), ("priority", 1.5), ("time_limit", -1)])
def test_a_schedule_out_of_range_is_refused_by_name(managers, name, value):
    manager = managers()
    with pytest.raises(sj.InputError, match=f"^{name} must be"):
        manager.submit(Nothing(), **{name: value})
    assert manager.list() == []


def test_jobs_of_an_owner_beyond_its_limit_wait_and_others_go_past_them(managers, store_url):
    manager = managers(workers=2, store=store_url, max_running_per_owner=1)
    with held(manager, "c1") as (_, first):
        second = manager.submit(Tell(a="1"), owner="c1", priority=10)
        manager.submit(Tell(a="2"), owner="c2").result(WAIT)
        assert not second.done()
        manager.submit(Light(), owner="c2").result(WAIT)
        assert not second.info().isStarted
    assert second.result(WAIT).pairs == {"a": "1"}
    assert first.result(WAIT) is None


def test_killing_the_job_that_runs_lets_the_next_one_of_its_owner_start(managers):
    manager = managers(workers=4, max_running_per_owner=1)
    gates = [Gate() for _ in range(3)]
    handles = [manager.submit(gate) for gate in gates]
    assert gates[0].started.wait(WAIT)
    assert handles[0].kill()
    assert gates[1].started.wait(WAIT)
    assert not gates[2].started.is_set()
    gates[1].go.set()
    gates[2].go.set()
    handles[2].result(WAIT)


def test_an_owner_with_too_many_waiting_jobs_is_refused_in_every_process(managers, store_url):
    manager = managers(workers=1, store=store_url, max_queued_per_owner=2)
    other = manager if store_url is None else managers(workers=1, store=store_url, max_queued_per_owner=2)
    with held(manager, "c1"):
        waiting = [manager.submit(Tell(), owner="c1") for _ in range(2)]
        with pytest.raises(sj.QueueFull, match=r"^2 jobs of owner 'c1' wait, and max_queued_per_owner is 2; try again"):
            other.submit(Light(), owner="c1")
        response = sj.rest.create_job(other, "c1", Tell())
        assert (response.status, response.headers) == (500, {"Retry-After": "1"})
        assert response.body["statusString"] == "Job execution was refused by server."
        manager.submit(Tell(), owner="c2")
        assert waiting[0].kill()
        other.submit(Light(), owner="c1").result(WAIT)
    waiting[1].result(WAIT)


def test_an_owner_with_too_many_bytes_is_refused_until_they_are_gone(managers, store_url):
    manager = managers(workers=1, store=store_url, max_bytes_per_owner=1000, expire_on_read=True)
    big = manager.submit(Tell(a="x" * 2000), owner="c1")
    big._execution.finished.wait(WAIT)
    with pytest.raises(sj.QueueFull, match=r"^the results of owner 'c1' have 20.. bytes, and max_bytes_per_owner is"):
        manager.submit(Tell(), owner="c1")
    manager.submit(Tell(), owner="c2").result(WAIT)
    manager.answer("c1", big.id)  # the first read removes it
    manager.submit(Tell(), owner="c1").result(WAIT)


def test_the_oldest_results_go_when_there_are_too_many_bytes(managers, store_url):
    manager = managers(workers=1, store=store_url, max_bytes=5000)
    handles = [manager.submit(Tell(a="x" * 1500), owner="c1") for _ in range(5)]
    small = manager.submit(Nothing(), owner="c1")
    for handle in handles:
        handle.result(WAIT)
    small.result(WAIT)
    manager._next_maintenance = 0.0
    assert [info.jobId for info in manager.list("c1")] == [handles[i].id for i in (2, 3, 4)] + [small.id]
    with pytest.raises(sj.NoSuchJob):
        manager.answer("c1", handles[0].id)


def test_a_job_that_takes_too_long_fails_and_says_so(managers, store_url):
    manager = managers(workers=1, store=store_url)
    gate = Gate()
    handle = manager.submit(gate, owner="c1", time_limit=0.05)
    message = "the job took longer than its time limit of 0.05 seconds"
    with pytest.raises(sj.JobFailed, match=message):
        handle.result(WAIT)
    assert manager.answer("c1", handle.id).error == message  # it is about what the client asked for
    manager.submit(Tell(), owner="c1", time_limit=WAIT).result(WAIT)


def test_the_shorter_of_two_time_limits_counts_and_waiting_does_not(managers):
    manager = managers(workers=1, time_limit=0.1)
    with held(manager, gate=Deaf()) as (_, first):
        second = manager.submit(Tell(), time_limit=5)
        third = manager.submit(Gate(), time_limit=5)
        time.sleep(0.15)
    first.result(WAIT)  # it passed no checkpoint, and is done
    second.result(WAIT)
    with pytest.raises(sj.JobFailed, match=r"time limit of 0\.1 seconds"):
        third.result(WAIT)


def test_shutdown_ends_within_its_time_with_a_locked_database(managers, sqlite_url):
    manager = managers(workers=1, queue_size=50, store=sqlite_url, grace=0.2)
    with held(manager, "c1", Deaf()) as (_, running):
        waiting = [manager.submit(Nothing(), owner="c1") for _ in range(40)]
        lock = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))
        lock.execute("BEGIN IMMEDIATE")
        begin = time.monotonic()
        manager.shutdown(timeout=1)
        assert time.monotonic() - begin < 3  # the thread that synchronises may wait for the lock for another second
        lock.close()
    for handle in [running, *waiting]:
        with pytest.raises(sj.JobFailed, match="the job manager was shut down before the job finished; the job store"):
            handle.result(0)


@pytest.mark.parametrize("deaf", [False, True])
def test_shutdown_ends_within_its_time(managers, store_url, deaf):
    manager = managers(workers=2, light_workers=1, store=store_url, grace=1.5)
    kinds = [type("G", (Deaf if deaf else Gate,), {"bounded": bounded}) for bounded in (True, True, False)]
    gates = [kind() for kind in kinds]
    handles = [manager.submit(gate, owner="c1") for gate in gates]
    waiting = manager.submit(Nothing(), owner="c1")
    for gate in gates:
        assert gate.started.wait(WAIT)
    begin = time.monotonic()
    manager.shutdown(timeout=2)
    took = time.monotonic() - begin
    assert took < 3.4  # two seconds, and what a store and a busy machine need; not the grace time once more
    for handle in [*handles, waiting]:
        with pytest.raises(sj.JobFailed, match="the job manager was shut down before the job finished"):
            handle.result(0)
    for gate in gates:
        gate.go.set()
