"""Coroutines that wait for jobs, and callbacks."""

import asyncio
import os
import threading
import time

import pytest

import symjobs as sj
from tests.symjobs.engine._jobs import WAIT, Fail, Gate, Nothing, Tell, held


def test_a_coroutine_waits_for_a_job(manager):
    async def ask():
        handle = manager.submit(Tell(a="1"), owner="c1")
        return await manager.wait(handle, timeout=WAIT), await handle

    first, second = asyncio.run(ask())
    assert first.pairs == second.pairs == {"a": "1"}


def test_the_loop_goes_on_meanwhile_and_many_wait_at_once(managers):
    manager = managers(workers=1, queue_size=50)
    gate = Gate(Tell(a="1"))

    async def ask():
        handles = [manager.submit(gate)] + [manager.submit(Tell(a="2")) for _ in range(20)]
        waiting = asyncio.gather(*(asyncio.ensure_future(manager.wait(handle)) for handle in handles for _ in range(3)))
        ticks = 0
        while not gate.started.is_set():
            await asyncio.sleep(0.001)
        for _ in range(10):
            await asyncio.sleep(0.001)
            ticks += 1
        assert not waiting.done()
        gate.go.set()
        return ticks, await asyncio.wait_for(waiting, WAIT)

    ticks, results = asyncio.run(ask())
    assert ticks == 10
    assert [result.pairs["a"] for result in results] == ["1"] * 3 + ["2"] * 60


def test_a_coroutine_waits_for_a_job_of_another_manager(shared_url, managers):
    runs, asks = managers(workers=1, store=shared_url), managers(workers=1, store=shared_url)
    gate = Gate(Tell(a="1"))

    async def ask():
        handle = asks.get("c1", runs.submit(gate, owner="c1").id)
        with pytest.raises(TimeoutError, match=r"has not ended within 0\.05 seconds"):
            await asks.wait(handle, timeout=0.05)
        asyncio.get_running_loop().call_later(0.05, gate.go.set)
        return await asks.wait(handle, timeout=WAIT)

    assert asyncio.run(ask()).entities()["KSVSMap"].values == [{"a": "1"}]


def test_it_raises_what_result_raises(manager):
    async def ask(handle, timeout=None):
        return await manager.wait(handle, timeout)

    with pytest.raises(sj.JobFailed, match="no") as caught:
        asyncio.run(ask(manager.submit(Fail(sj.InputError("no")), owner="c1")))
    assert isinstance(caught.value.__cause__, sj.InputError)
    with held(manager) as (_, handle):
        begin = time.monotonic()
        with pytest.raises(TimeoutError, match=f"job {handle.id} has not ended within 0.05 seconds"):
            asyncio.run(ask(handle, 0.05))
        assert time.monotonic() - begin < WAIT / 2
        handle.kill()
        with pytest.raises(sj.JobKilled):
            asyncio.run(ask(handle))
    for wrong, timeout in ((5, None), (handle, "x")):
        with pytest.raises(sj.InputError):
            asyncio.run(ask(wrong, timeout))


def test_a_coroutine_that_is_cancelled_leaves_the_job_alone(managers):
    manager, gate = managers(workers=1), Gate(Tell(a="1"))
    handle = manager.submit(gate)

    async def give_up():
        task = asyncio.ensure_future(manager.wait(handle))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(give_up())  # the loop is closed before the job ends
    gate.go.set()
    assert handle.result(WAIT).pairs == {"a": "1"}


def test_a_job_cannot_await_one_of_its_own_manager(managers):
    manager = managers(workers=1)

    class Waits(sj.Job):
        def run(self, context):
            asyncio.run(self.ask())

        async def ask(self):
            await manager.wait(manager.submit(Nothing()))

    with pytest.raises(sj.JobFailed, match="cannot wait for job"):
        manager.submit(Waits()).result(WAIT)


def test_a_callback_comes_once_however_the_job_ends(manager):
    seen = []
    with held(manager) as (_, running):
        waiting = [manager.submit(job, owner="c1") for job in (Tell(), Fail(ValueError("oh")), Nothing())]
        for handle in (running, *waiting):
            handle.add_done_callback(lambda handle: seen.append((handle.id, handle.done())))
        assert waiting[2].kill()
        assert seen == [(waiting[2].id, True)]
    for handle in (running, waiting[0]):
        handle.result(WAIT)
    with pytest.raises(sj.JobFailed):
        waiting[1].result(WAIT)
    manager.submit(Nothing(), owner="c1").result(WAIT)  # so the worker has left the others
    assert sorted(seen) == sorted((handle.id, True) for handle in (running, *waiting))
    waiting[0].add_done_callback(lambda handle: seen.append("now"))
    assert seen[-1] == "now"


@pytest.mark.parametrize("error", [ValueError("oh"), SystemExit(1)])
def test_a_callback_that_raises_changes_nothing(managers, error, caplog):
    manager, called = managers(workers=1), threading.Event()
    with held(manager) as (_, handle):
        handle.add_done_callback(lambda handle: Fail(error).run(None))
        handle.add_done_callback(lambda handle: called.set())
    assert called.wait(WAIT)
    assert manager.submit(Tell(a="1")).result(WAIT).pairs == {"a": "1"}
    assert f"a callback of job {handle.id} raised" in caplog.text


def test_another_process_cannot_call_back(shared_url, managers):
    runs, asks = managers(workers=1, store=shared_url), managers(workers=1, store=shared_url)
    with held(runs) as (_, handle), pytest.raises(sj.JobError, match="runs in another process"):
        asks.get("c1", handle.id).add_done_callback(os.abort)
