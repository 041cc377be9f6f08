"""Silhouettes: Rousseeuw's table, scikit-learn, direct sums, and what must hold of any rows."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial.distance import cdist
from sklearn import metrics

from symkernels import silhouette_samples, silhouette_score
from symkernels._silhouette import mean_silhouettes
from tests.symkernels._backends import assert_kind, get, put, tolerance

# A silhouette is a quotient of means of up to n distances, of size 1: added up in another order it moves by n eps. That
# is 1e-13 for 500 rows; the tolerances leave room. Distances of float32 rows may be taken in float32: eps is 1e-7.

METRICS = ["euclidean", "sqeuclidean"]
few = settings(deadline=None, max_examples=60)


def direct(D: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Silhouettes read off a matrix of distances, one row after the other."""
    found = np.zeros(len(D))
    for i, own in enumerate(labels):
        mine = (labels == own) & (np.arange(len(D)) != i)
        if mine.any():
            a = D[i, mine].mean()
            b = min(D[i, labels == other].mean() for other in np.unique(labels) if other != own)
            found[i] = (b - a) / max(a, b) if max(a, b) > 0 else 0.0
    return found


# --- published and other people's values ------------------------------------------------------------------------------

# Rousseeuw, "Silhouettes: a graphical aid to the interpretation and validation of cluster analysis" (J. Comput. Appl.
# Math. 20, 1987): dissimilarities of twelve countries (table 1), and their silhouettes in two and three clusters
# (figures 2 and 3), with two digits.
COUNTRIES = ["BEL", "BRA", "CHI", "CUB", "EGY", "FRA", "IND", "ISR", "USA", "USS", "YUG", "ZAI"]
TABLE_1 = """
5.58
7.00 6.50
7.08 7.00 3.83
4.83 5.08 8.17 5.83
2.17 5.75 6.67 6.92 4.92
6.42 5.00 5.58 6.00 4.67 6.42
3.42 5.50 6.42 6.42 5.00 3.92 6.17
2.50 4.92 6.25 7.33 4.50 2.25 6.33 2.75
6.08 6.67 4.25 2.67 6.00 6.17 6.17 6.92 6.17
5.25 6.83 4.50 3.75 5.75 5.42 6.08 5.83 6.67 3.67
4.75 3.00 6.08 6.67 5.00 5.58 4.83 6.17 5.67 6.50 6.92
"""
FIGURE_2 = (
    "USA BEL FRA ISR BRA EGY ZAI | CUB USS CHI YUG IND",
    [0.43, 0.39, 0.35, 0.30, 0.22, 0.20, 0.19, 0.40, 0.34, 0.33, 0.26, -0.04],
    0.28,
)
FIGURE_3 = (
    "USA FRA BEL ISR EGY | ZAI BRA IND | CUB USS YUG CHI",
    [0.47, 0.44, 0.42, 0.37, 0.02, 0.28, 0.25, 0.17, 0.48, 0.44, 0.31, 0.31],
    0.33,
)


@pytest.mark.parametrize(("clusters", "expected", "mean"), [FIGURE_2, FIGURE_3])
def test_twelve_countries(xp: Any, clusters: str, expected: list[float], mean: float) -> None:
    D = np.zeros((12, 12))
    D[np.tril_indices(12, -1)] = np.array(TABLE_1.split(), dtype=float)
    D += D.T
    cluster = {name: i for i, names in enumerate(clusters.split("|")) for name in names.split()}
    labels = [cluster[name] for name in COUNTRIES]
    found = silhouette_samples(put(xp, D), labels, metric="precomputed")
    order = [COUNTRIES.index(name) for name in clusters.replace("|", "").split()]
    np.testing.assert_allclose(get(found)[order], expected, rtol=0, atol=0.00501)
    assert silhouette_score(put(xp, D), labels, metric="precomputed") == pytest.approx(mean, abs=0.00501)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("k", [2, 3, 4, 5, 6])
def test_scikit_learn_on_iris(iris: np.ndarray, xp: Any, metric: str, k: int) -> None:
    X = iris - iris.mean(axis=0)
    labels = np.argmin(cdist(X, X[:: 150 // k][:k]), axis=1)
    found = silhouette_samples(put(xp, X), labels, metric=metric)
    assert_kind(found, put(xp, X))
    # scikit-learn's distances are of the expanded form, which has half of the digits of two rows that are close.
    np.testing.assert_allclose(get(found), metrics.silhouette_samples(X, labels, metric=metric), atol=1e-8)
    assert silhouette_score(put(xp, X), labels, metric=metric) == pytest.approx(
        metrics.silhouette_score(X, labels, metric=metric), abs=1e-8
    )


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_direct_sums_with_rows_that_nearly_coincide(xp: Any, metric: str, offset: float) -> None:
    """The expanded form |x|^2 - 2 x.y + |y|^2 loses such pairs: scikit-learn's own value is far off here."""
    rng = np.random.default_rng(1)
    places = rng.standard_normal((6, 3))
    X = places[rng.integers(0, 6, 400)] + rng.standard_normal((400, 3)) * 1e-7 + offset
    X[7] = X[8]
    labels = rng.integers(0, 9, 400)
    expected = direct(cdist(X, X, metric), labels)
    found = get(silhouette_samples(put(xp, X), labels, metric=metric))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    assert silhouette_score(put(xp, X), labels, metric=metric) == pytest.approx(expected.mean(), abs=1e-12)
    if metric == "euclidean" and offset:
        assert abs(metrics.silhouette_score(X, labels) - expected.mean()) > 1e-6


@pytest.mark.parametrize("metric", METRICS)
def test_float32_rows(xp: Any, metric: str) -> None:
    rng = np.random.default_rng(2)
    X = rng.standard_normal((500, 7)).astype(np.float32) + np.float32(100)
    labels = rng.integers(0, 4, 500)
    found = silhouette_samples(put(xp, X, "float32"), labels, metric=metric)
    assert_kind(found, put(xp, X))
    np.testing.assert_allclose(get(found), direct(cdist(X, X, metric), labels), atol=1e-6)


def test_squared_distances_whatever_the_offset(xp: Any) -> None:
    rng = np.random.default_rng(3)
    X = rng.integers(-50, 50, (300, 4)) / 64.0  # with 1e8 they are numbers of float64 still
    labels = rng.integers(0, 5, 300)
    near = silhouette_samples(put(xp, X), labels, metric="sqeuclidean")
    far = silhouette_samples(put(xp, X + 1e8), labels, metric="sqeuclidean")
    np.testing.assert_allclose(get(far), get(near), rtol=0, atol=1e-13)


def test_one_row_far_away_costs_the_others_no_digits(xp: Any) -> None:
    rng = np.random.default_rng(4)
    X = rng.standard_normal((200, 2))
    labels = rng.integers(0, 3, 200)
    far = np.concatenate([[[1e12, 1e12]], X])
    found = silhouette_samples(put(xp, far), np.concatenate([[7], labels]), metric="sqeuclidean")
    np.testing.assert_allclose(get(found)[1:], direct(cdist(X, X, "sqeuclidean"), labels), rtol=0, atol=1e-12)


# --- ends of the range ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("dtype", "size"), [("float64", 1e300), ("float64", 1e-300), ("float32", 1e38)])
def test_numbers_whose_squares_overflow(xp: Any, metric: str, dtype: str, size: float) -> None:
    X = np.array([[-1.0, 0.5], [-0.9, 0.5], [0.8, -1.0], [1.0, -1.0], [0.0, 0.25]])
    labels = [0, 0, 1, 1, 0]
    found = get(silhouette_samples(put(xp, X * size, dtype), labels, metric=metric))
    np.testing.assert_allclose(found, direct(cdist(X, X, metric), np.array(labels)), atol=1e-6)


@pytest.mark.parametrize("metric", METRICS)
def test_equal_rows_score_nothing(xp: Any, metric: str) -> None:
    X = put(xp, np.full((40, 3), 0.1))
    np.testing.assert_array_equal(get(silhouette_samples(X, np.arange(40) % 3, metric=metric)), 0.0)


@pytest.mark.parametrize("metric", [*METRICS, "precomputed"])
def test_a_cluster_of_one_scores_0(xp: Any, metric: str) -> None:
    X = np.array([[0.0], [1.0], [5.0]])
    given_rows = cdist(X, X) if metric == "precomputed" else X
    found = get(silhouette_samples(put(xp, given_rows), [0, 0, 1], metric=metric))
    assert found[2] == 0.0
    assert found[0] > 0.7


# --- labels of any kind -----------------------------------------------------------------------------------------------

KINDS = {
    "a list": [1, 2, 2, 1, 3, 3],
    "negative": np.array([-1, 5, 5, -1, 7, 7]),
    "the ends of int64": np.array([-(2**63), 0, 0, -(2**63), 2**63 - 1, 2**63 - 1]),
    "large unsigned": np.array([2**64 - 3, 2**64 - 2, 2**64 - 2, 2**64 - 3, 2**64 - 1, 2**64 - 1], dtype=np.uint64),
    "int8": np.array([-128, 0, 0, -128, 127, 127], dtype=np.int8),
    "text": ["low", "mid", "mid", "low", "top", "top"],
    "fractions": [0.5, 1.5, 1.5, 0.5, 2.5, 2.5],
}


@pytest.mark.parametrize("labels", KINDS.values(), ids=KINDS.keys())
def test_labels_of_any_kind(xp: Any, labels: Any) -> None:
    X = put(xp, [[0.0], [2.0], [2.5], [0.25], [9.0], [7.0]])
    expected = silhouette_samples(X, [0, 1, 1, 0, 2, 2])
    np.testing.assert_array_equal(get(silhouette_samples(X, labels)), get(expected))


def test_labels_of_the_rows_own_library(xp: Any) -> None:
    X = put(xp, [[0.0], [2.0], [2.5], [0.25]])
    labels = put(xp, [3, -2, -2, 3], "int64")
    np.testing.assert_array_equal(get(silhouette_samples(X, labels)), get(silhouette_samples(X, [1, 0, 0, 1])))


def test_truth_values_are_labels() -> None:
    X = np.array([[0.0], [2.0], [2.5], [0.25]])
    assert silhouette_score(X, X[:, 0] > 1) == silhouette_score(X, [0, 1, 1, 0])


# --- weights ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", [*METRICS, "precomputed"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_weights_are_repeats(xp: Any, metric: str, dtype: str) -> None:
    rng = np.random.default_rng(5)
    X = rng.standard_normal((90, 3)).astype(dtype)
    labels, weight = rng.integers(0, 4, 90), rng.integers(0, 4, 90)
    again = np.repeat(np.arange(90), weight)
    if metric == "precomputed":
        X = cdist(X, X).astype(dtype)
        repeated = X[again][:, again]
    else:
        repeated = X[again]
    tol = 1e-6 if dtype == "float32" else 1e-13
    weights = put(xp, weight)
    found = get(silhouette_samples(put(xp, X, dtype), labels, metric=metric, sample_weight=weights))
    expected = silhouette_samples(repeated, labels[again], metric=metric)
    np.testing.assert_allclose(found[again], expected, rtol=0, atol=tol)
    assert np.isnan(found[weight == 0]).all()
    mean = silhouette_score(put(xp, X, dtype), labels, metric=metric, sample_weight=weights)
    assert mean == pytest.approx(expected.mean(), abs=tol)


def test_as_many_clusters_as_rows_but_not_as_repeats() -> None:
    assert silhouette_score([[0.0], [1.0]], [0, 1], sample_weight=[2, 1]) == pytest.approx(2 / 3)


# --- many labelings in one pass ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("weighted", [False, True])
def test_many_labelings_are_as_one_at_a_time(xp: Any, metric: str, weighted: bool) -> None:
    rng = np.random.default_rng(6)
    X = put(xp, rng.standard_normal((300, 5)))
    ks = [2, 3, 40, 299]
    labelings = [rng.permutation(np.arange(300) % k).astype(np.int32) for k in ks]
    weight = rng.integers(1, 5, 300).astype(float) if weighted else None
    moved = None if weight is None else put(xp, weight)
    given_labels = [put(xp, labels, "int32") for labels in labelings]
    found = mean_silhouettes(X, given_labels, metric, moved)
    expected = [silhouette_score(X, labels, metric=metric, sample_weight=moved) for labels in labelings]
    np.testing.assert_allclose([mean.value for mean in found], expected, rtol=0, atol=1e-13)
    assert all(mean.error == 0.0 for mean in found)


@pytest.mark.parametrize("metric", METRICS)
def test_a_labeling_without_silhouette_is_nan_and_costs_the_others_nothing(xp: Any, metric: str) -> None:
    X = put(xp, [[0.0], [1.0], [5.0], [7.0]])
    labels = [[0, 0, 0, 0], [0, 0, 2, 2], [0, 1, 2, 3]]  # of the second one, 1 is no row's
    one, two, four = mean_silhouettes(X, [put(xp, each, "int32") for each in labels], metric)
    assert np.isnan([one, four]).all()
    assert two.value == pytest.approx(silhouette_score(X, [0, 0, 1, 1], metric=metric), abs=tolerance("float64", 4))
    assert np.isnan(mean_silhouettes(X, [put(xp, labels[0], "int32")], metric)).all()


# --- what holds of any rows -------------------------------------------------------------------------------------------


@st.composite
def divided(draw: Any) -> tuple[np.ndarray, np.ndarray]:
    """Rows of whole numbers, which shifts and powers of two keep exact, and labels that have a silhouette."""
    n, d = draw(st.integers(3, 60)), draw(st.integers(1, 4))
    X = draw(hnp.arrays(np.float64, (n, d), elements=st.integers(-9, 9).map(float)))
    k = draw(st.integers(2, n - 1))
    labels = np.array(draw(st.lists(st.integers(0, k - 1), min_size=n, max_size=n)))
    assume(2 <= len(np.unique(labels)) < n)
    return X, labels


@few
@given(divided(), st.sampled_from(METRICS), st.integers(-30, 30), st.integers(-1000, 1000))
def test_scale_and_shift_change_nothing(
    rows: tuple[np.ndarray, np.ndarray], metric: str, exponent: int, shift: int
) -> None:
    X, labels = rows
    found = silhouette_samples(X, labels, metric=metric)
    assert (np.abs(found) <= 1).all()
    moved = silhouette_samples((X + shift) * 2.0**exponent, labels, metric=metric)
    np.testing.assert_allclose(moved, found, rtol=0, atol=1e-12)


@few
@given(divided(), st.sampled_from(METRICS), st.randoms(use_true_random=False))
def test_the_order_of_rows_and_columns_changes_nothing(
    rows: tuple[np.ndarray, np.ndarray], metric: str, random: Any
) -> None:
    X, labels = rows
    order, columns = list(range(len(X))), list(range(X.shape[1]))
    random.shuffle(order)
    random.shuffle(columns)
    found = silhouette_samples(X[order][:, columns], -labels[order], metric=metric)
    np.testing.assert_allclose(found, silhouette_samples(X, labels, metric=metric)[order], rtol=0, atol=1e-12)


@few
@given(divided(), st.sampled_from(METRICS))
def test_any_rows_are_as_a_direct_sum(rows: tuple[np.ndarray, np.ndarray], metric: str) -> None:
    X, labels = rows
    expected = direct(cdist(X, X, metric), labels)
    np.testing.assert_allclose(silhouette_samples(X, labels, metric=metric), expected, rtol=0, atol=1e-12)


# --- memory -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", METRICS)
def test_no_array_of_rows_by_rows(metric: str) -> None:
    """Of 15,000 rows it would take 1.7 GiB."""
    X = np.random.default_rng(7).standard_normal((15_000, 2))
    labels = np.arange(15_000) % 3
    silhouette_score(X[:100], labels[:100], metric=metric)  # compiled by now
    tracemalloc.start()
    try:
        silhouette_score(X, labels, metric=metric)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16 * 2**20
