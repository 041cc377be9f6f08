"""Jobs that submit, await and kill other jobs, or shut their manager down."""

import threading

import pytest

import symjobs as sj
from tests.symjobs.engine._jobs import WAIT, Gate, Nothing, Tell, held


class Does(sj.Job):
    """Calls a function with its context and keeps what that returns or raises."""

    def __init__(self, function):
        self.function = function
        self.seen = None

    def run(self, context):
        self.seen = self.function(context)


def test_a_job_submits_another_one(manager):
    outer = Does(lambda context: manager.submit(Tell(a="1"), owner="c1"))
    manager.submit(outer, owner="c1").result(WAIT)
    assert outer.seen.result(WAIT).pairs == {"a": "1"}


@pytest.mark.parametrize("through", ["handle", "number"])
def test_a_job_that_would_wait_for_one_of_its_own_manager_fails(manager, through):
    def wait(context):
        inner = manager.submit(Tell(a="1"), owner="c1")
        handle = inner if through == "handle" else manager.get("c1", inner.id)
        handle.result()

    handle = manager.submit(Does(wait), owner="c1")
    with pytest.raises(sj.JobFailed, match=r"^job 1 cannot wait for job 2: .*`job.run\(context\)`, or submit it and"):
        handle.result(WAIT)
    assert manager.get("c1", 2).result(WAIT).entities() == Tell(a="1").run(None).entities()


def test_a_job_reads_the_result_of_one_that_has_ended(manager):
    first = manager.submit(Tell(a="1"), owner="c1")
    first.result(WAIT)
    second = Does(lambda context: first.result().pairs)
    manager.submit(second, owner="c1").result(WAIT)
    assert second.seen == {"a": "1"}


def test_a_job_runs_another_one_inside_itself(manager):
    outer = Does(lambda context: Tell(a="1").run(context).pairs)
    manager.submit(outer, owner="c1").result(WAIT)
    assert outer.seen == {"a": "1"}


def test_a_job_cannot_shut_its_manager_down(manager):
    handle = manager.submit(Does(lambda context: manager.shutdown()), owner="c1")
    with pytest.raises(sj.JobFailed, match="cannot shut down the job manager that runs it"):
        handle.result(WAIT)
    manager.submit(Nothing()).result(WAIT)


def test_a_job_kills_itself(manager):
    """It does not wait for itself: the fixture's grace is as long as the longest wait."""
    handle = manager.submit(Does(lambda context: (manager.kill("c1", 1), context.checkpoint())), owner="c1")
    with pytest.raises(sj.JobKilled):
        handle.result(WAIT)


def test_a_job_waits_for_one_of_another_manager_and_can_be_killed(managers, manager):
    other = managers(workers=1)
    waits = threading.Event()

    def wait(handle):
        waits.set()
        return handle.result(WAIT)

    with held(other, gate=Gate(Tell(a="1"))) as (gate, inner):
        outer = manager.submit(Does(lambda context: wait(inner)), owner="c1")
        assert waits.wait(WAIT)
        assert outer.kill()
        with pytest.raises(sj.JobKilled):
            outer.result(WAIT)
        again = Does(lambda context: wait(inner))
        handle = manager.submit(again, owner="c1")
        gate.go.set()
        handle.result(WAIT)
    assert again.seen.pairs == {"a": "1"}


def test_a_job_waits_no_longer_than_it_says(managers, manager):
    other = managers(workers=1)
    with held(other) as (_, inner):
        handle = manager.submit(Does(lambda context: inner.result(0.01)), owner="c1")
        with pytest.raises(sj.JobFailed, match="TimeoutError: job 1 has not ended within"):
            handle.result(WAIT)


def test_a_manager_inside_a_job(manager):
    def run(context):
        with sj.JobManager() as inner:
            return inner.submit(Tell(a="1")).result(WAIT).pairs

    outer = Does(run)
    manager.submit(outer, owner="c1").result(WAIT)
    assert outer.seen == {"a": "1"}
