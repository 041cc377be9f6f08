"""Every k over the same rows: what a sweep promises, and the elbow of its curve."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symkernels import KMeansSweep, kmeans, kmeans_sweep, silhouette_score
from symkernels._sweep import elbow
from tests.symkernels._backends import get, put
from tests.symkernels._matrices import SEEDS
from tests.symkernels.test_kmeans_model import assert_of_one_moment, groups

few = settings(deadline=None, max_examples=10)


@few
@given(seed=SEEDS, n=st.integers(10, 80), d=st.integers(1, 4), n_init=st.integers(1, 3), weighted=st.booleans())
def test_no_worse_than_runs_of_its_own_and_falling_with_k(xp, seed, n, d, n_init, weighted):
    X = groups(seed, n, d, 4)
    weight = np.random.default_rng(seed).integers(1, 4, n).astype(float) if weighted else None
    given, weights = put(xp, X), None if weight is None else put(xp, weight)
    sweep = kmeans_sweep(given, [1, 2, 3, 5, 8, n], n_init=n_init, seed=seed, sample_weight=weights)
    assert (np.diff(sweep.wssse) <= 1e-12 * sweep.wssse[0]).all()  # 320 squares: n d eps is 7e-14
    for entry in sweep:
        alone = kmeans(given, entry.k, n_init=n_init, seed=seed, sample_weight=weights)
        assert entry.wssse <= alone.wssse  # the same run is one of the sweep's
        assert_of_one_moment(X, KeepK(entry), weight)
        if entry.wssse == alone.wssse:
            np.testing.assert_array_equal(get(entry.labels), get(alone.labels))
            assert (entry.n_iter, entry.converged) == (alone.n_iter, alone.converged)


class KeepK:
    """An entry, as `assert_of_one_moment` reads a result."""

    def __init__(self, entry):
        self.__dict__.update({name: getattr(entry, name) for name in ("k", "wssse", "centers", "labels", "counts")})


@few
@given(seed=SEEDS, n=st.integers(10, 60), metric=st.sampled_from(["euclidean", "sqeuclidean"]), weighted=st.booleans())
def test_silhouettes_are_those_of_the_labels(xp, seed, n, metric, weighted):
    X = put(xp, groups(seed, n, 3, 4))
    weight = put(xp, np.random.default_rng(seed).integers(1, 4, n)) if weighted else None
    sweep = kmeans_sweep(X, [2, 3, 6], metric=metric, sample_weight=weight, seed=seed)
    for entry in sweep:
        expected = silhouette_score(X, entry.labels, metric=metric, sample_weight=weight)
        assert entry.silhouette == pytest.approx(expected, rel=1e-12, abs=1e-13)  # 60 rows: n eps is 1e-14
        assert entry.reason is None
    assert sweep.k_silhouette == sweep.ks[int(np.argmax(sweep.silhouette))]


def test_impossible_k_have_a_reason_and_the_rest_goes_on(xp):
    X = np.repeat([[0.0, 1.0], [5.0, 5.0], [9.0, 0.1]], 4, axis=0)
    sweep = kmeans_sweep(put(xp, X), [4, 2, 1, 3, 100])
    assert list(sweep.ks) == [4, 2, 1, 3, 100]
    assert [entry.reason for entry in sweep] == [
        "k = 4 is more than the 3 distinct rows",
        None,
        "k = 1: one cluster has no silhouette",
        None,
        "k = 100 is more than the 3 distinct rows",
    ]
    np.testing.assert_array_equal(np.isnan(sweep.wssse), [True, False, False, False, True])
    np.testing.assert_array_equal(np.isnan(sweep.silhouette), [True, False, True, False, True])
    for entry in (sweep[0], sweep[4]):
        assert entry.centers is entry.labels is entry.counts is None
        assert (entry.n_iter, entry.converged) == (0, False)
    assert sweep.k_silhouette == 3
    assert sweep[3].silhouette == 1.0
    assert sweep[3].wssse < 1e-28


def test_identical_rows_and_one_row_are_no_error(xp):
    sweep = kmeans_sweep(put(xp, np.full((20, 2), 0.1)), [1, 2])
    assert sweep[0].wssse < 1e-30
    assert sweep[1].reason == "k = 2 is more than the 1 distinct row"
    assert sweep.k_silhouette is None
    assert sweep.k_elbow is None
    one = kmeans_sweep(put(xp, [[1.0, 2.0]]), [1])
    assert one[0].wssse == 0
    assert one[0].reason == "k = 1: one cluster has no silhouette"


def test_as_many_clusters_as_rows_have_no_silhouette(xp):
    X = put(xp, groups(0, 6, 2, 2))
    sweep = kmeans_sweep(X, [5, 6])
    assert np.isfinite(sweep[0].silhouette)
    assert np.isnan(sweep[1].silhouette)
    assert sweep[1].reason == "k = 6: as many clusters as rows have no silhouette"
    repeated = kmeans_sweep(X, [6], sample_weight=put(xp, np.full(6, 2.0)))  # each row twice
    assert repeated[0].silhouette == 1.0


def test_no_silhouettes_where_none_are_asked_for(xp):
    sweep = kmeans_sweep(put(xp, groups(0, 50, 2, 3)), [2, 3], metric=None)
    assert np.isnan(sweep.silhouette).all()
    assert [entry.reason for entry in sweep] == [None, None]
    assert sweep.k_silhouette is None


def test_rows_with_gaps_are_dropped_and_counted(xp):
    X = groups(0, 50, 2, 3)
    holes = np.insert(X, 7, [np.nan, 0.0], axis=0)
    sweep, whole = (kmeans_sweep(put(xp, given), [2, 3], nonfinite="drop") for given in (holes, X))
    assert (sweep.n_dropped, whole.n_dropped) == (1, 0)
    np.testing.assert_array_equal(sweep.silhouette, whole.silhouette)
    assert get(sweep[0].labels)[7] == -1
    np.testing.assert_array_equal(np.delete(get(sweep[1].labels), 7), get(whole[1].labels))


def test_the_callers_order_is_kept_repeats_too():
    X = groups(0, 50, 2, 3)
    sweep = kmeans_sweep(X, iter([5, 2, 5]))
    assert list(sweep.ks) == [5, 2, 5]
    assert sweep[0] is sweep[2]
    assert sweep.k_elbow is None
    rising = kmeans_sweep(X, range(2, 6))
    assert rising[0].wssse == sweep[1].wssse
    assert isinstance(rising, KMeansSweep)
    assert rising[1:] == rising.entries[1:]
    assert len(rising) == 4


@pytest.mark.parametrize(
    ("ks", "error", "message"),
    [
        ([], ValueError, "ks is empty"),
        (5, TypeError, "ks must be an iterable of whole numbers"),
        (None, TypeError, "ks must be an iterable of whole numbers"),
        ([2, 0], ValueError, "each of ks must be 1 or more, got 0"),
        ([2, -1], ValueError, "each of ks must be 1 or more, got -1"),
        ([2.0], TypeError, "each of ks must be a whole number, got 2.0"),
        ([True], TypeError, "each of ks must be a whole number, got True"),
        ("23", TypeError, "each of ks must be a whole number, got '2'"),
    ],
)
def test_bad_ks(ks, error, message):
    with pytest.raises(error, match=message):
        kmeans_sweep(np.eye(3), ks)


def test_bad_metric():
    with pytest.raises(ValueError, match="metric must be 'euclidean', 'sqeuclidean' or None, got 'cosine'"):
        kmeans_sweep(np.eye(3), [2], metric="cosine")


# --- the elbow --------------------------------------------------------------------------------------------------------


def test_the_knee_of_the_papers_figure_2():
    """Satopaa et al. (2011), figure 2: y = -1/x + 5 for ten x from 0.1 to 1.1 has its knee at x = 0.32 (0.22 + 0.1)."""
    x = np.linspace(0.0, 1.0, 10)
    y = -1 / (x + 0.1) + 5
    assert elbow(range(10), list(-y)) == 2
    assert x[2] == pytest.approx(0.22, abs=0.005)


@pytest.mark.parametrize(
    ("wssse", "expected"),
    [
        ([100.0, 20.0, 10.0, 8.0, 6.0], 3),
        ([100.0, 90.0, 80.0, 10.0, 9.0, 8.0], 5),
        ([10.0, 8.0, 6.0, 4.0, 2.0], None),  # straight
        ([100.0, 98.0, 90.0, 60.0, 0.0], None),  # bends the other way
        ([5.0, 5.0, 5.0], None),
        ([5.0, 1.0], None),
        ([], None),
        ([10.0, 7.4, 5.0, 2.4, 0.0], None),  # a bend that is smaller than a step
    ],
)
def test_elbows(wssse, expected):
    assert elbow(range(2, 2 + len(wssse)), wssse) == expected


def test_the_more_pronounced_of_two_elbows():
    ks = list(range(1, 14))
    wssse = [100.0, 85.0, 84.0, 83.0, 82.0, 81.0, 20.0, 19.0, 18.0, 17.0, 16.0, 15.0, 14.0]
    assert elbow(ks, wssse) == 7


def test_well_separated_groups_are_found_by_both_rules(xp):
    rng = np.random.default_rng(0)
    centers = np.array([[0, 0], [20, 0], [0, 20], [20, 20], [10, 40]])
    X = centers[rng.integers(5, size=200)] + rng.standard_normal((200, 2))
    sweep = kmeans_sweep(put(xp, X), range(1, 11), n_init=3)
    assert sweep.k_silhouette == 5
    assert sweep.k_elbow in (4, 5)
