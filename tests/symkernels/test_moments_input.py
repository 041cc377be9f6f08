"""Bad input raises a clear error and leaves the state unchanged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import array_api_strict
import numpy as np
import pytest

from symkernels import BackendError, DataError, Moments, ShapeError, SparseRows


@pytest.fixture
def m() -> Iterator[Moments]:
    """A state; after each test this checks that it has not changed."""
    X = np.random.default_rng(0).standard_normal((30, 3))
    X[:, 2] = X[:, 2] > 0
    X[3, 0] = np.nan
    state = Moments(3, binary=[2]).learn(X)
    before = state.arrays()
    yield state
    for name, array in state.arrays().items():
        np.testing.assert_array_equal(array, before[name])


ROWS: dict[str, tuple[Any, type[Exception], str]] = {
    "one dimension": ([1.0, 2.0, 3.0], ShapeError, r"X must have 2 dimension\(s\), got shape \(3,\)"),
    "too few columns": ([[1.0, 2.0]], ShapeError, r"X must have 3 columns, .*got shape \(1, 2\)"),
    "text": ([["a", "b", "c"]], ShapeError, "real numbers"),
    "objects": (np.array([[None, 1, 2]]), ShapeError, "real numbers"),
    "complex": (np.ones((1, 3), complex), ShapeError, "real numbers"),
    "ragged": ([[1.0], [2.0, 3.0]], ShapeError, "cannot be converted to an array"),
    "nothing": (None, ShapeError, "X"),
    "infinite": ([[0.0, 1.0, 1.0], [0.0, np.inf, 0.0]], DataError, "row 1, column 1: inf is infinite"),
    "minus infinity": ([[-np.inf, 1.0, np.nan]], DataError, "row 0, column 0: -inf is infinite"),
    "both infinities": ([[np.inf, 0, 0], [-np.inf, 0, 0]], DataError, "row 0, column 0"),
    "not 0/1": ([[0.0, 1.0, 1.0], [0.0, 1.0, 0.5]], DataError, "row 1, column 2: 0.5 in a 0/1 attribute"),
    "barely not 0/1": ([[0.0, 1.0, 1e-300]], DataError, "row 0, column 2"),
    "masked": (np.ma.masked_greater(np.array([[0.0, 1.0, 2.0]]), 1.5), ShapeError, "X is a masked array"),
    "overflow": ([[1e200, 0.0, 0.0], [-1e200, 0.0, 0.0]], DataError, "attribute 0: .*overflow"),
}


@pytest.mark.parametrize("method", ["learn", "forget"])
@pytest.mark.parametrize("case", ROWS)
def test_bad_rows(m: Moments, method: str, case: str) -> None:
    rows, error, message = ROWS[case]
    with pytest.raises(error, match=message):
        getattr(m, method)(rows)


def test_bad_rows_among_many(m: Moments) -> None:
    X = np.zeros((1000, 3))
    X[777, 1] = np.inf
    with pytest.raises(DataError, match="row 777, column 1"):
        m.learn(X)


@pytest.mark.parametrize(
    ("weight", "error", "message"),
    [
        ([1.0], ShapeError, "one entry for each of 2 rows, got 1"),
        ([1.0, -1.0], DataError, r"sample_weight\[1\] is -1.0"),
        ([np.nan, 1.0], DataError, r"sample_weight\[0\] is nan"),
        ([np.inf, 1.0], DataError, r"sample_weight\[0\] is inf"),
        ([[1.0, 1.0]], ShapeError, "sample_weight must have 1 dimension"),
        (["a", "b"], ShapeError, "sample_weight must hold real numbers"),
        ([1e308, 1e308], DataError, "the sum of the weights overflows"),
        (array_api_strict.ones(2), BackendError, "same library"),
    ],
)
def test_bad_weights(m: Moments, weight: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        m.learn(np.zeros((2, 3)), sample_weight=weight)


def test_an_infinite_value_of_weight_0_is_refused(m: Moments) -> None:
    with pytest.raises(DataError, match="row 0, column 1: inf"):
        m.learn([[0.0, np.inf, 0.0]], sample_weight=[0.0])


def test_missing_values_may_be_refused() -> None:
    m = Moments(2, missing="error").learn([[1.0, 2.0]])
    with pytest.raises(DataError, match=r"row 1 has a missing value.*missing='pairwise' or 'listwise'"):
        m.learn([[1.0, 2.0], [np.nan, 1.0]])
    assert m.n_rows == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: Moments(-1),
        lambda: Moments(1.5),  # type: ignore[arg-type]
        lambda: Moments(True),
        lambda: Moments(2, binary=[2]),
        lambda: Moments(2, binary=[True]),
        lambda: Moments(2, missing="drop"),  # type: ignore[arg-type]
        lambda: Moments(2).extend(-1),
        lambda: Moments(2).extend_sparse(1, group=0),
        lambda: Moments(2).select([2]),
        lambda: Moments(2).select([0.5]),  # type: ignore[list-item]
        lambda: Moments(2).covariance(indices=[-1]),
        lambda: Moments(2).condition(0),
        lambda: Moments(2).cross_sums(0, 5),
        lambda: Moments(2).merge(Moments(3)),
        lambda: Moments(2).merge(Moments(2, binary=[0])),
        lambda: Moments(2).merge(np.ones((2, 2))),  # type: ignore[arg-type]
        lambda: Moments(2).merge(Moments(2, joint_squares=True)),
        lambda: Moments(2).aligned(Moments(3), [0, 1]),
    ],
)
def test_bad_arguments(make: Callable[[], Any]) -> None:
    with pytest.raises((ShapeError, ValueError)):
        make()


def test_other_types_do_not_add() -> None:
    with pytest.raises(TypeError):
        Moments(2) + 1  # type: ignore[operator]


def test_overflow_of_good_rows_is_refused_in_time() -> None:
    """Each batch and the state are finite, but their sum may overflow."""
    X = np.tile([[1e153], [-1e153]], (50, 1))
    for rows in (X[:2], X):
        m = Moments(1).learn(np.arange(20.0)[:, None])
        before = m.arrays()
        with pytest.raises(DataError, match="overflow"):  # noqa: PT012  it is one of many calls that raises
            for _ in range(200):
                before = m.arrays()
                m.learn(rows)
        assert all((before[name] == array).all() for name, array in m.arrays().items() if name not in ("M3", "M4"))
        assert np.isfinite(m.var()).all()


def test_no_rows_change_nothing(m: Moments) -> None:
    m.learn(np.empty((0, 3)))
    m.forget(np.empty((0, 3)))


def test_arrays_of_another_library_are_refused(m: Moments) -> None:
    with pytest.raises(BackendError, match="are of numpy on cpu, the data is of array_api_strict"):
        m.learn(array_api_strict.ones((1, 3)))


def test_a_checkpoint_that_raises_stops_and_changes_nothing(m: Moments) -> None:
    class Stop(Exception):
        pass

    seen = []

    def stop(done: int, total: int) -> None:
        seen.append((done, total))
        raise Stop

    with pytest.raises(Stop):
        m.learn(np.zeros((1000, 3)), checkpoint=stop)
    assert len(seen) == 1


def test_checkpoints_report_progress_often() -> None:
    """Every few milliseconds, and at the end."""
    seen: list[tuple[int, int]] = []
    Moments(1000).learn(np.zeros((3000, 1000)), checkpoint=lambda done, n: seen.append((done, n)))
    assert len(seen) >= 2
    assert seen == sorted(seen)
    assert seen[-1] == (3000, 3000)


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        (SparseRows(np.array([0, 1]), np.array([2]), None, np.array([2])), ShapeError, "3 entries"),
        (SparseRows(np.array([0, 1, 2]), np.array([9, 2]), None, np.array([2])), ShapeError, "must lie in"),
        (SparseRows(np.array([0, 1, 2]), np.array([0, 2]), None, np.array([2])), ShapeError, "attribute 0 is dense"),
        (SparseRows(np.array([0, 1, 2]), np.array([2, 2]), None, np.array([0])), ShapeError, "sparse presence groups"),
        (SparseRows(np.array([0, 2, 2]), np.array([2, 2]), None, np.array([2])), DataError, "listed twice"),
        (
            SparseRows(np.array([0, 1, 1]), np.array([2]), np.array([[True], [False]]), np.array([2])),
            DataError,
            "its group is missing",
        ),
        (SparseRows(np.array([0, 1, 1]), np.array([2]), np.array([True]), np.array([2])), ShapeError, "missing must"),
        (SparseRows(np.array([0, 1, 1]), np.array([2.0]), None, np.array([2])), ShapeError, "integer"),
    ],
)
def test_bad_sparse_rows(rows: SparseRows, error: type[Exception], message: str) -> None:
    m = Moments(2)
    group, _ = m.extend_sparse(2)
    assert group == 2
    with pytest.raises(error, match=message):
        m.learn(np.zeros((2, 2)), sparse=rows)
    assert m.n_rows == 0


DAMAGE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "an array is gone": lambda d: d.pop("S"),
    "another shape": lambda d: d.update(T=d["T"][:-1]),
    "another kind": lambda d: d.update(S=d["S"].astype(int)),
    "not finite": lambda d: d["S"].__setitem__((0, 0), np.nan),
    "negative": lambda d: d["S"].__setitem__((0, 0), -1.0),
    "impossible counts": lambda d: d["N"].__setitem__((0, 1), -1.0),
    "contradiction": lambda d: d["number"].__setitem__(0, 1),
    "another version": lambda d: d.update(version=np.array([99])),
    "no version": lambda d: d.pop("version"),
    "an unknown policy": lambda d: d.update(missing=np.array([3])),
    "a negative policy": lambda d: d.update(missing=np.array([-1])),
    "too many dense attributes": lambda d: d.update(n_dense=np.array([4])),
    "a group that is not there": lambda d: d["group"].__setitem__(0, 3),
    "something else": lambda d: d.clear(),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_arrays_are_refused(m: Moments, damage: str) -> None:
    arrays = m.arrays()
    DAMAGE[damage](arrays)
    with pytest.raises(DataError, match="moments"):
        Moments.from_arrays(arrays)
