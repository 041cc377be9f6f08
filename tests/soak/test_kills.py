"""Jobs that are killed at any moment, thousands of times, by threads and by processes."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

import symjobs as sj
from tests._soak import Rounds
from tests.symjobs.engine._jobs import WAIT, Tell
from tests.symjobs.engine.conftest import managers  # noqa: F401  a fixture
from tests.symjobs.engine.test_processes import Other

Managers = Callable[..., sj.JobManager]


class Busy(sj.Job):
    """Passes checkpoints for some time and ends by itself."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def run(self, context: sj.JobContext) -> object:
        end = time.monotonic() + self.seconds
        while time.monotonic() < end:
            context.checkpoint()
        return Tell(a="1").run(context)


def _outcome(handle: sj.JobHandle) -> str:
    try:
        assert handle.result(WAIT).pairs == {"a": "1"}
    except sj.JobKilled:
        return "killed"
    return "done"


def test_a_kill_at_any_moment(store_url: str | None, managers: Managers, rounds: Rounds) -> None:  # noqa: F811
    """Whoever wins, all answers agree: killed and gone, or finished and there."""
    manager = managers(workers=2, queue_size=20, store=store_url, grace=WAIT)
    seen: set[str] = set()
    for rng in rounds(5_000):
        # Some are long, so that kills come in time on a loaded machine, too.
        seconds = [0.05 if rng.random() < 0.05 else 0.002 * rng.random() for _ in range(6)]
        handles = [manager.submit(Busy(each), owner="c1") for each in seconds]
        chosen = [handle for handle in handles if rng.random() < 0.7]
        time.sleep(0.006 * rng.random())
        killed: dict[int, list[bool]] = {handle.id: [] for handle in handles}

        def kill(targets: list[sj.JobHandle], killed: dict[int, list[bool]] = killed) -> None:
            for handle in targets:
                try:
                    killed[handle.id].append(handle.kill())
                except sj.NoSuchJob:
                    assert _outcome(handle) == "killed"

        threads = [threading.Thread(target=kill, args=(rng.permutation(chosen).tolist(),)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT)
        listed = {info.jobId: info for info in manager.list("c1")}
        for handle in handles:
            outcome = _outcome(handle)
            seen.add(outcome)
            assert outcome == ("killed" if any(killed[handle.id]) else "done")
            if outcome == "killed":
                assert handle.id not in listed
                with pytest.raises(sj.NoSuchJob):
                    manager.answer("c1", handle.id)
            else:
                assert manager.answer("c1", handle.id).state == "done"
                assert handle.kill() is False
    assert seen == {"killed", "done"}


@contextmanager
def _others(url: str, count: int) -> Iterator[list[Other]]:
    others = [Other(url) for _ in range(count)]
    try:
        yield others
    finally:
        for other in others:
            other.end(signal.SIGKILL)


def test_processes_that_share_a_store_and_die(shared_url: str, managers: Managers, rounds: Rounds) -> None:  # noqa: F811
    """In each round two processes submit and kill each other's jobs, and one of them is killed itself."""
    manager = managers(workers=1, store=shared_url, grace=WAIT)
    for rng in rounds(200):
        with _others(shared_url, 2) as others:
            state: dict[str, tuple[int, str]] = {}  # id -> which process runs it, what became of it
            busy = [False, False]
            for _ in range(int(rng.integers(3, 10))):
                who = int(rng.integers(2))
                if not busy[who] and rng.random() < 0.5:
                    state[others[who].say("start Gate")] = who, "running"
                    busy[who] = True
                elif busy[who]:
                    state[others[who].say("submit Gate")] = who, "queued"
                else:
                    done = others[who].say("submit Tell")
                    assert others[who].say(f"wait {done}") == "ended"
                    state[done] = who, "done"
                victims = [i for i, (_, what) in state.items() if what in ("running", "queued")]
                if victims and rng.random() < 0.4:
                    victim = str(rng.choice(victims))
                    killer = int(rng.integers(3))
                    killed = manager.kill("c1", victim) if killer == 2 else others[killer].say(f"kill {victim}")
                    assert str(killed) == "True"
                    runs, what = state[victim]
                    state[victim] = runs, "killed"
                    if what == "running":
                        queued = [i for i, (p, was) in state.items() if p == runs and was == "queued"]
                        busy[runs] = bool(queued)
                        if queued:
                            state[queued[0]] = runs, "running"
            dies = int(rng.integers(2))
            others[dies].end(signal.SIGKILL)
            _check(manager, state, dies)
        for job_id, (_, what) in state.items():  # the other one died, too
            if what in ("running", "queued"):
                with pytest.raises((sj.JobFailed, sj.JobKilled)):
                    manager.get("c1", job_id).result(WAIT)


def _check(manager: sj.JobManager, state: dict[str, tuple[int, str]], dead: int) -> None:
    listed = {str(info.jobId) for info in manager.list("c1")}
    for job_id, (process, what) in state.items():
        if what == "killed":
            assert job_id not in listed
            continue
        assert job_id in listed
        handle = manager.get("c1", job_id)
        if what == "done":
            assert manager.answer("c1", job_id).state == "done"
        elif process == dead:
            with pytest.raises(sj.JobFailed, match="the job was lost"):
                handle.result(WAIT)
        else:
            assert not handle.done()
