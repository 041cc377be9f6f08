"""Sparse 0/1 attributes: tables of the pairs that occur, and categories of many members."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symkernels import Moments, SparseRows
from symkernels._moments import _pairs
from symkernels._moments._pairs import Pairs, count_pairs
from symkernels._moments._rows import Incidence

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
