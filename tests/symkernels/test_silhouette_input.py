"""What silhouettes refuse, and in which words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symkernels as sk
from tests.symkernels._backends import put

X = np.array([[0.0, 1.0], [0.5, 1.0], [4.0, 3.0], [4.5, 3.0]])
LABELS = [0, 0, 1, 1]
D = np.abs(X[:, :1] - X[:, 0])


def changed(array: np.ndarray, place: tuple[int, int], value: float) -> np.ndarray:
    array = array.copy()
    array[place] = value
    return array


TABLE = {"metric": "precomputed"}
CASES: dict[str, tuple[Any, Any, dict[str, Any], type[Exception], str]] = {
    "NaN": (changed(X, (2, 1), np.nan), LABELS, {}, sk.DataError, "row 2, column 1"),
    "infinity": (changed(X, (3, 0), -np.inf), LABELS, {}, sk.DataError, "row 3, column 0"),
    "one dimension": (X[:, 0], LABELS, {}, sk.ShapeError, r"X must have 2 dimension\(s\)"),
    "no columns": (X[:, :0], LABELS, {}, sk.ShapeError, "at least one column"),
    "no rows": (X[:0], [], {}, sk.DataError, "at least 1 row"),
    "text": ([["a"], ["b"]], [0, 1], {}, sk.ShapeError, "real numbers"),
    "complex numbers": (X * 1j, LABELS, {}, sk.ShapeError, "real numbers"),
    "too few labels": (X, LABELS[:3], {}, sk.ShapeError, r"labels must have one label for each of the 4 rows.*\(3,\)"),
    "labels in a column": (X, np.array(LABELS)[:, None], {}, sk.ShapeError, r"got shape \(4, 1\)"),
    "a label that is NaN": (X, [0, 0, 1, np.nan], {}, sk.DataError, r"labels\[3\] is nan; leave out"),
    "labels of two kinds": (X, np.array([0, "a", 1, "b"], object), {}, sk.ShapeError, "labels must be of one kind"),
    "one cluster": (X, [3] * 4, {}, sk.DataError, "at least two clusters, got 1"),
    "a cluster a row": (X, range(4), {}, sk.DataError, "fewer clusters than rows, got 4 clusters of 4 rows"),
    "one row": (X[:1], [0], {}, sk.DataError, "at least two clusters, got 1"),
    "one cluster with weight": (X, LABELS, {"sample_weight": [1, 2, 0, 0]}, sk.DataError, "two clusters, got 1"),
    "a cluster a row with weight": (X, LABELS, {"sample_weight": [0, 1, 0, 1]}, sk.DataError, "2 clusters of 2 rows"),
    "a fraction of a row": (X, LABELS, {"sample_weight": [1, 0.5, 1, 1]}, sk.DataError, r"sample_weight\[1\] is 0.5"),
    "a negative weight": (X, LABELS, {"sample_weight": [1, 1, -1, 1]}, sk.DataError, r"sample_weight\[2\] is -1"),
    "too few weights": (X, LABELS, {"sample_weight": [1, 1]}, sk.ShapeError, "each of 4 rows, got 2"),
    "no weight": (X, LABELS, {"sample_weight": [0] * 4}, sk.DataError, "every row has weight 0"),
    "an unknown metric": (X, LABELS, {"metric": "cosine"}, ValueError, "euclidean, sqeuclidean, precomputed"),
    "a matrix that is not square": (X, LABELS, TABLE, sk.ShapeError, r"square.*\(4, 2\)"),
    "a negative distance": (changed(D, (1, 2), -1), LABELS, TABLE, sk.DataError, "row 1, column 2"),
    "a missing distance": (changed(D, (1, 2), np.nan), LABELS, TABLE, sk.DataError, "row 1, column 2"),
    "a row apart from itself": (changed(D, (3, 3), 1), LABELS, TABLE, sk.DataError, "row 3 to itself"),
}  # fmt: skip


@pytest.mark.parametrize("function", [sk.silhouette_samples, sk.silhouette_score])
@pytest.mark.parametrize(("rows", "labels", "options", "error", "words"), CASES.values(), ids=CASES.keys())
def test_refused(
    function: Callable[..., Any], rows: Any, labels: Any, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        function(rows, labels, **options)


def test_refused_on_every_backend(xp: Any) -> None:
    with pytest.raises(sk.DataError, match="row 2, column 1"):
        sk.silhouette_score(put(xp, changed(X, (2, 1), np.nan)), LABELS)
    with pytest.raises(sk.DataError, match="at least two clusters"):
        sk.silhouette_score(put(xp, X), [0] * 4)
    for place, words in [((1, 2), "row 1, column 2 is negative"), ((1, 1), "row 1 to itself|row 1, column 1")]:
        with pytest.raises(sk.DataError, match=words):
            sk.silhouette_score(put(xp, changed(D, place, -1.0)), LABELS, metric="precomputed")


def test_labels_of_another_library() -> None:
    strict = pytest.importorskip("array_api_strict")
    with pytest.raises(sk.BackendError, match="labels are of array_api_strict"):
        sk.silhouette_score(X, strict.asarray(LABELS))


def test_the_callers_arrays_are_left_alone() -> None:
    rows, labels, weight = X.copy(), np.array(LABELS), np.array([1.0, 2, 3, 4])
    for metric in ("euclidean", "sqeuclidean"):
        sk.silhouette_samples(rows, labels, metric=metric, sample_weight=weight)
    np.testing.assert_array_equal(rows, X)
    np.testing.assert_array_equal(labels, LABELS)
    np.testing.assert_array_equal(weight, [1, 2, 3, 4])
