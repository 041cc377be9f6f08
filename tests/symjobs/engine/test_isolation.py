"""Jobs in processes of their own: the same answers, and a kill or a crash that no thread could survive."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pandas as pd
import psutil
import pytest

import symjobs as sj
from symjobs._engine import _shared_memory
from symjobs._jobs import JOB_TYPES
from tests.symjobs.engine._jobs import WAIT, Fail, Light, Nothing, Tell
from tests.symjobs.jobs._aws import KEYS, moto

START = 60.0  # seconds: on a busy machine a process may need some to import everything


class Pid(sj.Job):
    """Tells its process, and what it sees there."""

    def run(self, context):
        context.details["pid"] = os.getpid()
        context.details["threads"] = os.environ["SYMKERNELS_NUM_THREADS"]
        context.progress(3, 7)


class Hold(sj.Job):
    """Waits, with or without checkpoints, and tells that it does."""

    def __init__(self, deaf):
        self.deaf = deaf

    def run(self, context):
        context.details["pid"] = os.getpid()
        context.progress(1, 10)
        while True:
            if not self.deaf:
                context.checkpoint()
            time.sleep(0.001)


class Lapack(sj.Job):
    """One call of LAPACK that takes some seconds."""

    def run(self, context):
        context.details["pid"] = os.getpid()
        context.progress(1, 2)
        time.sleep(0.05)  # so that it is reported
        rng = np.random.default_rng(0)
        np.linalg.eigvalsh(rng.standard_normal((6000, 6000)))


class Crash(sj.Job):
    """Ends its process."""

    def __init__(self, how):
        self.how = how

    def run(self, context):
        if self.how == "segfault":
            ctypes.string_at(0)
        elif self.how == "exit":
            os._exit(3)
        else:
            os.kill(os.getpid(), signal.SIGKILL)


class Locked:
    """A result that cannot be pickled."""

    def __init__(self):
        self.lock = threading.Lock()

    def entities(self):
        return {"n": 1}


class Odd(sj.Job):
    def run(self, context):
        return Locked()


class Stubborn(Exception):
    """It can be pickled, and not unpickled."""

    def __init__(self, a, b):
        super().__init__(f"{a} and {b}")


class FailStubborn(sj.Job):
    def run(self, context):
        raise Stubborn(1, 2)


@pytest.fixture(scope="module")
def manager():
    with sj.JobManager(workers=2, isolate=True) as manager:
        yield manager


def reported(handle, name="pid"):
    deadline = time.monotonic() + START
    while name not in handle.info().details:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    return int(handle.info().details[name])


def alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_job_runs_in_another_process_which_is_used_again(manager):
    first = manager.submit(Pid())
    assert first.result(START) is None
    second = manager.submit(Pid())
    second.result(START)
    details = first.info().details
    assert int(details["pid"]) != os.getpid()
    assert second.info().details["pid"] == details["pid"]
    assert first.info().current == first.info().maximum == 7
    assert details["threads"] == "1" or os.cpu_count() > 3


def test_a_process_that_ends_after_it_has_waited_long_is_replaced(monkeypatch):
    with sj.JobManager(workers=1, isolate=True) as manager:
        first = manager.submit(Pid())
        first.result(START)
        (process,) = manager._runner._processes._idle
        monkeypatch.setattr(type(process), "is_alive", True)  # as it was when it was looked at
        os.kill(int(first.info().details["pid"]), signal.SIGSTOP)
        second = manager.submit(Pid())
        time.sleep(0.1)
        monkeypatch.setattr(type(process._process), "exitcode", 0)  # it left by itself
        process._process.kill()
        second.result(START)
        assert second.info().details["pid"] != first.info().details["pid"]


def test_light_jobs_and_those_that_say_so_stay_here(manager):
    class Here(Light):
        def run(self, context):
            context.details["pid"] = os.getpid()

    handle = manager.submit(Here())
    handle.result(START)
    assert int(handle.info().details["pid"]) == os.getpid()
    handle = manager.submit(Tell(a="1"), isolate=False)
    assert handle.result(START).pairs == {"a": "1"}


@pytest.fixture(scope="module")
def aws():
    with moto() as endpoint:
        yield endpoint


def iris_jobs(aws):
    iris = sj.datasets.load_iris()
    lengths = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
    project = sj.Project("iris", params={"cluster_features": lengths}).learn(iris)
    project.build("m", "mahalanobis", lengths)
    frame = pd.DataFrame({name: np.arange(200.0) % (3 + i) for i, name in enumerate(lengths)})
    return {
        "AwsInfoJob": sj.AwsInfoJob(*KEYS, "eu-west-1", aws),
        "DSPredictDataFrameJob": sj.DSPredictDataFrameJob(project, "m", frame, evt={"evt_warmup_size": 100}),
        "ExploreJob": sj.ExploreJob(project, "ttest", [["sepal_length", "petal_length"]]),
        "ExploreVIFJob": sj.ExploreVIFJob(project, lengths),
        "ListProjectsInfoJob": sj.ListProjectsInfoJob([project]),
        "OptimizedKmeansJob": sj.OptimizedKmeansJob(frame, 2, 4, seed=1, n_init=2),
        "PCAJob": sj.PCAJob(project, lengths),
        "ProjectInfoJob": sj.ProjectInfoJob(project),
        "SVDFeatureSelectionJob": sj.SVDFeatureSelectionJob(project, lengths),
        "SVDJob": sj.SVDJob(project, lengths),
    }


@pytest.mark.parametrize("job_type", [name for name, kind in JOB_TYPES.items() if kind.isolable])
def test_every_job_type_gives_the_same_answer_there(manager, aws, job_type):
    job = iris_jobs(aws)[job_type]
    here = manager.submit(job, owner="c1", isolate=False)
    here.result(START)
    there = manager.submit(job, owner="c1", isolate=True)
    result = there.result(START)
    assert type(result).__name__ == type(here.result(0)).__name__  # not only its entities
    for value in vars(result).values():
        if isinstance(value, np.ndarray) and value.size:
            value.flat[0] = value.flat[-1]  # an array of its own
    mine, theirs = manager.answer("c1", here.id), manager.answer("c1", there.id)
    assert theirs.values == mine.values
    own = {"finishedDate", "state"}
    assert {k: v for k, v in theirs.info.details.items() if k not in own} == {
        k: v for k, v in mine.info.details.items() if k not in own
    }
    assert (theirs.info.current, theirs.info.maximum) == (mine.info.current, mine.info.maximum)


def test_a_project_is_seen_as_it_was_when_the_job_started_and_does_not_change_here(manager):
    project = sj.Project("p").learn((np.arange(12.0).reshape(6, 2) ** 2, ["a", "b"]))
    before = project.snapshot().hash
    handle = manager.submit(sj.PCAJob(project), isolate=True)
    handle.result(START)
    assert handle.info().details["projectHash"] == before == project.snapshot().hash


@pytest.mark.parametrize("job", [sj.LearnJob, sj.ForgetJob, sj.BuildJob])
def test_a_job_that_changes_a_project_stays_here(manager, job):
    project = sj.Project("p").learn((np.arange(12.0).reshape(6, 2) ** 2, ["a", "b"]))
    args = ("m", "mahalanobis") if job is sj.BuildJob else ((np.ones((1, 2)), ["a", "b"]),)
    manager.submit(job(project, *args)).result(START)
    assert project.n_rows == {sj.LearnJob: 7, sj.ForgetJob: 5, sj.BuildJob: 6}[job]
    with pytest.raises(sj.InputError, match=f"{job.__name__} changes objects of this process"):
        manager.submit(job(project, *args), isolate=True)


def test_progress_is_seen_while_it_runs_and_a_kill_stops_it_at_a_checkpoint(manager):
    handle = manager.submit(Hold(deaf=False))
    pid = reported(handle)
    info = handle.info()
    assert (info.current, info.maximum) == (1, 10)
    assert handle.kill()
    again = manager.submit(Pid())
    again.result(START)
    assert alive(pid)  # it stopped by itself, so its process serves on


@pytest.mark.parametrize("job", [Hold(deaf=True), Lapack()], ids=["no checkpoints", "LAPACK"])
def test_a_kill_ends_a_job_that_passes_no_checkpoint(manager, job):
    handle = manager.submit(job)
    pid = reported(handle)
    assert handle.kill()
    with pytest.raises(sj.JobKilled):
        handle.result(WAIT)
    deadline = time.monotonic() + WAIT
    while alive(pid):
        assert time.monotonic() < deadline
    manager.submit(Pid()).result(START)  # in a new one


def test_a_time_limit_ends_it_too(manager):
    with pytest.raises(sj.JobFailed, match="longer than its time limit of 3 seconds"):
        manager.submit(Hold(deaf=True), time_limit=3).result(START)


@pytest.mark.parametrize(
    ("how", "words"),
    [("segfault", "ended by SIGSEGV"), ("exit", "exit code 3"), ("killed", "ended by SIGKILL; perhaps there was not")],
)
def test_a_crash_is_a_failed_job(manager, how, words, caplog):
    handle = manager.submit(Crash(how), owner="c1")
    with pytest.raises(sj.JobFailed, match=words):
        handle.result(START)
    assert manager.answer("c1", handle.id).error == f"Internal error {handle.id}"
    manager.submit(Pid()).result(START)


def test_an_exception_comes_back_with_its_traceback(manager):
    with pytest.raises(sj.JobFailed, match=r"^no column 'é'$") as caught:
        manager.submit(Fail(sj.InputError("no column 'é'"))).result(START)
    assert isinstance(caught.value.__cause__, sj.InputError)
    assert "in run" in str(caught.value.__cause__.__cause__)
    for error, words in ((SystemExit(3), "SystemExit: 3"), (MemoryError(), "MemoryError")):
        with pytest.raises(sj.JobFailed, match=words):
            manager.submit(Fail(error)).result(START)
    with pytest.raises(sj.JobFailed, match="Stubborn: 1 and 2"):
        manager.submit(FailStubborn()).result(START)


def test_a_result_that_cannot_be_sent_comes_as_its_entities(manager):
    assert manager.submit(Odd()).result(START).entities() == {"n": 1}


def test_a_job_that_cannot_be_sent_says_why(manager):
    class Local(Nothing):
        pass

    for job in (Local(), Fail(threading.Lock())):
        with pytest.raises(sj.JobFailed, match=r"cannot be sent to a process .*; give it tables in memory"):
            manager.submit(job).result(START)


def test_arrays_are_mapped_and_not_copied():
    arrays = {"a": np.arange(1e6), "b": np.zeros(0), "c": np.arange(3, dtype=np.int8)}
    sender = _shared_memory.Sender(arrays)
    try:
        assert sender.parcel.pickle[1] < 1000
        found = _shared_memory.receive(sender.parcel)
    finally:
        sender.close()
    for name, array in arrays.items():
        assert found[name].tolist() == array.tolist()
        assert not found[name].flags.owndata
        assert not found[name].flags.writeable
    assert found["a"].ctypes.data % 64 == 0
    assert _shared_memory.receive(_shared_memory.Sender("no arrays").parcel) == "no arrays"


def test_without_memfd_a_temporary_file_is_used_and_removed(monkeypatch, tmp_path):
    monkeypatch.delattr(os, "memfd_create", raising=False)
    monkeypatch.setattr(_shared_memory.tempfile, "tempdir", str(tmp_path))
    sender = _shared_memory.Sender(np.arange(1000.0))
    assert len(list(tmp_path.iterdir())) == 1
    found = _shared_memory.receive(sender.parcel)
    sender.close()
    assert list(tmp_path.iterdir()) == []
    assert found.sum() == 499500


SCRIPT = """
import os, sys, time
import symjobs as sj
from tests.symjobs.engine.test_isolation import Hold, Pid

class Own(sj.Job):
    def run(self, context):
        context.details["pid"] = os.getpid()

{guard}
    manager = sj.JobManager(isolate=True)
    handle = manager.submit(Own())
    handle.result(60)
    print(int(handle.info().details["pid"]) != os.getpid(), flush=True)
    handle = manager.submit(Hold(deaf=True))
    while "pid" not in handle.info().details:
        time.sleep(0.01)
    print(handle.info().details["pid"], flush=True)
    {end}
"""


def script(tmp_path, guard, end):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT.format(guard=guard, end=end))
    root = os.getcwd()
    return subprocess.Popen(
        [sys.executable, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([root, f"{root}/kernels"])},
    )


@pytest.mark.parametrize("end", ["manager.shutdown(timeout=0)", "pass", "os.kill(os.getpid(), 9)"])
def test_the_processes_end_with_their_parent(tmp_path, end):
    """A job type may be defined in the script itself."""
    process = script(tmp_path, "if __name__ == '__main__':", end)
    out, err = process.communicate(timeout=START)
    assert out.splitlines()[:1] == ["True"], err
    pid = int(out.splitlines()[1])
    assert process.returncode == 0 or "kill" in end, err
    deadline = time.monotonic() + WAIT
    while alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_script_without_a_guard_is_told_so(tmp_path):
    process = script(tmp_path, "if True:", "pass")
    _, err = process.communicate(timeout=START)
    assert process.returncode
    assert "a script that runs isolated jobs needs the line if __name__ == '__main__':" in err
