"""Sparse 0/1 attributes: tables of the pairs that occur, and categories of many members."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symkernels import DataError, ForgetError, Moments, ShapeError, SparseRows, _parallel
from symkernels._moments import _exact, _members, _pairs
from symkernels._moments._few_members import FewMembers
from symkernels._moments._pairs import Pairs, count_pairs
from symkernels._moments._rows import Incidence
from symkernels._moments._state import State
from tests.symkernels._backends import get, put

SEEDS = st.integers(0, 2**32 - 1)
WEIGHTS = {"none": None, "whole": [0.0, 1.0, 5.0], "any": [0.1, 1 / 3, 1e-12, 1e9]}


def some_ones(seed: int, size: int) -> np.ndarray:
    """Rows in which few of some attributes are 1, or none."""
    rng = np.random.default_rng(seed)
    return rng.random((rng.integers(0, 30), size)) < rng.choice([0.0, 0.1, 0.5])


def incidence(ones: np.ndarray) -> Incidence:
    indptr = np.concatenate([[0], np.cumsum(ones.sum(axis=1))])
    return Incidence(indptr, np.nonzero(ones)[1], np.zeros((len(ones), 1), bool), np.array([0]))


def table(pairs: Pairs, size: int) -> list[list[Fraction]]:
    square = pairs.square(size)
    return [[sum(map(Fraction, square[:, i, j].tolist()), Fraction(0)) for j in range(size)] for i in range(size)]


@given(seed=SEEDS, weights=st.sampled_from(sorted(WEIGHTS)), cells=st.sampled_from([0, 2**22]))
def test_pairs_are_counted_without_rounding_errors(seed: int, weights: str, cells: int) -> None:
    ones, few = some_ones(seed, 7), WEIGHTS[weights]
    weight = None if few is None else np.random.default_rng(seed).choice(few, len(ones))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_pairs, "_MOST_CELLS", cells)
        patch.setattr(_pairs, "_MOST_PAIRS", 8)
        found = table(count_pairs(incidence(ones), weight), 7)
    w = [Fraction(1)] * len(ones) if weight is None else [Fraction(float(x)) for x in weight]
    for i in range(7):
        for j in range(7):
            both = [x for x, row in zip(w, ones, strict=True) if row[i] and row[j]]
            assert found[i][j] == (sum(both, Fraction(0)) if i != j else 0)


@given(seed=SEEDS, data=st.data())
def test_the_algebra_of_pairs(seed: int, data: st.DataObject) -> None:
    a, b = (count_pairs(incidence(some_ones(seed + k, 6)), None) for k in range(2))
    total = a.plus(b)
    np.testing.assert_array_equal(total.square(6), a.square(6) + b.square(6))
    assert (np.diff(total.key) > 0).all()
    np.testing.assert_array_equal(total.plus(b, -1).square(6), a.square(6))
    place = np.array(data.draw(st.permutations([*range(6), -1])))[:6]
    moved = total.moved(place).square(6)
    for i in range(6):
        np.testing.assert_array_equal(total.beside(i, 6), total.square(6)[:, i, :])
        for j in range(6):
            np.testing.assert_array_equal(total.between(np.array(i), np.array(j)), total.square(6)[:, i, j])
            if place[i] >= 0 and place[j] >= 0:
                np.testing.assert_array_equal(moved[:, place[i], place[j]], total.square(6)[:, i, j])
    even = total.one % 2 == 0
    assert (total.kept(even).one % 2 == 0).all()


def test_counting_stops_where_the_checkpoint_raises() -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        count_pairs(incidence(np.ones((3, 4), bool)), None, stop)


@pytest.mark.parametrize("name", ["complete", "gaps", "joint"])
def test_states_of_the_second_version_are_read(name: str) -> None:
    """`moments_2.npz` has states with a full matrix of sparse attributes, and what they answered."""
    with np.load(Path(__file__).parent / "saved" / "moments_2.npz") as file:
        arrays = {key.partition(".")[2]: file[key] for key in file if key.startswith(f"{name}.")}
        kinds = ("covariance", "correlation", "condition", "cross_sums")
        right = {kind: file[f"{name}:{kind}"] for kind in kinds}
    m = Moments.from_arrays(arrays)
    sums = [m.cross_sums(i, j) for i in range(8) for j in range(8)]
    found = {
        "covariance": m.covariance(),
        "correlation": m.correlation(),
        "condition": m.condition(4).var,
        "cross_sums": [[s.n, s.sum_x, s.sum_y, s.sum_xx, s.sum_yy, s.sum_xy, s.sum_xxy, s.sum_xxyy] for s in sums],
    }
    for kind, array in found.items():  # the sums are the same to some 47 digits
        np.testing.assert_allclose(array, right[kind], rtol=1e-14, atol=1e-14, err_msg=kind)
    again = Moments.from_arrays(m.arrays())
    np.testing.assert_array_equal(again.covariance(), m.covariance())


def many(members: int, rows: int, seed: int = 0) -> tuple[Moments, SparseRows, np.ndarray, np.ndarray]:
    """A state of 20 numbers and a category, with rows of them, and the numbers of the members."""
    rng = np.random.default_rng(seed)
    m = Moments(20)
    group, numbers = m.extend_sparse(members)
    which = rng.integers(0, members, rows)
    X = rng.normal(size=(rows, 20)) + (which % 7)[:, None]
    return m, SparseRows(np.arange(rows + 1), numbers[which], None, np.array([group])), X, which


def test_a_category_of_50_000_values_fits_into_200_mb() -> None:
    m, sparse, X, which = many(50_000, 60_000)
    m.learn(X, sparse=sparse)
    assert sum(array.nbytes for array in m._sums.arrays().values()) < 100e6
    assert len(m._sums.pairs) == 0  # members of one category never meet
    for member in (which[0], which[100]):
        found = m.condition(20 + int(member))
        rows = X[which == member]
        np.testing.assert_allclose(found.mean[:20], rows.mean(axis=0), rtol=1e-12)
        assert found.count[20 + member] == len(rows)
        assert found.mean[20 + member] == 1.0
    some = m.correlation(indices=[0, 20 + int(which[0]), 20 + int(which[1])])
    columns = np.column_stack([X[:, 0], which == which[0], which == which[1]])
    np.testing.assert_allclose(some, np.corrcoef(columns.T), rtol=1e-10, atol=1e-12)
    m.forget(X, sparse=sparse)
    assert m.n_rows == 0
    assert np.isnan(m.mean()).all()


@given(seed=SEEDS, joint=st.booleans(), weights=st.sampled_from(sorted(WEIGHTS)), gaps=st.sampled_from([0.0, 0.3]))
@settings(max_examples=6)
def test_rows_with_few_members_change_what_they_should(
    xp: Any, seed: int, joint: bool, weights: str, gaps: float
) -> None:
    """Sums are the same whether the sums of few members are taken out, or all are changed."""
    rng = np.random.default_rng(seed)
    groups, members, learnt = [], [], []
    both = [Moments(2, binary=[1], joint_squares=joint) for _ in range(2)]
    for m in both:
        groups, members = zip(m.extend_sparse(8), m.extend_sparse(5), strict=True)
    for k in range(8):
        if k == 3:
            for m in both:
                m.extend(1)
        if learnt and rng.random() < 0.3:
            sign, rows = "forget", learnt.pop(int(rng.integers(len(learnt))))
        else:
            sign, rows = "learn", some_rows(rng, both[0], groups, members, weights, gaps)
            learnt.append(rows)
        X, w, sparse = rows
        X = np.concatenate([X, np.full((len(X), len(both[0].dense) - X.shape[1]), np.nan)], axis=1)
        for m, whole in zip(both, (False, True), strict=True):
            with pytest.MonkeyPatch.context() as patch:
                if whole:
                    patch.setattr(FewMembers, "of", classmethod(lambda cls, layout, rows: None))
                getattr(m, sign)(put(xp, X), None if w is None else put(xp, w), sparse)
        mine, theirs = (m._sums for m in both)
        assert mine.arrays().keys() == theirs.arrays().keys()
        for name in mine.arrays():
            array, right = (
                s.rows(both[0]._layout).stored() if name == "S" else getattr(s, name) for s in (mine, theirs)
            )
            # Numbers in three parts are added in another order; the state may be summed in float64 in one of the two.
            array, right = get(array), get(right)
            scale = np.abs(right[np.isfinite(right)]).max(initial=1.0)  # without rows, extremes are infinite
            np.testing.assert_allclose(array, right, rtol=1e-13, atol=1e-13 * scale, err_msg=name)
        np.testing.assert_array_equal(mine.pairs.key, theirs.pairs.key)
        np.testing.assert_array_equal(mine.pairs.weight, theirs.pairs.weight)
        assert mine.n_rows == theirs.n_rows
        np.testing.assert_allclose(get(both[0].mean()), get(both[1].mean()), rtol=1e-12, atol=1e-9)


def some_rows(
    rng: np.random.Generator, m: Moments, groups: Any, members: Any, weights: str, gaps: float
) -> tuple[np.ndarray, np.ndarray | None, SparseRows]:
    """A few rows with one member of each of two categories, or none where it is missing."""
    n = int(rng.integers(1, 5))
    X = np.round(rng.normal(size=(n, len(m.dense))), 2)
    X[:, 1] = X[:, 1] > 0
    X[rng.random(X.shape) < gaps] = np.nan
    missing = rng.random((n, 2)) < gaps
    which = np.column_stack([rng.choice(numbers, n) for numbers in members])
    indptr = np.concatenate([[0], np.cumsum((~missing).sum(axis=1))])
    few = WEIGHTS[weights]
    w = None if few is None else rng.choice(few, n)
    return X, w, SparseRows(indptr, which[~missing], missing, np.array(groups))


@pytest.mark.parametrize(("threads", "cells"), [(1, 10**6), (3, 10**6), (3, 1)])
@pytest.mark.parametrize("gaps", [0.0, 0.3])
@pytest.mark.parametrize("d", [3, 11])
def test_compiled_sums_of_members_equal_those_of_every_library(
    monkeypatch: pytest.MonkeyPatch, threads: int, cells: int, gaps: float, d: int
) -> None:
    rng = np.random.default_rng(7)
    monkeypatch.setattr(_parallel, "thread_count", lambda: threads)
    monkeypatch.setattr(_members, "_ENTRIES_PER_THREAD", 16)
    monkeypatch.setattr(_members, "_CELLS", cells)
    monkeypatch.setattr(_members, "_ENTRIES", 700)
    X = rng.normal(size=(300, d)) * 10.0 ** rng.uniform(-9, 9, size=(300, d)) + 1e6
    X[rng.random(X.shape) < gaps] = np.nan
    present = None if not gaps else rng.random((300, 5)) < 0.8
    ones = rng.random((300, 40)) < 0.05
    indptr, member = np.append(0, np.cumsum(ones.sum(axis=1))), np.nonzero(ones)[1]
    shift = np.resize([0.0, 1e6, 0.1], d)
    mine = _members._sum_by_member(X, None, present, indptr, member, 40, shift)
    monkeypatch.setattr(_members, "uses_loops", lambda *_: False)
    theirs = _members._sum_by_member(X, None, present, indptr, member, 40, shift)
    np.testing.assert_array_equal(mine.weights.high, theirs.weights.high)
    # Both err by some units of 2^-154 of the sum of absolute terms, which shows in no part but the third.
    size = theirs.squares.high.max()
    for name, scale in (("values", size**0.5), ("squares", size)):
        difference = getattr(mine, name) - getattr(theirs, name)
        assert np.abs(difference.high).max() <= 2.0**-140 * scale, name


def test_a_group_of_one_row_keeps_its_digits_for_the_row_that_comes_later() -> None:
    m, sparse, X, which = many(3_000, 20_000)  # more than a small state
    rare = 5
    keep = which != rare
    indices = sparse.indices[keep]
    X = X * 1e4
    m.learn(X[keep], sparse=SparseRows(np.arange(len(indices) + 1), indices, None, sparse.groups))
    for k in range(3):
        values = np.full((1, 20), 3.0 + k * 1e-4)
        m.learn(values, sparse=SparseRows(np.arange(2), np.array([20 + rare]), None, sparse.groups))
    found = m.condition(20 + rare)
    right = float(np.var([Fraction(3.0 + k * 1e-4) for k in range(3)]))
    np.testing.assert_allclose(found.var[:20], right, rtol=1e-12)
    assert (found.error_bound[:20] < 1e-12).all()


@pytest.mark.parametrize("gaps", [0.0, 0.1])
@pytest.mark.parametrize("exact", [False, True])
def test_rows_with_categories_are_summed_exactly_in_compiled_loops(
    monkeypatch: pytest.MonkeyPatch, exact: bool, gaps: float
) -> None:
    """Small batches in three levels, many rows in two; blocks with an outlier need three."""
    rng = np.random.default_rng(2)
    for n in (300, 30_000):
        m = Moments(20, exact=exact)
        group, members = m.extend_sparse(5)
        which, X = rng.integers(0, 5, n), rng.normal(size=(n, 20))
        X[n // 2, 3] = 1e9
        X[rng.random(X.shape) < gaps] = np.nan
        sparse = SparseRows(np.arange(n + 1), members[which], None, np.array([group]))
        with monkeypatch.context() as patch:
            patch.setattr(_exact, "exact_sums", lambda *_, **__: pytest.fail("slices are for other libraries"))
            m.learn(X, sparse=sparse)
        other = Moments(20, exact=exact).learn(X)
        np.testing.assert_array_equal(m.covariance(indices=range(20)), other.covariance())
        assert m.reproducible
        found = m.condition(22)
        np.testing.assert_allclose(found.mean[:20], np.nanmean(X[which == 2], axis=0), rtol=1e-10, atol=1e-12)


def test_a_group_of_zeros_is_constant_not_lost() -> None:
    m, sparse, X, which = many(3_000, 20_000)  # more than a small state; the numbers have a shift of 0
    X[which == 5] = 0.0
    found = m.learn(X, sparse=sparse).condition(25)
    np.testing.assert_array_equal(found.var[:20], 0.0)
    np.testing.assert_array_equal(found.error_bound[:20], 0.0)


def test_a_stop_while_few_members_change_leaves_the_state(monkeypatch: pytest.MonkeyPatch) -> None:
    m, sparse, X, _ = many(40, 5)
    m.learn(X, sparse=sparse)
    before = m.arrays()

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(State, "combined", stop)
    with pytest.raises(KeyboardInterrupt):
        m.learn(X, sparse=sparse)
    for name, array in m.arrays().items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)


def test_rows_that_were_never_learnt_are_refused_by_the_numbers_of_their_attributes() -> None:
    m = Moments(0)
    group, numbers = m.extend_sparse(20)
    m.extend(1)  # attribute 20, though it comes first in the sums
    sparse = SparseRows(np.arange(3), numbers[:2], None, np.array([group]))
    m.learn([[1.0], [1.25]], sparse=sparse).learn([[1.0], [1.25]], sparse=sparse)
    with pytest.raises(ForgetError, match="the sums of attribute 20 would become impossible"):
        m.forget([[-9.0], [9.0]], sparse=sparse)
    other = SparseRows(np.arange(3), numbers[18:], None, np.array([group]))
    with pytest.raises(ForgetError, match="the sums of attributes 18, 19 would become impossible"):
        m.forget([[1.0], [1.25]], sparse=other)
    with pytest.raises(DataError, match="row 0, column 0: inf is infinite"):
        m.learn([[np.inf], [1.0]], sparse=sparse)
    assert m.n_rows == 4


@given(seed=SEEDS, weights=st.sampled_from(sorted(WEIGHTS)), gaps=st.sampled_from([0.0, 0.3]))
@settings(max_examples=4)
def test_one_attribute_given_each_equals_every_attribute_given_one(
    xp: Any, seed: int, weights: str, gaps: float
) -> None:
    rng = np.random.default_rng(seed)
    m = Moments(2, binary=[1])
    groups, members = zip(m.extend_sparse(4), m.extend_sparse(3), strict=True)
    m.extend(1)
    for _ in range(3):
        X, w, sparse = some_rows(rng, m, groups, members, weights, gaps)
        m.learn(put(xp, X), None if w is None else put(xp, w), sparse)
    answers = ("count", "mean", "var", "error_bound")
    for i in range(m.n_attributes):
        found = m.conditions(i)
        for b in np.flatnonzero(m.binary):
            other = m.condition(int(b))
            for name in answers:  # the same algebra; bounds of sparse attributes leave out the rounding of weights
                mine, theirs = (float(getattr(each, name)[k]) for each, k in ((found, int(b)), (other, i)))
                np.testing.assert_allclose(mine, theirs, rtol=1e-8 if name == "error_bound" else 1e-14, err_msg=name)
        for k in np.flatnonzero(~m.binary):
            assert float(found.count[int(k)]) == 0
            assert np.isnan(float(found.var[int(k)]))


@given(seed=SEEDS, gaps=st.sampled_from([0.0, 0.3]))
def test_a_contingency_table(xp: Any, seed: int, gaps: float) -> None:
    rng = np.random.default_rng(seed)
    m = Moments(2, binary=[0, 1])
    groups, members = zip(m.extend_sparse(4), m.extend_sparse(3), strict=True)
    X, _, sparse = some_rows(rng, m, groups, members, "none", gaps)
    X[:, 0] = X[:, 0] > 0
    m.learn(put(xp, X), sparse=sparse)
    columns = np.full((len(X), 9), np.nan)
    columns[:, :2] = X
    for r in range(len(X)):
        for k, numbers in enumerate(members):
            if sparse.missing is not None and not sparse.missing[r, k]:
                columns[r, numbers] = 0.0
        columns[r, sparse.indices[sparse.indptr[r] : sparse.indptr[r + 1]]] = 1.0
    one, other = [0, 3, 8], [1, 2, 3, 6]
    table = m.cross_table(one, other)
    for a, i in enumerate(one):
        for b, j in enumerate(other):
            rows = columns[~np.isnan(columns[:, i] + columns[:, j])]
            assert float(table.both[a, b]) == (rows[:, i] * rows[:, j]).sum()
            assert float(table.row[a, b]) == rows[:, i].sum()
            assert float(table.column[a, b]) == rows[:, j].sum()
            assert float(table.present[a, b]) == len(rows)


def test_a_contingency_table_of_numbers_is_refused() -> None:
    with pytest.raises(ShapeError, match="attribute 1 is not a 0/1 attribute"):
        Moments(2, binary=[0]).cross_table([0], [1])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("gaps", [False, True])
def test_two_categories_equal_dense_columns(weighted: bool, gaps: bool) -> None:
    rng = np.random.default_rng(3)
    n, sizes = 400, (30, 20)
    m = Moments(2, joint_squares=True)
    groups, numbers = zip(*(m.extend_sparse(size) for size in sizes), strict=True)
    which = np.column_stack([rng.integers(0, size, n) for size in sizes])
    X, missing = rng.normal(size=(n, 2)) + which[:, :1], rng.random((n, 2)) < (0.2 if gaps else 0.0)
    indices = np.concatenate([numbers[k][which[:, k]][:, None] for k in range(2)], axis=1)
    sparse = SparseRows(
        np.concatenate([[0], np.cumsum((~missing).sum(axis=1))]), indices[~missing], missing, np.array(groups)
    )
    w = rng.random(n) if weighted else None
    m.learn(X, w, sparse)
    dense = np.concatenate([np.eye(size)[which[:, k]] for k, size in enumerate(sizes)], axis=1)
    for k, part in enumerate((slice(0, 30), slice(30, 50))):
        dense[missing[:, k], part] = np.nan
    other = Moments(52, binary=range(2, 52), joint_squares=True).learn(np.concatenate([X, dense], axis=1), w)
    for name in ("covariance", "correlation", "mean", "var", "pair_mean", "pair_counts"):
        np.testing.assert_allclose(getattr(m, name)(), getattr(other, name)(), rtol=1e-12, atol=1e-13, err_msg=name)
    np.testing.assert_allclose(m.condition(35).var, other.condition(35).var, rtol=1e-12, atol=1e-13)
    for i, j in ((0, 1), (0, 35), (35, 0), (3, 35), (3, 4)):
        a, b = m.cross_sums(i, j), other.cross_sums(i, j)
        np.testing.assert_allclose([a.sum_xy, a.sum_xxy, a.sum_xxyy], [b.sum_xy, b.sum_xxy, b.sum_xxyy], rtol=1e-12)
    picked = [40, 0, 3, 1]
    np.testing.assert_allclose(
        m.select(picked).covariance(), other.covariance()[np.ix_(picked, picked)], rtol=1e-12, atol=1e-13
    )
    assert len(m._sums.pairs) > 0
    assert len(m.forget(X, w, sparse)._sums.pairs) == 0
