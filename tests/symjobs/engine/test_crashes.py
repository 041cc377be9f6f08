"""What is left after a process was killed, the disk was full, or the database was damaged; counted."""

from __future__ import annotations

import json
import logging
import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import symjobs as sj
from tests.symjobs.engine._crash import ROWS, answer, batch
from tests.symjobs.engine._jobs import WAIT, Gate, Tell, held

ROOT = Path(__file__).parents[3]
FIRST = 10**6
KILLS = {1: 5, 10: 20, 100: 100}  # by effort


def start(module: str, *args: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", f"tests.symjobs.engine.{module}", *map(str, args)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


@pytest.mark.timeout(600)
def test_kill_9_at_random_moments(shared_url, tmp_path, effort):
    """Every result that is there is whole, every accepted job has a true state, and no project is half-learnt."""
    rng = np.random.default_rng(effort)
    folder, states = tmp_path / "files", Counter()
    with sj.JobManager(store=shared_url, folder=folder, projects="shared") as manager:
        manager.projects.add("c1", sj.Project("p").learn(batch(FIRST)))
    first, learnt = 0, {FIRST}
    for _ in range(KILLS[effort]):
        process = start("_crash", shared_url, folder, first)
        accepted = [process.stdout.readline()]
        threading.Timer(0.8 * rng.random(), process.kill).start()
        accepted += process.stdout.readlines()
        process.wait()
        process.stdout.close()
        if not accepted[-1].endswith("\n"):  # the kill came in the middle of a line
            accepted.pop()
        jobs = {int(i): (kind, int(number)) for i, kind, number in (line.split() for line in accepted)}
        first = 1 + max(number for _, number in jobs.values())
        with sj.JobManager(store=shared_url, folder=folder) as manager:
            learnt |= check(manager, jobs, states)
            check_project(manager.projects.get("c1", "p"), learnt)
    assert states["done small"]
    assert states["done large"]
    assert states["done learn"]
    assert sum(count for state, count in states.items() if state.startswith("failed"))


def check(manager, jobs, states):
    """Look at every job that was accepted; return the batches that were learnt for certain."""
    deadline = time.monotonic() + 10
    while not all(info.isDone for info in manager.list("c1")):
        assert time.monotonic() < deadline, "a lost job was not noticed within 10 s"
        time.sleep(0.02)
    infos = {info.jobId: info for info in manager.list("c1")}
    learnt = set()
    for job_id, (kind, number) in jobs.items():
        if job_id not in infos:
            assert number % 7 == 0, f"job {job_id} was accepted and is gone"
            states[f"killed {kind}"] += 1
            continue
        info = infos[job_id]
        found = manager.answer("c1", job_id)
        assert found.state == info.details["state"]
        states[f"{found.state} {kind}"] += 1
        if found.state == "failed":
            with pytest.raises(sj.JobFailed, match=r"^(the job was lost: process \d+ on|.*(pairs of attributes|rows))"):
                manager.get("c1", job_id).result(0)
            continue
        assert found.state == "done"
        assert info.current == info.maximum
        if kind in ("learn", "build"):
            assert found.values == b"{}"
            learnt |= {number} if kind == "learn" else set()
        else:
            assert json.loads(found.values)["KSVSMap"]["values"] == [{"a": answer(kind, number)}]
    return learnt


def check_project(project, learnt):
    snapshot = project.snapshot()
    rows = snapshot.moments.n_rows
    assert rows % ROWS == 0
    counts = dict(zip(snapshot.names, snapshot.moments.mean() * rows, strict=True)) if rows else {}
    batches = {int(name[len("batch$b") :]): count for name, count in counts.items() if name.startswith("batch$")}
    assert set(batches) >= learnt, "a batch whose job is done was lost"
    assert list(batches.values()) == pytest.approx([ROWS] * len(batches))
    assert len(batches) * ROWS == rows
    project.learn(([[1.0, 1.0]], ["x", "y"]))  # it can be written: no lock was left
    project.forget(([[1.0, 1.0]], ["x", "y"]))


def test_jobs_from_50_threads_in_two_processes_are_each_answered_once(shared_url, tmp_path, effort):
    count = {1: 250, 10: 1000, 100: 5000}[effort]
    processes = [start("_many", shared_url, k, count) for k in range(2)]
    answers = [process.communicate(timeout=250 * WAIT)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    seen = [line.split() for text in answers for line in text.splitlines()]
    assert len(seen) == 2 * count
    assert len({job_id for job_id, _, _ in seen}) == 2 * count
    assert {runs for _, _, runs in seen} == {"1"}
    with sj.JobManager(store=shared_url, folder=tmp_path) as manager:
        infos = {str(info.jobId): info for info in manager.list("c1")}
        assert len(infos) == 2 * count
        for job_id, number, _ in seen:
            assert infos[job_id].details["state"] == "done"
            values = json.loads(manager.answer("c1", job_id).values)
            assert values["KSVSMap"]["values"] == [{"a": number}]


@pytest.fixture
def full_disk():
    """Let no file grow beyond some bytes, as on a full disk; call it with None to make room again."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def limit(size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (before[0] if size is None else size, before[1]))

    yield limit
    limit(None)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk(tmp_path, full_disk, managers, caplog):
    manager = managers(workers=1, store=f"sqlite:///{tmp_path / 'jobs.db'}")
    manager.projects.add("c1", project := sj.Project("p").learn((np.eye(3), list("abc"))))
    before = project.snapshot().hash
    kept = manager.submit(Tell(a="1"), owner="c1")
    kept.result(WAIT)
    full_disk(60_000 + max(file.stat().st_size for file in tmp_path.iterdir()))
    wide = (np.eye(200), [f"x{i}" for i in range(200)])
    with pytest.raises(sj.JobFailed, match="the result could not be stored: cannot write a result to"):
        manager.submit(Tell(a="x" * 3_000_000), owner="c1").result(WAIT)
    with pytest.raises(sj.StoreError, match="cannot keep project 'p'"):
        project.learn(wide)
    assert project.snapshot().hash == before
    refused = []
    for _ in range(40):  # the log of the database is full at some time
        try:
            manager.submit(Tell(a="y" * 10_000), owner="c1").result(WAIT)
        except (sj.StoreError, sj.JobFailed) as error:
            refused.append(str(error))
    assert refused
    assert all(re.search(r"full|disk|could not be", text) for text in refused)
    assert sj.rest.create_job(manager, "c1", Tell(a="z")).status in (202, 500)
    assert manager.get("c1", kept.id).result(WAIT)
    assert len(caplog.records) < 1000
    full_disk(None)
    assert manager.submit(Tell(a="2"), owner="c1").result(WAIT).pairs == {"a": "2"}
    project.learn(wide)
    states = Counter(info.details["state"] for info in manager.list("c1"))
    deadline = time.monotonic() + WAIT
    while set(states) != {"done", "failed"}:  # what could not be stored then is stored now
        assert time.monotonic() < deadline, states
        time.sleep(0.05)
        states = Counter(info.details["state"] for info in manager.list("c1"))


@pytest.mark.parametrize("damage", ["garbage", "truncated"])
def test_a_damaged_database_is_an_error_and_no_loop_of_tracebacks(tmp_path, managers, damage, caplog):
    path = tmp_path / "jobs.db"
    manager = managers(workers=1, store=f"sqlite:///{path}")
    done = manager.submit(Tell(a="1"), owner="c1")
    done.result(WAIT)
    with held(manager, gate=Gate(Tell(a="2"))) as (_, handle):
        for file in (path, tmp_path / "jobs.db-wal"):  # to cut the file that SQLite maps would end this process
            if damage == "garbage":
                with open(file, "r+b") as opened:
                    opened.write(os.urandom(file.stat().st_size))
            else:
                os.truncate(file, 100)
        manager._store._engine.dispose()  # else SQLite goes on with what it has read
        caplog.clear()
        time.sleep(1.5)  # the thread that synchronises meets it again and again
        assert len(caplog.records) < 20
        assert not [record for record in caplog.records if record.exc_info and record.levelno < logging.ERROR]
        with pytest.raises(sj.StoreError, match=r"the job store sqlite.* could not"):
            manager.submit(Tell(a="3"), owner="c1")
        response = sj.rest.get_job(manager, "c1", done.id)
        assert response.status == 500
        assert response.body["statusString"].startswith("Internal error ")
    with pytest.raises(sj.JobFailed, match="could not be stored"):
        handle.result(WAIT)
    manager.shutdown(timeout=1)
    with pytest.raises(sj.StoreError, match=r"is damaged|disk image|not a database"):
        sj.JobManager(store=f"sqlite:///{path}")
