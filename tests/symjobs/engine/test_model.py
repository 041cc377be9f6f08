"""A manager against a model of it: any sequence of submit, let go, kill and read.

Meanwhile the wall clock jumps, threads do not start, what observes the jobs raises, the process forks, and another one
is stopped and killed.
"""

import contextlib
import logging
import os
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from pathlib import Path
from unittest import mock

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import symjobs as sj
from symjobs._engine import State, _record
from tests.symjobs.engine._jobs import WAIT, Deaf, Fail, Gate, Light, Tell
from tests.symjobs.engine.test_processes import Other

OWNERS = ("c1", "c2")
QUEUE_SIZE = 2
CLOCKS = ("_record", "_settings", "_manager", "_store._memory", "_store._sql", "_store._base")


class Raises(logging.Handler):
    """A log handler that cannot write."""

    def emit(self, record):
        raise ValueError("the log is full")


def raise_error(handle):
    raise ValueError(handle)


class Machine(RuleBasedStateMachine):
    """One worker and a queue of two. The model: the state of each job, and which one runs.

    Whether a job is accepted while no thread can start depends on the moment: a worker may be idle. So rules have no
    preconditions on jobs, and draw nothing that depends on them: Hypothesis must find the same choices again.
    """

    store = "memory"

    @initialize()
    def open(self):
        self.folder = tempfile.TemporaryDirectory()
        self.url = None if self.store == "memory" else f"sqlite:///{Path(self.folder.name) / 'jobs.db'}"
        self.manager = sj.JobManager(workers=1, queue_size=QUEUE_SIZE, store=self.url, grace=0.02)
        self.jobs = {}  # id -> (job, handle)
        self.state = {}  # id -> state
        self.fails = {}  # id -> whether it will fail
        self.doomed = set()  # deaf jobs that somebody killed
        self.priority = {}
        self.cleaned = {}  # id -> how often the job has cleaned up
        self.offset = 0
        real = _record.now_ms

        def now():
            return real() + 1000 * self.offset

        self.patches = [mock.patch(f"symjobs._engine.{module}.now_ms", now) for module in CLOCKS]
        self.patches.append(mock.patch.object(sys, "stderr"))  # where a log that cannot be written goes
        for patch in self.patches:
            patch.start()
        self.handler = Raises()
        self.starts = True

    def unfinished(self):
        return [job_id for job_id, state in self.state.items() if state in (State.QUEUED, State.RUNNING)]

    def running(self):
        return next((job_id for job_id, state in self.state.items() if state is State.RUNNING), None)

    def start_next(self):
        queued = [job_id for job_id, state in self.state.items() if state is State.QUEUED]
        if self.running() is None and queued:
            first = max(queued, key=lambda job_id: (self.priority[job_id], -job_id))
            self.state[first] = State.RUNNING
            assert self.jobs[first][0].started.wait(WAIT)

    @rule(seconds=st.sampled_from([-3600, -61, 0, 61, 3600]))
    def jump(self, seconds):
        self.offset = seconds

    @rule(raises=st.booleans())
    def observe(self, raises):
        logger = logging.getLogger("symjobs")
        logger.removeHandler(self.handler)
        logger.setLevel(logging.DEBUG if raises else logging.NOTSET)
        if raises:
            logger.addHandler(self.handler)

    @rule(starts=st.booleans())
    def allow_threads(self, starts):
        self.starts = starts

    @rule()
    def fork(self):
        child = os.fork()
        if not child:
            code = 1
            try:
                threading.stack_size(0)
                for job_id, (_, handle) in self.jobs.items():
                    ended = self.state[job_id] not in (State.QUEUED, State.RUNNING)
                    # With the store in memory, what did not end is lost to the child.
                    assert handle.done() is (ended or self.store == "memory")
                assert self.manager.submit(Tell(a="1"), owner="child").result(WAIT).pairs == {"a": "1"}
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0

    def make(self, owner, job, priority=0):
        """Submit a job; None if it is refused as no thread can start."""
        cleaned = []
        job.clean_up = lambda: cleaned.append(1)
        before = threading.stack_size(0 if self.starts else 1 << 46)
        try:
            handle = self.manager.submit(job, owner=owner, priority=priority)
        except sj.QueueFull:
            assert len(cleaned) == 1
            return None
        finally:
            threading.stack_size(before)
        handle.add_done_callback(raise_error)
        self.cleaned[handle.id] = cleaned
        self.priority[handle.id] = priority
        return handle

    @rule(owner=st.sampled_from(OWNERS), deaf=st.booleans(), fails=st.booleans(), priority=st.integers(-1, 1))
    def submit(self, owner, deaf, fails, priority):
        job = (Deaf if deaf else Gate)(Fail(sj.InputError("no")) if fails else Tell(a="1"))
        if len(self.unfinished()) == 1 + QUEUE_SIZE:
            assert self.make(owner, job, priority) is None
            return
        handle = self.make(owner, job, priority)
        if handle is None:
            assert not self.starts
            return
        assert handle.id not in self.state
        assert all(handle.id > job_id for job_id in self.state)
        self.jobs[handle.id] = (job, handle)
        self.state[handle.id] = State.QUEUED
        self.fails[handle.id] = fails
        self.start_next()

    @rule(owner=st.sampled_from(OWNERS))
    def submit_light(self, owner):
        handle = self.make(owner, Light())
        if handle is None:
            assert not self.starts
            return
        assert handle.result(WAIT) is None
        self.jobs[handle.id] = (None, handle)
        self.state[handle.id] = State.DONE

    @rule()
    def let_go(self):
        job_id = self.running()
        if job_id is None:
            return
        job, handle = self.jobs[job_id]
        job.go.set()
        try:
            assert handle.result(WAIT).pairs == {"a": "1"}
            ended = State.DONE
        except sj.JobFailed:
            ended = State.FAILED
        except sj.JobKilled:
            ended = State.KILLED
        if job_id in self.doomed:
            assert ended is State.KILLED
        else:
            assert ended is (State.FAILED if self.fails[job_id] else State.DONE)
        self.state[job_id] = ended
        self.start_next()

    @rule(pick=st.integers(0, 99), stranger=st.booleans())
    def kill(self, pick, stranger):
        if not self.state:
            return
        job_id = sorted(self.state)[-1 - pick % len(self.state)]
        job, handle = self.jobs[job_id]
        owner = "c3" if stranger else handle.owner
        try:
            killed = self.manager.kill(owner, job_id)
        except sj.NoSuchJob:
            assert stranger or self.state[job_id] is State.KILLED
            return
        assert not stranger
        if self.state[job_id] is State.RUNNING and isinstance(job, Deaf):
            assert killed is False
            self.doomed.add(job_id)
        elif self.state[job_id] in (State.QUEUED, State.RUNNING):
            assert killed is True or self.state[job_id] is State.RUNNING
            if not killed:  # on a busy machine the grace time is over before the job's thread runs
                with pytest.raises(sj.JobKilled):
                    handle.result(WAIT)
            self.state[job_id] = State.KILLED
        else:
            assert killed is False
        self.start_next()

    @invariant()
    def everybody_sees_the_same(self):
        if not hasattr(self, "manager"):
            return
        for owner in OWNERS:
            visible = [
                i for i, (_, handle) in self.jobs.items() if handle.owner == owner and self.state[i] is not State.KILLED
            ]
            infos = self.manager.list(owner)
            assert [info.jobId for info in infos] == visible
            for info in infos:
                self.check(owner, info)
        for job_id, state in self.state.items():
            assert len(self.cleaned[job_id]) == (state not in (State.QUEUED, State.RUNNING))
            if state is State.KILLED:
                assert sj.rest.get_job(self.manager, self.jobs[job_id][1].owner, job_id).status == 400

    def check(self, owner, info):
        state = self.state[info.jobId]
        assert info.owner == owner
        assert info.isStarted == (info.startingDate > 0) == (state is not State.QUEUED)
        assert info.isDone == (state in (State.DONE, State.FAILED))
        assert 0 <= info.current <= info.maximum
        assert state is not State.DONE or info.current == info.maximum
        answer = self.manager.answer(owner, info.jobId)
        assert answer.state is state
        assert answer.info == info
        status = {State.QUEUED: 202, State.RUNNING: 202, State.DONE: 200, State.FAILED: 500}[state]
        assert sj.rest.get_job(self.manager, owner, str(info.jobId)).status == status

    def teardown(self):
        if hasattr(self, "manager"):
            for job, _ in self.jobs.values():
                if job is not None:
                    job.go.set()
            self.manager.shutdown(timeout=WAIT)
            self.folder.cleanup()
            self.observe(raises=False)
            for patch in self.patches:
                patch.stop()


class SqliteMachine(Machine):
    """The same on a database."""

    store = "sqlite"


class ProcessMachine(SqliteMachine):
    """With another process on the same store, which is stopped, goes on, and is killed.

    Its jobs belong to "them". The model: the state of each, and whether the process is stopped.
    """

    @initialize()
    def start_other(self):
        self.theirs = {}
        self.other, self.stopped = None, False

    @precondition(lambda self: hasattr(self, "manager") and not self.stopped)
    @rule(ends=st.booleans())
    def other_submits(self, ends):
        if self.other is None:
            self.other = Other(self.url, "them")
        busy = State.RUNNING in self.theirs.values()
        job_id = int(self.other.say("submit Tell" if ends or busy else "start Gate"))
        if ends and not busy:
            assert self.other.say(f"wait {job_id}") == "ended"
            self.theirs[job_id] = State.DONE
        else:
            self.theirs[job_id] = State.QUEUED if busy else State.RUNNING

    @precondition(lambda self: getattr(self, "other", None) is not None)
    @rule()
    def stop_or_continue(self):
        self.stopped = not self.stopped
        self.other.process.send_signal(signal.SIGSTOP if self.stopped else signal.SIGCONT)
        deadline = time.monotonic() + WAIT
        while self.stopped and self._is_locked():  # stopped in a transaction: nobody could write until it goes on
            assert time.monotonic() < deadline
            self.other.process.send_signal(signal.SIGCONT)
            time.sleep(0.005)
            self.other.process.send_signal(signal.SIGSTOP)

    def _is_locked(self):
        stat = Path(f"/proc/{self.other.process.pid}/stat")
        deadline = time.monotonic() + WAIT
        while stat.read_text().rpartition(")")[2].split()[0] not in "tT":
            assert time.monotonic() < deadline, "the other process has not stopped"
            time.sleep(0.001)
        with contextlib.closing(sqlite3.connect(self.url.removeprefix("sqlite:///"), timeout=1.0)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return True
            connection.rollback()
        return False

    @precondition(lambda self: getattr(self, "other", None) is not None)
    @rule()
    def kill_other(self):
        self.other.end(signal.SIGKILL)
        self.other, self.stopped = None, False
        deadline = time.monotonic() + 10
        while not all(info.isDone for info in self.manager.list("them")):
            assert time.monotonic() < deadline, "a lost job was not noticed within 10 s"
            time.sleep(0.01)
        for job_id, state in self.theirs.items():
            if state in (State.QUEUED, State.RUNNING):
                self.theirs[job_id] = State.FAILED
                with pytest.raises(sj.JobFailed, match=r"^the job was lost: process \d+ on .* ended before"):
                    self.manager.get("them", job_id).result(0)

    @rule()
    def kill_their_job(self):
        running = [job_id for job_id, state in self.theirs.items() if state is State.RUNNING]
        if self.stopped or not running:
            return
        (job_id,) = running
        for queued, state in list(self.theirs.items()):  # first those behind it, which would start
            if state is State.QUEUED:
                assert self.manager.kill("them", queued) is True
                del self.theirs[queued]
        self.manager.kill("them", job_id)
        deadline = time.monotonic() + WAIT
        while job_id in [info.jobId for info in self.manager.list("them")]:
            assert time.monotonic() < deadline
        del self.theirs[job_id]

    @invariant()
    def their_jobs_are_seen_too(self):
        if hasattr(self, "theirs"):
            infos = self.manager.list("them")
            assert {info.jobId: info.details["state"] for info in infos} == self.theirs

    def teardown(self):
        if getattr(self, "other", None) is not None:
            self.other.end(signal.SIGKILL)
        super().teardown()


slow = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
TestMemory = Machine.TestCase
TestMemory.settings = settings(max_examples=25, stateful_step_count=40, **slow)
TestSqlite = SqliteMachine.TestCase
TestSqlite.settings = settings(max_examples=8, stateful_step_count=25, **slow)
TestProcesses = ProcessMachine.TestCase
TestProcesses.settings = settings(max_examples=6, stateful_step_count=20, **slow)
