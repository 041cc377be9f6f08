"""Several threads with one state, interruptions, and states that are copied or pickled."""

from __future__ import annotations

import copy
import os
import pickle
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from symkernels import Moments, ShapeError
from symkernels._moments import _backends, _fast, _loops
from symkernels._moments._numbers import Parts
from symkernels._moments._state import State
from symkernels._moments._sums import Sums
from tests.symkernels._matrices import EPS

X = np.random.default_rng(0).standard_normal((3000, 4))  # n eps of their squares, added up in any order, is 7e-13


def assert_unchanged(m: Moments, before: dict[str, np.ndarray]) -> None:
    for name, array in m.arrays().items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)


@pytest.mark.parametrize("rows", [5, 3000])
@pytest.mark.parametrize("change", ["extend", "extend_sparse", "make_continuous"])
@pytest.mark.parametrize("little_work", [0.0, 1e9])
def test_attributes_that_come_while_rows_are_learnt_lose_none(
    monkeypatch: pytest.MonkeyPatch, rows: int, change: str, little_work: float
) -> None:
    monkeypatch.setattr(_backends, "_LITTLE_WORK", little_work)
    B = X.copy()
    B[:, 3] = B[:, 3] > 0
    m = Moments(4, binary=[3]).learn(B[:100])
    done: list[object] = []

    def meanwhile(*progress: int) -> None:
        if not done:
            argument = 3 if change == "make_continuous" else 2
            thread = threading.Thread(target=lambda: done.append(getattr(m, change)(argument)))
            thread.start()
            thread.join()

    if change == "extend" and rows > 8 and not little_work:  # these rows lack the new columns
        with pytest.raises(ShapeError, match="X must have 6 columns"):
            m.learn(B[:rows], checkpoint=meanwhile)
        assert m.n_rows == 100
        return
    m.learn(B[:rows], checkpoint=meanwhile)
    assert m.n_rows == 100 + rows
    expected = np.cov(np.concatenate([B[:100], B[:rows]]).T, ddof=0)
    np.testing.assert_allclose(m.covariance(indices=range(4)), expected, atol=1e-12)


def test_readers_never_see_half_a_batch() -> None:
    """Rows come in pairs that keep the mean at 0.5 and the variance at 0.25; no reader may see anything else."""
    pair = np.array([[0.0, 1.0], [1.0, 0.0]] * 4)
    m = Moments(2).learn(np.tile(pair, (3, 1)))
    stop = threading.Event()
    wrong: list[object] = []

    def read() -> None:
        while not stop.is_set():
            seen = m.mean()[:2], m.covariance(indices=[0, 1]), m.select([1]).var()
            if not (np.allclose(seen[0], 0.5) and np.allclose(seen[1], [[0.25, -0.25], [-0.25, 0.25]])):
                wrong.append(seen)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for _ in range(200):
        m.learn(pair)
        m.learn(np.tile(pair, (20, 1)))
        m.forget(pair)
        m.extend_sparse(0)
    stop.set()
    for reader in readers:
        reader.join()
    assert not wrong


@pytest.mark.parametrize("place", ["copy", "add", "move_shift", "_clear", "stored", "clear_uncounted"])
@pytest.mark.parametrize("sign", [1, -1])
def test_whatever_fails_inside_leaves_the_state(monkeypatch: pytest.MonkeyPatch, place: str, sign: int) -> None:
    """This includes failures at any point: no memory, Ctrl-C."""
    rows = np.where(np.random.default_rng(1).random(X.shape) < 0.1, np.nan, X)
    m = Moments(4).learn(X).learn(rows)
    before = m.arrays()

    def fail(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    for owner in (State, Sums, Parts):
        if hasattr(owner, place):
            monkeypatch.setattr(owner, place, fail)
    try:
        if sign > 0:
            m.learn(rows, sample_weight=np.ones(len(X)))
        else:
            m.forget(rows)
    except KeyboardInterrupt:
        monkeypatch.undo()
        assert_unchanged(m, before)


def test_an_interrupted_commit_leaves_the_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_backends, "_LITTLE_WORK", 0.0)
    m = Moments(4).learn(X)
    before = m.arrays()
    run_all = _fast._parallel.run_all
    calls: list[int] = []

    def interrupted(tasks: list[Callable[[], object]]) -> list[object]:
        results = run_all(tasks)
        calls.append(1)
        if len(calls) == 2:  # the rows are summed up, and half of the commit is done
            raise KeyboardInterrupt
        return results

    monkeypatch.setattr(_fast._parallel, "run_all", interrupted)
    with pytest.raises(KeyboardInterrupt):
        m.learn(X)
    monkeypatch.undo()
    assert_unchanged(m, before)
    np.testing.assert_allclose(m.learn(X).covariance(), np.cov(X.T, ddof=0), atol=1e-13)


def test_the_last_loop_of_a_commit_is_compiled_before_the_state_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_backends, "_LITTLE_WORK", 0.0)
    m = Moments(4).learn(X)
    before = m.arrays()

    class Compiling:
        signatures: tuple[()] = ()

        def __call__(self, n: int, p: int, *_: object) -> None:
            assert (n, p) == (0, 0)
            raise KeyboardInterrupt

    monkeypatch.setattr(_loops, "commit", Compiling())
    with pytest.raises(KeyboardInterrupt):
        m.learn(X)
    monkeypatch.undo()
    assert_unchanged(m, before)


@pytest.mark.parametrize("leave", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_are_independent(leave: Callable[[Moments], Moments]) -> None:
    m = Moments(4).learn(X)
    other = leave(m)
    other.learn(X[:10])
    assert (m.n_rows, other.n_rows) == (3000, 3010)
    np.testing.assert_allclose(m.covariance(), np.cov(X.T, ddof=0), atol=1e-13)


def test_a_state_that_has_forgotten_can_be_loaded() -> None:
    """Forgetting may leave a sum of squares a little below 0."""
    for seed in range(50):
        normal = np.random.default_rng(seed).standard_normal((9, 1))
        m = Moments(1).learn(np.concatenate([np.full((8, 1), 0.5), normal])).forget(normal[::-1])
        # 17 squares of up to 9 were added and taken away: n eps of them.
        assert Moments.from_arrays(m.arrays()).var()[0] == pytest.approx(0, abs=17 * 9 * EPS)


@pytest.mark.parametrize("scale", [1e-17, 1e-3, 1e6, 1e150])
def test_weights_of_any_size_are_forgotten(scale: float) -> None:
    rng = np.random.default_rng(2)
    rows = np.where(rng.random((60, 2)) < 0.2, np.nan, rng.standard_normal((60, 2)))
    w = rng.random(60) * scale
    m = Moments(2).learn(rows, sample_weight=w).forget(rows[:20], sample_weight=w[:20])
    left = Moments(2).learn(rows[20:], sample_weight=w[20:])
    np.testing.assert_allclose(m.mean(), left.mean(), rtol=1e-9)
    np.testing.assert_allclose(m.covariance(), left.covariance(), atol=1e-12)
    m.forget(rows[20:], sample_weight=w[20:])
    assert m.weight == 0
    assert np.isnan(m.mean()).all()


def test_the_error_bound_knows_weights() -> None:
    m = Moments(1)
    rng = np.random.default_rng(3)
    heavy = rng.standard_normal((50, 1)) * 1e4
    light = rng.standard_normal((50, 1))
    m.learn(heavy, sample_weight=np.full(50, 1e6)).learn(light).forget(heavy, sample_weight=np.full(50, 1e6))
    assert abs(m.var()[0] / light.var() - 1) <= m.error_bound[0] < 1e-9


def test_values_near_the_end_of_the_range() -> None:
    big = np.random.default_rng(4).standard_normal((1000, 2)) * 1e151
    np.testing.assert_allclose(Moments(2).learn(big).var() / 1e302, (big / 1e151).var(axis=0), rtol=1e-12)


def test_where_compiled_code_cannot_be_kept_it_is_compiled_all_the_same(tmp_path: Path) -> None:
    """A read-only installation without a home folder: no cache, no error, no warning."""
    root = Path(__file__).parents[2]
    copied = tmp_path / "kernels"
    shutil.copytree(root / "kernels", copied, ignore=shutil.ignore_patterns("__pycache__"))
    code = """
import numba.core.caching as caching
for locator in caching.CacheImpl._locator_classes:  # as if nothing could be written anywhere
    locator.from_function = classmethod(lambda cls, function, file: None)
import importlib, pkgutil
import numpy as np
import symkernels
for module in pkgutil.walk_packages(symkernels.__path__, "symkernels."):  # wherever loops are declared
    importlib.import_module(module.name)
from symkernels import ShapeError, projected_squares
from symkernels._scores import _projected_loops
print(projected_squares(np.eye(2), np.zeros(2), np.eye(2), 1)[0][0])
assert _projected_loops.projected_squares.signatures  # one loop is compiled: it takes long enough
"""
    environment = {**os.environ, "PYTHONPATH": str(copied)}
    command = [sys.executable, "-W", "error", "-c", code]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.stdout.strip() == "1.0", result.stderr
    assert not list(copied.rglob("*.nbi"))
