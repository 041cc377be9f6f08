"""Clusters of a stream: what they know of its rows, and how near they come to k-means on the rows."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from symkernels import StreamingKMeans, kmeans, kmeans_sweep, silhouette_score
from symkernels._streaming._features import Features, Frame
from symkernels._streaming._representatives import representative_points
from symkernels._streaming._ward import Mergers, reduced
from tests.symkernels._matrices import EPS
from tests.symkernels._streams import assert_totals, best, blobs, cost, learnt, streams, total

# Values other than 0 are 1e-100 or more: two neighbours there differ by some 1e-116, and 1e-232 is a normal number. The
# squared distances of smaller ones underflow, which `learn` refuses (test_streaming_input).
VALUES = st.one_of(
    st.integers(-3, 3).map(float),
    st.floats(1e-100, 1e3),
    st.floats(-1e3, -1e-100),
    st.sampled_from([1e6, -1e6 + 0.25, 0.1]),
)


@st.composite
def cut_rows(draw: st.DrawFn) -> tuple[list[np.ndarray], list[np.ndarray | None]]:
    """Rows with and without weights, in batches of any size."""
    d = draw(st.integers(1, 3))
    X = draw(hnp.arrays(np.float64, (draw(st.integers(1, 60)), d), elements=VALUES))
    cuts = sorted(draw(st.lists(st.integers(0, len(X)), max_size=5)))
    batches = np.split(X, cuts)
    if not draw(st.booleans()):
        return batches, [None] * len(batches)
    weights = st.sampled_from([0.25, 1.0, 2.0, 7.0])
    return batches, [draw(hnp.arrays(np.float64, len(batch), elements=weights)) for batch in batches]


def together(weights: list[np.ndarray | None]) -> np.ndarray | None:
    given_ = [weight for weight in weights if weight is not None]
    return np.concatenate(given_) if given_ else None


# --- totals are exact -------------------------------------------------------------------------------------------------


@settings(max_examples=80, deadline=None)
@given(rows=cut_rows(), m=st.integers(1, 8), scale=st.sampled_from(["none", "standard"]))
def test_totals_are_those_of_the_rows_however_they_come(rows, m, scale):
    batches, weights = rows
    stream = StreamingKMeans(m, warmup=m + 2, scale=scale)
    for batch, weight in zip(batches, weights, strict=True):
        stream.learn(batch, weight)
    X = np.concatenate(batches)
    assert stream.n_rows == len(X)
    assert len(stream.coreset()) <= (m if stream.ready else m + 1)
    assert_totals(stream, X, together(weights))


@settings(max_examples=60, deadline=None)
@given(rows=cut_rows(), order=st.randoms(use_true_random=False), m=st.integers(1, 8))
def test_totals_are_those_of_the_rows_however_states_are_merged(rows, order, m):
    batches, weights = rows
    states = [StreamingKMeans(m, warmup=m + 1).learn(b, w) for b, w in zip(batches, weights, strict=True)]
    while len(states) > 1:
        a, b = order.sample(range(len(states)), 2)
        states[a].merge(states[b])
        del states[b]
    assert states[0].n_rows == sum(map(len, batches))
    assert len(states[0].coreset()) <= m or not states[0].ready
    assert_totals(states[0], np.concatenate(batches), together(weights))


@pytest.mark.parametrize("offset", [0.0, 1e8, -1e8])
@pytest.mark.parametrize("scale", ["none", "standard"])
def test_an_offset_costs_no_digits(offset, scale):
    X = np.round(blobs(5000) * 1024) / 1024 + offset  # numbers that the offset does not round
    stream = learnt(X, 700, n_centroids=20, warmup=30, scale=scale)
    assert_totals(stream, X)
    near = learnt(X - offset, 700, n_centroids=20, warmup=30, scale=scale)
    np.testing.assert_allclose(stream.coreset().wssse, near.coreset().wssse, rtol=1e-12)


def test_a_stream_that_leaves_for_far_away_keeps_its_digits_there():
    """About the origin the distances in the second half would be rounded to some thousands."""
    X = np.concatenate([blobs(2000), blobs(2000, seed=3) + 1e9])
    stream = learnt(X, 500, n_centroids=20, warmup=40)
    assert_totals(stream, X)
    core = stream.coreset()
    far = core.centers[:, 0] > 1e8
    assert core.weight[far].sum() == 2000
    assert core.scatter[far].sum() < 1.3 * best(X[2000:] - 1e9, int(far.sum()))


def test_the_micro_clusters_are_those_of_a_direct_computation():
    """Of blocks that nothing is opened in: rows go to the nearest, and means and scatter are those of their rows."""
    X = blobs(40, 3)
    stream = StreamingKMeans(2, warmup=3).learn(X)
    core, frame = stream.coreset(), stream._state.frame
    assert (frame.factor == 1).all()
    assert core.weight.sum() == 40
    np.testing.assert_allclose(core.mean(), X.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(core.std(), X.std(axis=0), rtol=1e-12)


# --- the algebra ------------------------------------------------------------------------------------------------------


def test_grouping_is_chans_formula():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 3)) + 1e6
    groups = np.repeat([0, 1, 2], 10)
    one = Features.of_rows(X, np.ones(30)).grouped(groups, 3)
    for g in range(3):
        np.testing.assert_allclose(one.mean[g], X[groups == g].mean(axis=0), rtol=10 * EPS)  # a sum of ten
        # NumPy's deviations are from a mean that is rounded to 1e-10.
        np.testing.assert_allclose(one.scatter[g], 10 * X[groups == g].var(axis=0), rtol=1e-8)
    all_ = one.grouped(np.zeros(3, int), 1)
    np.testing.assert_allclose(all_.scatter[0], 30 * X.var(axis=0), rtol=1e-8)


def test_equal_rows_have_no_scatter():
    X = np.full((50, 2), 0.1) + [[0.0, 1e8]]
    stream = learnt(X, 7, n_centroids=3, warmup=5)
    assert len(stream.coreset()) == 1
    assert stream.coreset().wssse == 0
    np.testing.assert_array_equal(stream.coreset().std(), [0, 0])
    np.testing.assert_array_equal(stream.coreset().centers, X[:1])


def test_another_frame_and_back():
    features = Features(np.array([2.0, 3.0]), np.array([[1.0, -2.0], [0.5, 7.0]]), np.array([[0.5, 0.0], [1.0, 2.0]]))
    there, here = Frame(np.array([3.0, -1.0]), np.array([0.5, 8.0])), Frame.of_rows(2)
    back = features.about(here, there).about(there, here)  # numbers of few binary digits: exact
    for a, b in ((features.mean, back.mean), (features.scatter, back.scatter)):
        np.testing.assert_allclose(a, b, rtol=1e-15)


@settings(max_examples=40, deadline=None)
@given(hnp.arrays(np.float64, st.tuples(st.integers(2, 9), st.just(2)), elements=st.integers(-5, 5).map(float)))
def test_the_cheapest_are_merged_first(X):
    """Beside a search through all pairs at every step."""
    weight = np.arange(1.0, len(X) + 1)
    mergers = Mergers(weight, X)
    state = [(w, x) for w, x in zip(weight, X, strict=True)]
    while len(state) > 1:

        def price(pair: tuple[int, int]) -> float:
            (v, x), (w, y) = state[pair[0]], state[pair[1]]
            return v * w / (v + w) * ((x - y) ** 2).sum()

        a, b = min(((i, j) for i in range(len(state)) for j in range(i + 1, len(state))), key=price)
        assert mergers.least == pytest.approx(price((a, b)), abs=1e-9)
        ties = [p for p in permutations(range(len(state)), 2) if p[0] < p[1] and price(p) <= price((a, b)) + 1e-9]
        if len(ties) > 1:
            return  # either may be merged
        (v, x), (w, y) = state[a], state[b]
        state[a] = (v + w, (v * x + w * y) / (v + w))
        del state[b]
        mergers.merge()
        assert mergers.left == len(state)
    assert mergers.least == np.inf


def test_reducing_keeps_what_is_few_enough_and_merges_what_is_equal():
    features = Features.of_rows(np.array([[0.0], [5.0], [0.0], [9.0]]), np.ones(4))
    assert reduced(features, 4) is features
    fewer = reduced(features, 3)
    assert sorted(zip(fewer.mean[:, 0], fewer.weight, strict=True)) == [(0, 2), (5, 1), (9, 1)]
    assert reduced(features, 1).weight[0] == 4


def test_representative_points_have_the_moments_of_their_micro_clusters():
    core = learnt(blobs(3000), n_centroids=30, warmup=31).coreset()
    features = core.features()
    rows, owner = representative_points(features, 64)
    assert (np.bincount(owner) <= 64).all()
    again = rows.grouped(owner, features.size)
    for name in ("weight", "mean", "scatter"):
        # Sums of up to 64 rows of size 10: n eps of their squares is 1e-12.
        np.testing.assert_allclose(getattr(again, name), getattr(features, name), rtol=1e-9, atol=1e-9)
    assert (rows.weight >= 1).all()  # a silhouette needs whole rows
    whole, _ = representative_points(features, 1)
    np.testing.assert_array_equal(whole.mean, features.mean)
    np.testing.assert_array_equal(whole.scatter, features.scatter)


# --- how good they are ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "X"), [pytest.param(*case, id=case[0]) for case in streams(6000)])
def test_wssse_is_near_that_of_kmeans_on_the_rows(name, X):
    """In any batches, also by itself: WSSSE of the rows at the centers, and what is said of it."""
    expected = best(X, 5)
    for batch in (37, 1000, 6000):
        result = learnt(X, batch).kmeans(5, n_init=5)
        assert cost(X, result.centers) <= 1.03 * expected, (name, batch)
        assert result.wssse == pytest.approx(cost(X, result.centers), rel=0.03), (name, batch)


@pytest.mark.parametrize(("name", "X"), [pytest.param(*case, id=case[0]) for case in streams(4000)])
def test_merged_halves_are_as_good_as_one_stream(name, X):
    halves = learnt(X[:2500]) + learnt(X[2500:])
    assert halves.n_rows == 4000
    assert_totals(halves, X)
    assert cost(X, halves.kmeans(5, n_init=5).centers) <= 1.05 * best(X, 5), name


def test_a_region_that_is_new_gets_micro_clusters():
    """Also a single row that is far away, and also late."""
    X = blobs(5000, 3, 4)
    stream = learnt(X, n_centroids=10, warmup=20)
    before = stream.coreset().wssse
    news = np.random.default_rng(5).normal(size=(300, 3)) + 200
    stream.learn(np.concatenate([X[:700], news, [[-5e3, 0, 0]]]))
    core = stream.coreset()
    assert core.weight[core.centers[:, 0] > 150].sum() == 300
    assert core.weight[core.centers[:, 0] < -4e3].tolist() == [1]
    assert core.wssse < 2.0 * before


def test_with_whole_micro_clusters_wssse_is_exact_for_their_assignment():
    core = learnt(blobs(3000), n_centroids=15, warmup=16).coreset()
    result = core.kmeans(4, spread=1)
    away = ((core.centers - result.centers[result.labels]) ** 2).sum(axis=1)
    assert result.wssse == pytest.approx(core.weight @ away + core.scatter.sum(), rel=1e-12)
    plain = kmeans(core.centers, 4, sample_weight=core.weight)
    assert result.wssse == pytest.approx(plain.wssse + core.wssse, rel=1e-12)
    assert result.counts.tolist() == np.bincount(result.labels, core.weight).tolist()


def test_rows_that_stand_for_themselves_are_clustered_as_they_are(iris):
    """Before the warm-up is over, and as long as there are no more distinct rows than micro-clusters."""
    young = StreamingKMeans(200, warmup=201).learn(iris)
    assert not young.ready
    assert young.coreset().wssse == 0
    old = StreamingKMeans(150, warmup=151).learn(np.repeat(iris, 3, axis=0))
    assert old.ready
    distinct = np.unique(iris, axis=0)
    assert len(old.coreset()) == len(distinct)
    for stream, times in ((young, 1), (old, 3)):
        sweep = stream.sweep([2, 3], n_init=5)
        rows = kmeans_sweep(iris, [2, 3], n_init=5)
        np.testing.assert_allclose(sweep.wssse, times * rows.wssse, rtol=1e-9)
    np.testing.assert_allclose(young.sweep([2, 3], n_init=5).silhouette, rows.silhouette, rtol=1e-9)


def test_silhouettes_are_near_those_of_the_rows():
    X = blobs(3000, 4, 5)
    sweep = learnt(X).sweep(range(2, 8), n_init=5)
    assert sweep.k_silhouette == 5
    for entry in sweep:
        labels = ((X[:, None] - entry.centers) ** 2).sum(axis=2).argmin(axis=1)
        assert entry.silhouette == pytest.approx(silhouette_score(X, labels.astype(np.int32)), abs=0.03)


def test_wssse_of_a_sweep_falls_and_is_that_of_kmeans():
    stream = learnt(next(X for name, X in streams(3000) if name == "uniform"), n_centroids=40, warmup=41)
    sweep = stream.sweep([1, 7, 2, 2, 40, 41], metric=None)
    assert sweep.ks.tolist() == [1, 7, 2, 2, 40, 41]
    by_k = sweep.wssse[[0, 2, 1, 4]]
    assert (np.diff(by_k) <= 0).all()
    assert sweep[5].reason == "k = 41 is more than the 40 distinct micro-clusters"
    assert np.isnan(sweep[5].wssse)
    assert sweep[5].centers is None
    assert np.isnan(sweep.silhouette).all()
    whole = total(stream)
    assert sweep[0].wssse == pytest.approx(whole.scatter.sum(), rel=1e-10)
    assert sweep[0].counts.tolist() == [pytest.approx(3000)]
    assert sweep[1].wssse == pytest.approx(stream.kmeans(7).wssse, rel=0.02)


def test_scale_measures_nearness_and_leaves_the_units():
    X = blobs(4000, 2, 4)
    X[:, 1] = np.random.default_rng(2).normal(size=4000) * 1e4  # says nothing, and is all that plain distances see
    plain, standard = learnt(X, n_centroids=20, warmup=200), learnt(X, n_centroids=20, warmup=200, scale="standard")
    assert_totals(standard, X)
    assert standard.coreset().scatter[:, 0].sum() < 0.2 * plain.coreset().scatter[:, 0].sum()
    deviation = standard.coreset().std()
    np.testing.assert_allclose(deviation, X.std(axis=0), rtol=1e-10)
    one = standard.kmeans(1, scale=deviation)
    assert one.wssse == pytest.approx(2 * 4000, rel=1e-10)
    np.testing.assert_allclose(one.centers[0] * deviation, X.mean(axis=0), rtol=1e-10, atol=1e-9)
    constant = learnt(np.c_[X, np.full(4000, 3.0)], scale="standard")
    assert constant.coreset().centers[:, 2].tolist() == [3.0] * len(constant.coreset())


def test_columns_can_be_chosen():
    core = learnt(blobs(2000)).coreset()
    part = core.select([2, 0])
    np.testing.assert_array_equal(part.centers, core.centers[:, [2, 0]])
    np.testing.assert_array_equal(part.scatter, core.scatter[:, [2, 0]])
    assert part.kmeans(2).centers.shape == (2, 2)


def test_weights_count_as_repeats():
    """One batch of rows, and the same rows with every second one twice: the same totals, and about the same WSSSE."""
    X = blobs(2000)
    weight = np.tile([1.0, 2.0], 1000)
    weighted, repeated = learnt(X, weight=weight), learnt(np.repeat(X, weight.astype(int), axis=0))
    assert_totals(weighted, X, weight)
    np.testing.assert_allclose(total(weighted).weight, total(repeated).weight)
    assert weighted.kmeans(5, n_init=5).wssse == pytest.approx(repeated.kmeans(5, n_init=5).wssse, rel=0.02)


def test_rows_of_weight_0_count_and_do_nothing_else():
    X = blobs(500)
    weight = np.ones(500)
    weight[100:300] = 0
    stream = StreamingKMeans(10, warmup=250).learn(X, weight)
    assert stream.n_rows == 500
    assert stream.ready
    assert_totals(stream, X[weight > 0])


def test_weights_below_1_have_silhouettes_too():
    """They are no frequencies: only how they compare with one another counts."""
    X = blobs(1200, 3, 4)
    light = learnt(X, weight=np.full(1200, 1e-3), n_centroids=30, warmup=31).sweep([2, 4])
    plain = learnt(X, n_centroids=30, warmup=31).sweep([2, 4])
    np.testing.assert_allclose(light.silhouette, plain.silhouette, atol=0.05)
    np.testing.assert_allclose(light.wssse, plain.wssse * 1e-3, rtol=0.02)
