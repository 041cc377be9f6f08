"""Threads: their number, forks, and several callers at once."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from symkernels import Moments, _parallel


@pytest.mark.parametrize(("n", "parts"), [(0, 3), (1, 3), (10, 3), (3, 3), (7, 1)])
def test_split_covers_the_range(n: int, parts: int) -> None:
    ranges = _parallel.split(n, parts)
    assert [i for start, stop in ranges for i in range(start, stop)] == list(range(n))
    assert len(ranges) <= parts


def test_results_come_in_order_and_all_tasks_end() -> None:
    ended = []

    def task(i: int) -> int:
        ended.append(i)
        if i == 0:
            raise ValueError("the first one fails")
        return i

    assert _parallel.run_all([lambda: 1, lambda: 2, lambda: 3]) == [1, 2, 3]
    with pytest.raises(ValueError, match="the first one"):
        _parallel.run_all([lambda: task(0), lambda: task(1), lambda: task(2)])
    assert sorted(ended) == [0, 1, 2]


def test_no_more_tasks_run_at_once_than_there_are_threads() -> None:
    running, most, lock = 0, 0, threading.Lock()

    def task() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.001)
        with lock:
            running -= 1

    def call() -> None:
        for tasks in range(1, 6):
            _parallel.run_all([task] * tasks)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert most == _parallel.thread_count()


def test_a_task_that_raises_gives_its_turn_back() -> None:
    def fail() -> None:
        raise ValueError("oh")

    for tasks in (1, 2, 3):
        for _ in range(2 * _parallel.thread_count()):
            with pytest.raises(ValueError, match="oh"):
                _parallel.run_all([fail] * tasks)
    assert _parallel.run_all([lambda: 1] * 3) == [1, 1, 1]


def test_threads_follow_the_variable_and_the_quota(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _parallel.thread_count.cache_clear()
    try:
        monkeypatch.setenv("SYMKERNELS_NUM_THREADS", "3")
        assert _parallel.thread_count() == 3
        _parallel.thread_count.cache_clear()
        monkeypatch.setenv("SYMKERNELS_NUM_THREADS", "many")
        with pytest.raises(ValueError, match="SYMKERNELS_NUM_THREADS must be a positive whole number, got 'many'"):
            _parallel.thread_count()
    finally:
        _parallel.thread_count.cache_clear()
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    assert _parallel.container_quota(tmp_path) == 1.5
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert _parallel.container_quota(tmp_path) is None
    (tmp_path / "cpu.max").unlink()
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text("400000\n")
    (tmp_path / "cpu/cpu.cfs_period_us").write_text("100000\n")
    assert _parallel.container_quota(tmp_path) == 4.0
    assert _parallel.container_quota(tmp_path / "none") is None


def test_many_threads_may_learn_at_once() -> None:
    """Several callers, each with a state of its own, then all with the same state."""
    rng = np.random.default_rng(0)
    batches = [rng.standard_normal((2000, 40)) for _ in range(8)]
    shared = Moments(40)
    own: list[Moments | None] = [None] * 8

    def work(i: int) -> None:
        own[i] = Moments(40).learn(batches[i])
        shared.learn(batches[i])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    truth = np.cov(np.concatenate(batches).T, ddof=0)  # 16,000 products of size 1: n eps is 4e-12, but errors cancel
    np.testing.assert_allclose(shared.covariance(), truth, atol=1e-12)
    merged = sum((m for m in own[1:] if m is not None), start=own[0] or Moments(40))
    np.testing.assert_allclose(merged.covariance(), truth, atol=1e-12)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_a_forked_child_learns_with_threads_of_its_own() -> None:
    X = np.random.default_rng(0).standard_normal((20_000, 40))
    expected = Moments(40).learn(X).covariance()  # the parent's pool exists now
    child = os.fork()
    if child == 0:
        same = np.allclose(Moments(40).learn(X).covariance(), expected)
        os._exit(0 if same else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
