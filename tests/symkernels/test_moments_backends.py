"""All bodies compute the same sums: the generic one, the compiled loops, any number of threads, CuPy."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from symkernels import Moments, SparseRows, _parallel
from symkernels._moments import _backends, _fast, _generic, _intake
from symkernels._moments._layout import Layout
from symkernels._moments._rows import incidence
from symkernels._moments._sums import Sums
from tests.symkernels._backends import assert_kind, get, put

WIDTHS = [1, 2, 7, 8, 9, 16, 23, 24, 25, 50, 64, 100]
LENGTHS = [1, 3, 127, 128, 129, 400]


def rows(n: int, p: int, *, gaps: bool, sparse: bool, seed: int = 0) -> tuple[np.ndarray, Layout, SparseRows | None]:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) + 3
    binary = np.zeros(p, bool)
    binary[1::3] = True
    X[:, binary] = X[:, binary] > 3
    if gaps:
        X[rng.random((n, p)) < 0.15] = np.nan
    layout, incident = Layout().with_dense(binary), None
    if sparse:
        layout, group = layout.with_sparse(5, None)
        here = rng.random(n) < (0.8 if gaps else 1.1)
        indptr = np.concatenate([[0], np.cumsum(2 * here)])
        pairs = np.array([rng.choice(5, 2, replace=False) for _ in range(here.sum())]).reshape(-1)
        incident = SparseRows(indptr, p + pairs, ~here[:, None], np.array([group]))
    return X, layout, incident


def assert_same_sums(a: Sums, b: Sums, X: np.ndarray) -> None:
    """Bodies add up in different orders: n eps of the largest fourth power bounds the difference of two sums."""
    assert a.n_rows == b.n_rows
    assert a.weight == b.weight
    assert (a.N is None) == (b.N is None)
    scale = max(1.0, np.nanmax(np.abs(X), initial=0)) ** 4 * max(1, len(X))
    for name, array in a.arrays().items():
        mine, theirs = get(array), get(b.arrays()[name])
        if name == "S":
            mine, theirs = np.triu(mine), np.triu(theirs)
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-14 * scale, err_msg=name)
    np.testing.assert_array_equal(a.pairs.key, b.pairs.key)
    np.testing.assert_array_equal(a.pairs.weight, b.pairs.weight)


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("p", WIDTHS)
def test_compiled_loops_equal_the_generic_body(p: int, gaps: bool, sparse: bool) -> None:
    for n in LENGTHS:
        X, layout, given = rows(n, p, gaps=gaps, sparse=sparse)
        shift = np.where(layout.binary[:p], 0.0, 2.5)
        incident = incidence(given, n, layout)
        layout = layout.without_members()
        expected = _generic.block_sums(X, None, incident, layout, shift, joint=False)
        assert_same_sums(_fast.sum_rows(X, incident, layout, shift), expected, X)
        if not sparse:
            assert_same_sums(_fast.sum_rows(np.asfortranarray(X), None, layout, shift), expected, X)


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
@pytest.mark.parametrize("gaps", [False, True])
def test_threads_change_nothing_but_rounding(monkeypatch: pytest.MonkeyPatch, threads: int, gaps: bool) -> None:
    X, layout, given = rows(1000, 20, gaps=gaps, sparse=True)
    incident, layout = incidence(given, 1000, layout), layout.without_members()
    shift = np.zeros(20)
    alone = _fast.sum_rows(X, incident, layout, shift)
    monkeypatch.setattr(_fast, "_WORK_PER_THREAD", 1.0)
    monkeypatch.setattr(_fast, "_WORK_PER_WAKE", 0.0)
    monkeypatch.setattr(_fast, "_WORK_PER_CHECK", 128.0 * 400)
    monkeypatch.setattr(_parallel, "thread_count", lambda: threads)
    assert_same_sums(_fast.sum_rows(X, incident, layout, shift), alone, X)


def _steps(m: Moments, X: np.ndarray, given: SparseRows | None, move: Any) -> dict[str, Any]:
    """Use every operation of a state, on the library to which ``move`` moves arrays."""
    n = len(X)

    def part(start: int, stop: int) -> SparseRows | None:
        if given is None or given.missing is None:
            return None
        first, last = given.indptr[start], given.indptr[stop]
        indptr = given.indptr[start : stop + 1] - first
        return SparseRows(indptr, given.indices[first:last], given.missing[start:stop], given.groups)

    m.learn(move(X[: n // 2]), sparse=part(0, n // 2))
    m.learn(move(X[n // 2 :]), sample_weight=move(np.linspace(0, 2, n - n // 2)), sparse=part(n // 2, n))
    m.forget(move(X[: n // 4]), sparse=part(0, n // 4))
    m.merge(m.copy())
    m.extend(1)
    methods = ("mean", "var", "skewness", "kurtosis", "covariance", "correlation", "pair_mean")
    found = {name: getattr(m, name)() for name in methods}
    found |= {name: getattr(m, name) for name in ("count", "min", "max", "error_bound")}
    found |= {"selected": m.select([1, 0]).covariance(), "pairs": m.pair_counts(), "condition": m.condition(1).var}
    return found


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_library_gives_the_same_answers(xp: Any, gaps: bool, sparse: bool, joint: bool, dtype: str) -> None:
    X, layout, given = rows(80, 6, gaps=gaps, sparse=sparse)
    X = X.astype(dtype)

    def state() -> Moments:
        m = Moments(6, binary=np.flatnonzero(layout.binary[:6]), joint_squares=joint)
        if sparse:
            m.extend_sparse(5)
        return m

    like = put(xp, [0.0])
    m = state()
    found = _steps(m, X, given, lambda x: put(xp, x, str(x.dtype)))
    expected = _steps(state(), X, given, lambda x: x)
    # 200 rows with weights up to 2 came and went: n eps is 1e-13; kurtosis magnifies it, as its powers cancel.
    for name, array in found.items():
        if name != "error_bound":
            assert_kind(array, like)
        np.testing.assert_allclose(get(array), expected[name], rtol=1e-9, atol=1e-11, err_msg=name)
    moved = state().learn(X, sparse=given).to(like)  # a state can move to another library and learn there
    assert_kind(moved.learn(put(xp, X, dtype), sparse=given).covariance(), like)
    np.testing.assert_allclose(
        get(moved.covariance()), state().learn(X, sparse=given).learn(X, sparse=given).covariance(), atol=1e-12
    )
    back = Moments.from_arrays(m.arrays())
    # The same sums, and a handful of operations on each in another library: some eps of sums of size 100.
    np.testing.assert_allclose(back.covariance(), get(m.covariance()), rtol=0, atol=1e-13)


def test_without_numba_the_answers_are_the_same_and_a_warning_says_so() -> None:
    """In a new process, in which Numba cannot be imported."""
    code = """
import sys, warnings
sys.modules["numba"] = None
import numpy as np
from symkernels import Moments
X = np.random.default_rng(0).standard_normal((300, 5)); X[4, 2] = np.nan
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    m = Moments(5).learn(X)
    m.learn(X[:1])
assert [w for w in caught if "Numba cannot be used" in str(w.message)], caught
full = Moments(5).learn(np.nan_to_num(X))
np.testing.assert_allclose(full.covariance(), np.cov(np.nan_to_num(X).T, ddof=0))
print(repr(float(m.covariance()[0, 2])))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    X = np.random.default_rng(0).standard_normal((300, 5))
    X[4, 2] = np.nan
    assert float(result.stdout) == pytest.approx(Moments(5).learn(X).learn(X[:1]).covariance()[0, 2], rel=1e-12)


@pytest.mark.parametrize("n", [2, 100, 5000])
@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("gaps_before", [False, True])
def test_the_fast_path_equals_merging_a_batch(
    monkeypatch: pytest.MonkeyPatch, n: int, gaps: bool, gaps_before: bool
) -> None:
    """The fast path gives the result of merging a state of the same rows, and complete rows take it."""
    monkeypatch.setattr(_backends, "_LITTLE_WORK", 0.0)
    first, _, _ = rows(100, 10, gaps=gaps_before, sparse=False)
    X, layout, _ = rows(n, 10, gaps=gaps, sparse=False, seed=1)
    m = Moments(10, binary=np.flatnonzero(layout.binary)).learn(first)
    long = m + Moments(10, binary=np.flatnonzero(layout.binary)).learn(X)
    for part in np.array_split(X, 3):  # buffers are used again
        if len(part):
            assert _intake.try_fast_path(lambda: m._state, part, m._settings, None, m._lock)
    assert m.n_rows == long.n_rows
    # 5,100 rows of size 1, about shifts of size 3: n eps is 1e-12, and errors mostly cancel.
    for name in ("mean", "covariance", "skewness", "kurtosis", "pair_counts"):
        np.testing.assert_allclose(getattr(m, name)(), getattr(long, name)(), rtol=1e-11, atol=1e-12, err_msg=name)
    np.testing.assert_allclose(m.condition(1).var, long.condition(1).var, atol=1e-12)
    np.testing.assert_array_equal(m.min, long.min)
    np.testing.assert_array_equal(m.max, long.max)
