"""What k-means refuses, and in what words; how it is watched and stopped."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkernels import BackendError, DataError, ShapeError, assign_clusters, kmeans, kmeans_sweep
from symkernels._rows import as_rows
from tests.symkernels._backends import get, put

X = np.random.default_rng(0).standard_normal((40, 3))
START = X[:4]
GAP = START.copy()
GAP[1, 2] = np.nan


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"k": 0}, ValueError, "k must be 1 or more, got 0"),
        ({"k": -3}, ValueError, "k must be 1 or more, got -3"),
        ({"k": True}, TypeError, "k must be a whole number, got True"),
        ({"k": 2.0}, TypeError, "k must be a whole number, got 2.0"),
        ({"k": "2"}, TypeError, "k must be a whole number, got '2'"),
        ({"k": None}, TypeError, "k must be a whole number, got None"),
        ({"k": 41}, DataError, r"cannot form k = 41 clusters of 40 row\(s\)"),
        ({"n_init": 0}, ValueError, "n_init must be 1 or more"),
        ({"n_init": 1.5}, TypeError, "n_init must be a whole number"),
        ({"max_iter": 0}, ValueError, "max_iter must be 1 or more"),
        ({"max_iter": np.True_}, TypeError, "max_iter must be a whole number"),
        ({"tol": -1e-4}, ValueError, "tol must be finite and 0 or more"),
        ({"tol": float("nan")}, ValueError, "tol must be finite and 0 or more"),
        ({"tol": float("inf")}, ValueError, "tol must be finite and 0 or more"),
        ({"tol": "small"}, TypeError, "tol must be a number"),
        ({"tol": True}, TypeError, "tol must be a number"),
        ({"seed": -1}, ValueError, "seed must be 0 or more"),
        ({"seed": 0.5}, TypeError, "seed must be a whole number"),
        ({"init": "random"}, ValueError, r"init must be 'k-means\+\+' or a \(k, d\) array, got 'random'"),
        ({"init": START[:3]}, ShapeError, r"init must be of shape \(4, 3\).* got \(3, 3\)"),
        ({"init": START[:, :2]}, ShapeError, r"init must be of shape \(4, 3\).* got \(4, 2\)"),
        ({"init": START[0]}, ShapeError, "init must have 2 dimension"),
        ({"init": [["a", "b", "c"]] * 4}, ShapeError, "init must hold real numbers"),
        ({"init": GAP}, DataError, "init: row 1, column 2: nan"),
        ({"init": None}, ShapeError, "init must have 2 dimension"),
        ({"nonfinite": "ignore"}, ValueError, "nonfinite must be one of error, drop, got 'ignore'"),
        ({"sample_weight": np.ones(39)}, ShapeError, "sample_weight must have one entry for each of 40 rows, got 39"),
        ({"sample_weight": -np.ones(40)}, DataError, r"sample_weight\[0\] is -1.0"),
        ({"sample_weight": np.full(40, np.nan)}, DataError, r"sample_weight\[0\] is nan"),
        ({"sample_weight": np.zeros(40)}, DataError, "every row has weight 0"),
        ({"sample_weight": np.eye(40)[0]}, DataError, "cannot form k = 4 clusters of 1 distinct row"),
        ({"X": X[0]}, ShapeError, "X must have 2 dimension"),
        ({"X": X[:, :0]}, ShapeError, "X must have at least one column"),
        ({"X": X[:0]}, DataError, r"X must have at least 1 row\(s\), got 0"),
        ({"X": [["a"], ["b"]]}, ShapeError, "X must hold real numbers"),
        ({"X": X + 1j}, ShapeError, "X must hold real numbers"),
        ({"X": np.ma.masked_array(X)}, ShapeError, "masked array"),
        ({"X": np.full((40, 3), np.nan), "nonfinite": "drop"}, DataError, "got 0; 40 with a NaN or an infinity were"),
        ({"X": np.ones((40, 3))}, DataError, "cannot form k = 4 clusters of 1 distinct row; ask for at most 1"),
        ({"X": np.repeat(X[:3], 9, axis=0)}, DataError, "cannot form k = 4 clusters of 3 distinct rows"),
        ({"X": X * 1e200}, DataError, "squared distances overflow"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
def test_bad_arguments(change: dict[str, Any], error: type[Exception], message: str) -> None:
    given: dict[str, Any] = {"X": X, "k": 4, **change}
    with pytest.raises(error, match=message):
        kmeans(given.pop("X"), given.pop("k"), **given)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("call", [lambda X: kmeans(X, 2), lambda X: kmeans_sweep(X, [2]), as_rows])
def test_a_gap_is_named_by_row_and_column(xp, bad, dtype, call):
    holes = X.copy()
    holes[[7, 30], [2, 0]] = bad
    with pytest.raises(DataError, match=rf"X: 2 rows have .* row 7, column 2 \({bad}\); drop such rows") as caught:
        call(put(xp, holes, dtype))
    assert caught.value.indices == (2,)


def test_gaps_are_found_in_any_block(xp):
    n = 400_000 if xp.__name__.endswith("numpy") else 150_000  # several blocks
    many = np.zeros((n, 8), dtype=np.float32)
    where = [0, 40_000, n // 2, n - 1]
    many[where, [0, 3, 7, 7]] = [np.nan, np.inf, -np.inf, np.nan]
    rows = as_rows(put(xp, many, "float32"), nonfinite="drop")
    assert rows.n_dropped == 4
    np.testing.assert_array_equal(rows.kept, np.delete(np.arange(n), where))


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_numbers_whose_sum_overflows_are_finite(xp):
    large = np.full((100, 2), 3e38, dtype=np.float32)
    assert as_rows(put(xp, large, "float32")).n_dropped == 0


def test_arrays_of_two_libraries_are_refused():
    strict = pytest.importorskip("array_api_strict")
    with pytest.raises(BackendError, match="arrays of the same library"):
        kmeans(X, 4, init=strict.asarray(START))
    with pytest.raises(BackendError, match="sample_weight and X must be arrays of the same library"):
        kmeans(X, 4, sample_weight=strict.ones(40))
    with pytest.raises(BackendError, match="arrays of the same library"):
        assign_clusters(X, strict.asarray(START))
    with pytest.raises(BackendError, match="init and X must be arrays of the same library, on the same device"):
        kmeans(put(strict, X), 4, init=strict.asarray(START))


@pytest.mark.parametrize("centers", [START[:, :2], START[:0], START[0]])
def test_centers_that_do_not_fit_the_rows(centers):
    with pytest.raises(ShapeError, match="centers must"):
        assign_clusters(X, centers)


def test_fewer_distinct_rows_than_given_centers(xp):
    three = put(xp, np.repeat([[0.1], [0.2], [0.7]], 30, axis=0))
    with pytest.raises(DataError, match="cannot form k = 4 clusters of 3 distinct rows; ask for at most 3"):
        kmeans(three, 4, init=put(xp, [[0.1], [0.2], [0.7], [0.8]]))


def watched(run: Any) -> list[tuple[int, int]]:
    calls: list[tuple[int, int]] = []
    run(lambda current, maximum: calls.append((current, maximum)))
    return calls


@pytest.mark.parametrize(
    ("run", "maximum"),
    [
        (lambda X, c: kmeans(X, 4, n_init=3, max_iter=20, checkpoint=c), 60),
        (lambda X, c: kmeans_sweep(X, [2, 3, 40, 41], n_init=2, max_iter=20, checkpoint=c), 20 * (4 * 4 - 1)),
        (lambda X, c: kmeans_sweep(X, [3], metric=None, max_iter=20, checkpoint=c), 20),
        (lambda X, c: assign_clusters(X, X[:2, :], checkpoint=c), 2),
    ],
)
def test_progress_rises_to_its_maximum(xp, run, maximum):
    calls = watched(lambda c: run(put(xp, X), c))
    steps = [current for current, _ in calls]
    assert steps == sorted(steps)
    assert steps[0] == 0
    assert steps[-1] == maximum
    assert {most for _, most in calls} == {maximum}


class Stop(Exception):
    pass


@pytest.mark.parametrize("after", [1, 2, 5, 9])
@pytest.mark.parametrize(
    "run", [lambda X, c: kmeans(X, 4, n_init=5, checkpoint=c), lambda X, c: kmeans_sweep(X, range(2, 9), checkpoint=c)]
)
def test_what_a_checkpoint_raises_stops_the_call(xp, run, after):
    given = put(xp, X)
    left = after

    def stop(current: int, maximum: int) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Stop

    with pytest.raises(Stop):
        run(given, stop)
    np.testing.assert_array_equal(get(given), X)
    assert kmeans(given, 4).wssse == kmeans(put(xp, X), 4).wssse
