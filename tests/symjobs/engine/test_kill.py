"""Killing a job at every stage of its life, on every kind of store."""

import threading
import time

import pytest

import symjobs as sj
from tests.symjobs.engine._jobs import WAIT, Deaf, Fail, Gate, Nothing, Tell, held


def gone(manager, handle):
    """Nobody finds a killed job any more, and its handle says that it was killed."""
    assert handle.done()
    assert handle.id not in [info.jobId for info in manager.list("c1")]
    for ask in (manager.get, manager.info, manager.answer, manager.kill):
        with pytest.raises(sj.NoSuchJob):
            ask("c1", handle.id)
    with pytest.raises(sj.JobKilled):
        handle.result(WAIT)
    return True


def test_a_queued_job_never_starts(manager):
    started = Gate()
    with held(manager):
        queued = manager.submit(started, owner="c1")
        assert queued.kill()
        assert gone(manager, queued)
    manager.submit(Nothing(), owner="c1").result(WAIT)  # the worker has passed the place where it was
    assert not started.started.is_set()


def test_a_running_job_stops_and_frees_its_worker(manager):
    with held(manager) as (gate, running):
        assert running.kill()
        assert gone(manager, running)
        assert not gate.go.is_set()
        manager.submit(Nothing(), owner="c1").result(WAIT)


def test_a_finished_job_cannot_be_killed(manager):
    handle = manager.submit(Tell(a="1"), owner="c1")
    handle.result(WAIT)
    assert handle.kill() is False
    assert handle.info().isDone
    assert handle.result(WAIT).pairs == {"a": "1"}


def test_a_failed_job_cannot_be_killed(manager):
    handle = manager.submit(Fail(sj.InputError("no")), owner="c1")
    with pytest.raises(sj.JobFailed):
        handle.result(WAIT)
    assert handle.kill() is False
    assert manager.answer("c1", handle.id).error == "no"


@pytest.mark.parametrize("then", [Tell(a="1"), Fail(ValueError("no"))], ids=["succeeds", "fails"])
def test_a_job_that_does_not_listen_counts_as_killed_when_it_returns(store_url, managers, then):
    manager = managers(workers=1, store=store_url, grace=0.01)
    with held(manager, gate=Deaf(then)) as (_, deaf):
        assert deaf.kill() is False
        info = deaf.info()
        assert (info.isStarted, info.isDone) == (True, False)
        assert info.details["kill"] == "pending"
        assert deaf.kill() is False
    with pytest.raises(sj.JobKilled):
        deaf.result(WAIT)
    assert gone(manager, deaf)
    manager.submit(Nothing(), owner="c1").result(WAIT)


def test_a_job_that_swallows_the_kill_is_killed_all_the_same(manager):
    class Stubborn(Gate):
        def run(self, context):
            try:
                return super().run(context)
            except sj.StopJob:
                return None

    with held(manager, gate=Stubborn()) as (_, handle):
        assert handle.kill()
        assert gone(manager, handle)


def test_a_job_that_handles_every_exception_can_be_killed(manager):
    class Careful(Gate):
        tidy = False

        def run(self, context):
            try:
                while True:
                    try:
                        super().run(context)
                    except Exception:  # noqa: BLE001 - as a user's code may have it
                        time.sleep(0.001)
            finally:
                self.tidy = True

    with held(manager, gate=Careful()) as (gate, handle):
        assert handle.kill()
        assert gate.tidy
        assert gone(manager, handle)
    with pytest.raises(sj.JobKilled):
        handle.result(WAIT)


@pytest.mark.parametrize("error", [sj.JobKilled, sj.StopJob])
def test_a_job_that_gives_up_on_its_own_has_failed(manager, error):
    handle = manager.submit(Fail(error("enough")), owner="c1")
    with pytest.raises(sj.JobFailed, match="enough"):
        handle.result(WAIT)


def test_two_kills_at_once(manager):
    with held(manager) as (_, handle):
        answers = []

        def kill():
            try:
                answers.append(manager.kill("c1", handle.id))
            except sj.NoSuchJob:
                answers.append("gone")

        threads = [threading.Thread(target=kill) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT)
        assert True in answers
        assert False not in answers


def test_killing_while_jobs_start_and_finish(manager):
    """Whoever wins, the answers agree: killed and gone, or finished and there."""
    for _ in range(30):
        handle = manager.submit(Tell(a="1"), owner="c1")
        killed = handle.kill()
        try:
            result = handle.result(WAIT)
        except sj.JobKilled:
            assert killed
            assert gone(manager, handle)
        else:
            assert not killed
            assert result.pairs == {"a": "1"}
            assert handle.info().isDone


NO_IDS = [0, -1, 2, 2**63, 10**30, 10**5000, True, 1.0, None, b"1", [1]]
NO_IDS += ["01", " 1", "1 ", "+1", "1_0", "١", "", "x", "9" * 5000]


def test_ids_that_no_job_has(manager):
    handle = manager.submit(Tell(a="1"), owner="c1")
    handle.result(WAIT)
    for job_id in NO_IDS:
        for ask in (manager.get, manager.info, manager.answer, manager.kill):
            with pytest.raises(sj.NoSuchJob):
                ask("c1", job_id)
    assert manager.get("c1", "1").id == manager.get("c1", 1).id == handle.id
