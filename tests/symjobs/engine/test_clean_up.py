"""`clean_up` runs once for each submit, whatever becomes of the job."""

import pytest

import symjobs as sj
from tests.symjobs.engine._jobs import WAIT, Deaf, Fail, Gate, Tell, held


def counted(job):
    """Count how often a job has cleaned up."""
    job.cleaned = 0

    def clean_up():
        job.cleaned += 1

    job.clean_up = clean_up
    return job


@pytest.mark.parametrize("job", [Tell(a="1"), Fail(ValueError("oh")), Fail(SystemExit(1))], ids=lambda j: repr(j)[:30])
def test_after_it_ran(managers, store_url, job):
    manager = managers(store=store_url)
    handle = manager.submit(counted(job), owner="c1")
    assert handle._execution.finished.wait(WAIT)
    assert job.cleaned == 1
    manager.shutdown()
    assert job.cleaned == 1


def test_when_it_is_killed(managers, store_url):
    manager = managers(workers=1, store=store_url)
    running, waiting = counted(Gate()), counted(Tell())
    with held(manager, "c1", running) as (_, handle):
        queued = manager.submit(waiting, owner="c1")
        assert running.cleaned == waiting.cleaned == 0
        assert queued.kill()
        assert waiting.cleaned == 1
        assert handle.kill()
    assert running.cleaned == 1


def test_when_another_process_kills_it_while_it_waits(shared_url, managers):
    manager, other = (managers(workers=1, store=shared_url) for _ in range(2))
    waiting = counted(Tell())
    with held(manager, "c1"):
        queued = manager.submit(waiting, owner="c1")
        assert other.kill("c1", queued.id)
        assert queued._execution.finished.wait(WAIT)
    assert waiting.cleaned == 1


def test_when_it_is_refused(managers):
    manager = managers(workers=1, queue_size=0)
    with held(manager):
        full = counted(Tell())
        with pytest.raises(sj.QueueFull):
            manager.submit(full)
        assert full.cleaned == 1
    for owner, check in (("a/b", None), ("c1", sj.InputError("no"))):
        job = counted(Tell())
        job.check = Fail(check).run if check is None else lambda error=check: Fail(error).run(None)
        with pytest.raises(sj.InputError):
            manager.submit(job, owner)
        assert job.cleaned == 1
    manager.shutdown()
    closed = counted(Tell())
    with pytest.raises(sj.ManagerClosed):
        manager.submit(closed)
    assert closed.cleaned == 1


def test_when_the_manager_is_shut_down(managers, store_url):
    manager = managers(workers=1, store=store_url, grace=0.05)
    running, waiting = counted(Deaf()), counted(Tell())
    with held(manager, "c1", running) as (_, handle):
        manager.submit(waiting, owner="c1")
        manager.shutdown(timeout=0)
        assert waiting.cleaned == running.cleaned == 1  # the process may end now
    with pytest.raises(sj.JobFailed):
        handle.result(WAIT)
    assert running.cleaned == 1


def test_a_job_that_is_submitted_twice_cleans_up_twice(managers):
    manager, job = managers(), counted(Tell())
    for expected in (1, 2):
        manager.submit(job).result(WAIT)
        assert job.cleaned == expected


@pytest.mark.parametrize("error", [ValueError("oh"), SystemExit(1)])
def test_an_error_in_it_changes_nothing(managers, caplog, error):
    manager, job = managers(workers=1), Tell(a="1")
    job.clean_up = lambda: Fail(error).run(None)
    assert manager.submit(job).result(WAIT).pairs == {"a": "1"}
    assert manager.submit(Tell(a="2")).result(WAIT).pairs == {"a": "2"}
    assert "Tell could not clean up" in caplog.text
