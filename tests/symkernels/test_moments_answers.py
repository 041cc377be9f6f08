"""Answers against NumPy, pandas and SciPy, with and without missing values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given

from symkernels import DataError, Moments, ShapeError, SparseRows
from symkernels._moments import _backends
from tests.symkernels._matrices import EPS
from tests.symkernels._rows import learnt, scale_of, tables

SHAPES = [(1, 1), (7, 3), (64, 8), (65, 9), (1000, 30), (300, 100), (900, 700)]


@pytest.fixture(params=SHAPES, ids=str)
def X(request: pytest.FixtureRequest) -> np.ndarray:
    n, p = request.param
    rng = np.random.default_rng(n)
    return rng.standard_normal((n, p)) @ rng.standard_normal((p, p)) + 10 * rng.standard_normal(p)


def with_gaps(X: np.ndarray, share: float, seed: int = 0) -> np.ndarray:
    return np.where(np.random.default_rng(seed).random(X.shape) < share, np.nan, X)


def pairwise(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Covariance and correlation of the rows in which both columns have a value, as pandas defines them."""
    present = (~np.isnan(X)).astype(float)
    U = np.nan_to_num(X - np.nanmean(X, axis=0))  # about a mean of its own each pair loses few digits
    n = present.T @ present
    sums, squares = U.T @ present, (U**2).T @ present  # of a column, in the rows where the other has a value
    with np.errstate(invalid="ignore", divide="ignore"):
        products = U.T @ U - sums * sums.T / n
        spread = squares - sums**2 / n
        return products / np.where(n > 1, n - 1, np.nan), products / np.sqrt(spread * spread.T)


# A sum of n values, in any order, is right to n eps of the largest magnitude: of 900 rows to 2e-13. A mean near 0 keeps
# fewer digits of its own. Quotients of sums (correlation, skewness, kurtosis) add up the errors of their parts.


def test_complete_rows(X: np.ndarray) -> None:
    n, p = X.shape
    m = Moments(p).learn(X)
    np.testing.assert_allclose(m.mean(), X.mean(axis=0), rtol=0, atol=n * EPS * np.abs(X).max())
    np.testing.assert_allclose(m.var(), X.var(axis=0), rtol=1e-10, atol=1e-300)
    np.testing.assert_allclose(m.covariance(), np.cov(X.T, ddof=0).reshape(p, p), atol=1e-11 * m.var().max())
    np.testing.assert_array_equal(m.min, X.min(axis=0))
    np.testing.assert_array_equal(m.max, X.max(axis=0))
    assert m.count.tolist() == [n] * p
    if n > 2:
        np.testing.assert_allclose(m.skewness(), scipy.stats.skew(X), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(m.kurtosis(), scipy.stats.kurtosis(X), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(m.correlation(), np.corrcoef(X.T).reshape(p, p), atol=1e-12)


@pytest.mark.parametrize("share", [0.01, 0.2, 0.7])
@pytest.mark.parametrize("backwards", [False, True])
def test_missing_values_are_pairwise_as_in_pandas(X: np.ndarray, share: float, backwards: bool) -> None:
    """Also when complete rows came before incomplete ones, or after."""
    gappy = with_gaps(X, share)
    batches = [X, gappy, X[:10]] if not backwards else [gappy, X, gappy[:10]]
    m = Moments(X.shape[1])
    for batch in batches:
        m.learn(batch)
    frame = pd.DataFrame(np.concatenate(batches))
    present = frame.notna().astype(float)
    np.testing.assert_array_equal(m.pair_counts(), present.T @ present)
    enough = (m.pair_counts() > 2) & np.isfinite(m.correlation())
    covariance, correlation = pairwise(frame.to_numpy())
    some = slice(100)  # pandas takes seconds for the pairs of hundreds of columns
    for expected, expected_correlation, part in (
        (covariance, correlation, slice(None)),
        (frame.iloc[:, some].cov().to_numpy(), frame.iloc[:, some].corr().to_numpy(), some),
    ):
        ours, judged = m.covariance(1)[part, part], enough[part, part]
        np.testing.assert_allclose(ours, expected, rtol=1e-8, atol=1e-9 * np.nanmax(m.var()))
        np.testing.assert_allclose(m.correlation()[part, part][judged], expected_correlation[judged], atol=1e-8)
    np.testing.assert_allclose(m.mean(), frame.mean(), rtol=0, atol=len(frame) * EPS * np.nanmax(np.abs(frame)))
    np.testing.assert_array_equal(m.min, frame.min())
    np.testing.assert_array_equal(m.max, frame.max())
    if len(X) > 5:
        filled = [column.dropna().to_numpy() for _, column in frame.items()]
        np.testing.assert_allclose(m.skewness(), [scipy.stats.skew(c) for c in filled], rtol=1e-8, atol=1e-8)
        np.testing.assert_allclose(m.kurtosis(), [scipy.stats.kurtosis(c) for c in filled], rtol=1e-8, atol=1e-8)


@given(tables())
def test_variance_is_never_negative(X: np.ndarray) -> None:
    m = learnt(X)
    assert not (m.var() < 0).any()
    assert not (np.diagonal(m.covariance()) < 0).any()
    assert not (np.abs(m.correlation()) > 1).any()


@given(tables(min_rows=1))
def test_conditions_equal_the_moments_of_the_chosen_rows(X: np.ndarray) -> None:
    y = X[:, -1]
    found = learnt(X).condition(X.shape[1] - 1)
    scale = scale_of(X)
    for i in range(X.shape[1]):
        chosen = X[(y == 1) & ~np.isnan(X[:, i]), i]
        assert found.count[i] == len(chosen)
        if len(chosen):
            assert abs(found.mean[i] - chosen.mean()) <= 1e-10 * scale[i] + 1e-12 * abs(chosen.mean())
            assert abs(found.var[i] - chosen.var()) <= 1e-10 * scale[i] ** 2
        else:
            assert np.isnan(found.mean[i])


def test_a_condition_that_no_row_meets_any_more_has_no_statistics(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights that came and went leave rounding error in the sums, and no row: the count is 0, the mean NaN."""
    monkeypatch.setattr(_backends, "_LITTLE_WORK", 0.0)
    rng = np.random.default_rng(0)
    left_over = 0
    for _ in range(50):
        X, w = np.column_stack([np.ones(5), rng.normal(size=5)]), rng.random(5)
        m = Moments(2, binary=[0]).learn([[0.0, 1.0], [0.0, 3.0]]).learn(X, w)
        for i in rng.permutation(5).tolist():
            m.forget(X[i : i + 1], w[i : i + 1])
        left_over += float(m.arrays()["T"][0, 0]) != 0
        found = m.condition(0)
        assert (found.count == 0).all()
        assert np.isnan(found.mean).all()
    assert left_over  # or the test shows nothing


def test_a_condition_on_rows_of_tiny_weight_has_statistics() -> None:
    m = Moments(2, binary=[0]).learn([[1.0, 5.0], [0.0, 2.0]], [1e-20, 1.0])
    assert m.condition(0).mean.tolist() == [1.0, 5.0]


@pytest.mark.parametrize("gaps", [False, True])
def test_cross_sums_are_raw_sums(gaps: bool) -> None:
    rng = np.random.default_rng(1)
    X = rng.standard_normal((50, 3)) + [3, -2, 0]
    X[:, 2] = X[:, 2] > 0
    if gaps:
        X = with_gaps(X, 0.3)
    for m in (
        Moments(3, binary=[2], joint_squares=True).learn(X[:20]).learn(X[20:]),
        Moments(3, joint_squares=True).learn(X[20:]).merge(Moments(3, joint_squares=True).learn(X[:20])),
    ):
        for i in range(3):
            for j in range(3):
                both = ~np.isnan(X[:, i]) & ~np.isnan(X[:, j])
                x, y = X[both, i], X[both, j]
                s = m.cross_sums(i, j)
                found = [s.n, s.sum_x, s.sum_y, s.sum_xx, s.sum_yy, s.sum_xy, s.sum_xxy, s.sum_xxyy]
                raw = [len(x), *(v.sum() for v in (x, y, x * x, y * y, x * y, x * x * y, x * x * y * y))]
                np.testing.assert_allclose(found, raw, rtol=1e-11, atol=1e-11)
    plain = Moments(3, binary=[2]).learn(X)
    assert np.isnan(plain.cross_sums(0, 1).sum_xxyy)
    np.testing.assert_allclose(plain.cross_sums(0, 2).sum_xxyy, m.cross_sums(0, 2).sum_xxyy, rtol=1e-11)


@pytest.mark.parametrize("gaps", [False, True])
def test_selected_attributes_answer_as_in_the_whole(gaps: bool) -> None:
    X = np.random.default_rng(2).standard_normal((40, 6))
    X[:, 5] = X[:, 5] > 0
    X = with_gaps(X, 0.2) if gaps else X
    m = Moments(6, binary=[5]).learn(X)
    chosen = [5, 0, 3]
    part = m.select(chosen)
    whole = np.ix_(chosen, chosen)
    np.testing.assert_allclose(part.covariance(), m.covariance()[whole])
    np.testing.assert_array_equal(m.covariance(indices=chosen), part.covariance())
    np.testing.assert_allclose(m.correlation(indices=chosen), m.correlation()[whole])
    np.testing.assert_array_equal(m.pair_counts(indices=chosen), m.pair_counts()[whole])
    np.testing.assert_array_equal(m.pair_mean(indices=chosen), m.pair_mean()[whole])
    for name in ("mean", "var", "skewness", "kurtosis"):
        np.testing.assert_allclose(getattr(part, name)(), getattr(m, name)()[chosen])
    np.testing.assert_allclose(part.condition(0).var, m.condition(5).var[chosen])
    part.learn(X[:, chosen])  # a selection is a state like any other
    assert part.n_rows == 80


def test_listwise_drops_incomplete_rows_and_counts_the_rest(X: np.ndarray) -> None:
    gappy = with_gaps(X, 0.02)
    complete = gappy[~np.isnan(gappy).any(axis=1)]
    m = Moments(X.shape[1], missing="listwise").learn(gappy)
    assert m.n_rows == len(complete)
    if len(complete) > 1:
        np.testing.assert_allclose(m.covariance(), np.cov(complete.T, ddof=0).reshape(m.covariance().shape), atol=1e-9)


def test_new_attributes_start_without_counts() -> None:
    rng = np.random.default_rng(3)
    first, second = rng.standard_normal((20, 2)), rng.standard_normal((30, 4))
    m = Moments(2).learn(first)
    assert m.extend(2, binary=[1]).tolist() == [2, 3]
    second[:, 3] = second[:, 3] > 0
    m.learn(second)
    frame = pd.concat([pd.DataFrame(first), pd.DataFrame(second)])
    np.testing.assert_allclose(m.covariance(1), frame.cov())
    assert m.binary.tolist() == [False, False, False, True]


def test_an_01_attribute_may_become_continuous() -> None:
    rng = np.random.default_rng(4)
    X = rng.standard_normal((30, 2))
    B = np.column_stack([X[:, 0], X[:, 1] > 0])
    m = Moments(2, binary=[1]).learn(B).make_continuous(1).learn(X)
    np.testing.assert_allclose(m.covariance(), np.cov(np.concatenate([B, X]).T, ddof=0))
    with pytest.raises(ShapeError, match="not a 0/1 attribute"):
        m.condition(1)


def sparse_rows(codes: np.ndarray, members: np.ndarray, group: int) -> SparseRows:
    here = codes >= 0
    indptr = np.concatenate([[0], np.cumsum(here)])
    return SparseRows(indptr, members[codes[here]], ~here[:, None], np.array([group]))


@pytest.mark.parametrize("gaps", [False, True])
def test_sparse_attributes_answer_as_dense_ones(gaps: bool) -> None:
    rng = np.random.default_rng(5)
    X = rng.standard_normal((200, 3)) + 5
    X[:, 2] = X[:, 2] > 5
    codes = rng.integers(0, 4, 200)
    if gaps:
        X, codes = with_gaps(X, 0.2), np.where(rng.random(200) < 0.2, -1, codes)
    dummies = np.where(codes[:, None] < 0, np.nan, codes[:, None] == np.arange(4))
    dense = Moments(7, binary=range(2, 7)).learn(np.column_stack([X, dummies]))
    m = Moments(3, binary=[2])
    group, members = m.extend_sparse(4)
    for rows in np.array_split(np.arange(200), 3):
        m.learn(X[rows], sparse=sparse_rows(codes[rows], members, group))
    for name in ("covariance", "correlation", "mean", "var", "skewness", "kurtosis", "pair_counts"):
        np.testing.assert_allclose(getattr(m, name)(), getattr(dense, name)(), atol=1e-11, err_msg=name)
    for j in (2, 3, 6):
        for field in ("count", "mean", "var"):
            np.testing.assert_allclose(getattr(m.condition(j), field), getattr(dense.condition(j), field), atol=1e-11)
    np.testing.assert_array_equal(m.min, dense.min)
    np.testing.assert_array_equal(m.max, dense.max)
    np.testing.assert_allclose(m.select([4, 1]).covariance(), dense.select([4, 1]).covariance(), atol=1e-12)
    weighted = Moments(3, binary=[2])
    weighted.extend_sparse(4)
    weighted.learn(X, sample_weight=np.ones(200), sparse=sparse_rows(codes, members, group))
    np.testing.assert_allclose(weighted.covariance(), m.covariance(), atol=1e-11)
    m.forget(X[:150], sparse=sparse_rows(codes[:150], members, group))
    dense.forget(np.column_stack([X, dummies])[:150])
    np.testing.assert_allclose(m.covariance(), dense.covariance(), atol=1e-11)


def test_a_new_member_was_0_wherever_its_category_was_present() -> None:
    X = np.random.default_rng(6).standard_normal((30, 1))
    codes = np.array([0, 1, -1] * 10)
    m = Moments(1)
    group, members = m.extend_sparse(2)
    m.learn(X, sparse=sparse_rows(codes, members, group))
    _, new = m.extend_sparse(1, group)
    assert m.count[new[0]] == 20
    assert m.mean()[new[0]] == 0
    assert m.var()[new[0]] == 0
    m.extend(1)  # numbers stay when dense attributes are added behind sparse ones
    later = np.array([2, -1, 2])
    m.learn(np.ones((3, 2)), sparse=sparse_rows(later, np.array([*members, *new]), group))
    dummies = np.concatenate([codes, later])[:, None]
    frame = pd.DataFrame(np.where(dummies < 0, np.nan, dummies == np.arange(3)))
    frame.insert(0, "x", np.concatenate([X[:, 0], np.ones(3)]))
    frame["y"] = np.concatenate([np.full(30, np.nan), np.ones(3)])
    np.testing.assert_allclose(m.covariance(1), frame.cov().to_numpy(), atol=1e-12)


def test_aligned_states_merge() -> None:
    rng = np.random.default_rng(7)
    A, B = rng.standard_normal((20, 2)), rng.standard_normal((25, 2))
    a, b = Moments(2), Moments(2)
    ga, ma = a.extend_sparse(2)
    gb, mb = b.extend_sparse(3)
    ca, cb = rng.integers(0, 2, 20), rng.integers(0, 3, 25)
    a.learn(A, sparse=sparse_rows(ca, ma, ga))
    b.learn(B, sparse=sparse_rows(cb, mb, gb))
    # b has the columns (y, z) and the values (v, u, w), a has (x, y) and (u, v): the union is a's and then z and w.
    a.extend(1)
    a.extend_sparse(1, ga)
    names = ["x", "y", "u", "v", "z", "w"]
    source = [["y", "z", "v", "u", "w"].index(name) if name != "x" else -1 for name in names]
    a.merge(b.aligned(a, source))
    left = pd.DataFrame({"x": A[:, 0], "y": A[:, 1], "u": ca == 0, "v": ca == 1, "z": np.nan, "w": 0.0})
    right = pd.DataFrame({"x": np.nan, "y": B[:, 0], "u": cb == 1, "v": cb == 0, "z": B[:, 1], "w": cb == 2})
    frame = pd.concat([left, right])[names].astype(float)
    np.testing.assert_allclose(a.covariance(1), frame.cov(), atol=1e-12)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
def test_any_memory_order_and_number_type(order: str, dtype: str) -> None:
    X = np.asarray(np.random.default_rng(8).integers(0, 5, (500, 12)), dtype=dtype, order=order)  # type: ignore[call-overload]
    for part in (X, X[::2], X[::-1], X[:, ::-1]):
        m = Moments(12).learn(part)
        assert m.dtype == "float64"
        np.testing.assert_allclose(m.covariance(), np.cov(part.astype(float).T, ddof=0), atol=1e-12)


def test_arrays_are_left_alone() -> None:
    X = with_gaps(np.random.default_rng(9).standard_normal((100, 5)), 0.1)
    X.flags.writeable = False
    before = X.copy()
    Moments(5).learn(X).forget(X)
    np.testing.assert_array_equal(X, before)
    m = Moments(5).learn(X)
    m.mean()[:] = 0
    m.covariance()[:] = 0
    m.count[:] = 0
    assert (m.count > 0).all()
    assert (m.var() > 0).all()


@given(tables())
def test_arrays_bring_the_state_back(X: np.ndarray) -> None:
    m = learnt(X)
    back = Moments.from_arrays(m.arrays())
    for name, array in back.arrays().items():
        np.testing.assert_array_equal(array, m.arrays()[name])
    np.testing.assert_array_equal(back.covariance(), m.covariance())


def test_longley_has_its_published_correlations(longley: np.ndarray) -> None:
    """Longley (1967), "An appraisal of least squares programs...", JASA 62(319), table of correlations."""
    names = ["GNPDEFL", "GNP", "UNEMP", "ARMED", "POP", "YEAR"]
    published = {
        ("GNPDEFL", "GNP"): 0.9916, ("GNPDEFL", "UNEMP"): 0.6206, ("GNPDEFL", "ARMED"): 0.4647,
        ("GNPDEFL", "POP"): 0.9792, ("GNPDEFL", "YEAR"): 0.9911, ("GNP", "UNEMP"): 0.6043, ("GNP", "ARMED"): 0.4464,
        ("GNP", "POP"): 0.9911, ("GNP", "YEAR"): 0.9953, ("UNEMP", "ARMED"): -0.1774, ("UNEMP", "POP"): 0.6866,
        ("UNEMP", "YEAR"): 0.6683, ("ARMED", "POP"): 0.3644, ("ARMED", "YEAR"): 0.4172, ("POP", "YEAR"): 0.9940,
    }  # fmt: skip
    R = Moments(6).learn(longley[:9]).learn(longley[9:]).correlation()
    for (a, b), value in published.items():
        assert R[names.index(a), names.index(b)] == pytest.approx(value, abs=6e-5)


def test_rounding_in_counts_of_pairs_does_not_stop_a_state_from_coming_back() -> None:
    """Fractional weights that are learnt and forgotten in another order round differently on the two sides."""
    m = Moments(2).learn([[1.0, 2.0], [3.0, np.nan]], sample_weight=[0.1, 0.7])
    arrays = m.arrays()
    arrays["N"][0, 1] = np.nextafter(arrays["N"][0, 1], 1)
    np.testing.assert_array_equal(Moments.from_arrays(arrays).mean(), m.mean())
    arrays["N"][0, 1] += 1e-6
    with pytest.raises(DataError, match="sums that no rows can have"):
        Moments.from_arrays(arrays)


@pytest.mark.parametrize("name", ["complete", "gaps", "joint"])
def test_states_of_the_first_version_are_read(name: str) -> None:
    """`moments_1.npz` has states whose sums were float64, and what they answered."""
    with np.load(Path(__file__).parent / "saved" / "moments_1.npz") as file:
        arrays = {key.partition(".")[2]: file[key] for key in file if key.startswith(f"{name}.")}
        covariance, condition, mean = (file[f"{name}:{kind}"] for kind in ("covariance", "condition", "mean"))
    m = Moments.from_arrays(arrays)
    # The sums are the same; their algebra, which now rounds once, has some eps.
    np.testing.assert_allclose(m.covariance(), covariance, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(m.condition(2).var, condition, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(m.mean(), mean, rtol=1e-15)
    assert (m.error_bound[:2] > 1e-15).all()
    np.testing.assert_array_equal(Moments.from_arrays(m.arrays()).covariance(), m.covariance())
    del arrays["depth"]
    with pytest.raises(DataError, match="'depth' is absent"):
        Moments.from_arrays(arrays)
