"""Bits that do not depend on the order of rows, on batches, threads and merges: against exact fractions."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from symkernels import Moments, SparseRows
from symkernels._moments import _backends, _exactly
from symkernels._moments._layout import Layout
from symkernels._moments._numbers import Parts
from symkernels._moments._reproducible import _is_fixed
from tests.symkernels._backends import get, put

SEEDS = st.integers(0, 2**32 - 1)
P = 5  # columns of the tables below, the last of which is 0 or 1


def table(kind: str, gaps: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 200))
    X = {
        "normal": lambda: rng.normal(size=(n, P)),
        "far": lambda: rng.normal(size=(n, P)) + 1e6,
        "decimals": lambda: np.round(rng.normal(size=(n, P)), 1),
        "whole numbers": lambda: rng.integers(-2, 3, (n, P)).astype(float),
        "halves": lambda: rng.integers(-200, 300, (n, P)) / 2.0,
        "heavy tails": lambda: rng.standard_t(1, (n, P)),
        "float32": lambda: rng.normal(size=(n, P)).astype(np.float32).astype(float),
        "tiny": lambda: 1e-148 * rng.normal(size=(n, P)),
        "outlier": lambda: np.concatenate([rng.normal(size=(n, P)), np.full((1, P), 1e6)]),
        "constant": lambda: np.tile([0.1, 3.0, 1e9, 0.0, 1.0], (n, 1)),
        "design": lambda: np.array(np.meshgrid(*[[-1.0, 0.0, 1.0]] * P)).reshape(P, -1).T.copy(),
    }[kind]()
    X[:, -1] = rng.integers(0, 2, len(X))
    X[rng.random(X.shape) < gaps] = np.nan
    return X


KINDS = [
    "normal",
    "far",
    "decimals",
    "whole numbers",
    "halves",
    "heavy tails",
    "float32",
    "outlier",
    "constant",
    "tiny",
]
TABLES = st.builds(table, st.sampled_from([*KINDS, "design"]), st.sampled_from([0.0, 0.1]), SEEDS)


def new_state() -> tuple[Moments, int, np.ndarray]:
    m = Moments(P, binary=[P - 1], exact=True)
    return m, *m.extend_sparse(3)


def learnt(xp: Any, X: np.ndarray, weight: np.ndarray | None, member: np.ndarray, seed: int) -> Moments:
    """Return the state of the rows, shuffled, in some batches, or in a tree of merges."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(X))
    states = [new_state()[0]]
    for rows in np.split(order, np.sort(rng.integers(0, len(X) + 1, rng.integers(0, 5)))):
        m, group, numbers = new_state() if seed % 2 else (states[0], *new_state()[1:])
        indptr = np.concatenate([[0], np.cumsum(member[rows] < 3)])
        sparse = SparseRows(indptr, numbers[member[rows][member[rows] < 3]], None, np.array([group]))
        m.learn(put(xp, X[rows]), None if weight is None else put(xp, weight[rows]), sparse)
        if m is not states[0]:
            states.append(m)
    while len(states) > 1:
        first, second = (states.pop(int(rng.integers(len(states)))) for _ in range(2))
        states.append(first + second if first.n_rows and second.n_rows else first if first.n_rows else second)
    return states[0]


def bits(m: Moments) -> bytes:
    answers = (m.mean(), m.covariance(), m.covariance(ddof=1), m.correlation())
    return b"".join(np.where(np.isnan(get(answer)), 0.5, get(answer) + 0.0).tobytes() for answer in answers)


@given(X=TABLES, weights=st.sampled_from(["none", "whole", "any"]), seed=SEEDS)
@example(X=np.array([[0.1, 0.3, 1.0, 2.0, 1.0]]), weights="any", seed=1)
@settings(max_examples=15, deadline=None)
def test_neither_order_nor_batches_nor_merges_change_a_bit(xp: Any, X: np.ndarray, weights: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    member = rng.integers(0, 4, len(X))
    weight = {"none": None, "whole": rng.integers(0, 4, len(X)).astype(float), "any": rng.random(len(X))}[weights]
    states = [learnt(xp, X, weight, member, seed + k) for k in range(3)]
    # Of weights that are not whole numbers, sums that should be 0 are not known to be. Tiny squares have few digits.
    if weights != "any" and np.nanmax(np.abs(X[:, :-1]), initial=0.0) > 1e-100:
        assert all(m.reproducible for m in states)
    assert len({bits(m) for m in states if m.reproducible}) <= 1


@given(X=TABLES, seed=SEEDS)
@example(X=table("decimals", 0.1, 65536), seed=0)  # a variance beside the middle of two float64
@settings(max_examples=60, deadline=None)
def test_answers_are_rounded_from_the_true_ones(X: np.ndarray, seed: int) -> None:
    m = learnt(np, X, None, np.full(len(X), 3), seed)
    tiny = np.nanmax(np.abs(X[:, :-1]), initial=0.0) <= 1e-100
    assert m.reproducible or tiny
    mean, covariance = m.mean(), m.covariance()
    for i in range(P if m.reproducible else 0):
        for j in range(i, P):
            rows = X[~np.isnan(X[:, i] + X[:, j])]
            n, x, y = len(rows), *([Fraction(value) for value in rows[:, k]] for k in (i, j))
            if not n:
                assert np.isnan(covariance[i, j])
                continue
            scale = 0.5 ** np.frexp(m.weight)[1]
            product = Fraction(n) * sum(a * b for a, b in zip(x, y, strict=True)) - sum(x) * sum(y)
            if i == j:
                assert mean[i] == float(sum(x) / n)
            assert covariance[i, j] == float(product * Fraction(scale)) / (n * scale) / n


@pytest.mark.parametrize("gaps", [0.0, 0.05])
def test_neither_threads_nor_the_size_of_the_work_change_a_bit(gaps: float, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(3000, 30)) * np.logspace(-8, 8, 30) + rng.normal(size=30)
    X[rng.random(X.shape) < gaps] = np.nan
    small = Moments(30).learn(X)  # little work is exact in any case
    monkeypatch.setattr(_backends, "_LITTLE_WORK", 0.0)
    monkeypatch.setattr(_backends, "_FEW", 0.0)
    one = Moments(30, exact=True).learn(X)
    monkeypatch.setattr(_exactly, "_WORK_PER_THREAD", 1e4)
    other = Moments(30, exact=True).learn(X)
    rough = Moments(30).learn(X)
    assert [m.reproducible for m in (small, one, other, rough)] == [True, True, True, False]
    assert bits(small) == bits(one) == bits(other) != bits(rough)


@pytest.mark.parametrize("gaps", [False, True])
def test_rows_a_million_standard_deviations_from_the_mean(gaps: bool) -> None:
    X = np.random.default_rng(4).normal(size=(1000, 20))
    X[500], X[:, 1] = 1e6, X[:, 1] + 1e6
    if gaps:  # then the pairs of the first column are without the far row
        X[500, 0] = X[7, 3] = np.nan
    states = [Moments(20, exact=True).learn(rows) for rows in (X, X[::-1], X[np.argsort(X[:, 2])])]
    assert all(m.reproducible for m in states)
    assert len({bits(m) for m in states}) == 1


def test_what_was_lost_is_not_reproducible() -> None:
    X = np.random.default_rng(5).normal(size=(50, 2))
    m = Moments(2, exact=True).learn(X).learn(X * 1e40).forget(X * 1e40)
    assert not m.reproducible
    assert Moments(2, exact=True).learn(X).learn(X + 1e3).forget(X + 1e3).reproducible


def test_rough_rows_make_an_exact_state_rough(monkeypatch: pytest.MonkeyPatch) -> None:
    X = np.random.default_rng(6).normal(size=(500, 3))
    exact = Moments(3, exact=True).learn(X)
    monkeypatch.setattr(_backends, "_LITTLE_WORK", 0.0)
    assert not (exact + Moments(3).learn(X)).reproducible


def test_states_without_rows_are_reproducible() -> None:
    assert Moments(0).reproducible
    assert Moments(3).reproducible
    assert Moments(2).learn(np.full((3, 2), np.nan)).reproducible


def test_exact_is_kept() -> None:
    m = Moments(2, exact=True).learn([[0.5, 1.0], [0.25, 3.0]])
    for other in (m.copy(), m.select([1]), m + m, Moments.from_arrays(m.arrays())):
        assert other.exact
        assert other.reproducible
    m.extend(1)
    m.learn([[1.0, 2.0, 3.0]])
    assert m.exact
    assert m.reproducible
    assert not Moments(2).exact


@pytest.mark.parametrize(
    ("number", "bound", "fixed"),
    [
        ((1.0, 0.0, 0.0), 0.0, True),
        ((1.0, 2.0**-53, 0.0), 0.0, True),  # a tie, which is known: to even
        ((1.0, 2.0**-53, 0.0), 2.0**-150, False),
        ((1.0, 2.0**-53, -(2.0**-107)), 2.0**-150, False),  # may be rounded twice
        ((1.0, 2.0**-53, -(2.0**-100)), 2.0**-150, True),
        ((1.0, 2.0**-54, 0.0), 2.0**-54, False),
        ((1.0, 2.0**-54, 0.0), 2.0**-55, True),
        ((1.0, -(2.0**-54), 2.0**-100), 2.0**-101, True),  # below a power of 2 the gaps are half as wide
        ((1.0, -(2.0**-54), 2.0**-100), 2.0**-99, False),
        ((0.0, 0.0, 0.0), 0.0, True),
        ((0.0, 0.0, 0.0), 1e-300, False),
        ((np.nan, 0.0, 0.0), 1.0, True),
    ],
)
def test_the_last_bit_is_fixed_within_a_bound(number: tuple[float, ...], bound: float, fixed: bool) -> None:
    parts = Parts(*(np.array([part]) for part in number))
    assert _is_fixed(np, parts, np.array([bound])) is fixed


# -- blocks of two levels ----------------------------------------------------------------------------------------------


def rows_of(kind: str, n: int, p: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return {
        "normal": lambda: rng.normal(size=(n, p)),
        "equal": lambda: np.tile(rng.normal(size=p), (n, 1)),  # all roundings are to the same side
        "sizes": lambda: rng.normal(size=(n, p)) * 2.0 ** rng.integers(-7, 7, (n, p)),
        "columns": lambda: rng.normal(size=(n, p)) * np.logspace(-100, 100, p),
        "ones": lambda: np.where(rng.random((n, p)) < 0.5, 1.0, -1.0) * np.nextafter(1, 2),
    }[kind]()


def norm(column: list[Fraction]) -> Fraction:
    """Return a power of 2 that is at least the norm of a column, as the loops take it."""
    return (
        Fraction(2.0 ** np.frexp(1.001 * float(sum(u * u for u in column)) ** 0.5)[1]) if any(column) else Fraction(0)
    )


@given(
    kind=st.sampled_from(["normal", "equal", "sizes", "columns", "ones"]),
    n=st.sampled_from([1, 63, 64, 65, 150]),
    p=st.sampled_from([1, 3, 4, 9]),
    gaps=st.sampled_from([0.0, 0.2]),
    seed=SEEDS,
)
@settings(max_examples=25, deadline=None)
def test_sums_of_blocks_are_within_their_bounds(kind: str, n: int, p: int, gaps: float, seed: int) -> None:
    from symkernels._moments import _exact_blocks as blocks

    rng = np.random.default_rng(seed)
    X = rows_of(kind, n, p, seed)
    X[:, -1] = rng.integers(0, 2, n)
    X[rng.random(X.shape) < gaps] = np.nan
    layout = Layout().with_dense(np.arange(p) == p - 1)
    sums, left_out = _exactly.sum_blocks(X, layout, np.zeros(p))
    kept = np.setdiff1d(np.arange(n), left_out)
    assert sums.n_rows == len(kept)
    if gaps == 0 and kind in ("normal", "equal", "columns", "ones"):
        assert len(left_out) == 0
    columns = [[Fraction(0 if np.isnan(v) else v) for v in X[:, j]] for j in range(p)]
    starts = [start for start in range(0, n, blocks.BLOCK) if start in kept]
    G = [[norm(column[start : start + blocks.BLOCK]) for start in starts] for column in columns]

    def check(found: np.ndarray, place: tuple[int, ...], terms: Any, bound: Fraction) -> None:
        error = sum(Fraction(part) for part in found[(slice(None), *place)].tolist()) - sum(terms)
        assert abs(error) <= bound, (place, float(error), float(bound))

    unit, of_one = Fraction(blocks.PRODUCT_ERROR), Fraction(blocks.TOTAL_ERROR) * len(starts)
    own = [unit * sum(g * g for g in of_blocks) for of_blocks in G]
    times = 1 if sums.N is None else 4
    for i, u in enumerate(columns):
        error = np.max(sums.Q_error[i])
        assert own[i] * times <= Fraction(float(error)) * (1 + Fraction(1, 2**40))
        here = [r for r in kept if not np.isnan(X[r, i])]
        for j, v in enumerate(columns):
            both = [r for r in here if not np.isnan(X[r, j])]
            if i <= j:
                check(
                    sums.S,
                    (i, j),
                    (u[r] * v[r] for r in both),
                    unit * sum(g * h for g, h in zip(G[i], G[j], strict=True)),
                )
            if sums.N is not None:
                assert sums.N[0, i, j] == len(both)
                check(sums.Q, (i, j), (u[r] * u[r] for r in both), 2 * own[i])
                total = Fraction(float(4 * own[i] * of_one) ** 0.5)
                check(sums.T, (i, j), (u[r] for r in both), total)
        if sums.N is None:
            check(sums.T, (i,), (u[r] for r in here), Fraction(float(own[i] * of_one) ** 0.5))
        check(sums.V, (i, 0), (u[r] ** 2 * columns[-1][r] for r in here), Fraction(float(sums.V_error[i, 0])))
        if len(here):
            assert sums.low[i] == np.nanmin(X[here, i])
            assert sums.high[i] == np.nanmax(X[here, i])


@pytest.mark.parametrize("what", ["far", "uneven", "tiny", "huge", "infinite"])
def test_blocks_that_need_more_than_two_levels_are_left_out(what: str) -> None:
    X = np.random.default_rng(7).normal(size=(200, 6)) + 1000.0
    X[70, 2] = {"far": 1e9, "uneven": 0.1, "tiny": 1000.0, "huge": 1e200, "infinite": np.inf}[what]
    shift = np.full(6, 1000.0)
    if what == "tiny":
        X[:, 2] = shift[2] = 0.0
        X[70, 2] = 1e-200
    _, left_out = _exactly.sum_blocks(X, Layout().with_dense(np.zeros(6, bool)), shift)
    assert left_out.tolist() == list(range(64, 128))


@pytest.mark.parametrize("p", [1, 5, 30, 520])
@pytest.mark.parametrize("order", ["C", "F"])
def test_blocks_and_three_levels_have_the_same_answers(p: int, order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(8)
    X = np.asarray(rng.normal(size=(300, p)), order=order)
    X[:, ::3] += 50.0  # with another shift
    X[100, :3], X[7, :2] = 1e8, np.nan
    states = []
    for few in (1e99, 0.0):
        monkeypatch.setattr(_backends, "_FEW", few)
        states.append(Moments(p, exact=True).learn(X[:150]).learn(X[150:]))
        states.append(Moments(p, exact=True).learn(X[::-1]))
    assert all(m.reproducible for m in states)
    assert len({bits(m) for m in states}) == 1
    for m in states[1:]:
        assert m.min.tolist() == states[0].min.tolist()
        np.testing.assert_allclose(m.skewness(), states[0].skewness(), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(m.kurtosis(), states[0].kurtosis(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("level", [1e3, 1e9, 1e12])
@pytest.mark.parametrize("gaps", [False, True])
def test_groups_and_gaps_keep_their_digits_in_blocks(level: float, gaps: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_backends, "_LITTLE_WORK", 0.0)
    monkeypatch.setattr(_backends, "_FEW", 0.0)
    rng = np.random.default_rng(9)
    near, far = (np.round(rng.normal(size=(300, 3)), 3) for _ in range(2))
    near[:, 2], far[:, 2] = 1.0, 0.0
    far[:, :2] += level
    if gaps:
        far[:, 1] = np.nan
    right = [float(sum(Fraction(v) ** 2 for v in c) / 300 - (sum(map(Fraction, c)) / 300) ** 2) for c in near.T[:2]]
    for batches in (
        [near, far],
        [far, near],
        [np.concatenate([near, far])],
        [np.concatenate([far, near])[::2], far[1::2], near[1::2]],
    ):
        m = Moments(3, binary=[2], exact=True)
        for batch in batches:
            m.learn(batch)
        allowed = 1e-12 if level <= 1e9 else 1e-6
        np.testing.assert_allclose(m.condition(2).var[:2], right, rtol=allowed)
        if gaps:
            np.testing.assert_allclose(m.var()[1], right[1], rtol=1e-15)
        if len(batches) == 2:
            m.forget(far)
            np.testing.assert_allclose(m.var()[:2], right, rtol=1e-9)
