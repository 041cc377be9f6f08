"""What a running job sees."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

import symjobs as sj
from symjobs._errors import ProjectError, StopJob

numbers = st.integers(-(2**70), 2**70)


@given(st.lists(st.tuples(numbers, st.none() | numbers)))
def test_progress_never_falls_and_never_passes_the_maximum(reports):
    context = sj.JobContext()
    seen = [context.read_progress()]
    for current, maximum in reports:
        context.progress(current, maximum)
        seen.append(context.read_progress())
    currents = [current for current, _ in seen]
    assert currents == sorted(currents)
    assert all(0 <= current <= maximum < 2**63 for current, maximum in seen)
    context.complete()
    current, maximum = context.read_progress()
    assert current == maximum >= currents[-1]


def test_progress_from_several_threads_never_falls():
    context = sj.JobContext()
    done = threading.Event()
    falls = []

    def watch():
        last = 0
        while not done.is_set():
            current, maximum = context.read_progress()
            if current < last or current > maximum:
                falls.append((last, current, maximum))
            last = current

    def report(first):
        for current in range(first, 20_000, 4):
            context.progress(current, 20_000)

    watcher = threading.Thread(target=watch)
    reporters = [threading.Thread(target=report, args=(i,)) for i in range(4)]
    for thread in (watcher, *reporters):
        thread.start()
    for thread in reporters:
        thread.join()
    done.set()
    watcher.join()
    assert falls == []
    assert context.read_progress() == (19_999, 20_000)


def test_a_stopped_context_raises_the_reason_everywhere():
    context = sj.JobContext()
    context.checkpoint()
    context.stop("enough")
    with pytest.raises(StopJob, match="enough"):
        context.checkpoint()
    with pytest.raises(StopJob, match="enough"):
        context.progress(1, 2)
    assert context.read_progress() == (1, 2)


def test_details_are_text():
    context = sj.JobContext({"a": 1})
    context.details["b"] = 2.5
    context.details.update(c="\ud800", d=True)
    assert context.read_details() == {"a": "1", "b": "2.5", "c": "?", "d": "True"}
    with pytest.raises(AttributeError):
        context.details = {}


class Project:
    """As much of a project as a context needs."""

    name = "p"
    deleted = False
    taken = 0

    def snapshot(self):
        self.taken += 1
        return Snapshot(f"hash {self.taken}")


class Snapshot:
    def __init__(self, hash):
        self.hash = hash


def test_a_job_sees_one_snapshot_of_each_project():
    context, project, other = sj.JobContext(), Project(), Project()
    assert context.snapshot(project) is context.snapshot(project)
    assert context.snapshot(other) is not context.snapshot(project)
    assert project.taken == other.taken == 1
    assert context.details == {"projectHash": "hash 1"}


def test_a_deleted_project_has_no_snapshot():
    project = Project()
    project.deleted = True
    with pytest.raises(ProjectError, match="'p' was deleted"):
        sj.JobContext().snapshot(project)
