"""Real processes: several share a store, and some of them die."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import symjobs as sj
from symjobs._engine import State
from tests.symjobs.engine._jobs import WAIT, Nothing, Tell, held

ROOT = Path(__file__).parents[3]


class Other:
    """A manager in another process."""

    def __init__(self, url, owner="c1"):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.symjobs.engine._process", url, owner],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'kernels'}"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def say(self, line):
        print(line, file=self.process.stdin, flush=True)
        return self.process.stdout.readline().strip()

    def end(self, how=signal.SIGKILL):
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(WAIT)


@pytest.fixture
def other(shared_url):
    process = Other(shared_url)
    yield process
    process.end()


def test_a_process_that_is_stopped_for_a_while_loses_no_job(other, shared_url, managers, monkeypatch):
    monkeypatch.setattr("symjobs._engine._manager._MAINTENANCE_SECONDS", 0.0)
    running = other.say("start Gate")
    other.process.send_signal(signal.SIGSTOP)
    manager = managers(store=shared_url, lease=0.01)
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        assert manager.answer("c1", running).state is State.RUNNING
    other.process.send_signal(signal.SIGCONT)
    assert other.say(f"let {running}") == "ended"
    assert manager.get("c1", running).result(WAIT).entities() == {}


def test_what_finished_before_a_crash_is_there_and_what_did_not_has_failed(shared_url, other, managers):
    finished = other.say("submit Tell")
    assert other.say(f"wait {finished}") == "ended"
    running = other.say("start Gate")
    queued = other.say("submit Tell")
    other.say("exit")
    other.process.wait(WAIT)

    manager = managers(store=shared_url)
    assert manager.get("c1", finished).result(0).entities()["KSVSMap"].values == [{}]
    for job_id in (running, queued):
        with pytest.raises(sj.JobFailed, match=rf"the job was lost: process {other.process.pid} on .* ended before"):
            manager.get("c1", job_id).result(0)
    started = [(info.isStarted, info.isDone) for info in manager.list("c1")]
    assert started == [(True, True), (True, True), (False, True)]
    assert manager.submit(Nothing(), owner="c1").id > int(queued)


def test_a_killed_process_is_noticed_by_one_that_lives(shared_url, other, managers):
    manager = managers(store=shared_url)
    running = other.say("start Deaf")
    with held(manager) as (_, mine):
        handle = manager.get("c1", running)
        assert not handle.done()
        other.end(signal.SIGKILL)
        with pytest.raises(sj.JobFailed, match="the job was lost"):
            handle.result(WAIT)
        assert not mine.done()
    assert mine.result(WAIT) is None


def test_any_process_answers_for_any_job(shared_url, other, managers):
    manager = managers(store=shared_url)
    theirs = other.say("start Gate")
    with held(manager) as (_, mine):
        assert [str(info.jobId) for info in manager.list("c1")] == [theirs, str(mine.id)]
        assert manager.answer("c1", theirs).state == "running"
        with pytest.raises(TimeoutError):
            manager.get("c1", theirs).result(0.02)


def test_each_process_kills_the_other_s_running_job(shared_url, other, managers):
    manager = managers(store=shared_url, grace=WAIT)
    theirs = other.say("start Gate")
    assert manager.kill("c1", theirs) is True
    with pytest.raises(sj.NoSuchJob):
        manager.answer("c1", theirs)
    with held(manager) as (_, mine):
        assert other.say(f"kill {mine.id}") == "True"
        with pytest.raises(sj.JobKilled):
            mine.result(WAIT)


def test_a_process_kills_the_other_s_queued_job(shared_url, other, managers):
    manager = managers(workers=1, queue_size=1, store=shared_url)
    with held(manager) as (gate, _):
        queued = manager.submit(Tell(a="1"), owner="c1")
        assert other.say(f"kill {queued.id}") == "True"
        with pytest.raises(sj.JobKilled):
            queued.result(WAIT)  # the place in the queue is free before the worker ever sees the job
        manager.submit(Nothing(), owner="c1")
        gate.go.set()


def test_a_job_that_does_not_listen_in_another_process(shared_url, other, managers):
    manager = managers(store=shared_url, grace=0.05)
    theirs = other.say("start Deaf")
    assert manager.kill("c1", theirs) is False
    assert manager.info("c1", theirs).isDone is False
    other.end()
    with pytest.raises(sj.JobKilled):  # somebody wanted it killed, and it has ended
        sj.JobHandle(manager, "c1", int(theirs), None).result(WAIT)


FORK = """
import os, sys
import symjobs as sj
from tests.symjobs.engine._jobs import *
manager = sj.JobManager(workers=1, store=sys.argv[1] if sys.argv[1] != "None" else None)
ended = manager.submit(Tell(b="2"), owner="c1")
ended.result(WAIT)
gone, go = os.pipe()
with held(manager) as (gate, running):
    child = os.fork()
    if child == 0:
        assert manager.submit(Tell(a="1"), owner="c1").result(WAIT).pairs == {"a": "1"}
        assert ended.done() and ended.result(0).pairs == {"b": "2"}
        if sys.argv[1] != "None":
            assert manager.answer("c1", running.id).state == "running"
            assert running.done() is running.info().isDone is False
            try:
                running.result(0.1)
            except TimeoutError:
                os.write(go, b"!")  # the parent lets the job end
                assert running.result(WAIT).entities() == {}
        else:
            assert manager.answer("c1", running.id).state == "failed"
            assert running.done() is running.info().isDone is True
            try:
                running.result(WAIT)
            except sj.JobFailed as error:
                assert "forked" in str(error)
                os.write(go, b"!")
        manager.shutdown(timeout=WAIT)
        os._exit(0)
    assert os.read(gone, 1) == b"!"
    gate.go.set()
    assert os.waitpid(child, 0)[1] == 0
assert running.result(WAIT) is None
print("fine")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_manager_works_on_in_a_forked_child(store_url):
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK, str(store_url)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'kernels'}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "fine\n", done.stderr


LEFT = """
import sys
import symjobs as sj
from tests.symjobs.engine._jobs import *
manager = sj.JobManager(workers=1, store=sys.argv[1])
gate = Gate()
manager.submit(gate, owner="c1")
gate.started.wait()
"""


def test_an_interpreter_that_ends_does_not_wait_for_jobs_and_says_what_became_of_them(shared_url, managers):
    subprocess.run(
        [sys.executable, "-c", LEFT, shared_url],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'kernels'}"},
        timeout=30,
        check=True,
    )
    answer = managers(store=shared_url, show_errors=True).answer("c1", 1)
    assert answer.error == "the job manager was shut down before the job finished"


def test_a_fork_waits_for_the_transactions_of_other_threads(shared_url, managers):
    """In the child SQLite would take the locks of the parent's threads for held."""
    manager, done = managers(workers=2, queue_size=50, store=shared_url), threading.Event()

    def load():
        while not done.is_set():
            manager.submit(Nothing(), owner="c1").result(WAIT)

    threads = [threading.Thread(target=load) for _ in range(2)]
    for thread in threads:
        thread.start()
    codes = []
    try:
        for _ in range(15):
            child = os.fork()
            if not child:
                code = 1
                try:
                    assert manager.submit(Tell(a="1"), owner="child").result(WAIT).pairs == {"a": "1"}
                    code = 0
                finally:
                    os._exit(code)
            codes.append(os.waitpid(child, 0)[1])
    finally:
        done.set()
        for thread in threads:
            thread.join(WAIT)
    assert codes == [0] * 15
