"""`Moments` compared with a model that keeps the rows, after any sequence of operations."""

from __future__ import annotations

from math import fsum
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from symkernels import ForgetError, Moments, SparseRows
from symkernels._moments import _backends

SEEDS = st.integers(0, 2**32 - 1)
OFFSETS = st.sampled_from([0.0, 3.0, 1e4, -1e6])
WEIGHTS = st.sampled_from(["none", "none", "dyadic", "rounded"])
EPS = 2.0**-50


class Rows:
    """The model: every row, NaN where missing, and the sparse groups that are present in it."""

    def __init__(self, X: np.ndarray, weight: np.ndarray, present: np.ndarray) -> None:
        self.X, self.weight, self.present = X, weight, present

    def __add__(self, other: Rows) -> Rows:
        return Rows(
            np.concatenate([self.X, other.X]),
            np.concatenate([self.weight, other.weight]),
            np.concatenate([self.present, other.present]),
        )

    def __getitem__(self, index: Any) -> Rows:
        return Rows(self.X[index], self.weight[index], self.present[index])

    def __len__(self) -> int:
        return len(self.X)


class MomentsMachine(RuleBasedStateMachine):
    @initialize(dense=st.integers(0, 3), binary=st.booleans(), joint=st.booleans(), little=st.booleans())
    def start(self, dense: int, binary: bool, joint: bool, little: bool) -> None:
        self.usual = _backends._LITTLE_WORK
        if not little:  # then no sums are exact
            _backends._LITTLE_WORK = 0.0
        self.joint = joint
        self.kinds: list[tuple[str, Any]] = []  # ("dense", whether 0/1) or ("sparse", group)
        self.is_sparse_group: list[bool] = []
        mask = [binary and j == dense - 1 for j in range(dense)]
        self.m = Moments(dense, binary=np.array(mask, bool), joint_squares=joint)
        self.rows = Rows(np.empty((0, 0)), np.empty(0), np.empty((0, 0), bool))
        for is_binary in mask:
            self._add_dense(is_binary)
        # The largest value ever learnt: rounding errors are relative to it.
        self.span, self.size, self.ever = np.zeros(dense), np.ones(dense), 0.0
        self.low, self.high = np.full(dense, np.inf), np.full(dense, -np.inf)

    def teardown(self) -> None:
        _backends._LITTLE_WORK = self.usual

    # -- the model -----------------------------------------------------------------------------------------------------

    def _add_dense(self, is_binary: bool) -> None:
        self.kinds.append(("dense", is_binary))
        self.is_sparse_group.append(False)
        n = len(self.rows)
        self.rows.X = np.column_stack([self.rows.X, np.full(n, np.nan)])
        self.rows.present = np.column_stack([self.rows.present, np.zeros(n, bool)])

    def _widen(self, q: int) -> None:
        self.span, self.size = np.append(self.span, np.zeros(q)), np.append(self.size, np.ones(q))
        self.low, self.high = np.append(self.low, np.full(q, np.inf)), np.append(self.high, np.full(q, -np.inf))

    def _saw(self, rows: Rows) -> None:
        if rows.X.size:
            self.low = np.fmin(self.low, np.fmin.reduce(rows.X, axis=0))
            self.high = np.fmax(self.high, np.fmax.reduce(rows.X, axis=0))
        # Sums of 0/1 attributes are about 0, also when they hold other values later.
        about_zero = np.array([kind != "dense" or detail for kind, detail in self.kinds], bool)
        low = np.where(about_zero, np.fmin(self.low, 0), self.low)
        high = np.where(about_zero, np.fmax(self.high, 1), self.high)
        self.span = np.where(high > low, high - np.where(high > low, low, 0), 0.0)
        ends = np.abs(np.stack([self.low, self.high]))
        self.size = np.fmax(self.size, np.where(np.isfinite(ends), ends, 0.0).max(axis=0))
        self.ever += float(rows.weight.sum())

    def _some_rows(self, seed: int, n: int, gaps: float, offset: float, weights: str, speak: bool) -> Rows:
        rng = np.random.default_rng(seed)
        P, G = len(self.kinds), len(self.is_sparse_group)
        X = np.empty((n, P))
        present = np.zeros((n, G), bool)
        sparse_groups = np.flatnonzero(self.is_sparse_group)
        if speak:
            present[:, sparse_groups] = rng.random((n, len(sparse_groups))) >= gaps
        for i, (kind, detail) in enumerate(self.kinds):
            if kind == "sparse":
                X[:, i] = np.where(present[:, detail], rng.random(n) < 0.4, np.nan)
            else:
                X[:, i] = rng.random(n) < 0.5 if detail else offset + np.round(rng.normal(size=n), 2) * 3
                if rng.random() < 0.1 and not detail:
                    X[:, i] = offset + 0.1
                X[rng.random(n) < gaps, i] = np.nan
        sizes = {"none": [1.0], "dyadic": [0.0, 0.5, 1.0, 2.0, 3.0], "rounded": [0.0, 0.1, 0.7, 1.3]}[weights]
        weight = rng.choice(sizes, n)
        return Rows(X, weight, present)

    def _arguments(self, rows: Rows, weighted: bool, speak: bool) -> tuple[Any, ...]:
        dense = [i for i, (kind, _) in enumerate(self.kinds) if kind != "sparse"]
        sparse = [i for i, (kind, _) in enumerate(self.kinds) if kind == "sparse"]
        groups = np.flatnonzero(self.is_sparse_group)
        incidence = None
        if speak or rows.present.any():
            ones = [[i for i in sparse if row[i] == 1] for row in rows.X]
            indptr = np.cumsum([0, *map(len, ones)])
            indices = np.array([i for row in ones for i in row], int)
            incidence = SparseRows(indptr, indices, ~rows.present[:, groups], groups)
        return np.ascontiguousarray(rows.X[:, dense]), (rows.weight if weighted else None), incidence

    def _fresh(self, order: list[int] | None = None) -> Moments:
        """Return a state with the same attributes and no rows, with dense attributes in another order if asked."""
        kinds = [self.kinds[i] for i in order] if order else self.kinds
        m = Moments(0, joint_squares=self.joint)
        groups: dict[int, int] = {}
        empty = [g for g, sparse in enumerate(self.is_sparse_group) if sparse]
        for kind, detail in kinds:
            if kind == "sparse":
                groups[detail], _ = m.extend_sparse(1, groups.get(detail))
            else:
                m.extend(1, binary=[0] if detail else None)
        assert order is not None or set(groups) == set(empty)
        return m

    # -- operations ----------------------------------------------------------------------------------------------------

    @rule(seed=SEEDS, n=st.integers(0, 30), gaps=st.sampled_from([0.0, 0.0, 0.3]), offset=OFFSETS,
          weights=WEIGHTS, speak=st.booleans())  # fmt: skip
    def learn(self, seed: int, n: int, gaps: float, offset: float, weights: str, speak: bool) -> None:
        rows = self._some_rows(seed, n, gaps, offset, weights, speak)
        self.m.learn(*self._arguments(rows, weights != "none", speak))
        self.rows = self.rows + rows
        self._saw(rows)

    @rule(seed=SEEDS, share=st.sampled_from([0.2, 0.7, 1.0]))
    def forget(self, seed: int, share: float) -> None:
        gone = np.random.default_rng(seed).random(len(self.rows)) < share
        rows = self.rows[gone]
        self.m.forget(*self._arguments(rows, True, True))
        self.rows = self.rows[~gone]
        self._saw(rows)

    @rule(seed=SEEDS)
    def forget_too_much(self, seed: int) -> None:
        extra = self._some_rows(seed, 1, 0.0, 0.0, "none", True)
        before = self.m.arrays()
        with pytest.raises(ForgetError):
            self.m.forget(*self._arguments(self.rows + extra, True, True))
        after = self.m.arrays()
        assert before.keys() == after.keys()
        for name, array in before.items():
            np.testing.assert_array_equal(after[name], array, err_msg=name)

    @precondition(lambda self: all(any(k == ("sparse", g) for k in self.kinds) or not s
                                   for g, s in enumerate(self.is_sparse_group)))  # fmt: skip
    @rule(seed=SEEDS, n=st.integers(0, 30), gaps=st.sampled_from([0.0, 0.3]), offset=OFFSETS,
          weights=WEIGHTS, speak=st.booleans(), back=st.booleans(), swap=st.booleans())  # fmt: skip
    def merge(self, seed: int, n: int, gaps: float, offset: float, weights: str, speak: bool, back: bool,
              swap: bool) -> None:  # fmt: skip
        other = self._fresh()
        if any(k[0] == "was 0/1" for k in self.kinds) or not np.array_equal(other.group, self.m.group):
            return
        rows = self._some_rows(seed, n, gaps, offset, weights, speak)
        other.learn(*self._arguments(rows, weights != "none", speak))
        if back:
            self.m = (self.m + other) - other
        else:
            self.m = other + self.m if swap else self.m + other
            self.rows = self.rows + rows
        self._saw(rows)

    @precondition(lambda self: len(self.kinds) < 7)
    @rule(q=st.integers(0, 2), binary=st.booleans())
    def extend(self, q: int, binary: bool) -> None:
        numbers = self.m.extend(q, binary=list(range(q)) if binary else None)
        assert numbers.tolist() == list(range(len(self.kinds), len(self.kinds) + q))
        for _ in range(q):
            self._add_dense(binary)
        self._widen(q)

    @precondition(lambda self: len(self.kinds) < 7)
    @rule(members=st.integers(0, 2), new=st.booleans(), pick=st.integers(0, 100))
    def extend_sparse(self, members: int, new: bool, pick: int) -> None:
        groups = np.flatnonzero(self.is_sparse_group)
        group = None if new or not len(groups) else int(groups[pick % len(groups)])
        chosen, numbers = self.m.extend_sparse(members, group)
        n = len(self.rows)
        if group is None:
            assert chosen == len(self.is_sparse_group)
            self.is_sparse_group.append(True)
            self.rows.present = np.column_stack([self.rows.present, np.zeros(n, bool)])
        for number in numbers.tolist():
            assert number == len(self.kinds)
            self.kinds.append(("sparse", chosen))
            self.rows.X = np.column_stack([self.rows.X, np.where(self.rows.present[:, chosen], 0.0, np.nan)])
        self._widen(members)
        self.span[len(self.span) - members :] = 1.0

    @rule(pick=st.integers(0, 100))
    def make_continuous(self, pick: int) -> None:
        those = [i for i, kind in enumerate(self.kinds) if kind == ("dense", True)]
        if those:
            i = those[pick % len(those)]
            self.m.make_continuous(i)
            self.kinds[i] = ("was 0/1", False)

    @rule(seed=SEEDS)
    def align(self, seed: int) -> None:
        if any(s and ("sparse", g) not in self.kinds for g, s in enumerate(self.is_sparse_group)):
            return
        order = np.random.default_rng(seed).permutation(len(self.kinds)).tolist()
        like = self._fresh(order)
        if not order:
            return
        old_group = self.m.group.tolist()
        self.m = self.m.aligned(like, order)
        self.kinds = [self.kinds[i] for i in order]
        new_group = like.group.tolist()
        present = np.zeros_like(self.rows.present)
        sparse = [False] * len(self.is_sparse_group)
        for at, i in enumerate(order):
            if self.kinds[at][0] == "sparse":
                present[:, new_group[at]] = self.rows.present[:, old_group[i]]
                sparse[new_group[at]] = True
                self.kinds[at] = ("sparse", new_group[at])
        self.is_sparse_group, self.rows.present = sparse, present
        self.rows.X = self.rows.X[:, order]
        for name in ("span", "size", "low", "high"):
            setattr(self, name, getattr(self, name)[order])

    @rule()
    def save_and_load(self) -> None:
        self.m = Moments.from_arrays(self.m.arrays())

    @rule()
    def copy(self) -> None:
        self.m.copy().learn(np.zeros((1, len(self.m.dense))))
        self.m = self.m.copy()

    # -- comparisons ---------------------------------------------------------------------------------------------------

    @invariant()
    def answers_are_those_of_the_rows(self) -> None:
        if not hasattr(self, "m"):
            return
        assert self.m.n_rows == len(self.rows)
        np.testing.assert_allclose(self.m.weight, self.rows.weight.sum(), rtol=0, atol=1e-13 * self.ever)
        self._compare(self.m, np.arange(len(self.kinds)))
        self._compare_extremes(self.m)

    @rule(seed=SEEDS)
    def select(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        some = rng.permutation(len(self.kinds))[: int(rng.integers(0, len(self.kinds) + 1))]
        chosen = self.m.select(some.tolist())
        self._compare(chosen, some)
        np.testing.assert_array_equal(chosen.covariance(1), self.m.covariance(1, indices=some.tolist()))

    def _compare(self, m: Moments, some: np.ndarray) -> None:
        X, w = self.rows.X[:, some], self.rows.weight
        here = ~np.isnan(X)
        Z = np.where(here, X, 0.0)
        count = (here * w[:, None]).T @ here.astype(float)
        np.testing.assert_allclose(m.pair_counts(), count, rtol=0, atol=1e-13 * self.ever)
        np.testing.assert_allclose(m.count, count.diagonal(), rtol=0, atol=1e-13 * self.ever)
        span, size, ever = self.span[some], self.size[some], max(self.ever, 1.0)
        n = np.where(count > 0, count, np.nan)
        # A plain sum of numbers of one sign loses more digits than `Moments` may: its error grows with the rows.
        mean = np.array([[fsum(Z[both, i] * w[both]) for both in (here.T & here[:, i])] for i in range(len(some))])
        mean = mean.reshape(count.shape) / n
        share = ever / np.where(count > 0, count, 1.0)  # of all rows ever learnt, the share that is left
        slack = 1e-13 * share * span[:, None] + EPS * size[:, None]
        close(m.pair_mean(), mean, slack)
        close(m.mean(), mean.diagonal(), slack.diagonal())
        cov = np.full(count.shape, np.nan)
        for i in range(len(some)):
            for j in range(len(some)):
                both = here[:, i] & here[:, j]
                if count[i, j] > 0:
                    cov[i, j] = w[both] @ ((Z[both, i] - mean[i, j]) * (Z[both, j] - mean[j, i])) / count[i, j]
        allowed = 1e-12 * share * np.outer(span, span)
        allowed += EPS * np.outer(size, span) + EPS * np.outer(span, size) + EPS**2 * np.outer(size, size)
        close(m.covariance(), cov, allowed)
        close(m.var(), cov.diagonal(), allowed.diagonal())
        assert not (m.var() < 0).any()
        R = m.correlation()
        assert not (np.abs(R) > 1).any()
        np.testing.assert_array_equal(np.isnan(R), np.isnan(R.T))
        for b in np.flatnonzero(m.binary).tolist():
            self._compare_condition(m, b, Z, here, w, allowed.diagonal() * count.diagonal(), slack.diagonal())
        for i in range(len(some)):
            for j in range(len(some)):
                self._compare_cross_sums(m, i, j, Z, here, w, size)

    def _compare_condition(self, m: Moments, j: int, Z: np.ndarray, here: np.ndarray, w: np.ndarray,
                           squares: np.ndarray, slack: np.ndarray) -> None:  # fmt: skip
        found = m.condition(j)
        for i in range(Z.shape[1]):
            rows = here[:, i] & here[:, j] & (Z[:, j] == 1)
            n = w[rows].sum()
            assert abs(found.count[i] - n) <= 1e-13 * self.ever
            if n == 0:
                assert found.count[i] == 0
                assert np.isnan(found.mean[i])
                assert np.isnan(found.var[i])
                continue
            mean = w[rows] @ Z[rows, i] / n
            ratio = max(self.ever, 1.0) / n
            assert abs(found.mean[i] - mean) <= ratio * slack[i] + 1e-300
            span = self.span[np.arange(len(self.span))].max(initial=0.0)
            assert abs(found.var[i] - w[rows] @ (Z[rows, i] - mean) ** 2 / n) <= 1e-11 * ratio * max(span, 1) ** 2

    def _compare_cross_sums(self, m: Moments, i: int, j: int, Z: np.ndarray, here: np.ndarray, w: np.ndarray,
                            size: np.ndarray) -> None:  # fmt: skip
        both = here[:, i] & here[:, j]
        x, y, v = Z[both, i], Z[both, j], w[both]
        found = m.cross_sums(i, j)
        unit = 1e-12 * max(self.ever, 1.0)
        a, b = size[i], size[j]
        kept = self.joint or m.binary[j]
        expected = {
            "n": (v.sum(), 1.0),
            "sum_x": (v @ x, a), "sum_y": (v @ y, b),
            "sum_xx": (v @ x**2, a * a), "sum_yy": (v @ y**2, b * b), "sum_xy": (v @ (x * y), a * b),
            "sum_xxy": (v @ (x * x * y) if kept else np.nan, a * a * b),
            "sum_xxyy": (v @ (x * x * y * y) if kept else np.nan, a * a * b * b),
        }  # fmt: skip
        for name, (value, scale) in expected.items():
            close(np.array(getattr(found, name)), np.array(value), np.array(unit * scale))

    def _compare_extremes(self, m: Moments) -> None:
        for i in range(len(self.kinds)):
            x = self.rows.X[self.rows.weight > 0, i]
            x = x[~np.isnan(x)]
            if not len(x):
                assert np.isnan(m.min[i])
                assert np.isnan(m.max[i])
                continue
            assert m.min[i] == x.min() if m.min_exact[i] else m.min[i] <= x.min()
            assert m.max[i] == x.max() if m.max_exact[i] else m.max[i] >= x.max()


def close(actual: np.ndarray, expected: np.ndarray, atol: np.ndarray) -> None:
    np.testing.assert_array_equal(np.isnan(actual), np.isnan(expected))
    wrong = np.abs(np.nan_to_num(actual) - np.nan_to_num(expected)) > atol
    allowed = np.broadcast_to(atol, wrong.shape)[wrong]
    assert not wrong.any(), f"{actual[wrong]} against {expected[wrong]}, allowed {allowed}"


TestMoments = MomentsMachine.TestCase
TestMoments.settings = settings(max_examples=60, stateful_step_count=15, deadline=None)
