"""The one place that owns threads: how many, the pool that splits rows over them, BLAS held to one meanwhile."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None
_blas_users = 0
_blas_limit: Any = None
_blas_controller: Any = None


def _forget_after_fork() -> None:
    # A child process has none of its parent's threads: it makes its own pool when it needs one.
    global _lock, _pool, _blas_users, _blas_limit
    _lock, _pool, _blas_users, _blas_limit = threading.Lock(), None, 0, None
    thread_count.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)


def container_quota(root: Path = Path("/sys/fs/cgroup")) -> float | None:
    """Cores that the container may use: cgroup v2's ``cpu.max``, else v1's quota over period, else None."""
    try:
        quota, period = (root / "cpu.max").read_text().split()[:2]
    except (OSError, ValueError):
        try:
            quota = (root / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (root / "cpu/cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    try:
        cores = float(quota) / float(period)
    except (ValueError, ZeroDivisionError):  # "max": no quota
        return None
    return cores if cores > 0 else None


@lru_cache(maxsize=1)
def thread_count() -> int:
    """Threads that the kernels use: ``SYMKERNELS_NUM_THREADS``, else the cores this process may use.

    The container's quota and the process's affinity count, not the host's cores.
    """
    asked = os.environ.get("SYMKERNELS_NUM_THREADS", "").strip()
    if asked:
        if not asked.isdigit() or int(asked) < 1:
            raise ValueError(f"SYMKERNELS_NUM_THREADS must be a positive whole number, got {asked!r}")
        return int(asked)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = container_quota()
    return max(1, min(cores, round(quota))) if quota is not None else cores


def _get_pool() -> ThreadPoolExecutor:
    global _pool
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(thread_count(), thread_name_prefix="symkernels")
        return _pool


def run_all(tasks: Sequence[Callable[[], T]]) -> list[T]:
    """Run the tasks on the pool, the first one on the calling thread, and return their results in order.

    All tasks have ended when this returns or raises. Tasks must not call ``run_all`` themselves.
    """
    if len(tasks) == 1:
        return [tasks[0]()]
    others = [_get_pool().submit(task) for task in tasks[1:]]
    try:
        first = tasks[0]()
    finally:
        wait(others)
    return [first, *(future.result() for future in others)]


def split(n: int, parts: int) -> list[tuple[int, int]]:
    """Split ``range(n)`` into at most ``parts`` contiguous, nearly equal, non-empty ranges."""
    parts = max(1, min(parts, n))
    edges = [n * i // parts for i in range(parts + 1)]
    return list(itertools.pairwise(edges))


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Hold BLAS to one thread while our own threads call it: the first user sets it, the last restores it."""
    global _blas_users, _blas_limit, _blas_controller
    with _lock:
        if _blas_users == 0:
            if _blas_controller is None:
                from threadpoolctl import ThreadpoolController

                _blas_controller = ThreadpoolController()
            _blas_limit = _blas_controller.limit(limits=1, user_api="blas")
        _blas_users += 1
    try:
        yield
    finally:
        with _lock:
            _blas_users -= 1
            if _blas_users == 0 and _blas_limit is not None:
                _blas_limit.restore_original_limits()
                _blas_limit = None
