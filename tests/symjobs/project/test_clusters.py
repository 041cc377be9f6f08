"""Clusters that a project keeps while it learns."""

import threading

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symjobs._errors import InputError, ProjectError
from symjobs._project import Project, _project
from symjobs._state import Clusters
from tests.symjobs.project._frames import TYPES, make

PARAMS = {"cluster_features": "x:y", "cluster_num_centroids": "8", "cluster_warmup_period": "9"}


def kept(params=PARAMS, name="p", **more):
    return Project(name, params={**params, **more})


def blobs(seed, n, names=("x", "y")):
    """Three groups of rows, far apart."""
    rng = np.random.default_rng(seed)
    middles = np.array([[0.0, 0.0], [20.0, 0.0], [0.0, 20.0]])
    return pd.DataFrame(middles[rng.integers(0, 3, n)] + rng.normal(size=(n, 2)), columns=list(names))


def totals(clusters):
    """Weight, mean and total sum of squares by column: exact, whatever the micro-clusters are."""
    coreset = clusters.coreset()
    mean = coreset.weight @ coreset.centers / coreset.weight.sum()
    squares = coreset.scatter.sum(axis=0) + coreset.weight @ (coreset.centers - mean) ** 2
    return coreset.weight.sum(), mean, squares


def covers(clusters, frame):
    """Assert that exactly the complete rows of the frame are in the clusters."""
    X = frame[list(clusters.features)].astype(float)
    whole = X.dropna().to_numpy()
    assert clusters.n_rows == len(whole)
    assert clusters.n_missing == len(X) - len(whole)
    weight, mean, squares = totals(clusters)
    assert weight == len(whole)
    np.testing.assert_allclose(mean, whole.mean(axis=0), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(squares, ((whole - whole.mean(axis=0)) ** 2).sum(axis=0), rtol=1e-10, atol=1e-10)


# --- learning ---------------------------------------------------------------------------------------------------------


def test_a_project_without_them():
    snapshot = Project("p").learn(blobs(0, 5)).snapshot()
    assert snapshot.clusters is None
    with pytest.raises(InputError, match=r"'p' keeps no clusters while it learns; create it with .*cluster_features"):
        snapshot.require_clusters()


def test_learning_keeps_them():
    frame = blobs(0, 500)
    snapshot = kept().learn(frame[:6]).learn(frame[6:300]).learn(frame[300:]).snapshot()
    clusters = snapshot.clusters
    assert isinstance(clusters, Clusters)
    assert snapshot.require_clusters() is clusters
    assert clusters.features == ("x", "y")
    assert len(clusters.coreset()) == 8
    assert clusters.streaming.ready
    covers(clusters, frame)
    found = np.sort(clusters.coreset().kmeans(3, n_init=5).counts)
    np.testing.assert_array_equal(found, np.sort(np.bincount([(x > 10) + 2 * (y > 10) for x, y in frame.to_numpy()])))


@given(st.lists(st.integers(1, 60), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_batches_does_not_change_what_is_counted(sizes, random):
    frame = make(3, sum(sizes)).drop(columns="note")
    ends = np.cumsum(sizes)
    parts = [frame[end - size : end] for size, end in zip(sizes, ends, strict=True)]
    parts = [part for part in parts if part.notna().to_numpy().any()]
    random.shuffle(parts)
    project = kept()
    for part in parts:
        project.learn(part, types=TYPES)
    if project.snapshot().clusters.n_rows:
        covers(project.snapshot().clusters, pd.concat(parts))


def test_row_by_row():
    frame = blobs(1, 40)
    project = kept()
    for i in range(len(frame)):
        project.learn(frame[i : i + 1])
    covers(project.snapshot().clusters, frame)


def test_other_columns_and_another_order():
    frame = blobs(1, 200)
    frame.insert(0, "other", np.arange(200.0))
    frame["text"] = "t"
    project = kept().learn(frame[["y", "other", "x", "text"]][:50]).learn(frame[50:])
    project.learn((frame[["x", "y"]].to_numpy(np.float32), ["x", "y"]))
    covers(project.snapshot().clusters, pd.concat([frame, frame[["x", "y"]].astype(np.float32)]))


def test_a_scratch_block_is_not_kept():
    # before the warm-up the rows themselves are held; the block that they came in is written to again
    rows = np.arange(8.0).reshape(4, 2)
    project = kept().learn((rows, ["x", "y"]))
    rows[:] = -1.0
    assert sorted(project.snapshot().clusters.coreset().centers[:, 0].tolist()) == [0.0, 2.0, 4.0, 6.0]


@pytest.mark.parametrize("missing", ["pairwise", "listwise"])
def test_missing_values(missing):
    frame = make(4, 300).drop(columns=["note"])
    clusters = kept(missing=missing).learn(frame, types=TYPES).snapshot().clusters
    if missing == "pairwise":
        covers(clusters, frame)
    else:
        assert (clusters.n_rows, clusters.n_missing) == (len(frame.dropna()), 300 - len(frame.dropna()))
    info = kept(missing=missing).learn(frame, types=TYPES).info()
    assert info.params["cluster_missing_rows"] == str(clusters.n_missing)


def test_listwise_a_column_that_is_not_there_is_missing():
    project = kept(missing="listwise").learn(make(4, 40), types=TYPES)
    before = project.snapshot().clusters.n_rows
    project.learn(blobs(0, 10))
    assert project.n_rows == before
    assert project.snapshot().clusters.n_rows == before


def test_a_row_filter_applies():
    frame = blobs(2, 100)
    clusters = kept(row_filter="x<10").learn(frame).snapshot().clusters
    covers(clusters, frame[frame.x < 10])


def test_a_feature_that_comes_later():
    frame = blobs(2, 100)
    project = kept().learn(frame[["x"]])
    clusters = project.snapshot().clusters
    assert (clusters.n_rows, clusters.n_missing, clusters.unseen) == (0, 100, ("y",))
    with pytest.raises(InputError, match=r"keeps clusters over 'y', which has never come in the data; known are 'x'"):
        project.snapshot().require_clusters()
    clusters = project.learn(frame).snapshot().clusters
    assert (clusters.n_rows, clusters.n_missing, clusters.unseen) == (100, 100, ())


def test_a_name_that_is_nearly_right():
    project = kept(cluster_features="x:Y").learn(blobs(2, 10))
    with pytest.raises(InputError, match="over 'Y', which has never come in the data; did you mean 'y'"):
        project.snapshot().require_clusters()


def test_nothing_that_can_be_asked():
    with pytest.raises(InputError, match="has learnt nothing yet; there are no clusters"):
        kept().snapshot().require_clusters()
    gaps = pd.DataFrame({"x": [1.0, np.nan], "y": [np.nan, 2.0]})
    with pytest.raises(InputError, match="no row in a cluster: each of the 2 rows lacked one of 'x', 'y'"):
        kept().learn(gaps).snapshot().require_clusters()


def test_members_of_categories():
    frame = make(5, 200)
    features = ["x", "color$red", "tags$a"]
    project = kept(cluster_features=":".join(features)).learn(frame[:3], types=TYPES).learn(frame[3:], types=TYPES)
    clusters = project.snapshot().clusters
    expected = pd.DataFrame(
        {
            "x": frame.x,
            "color$red": frame.color.map(lambda v: v.strip().lower() == "red", na_action="ignore"),
            "tags$a": frame.tags.map(lambda v: "a" in v.split("|"), na_action="ignore"),
        }
    )
    covers(clusters, expected)


def test_members_alone_and_one_that_has_not_come():
    frame = pd.DataFrame({"c": pd.Categorical(["u", "v", None, "u"])})
    clusters = kept(cluster_features="c$u:c$w").learn(frame).snapshot().clusters
    assert clusters.unseen == ("c$w",)
    assert clusters.notes() == {"cluster_missing_rows": "1", "cluster_unseen_features": "c$w"}
    np.testing.assert_allclose(totals(clusters)[1], [2 / 3, 0])


# --- all or nothing ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (blobs(0, 30).assign(z=np.inf), "column 'z', row 0: inf is infinite"),
        (blobs(0, 30).assign(y=-np.inf), "column 'y', row 0: -inf is infinite"),
        ([blobs(0, 30), blobs(0, 30).assign(x="a")], "column 'x', batch 1, row 0: 'a' is not a number"),
        ([blobs(0, 300), blobs(0, 3).assign(x=1e200)], r"column 'x', batch 1, row 0: 1e\+200 is so large"),
    ],
)
@pytest.mark.parametrize("learnt", [0, 5, 50])
def test_a_write_that_fails_changes_nothing(data, message, learnt):
    project = kept()
    if learnt:
        project.learn(blobs(1, learnt))
    before = project.snapshot()
    arrays = before.clusters.arrays()
    with pytest.raises(InputError, match=message):
        project.learn(data)
    after = project.snapshot()
    assert after.hash == before.hash
    assert after.clusters.n_rows == learnt
    assert all(np.array_equal(arrays[name], array) for name, array in after.clusters.arrays().items())


@pytest.mark.parametrize(
    ("frame", "types", "message"),
    [
        (pd.DataFrame({"x": [1.0], "y": ["a"]}), {}, r"cluster_features names 'y', a column of type S \(string\)"),
        (
            pd.DataFrame({"x": [1.0], "y": ["A"]}),
            {"y": "T"},
            r"'y', a column of type T .* name single members, as y\$a",
        ),
        (pd.DataFrame({"x": [1.0], "y": [2.0]}), {"y": "X"}, "'y', a column of type X .ignored.; leave it out"),
    ],
)
def test_a_feature_that_is_no_number(frame, types, message):
    project = kept()
    with pytest.raises(InputError, match=message):
        project.learn(frame, types=types)
    assert project.n_rows == 0
    assert project.learn(blobs(0, 10)).snapshot().clusters.n_rows == 10


class Stopped(Exception):
    pass


def test_a_kill_in_the_middle():
    frame = blobs(0, 200_000)
    project = kept().learn(frame[:100])
    before = project.snapshot()
    calls = []
    kept().learn(frame[:100]).learn(frame, checkpoint=calls.append)
    assert calls == sorted(calls)

    for most in (0, len(calls) // 2, len(calls) - 2):
        made = []

        def checkpoint(done, made=made, most=most):
            made.append(done)
            if len(made) > most:
                raise Stopped

        with pytest.raises(Stopped):
            project.learn(frame, checkpoint=checkpoint)
        after = project.snapshot()
        assert after.hash == before.hash
        assert after.clusters.n_rows == 100


def test_a_snapshot_is_not_changed():
    for learnt in (5, 50):
        project = kept().learn(blobs(1, learnt))
        before = project.snapshot()
        first = before.hash, before.clusters.arrays()
        project.learn(blobs(2, 1)).learn(blobs(3, 500))
        project.forget(blobs(3, 10))
        assert before.clusters.n_rows == learnt
        assert before.clusters.n_forgotten == 0
        assert all(np.array_equal(first[1][name], array) for name, array in before.clusters.arrays().items())
        assert project.snapshot().hash != first[0]


def test_two_threads():
    frames = [blobs(seed, n) for seed, n in enumerate([1, 30, 2000, 7] * 10)]
    project = kept()

    def work(mine):
        for frame in mine:
            project.learn(frame)
            clusters = project.snapshot().clusters
            assert totals(clusters)[0] == clusters.n_rows

    failures = []

    def guarded(mine):
        try:
            work(mine)
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(frames[i::2],)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not failures, failures
    covers(project.snapshot().clusters, pd.concat(frames))


# --- forgetting, merging ----------------------------------------------------------------------------------------------


def test_forgotten_rows_are_counted():
    frame = make(6, 300)
    project = kept().learn(frame, types=TYPES).forget(frame[:100], types=TYPES)
    clusters = project.snapshot().clusters
    gone = int(frame[:100][["x", "y"]].notna().all(axis=1).sum())
    assert project.n_rows == 200
    assert clusters.n_forgotten == gone
    assert clusters.n_rows == len(frame[["x", "y"]].dropna())
    assert project.info().params["cluster_forgotten_rows"] == str(gone)
    assert "cluster_forgotten_rows" not in project.params


def test_merging_equals_learning_both():
    first, second = make(7, 150), make(8, 250)
    a, b = kept().learn(first, types=TYPES), kept(name="b").learn(second, types=TYPES)
    b.forget(second[:20], types=TYPES)
    before = b.snapshot().hash
    forgotten = b.snapshot().clusters.n_forgotten
    a.merge(b)
    covers(a.snapshot().clusters, pd.concat([first, second]))
    assert a.snapshot().clusters.n_forgotten == forgotten
    assert b.snapshot().hash == before
    covers(a.learn(first, types=TYPES).snapshot().clusters, pd.concat([first, second, first]))


@pytest.mark.parametrize("n", [3, 200])
@pytest.mark.parametrize("m", [3, 200])
@pytest.mark.parametrize("scale", ["none", "standard"])
def test_merging_matches_features_by_name(n, m, scale):
    first, second = blobs(1, n), blobs(2, m)
    a = kept(cluster_scale=scale).learn(first)
    b = kept(cluster_scale=scale, cluster_features="y:x").learn(second)
    clusters = a.merge(b).snapshot().clusters
    assert clusters.features == ("x", "y")
    covers(clusters, pd.concat([first, second]))


def test_merging_with_an_empty_one():
    a, frame = kept(), blobs(1, 50)
    a.merge(Project("nothing")).merge(kept())
    assert a.snapshot().clusters.n_rows == 0
    a.merge(kept().learn(frame))
    covers(a.snapshot().clusters, frame)
    assert a.snapshot().clusters.unseen == ()
    covers(a.merge(kept()).snapshot().clusters, frame)


def test_with_itself():
    frame = blobs(1, 50)
    project = kept().learn(frame)
    covers(project.merge(project).snapshot().clusters, pd.concat([frame, frame]))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "keeps clusters over x:y, and the other keeps none: its rows would be in no cluster"),
        ({"cluster_features": "x"}, "over x:y, the other over x; create both with the same cluster_features"),
        ({"cluster_features": "x:y", "cluster_scale": "standard"}, "cluster_scale='none', the other 'standard'"),
    ],
)
def test_projects_that_cannot_be_merged(params, message):
    project = kept().learn(blobs(1, 50))
    before = project.snapshot().hash
    with pytest.raises(InputError, match=message):
        project.merge(Project("o", params=params).learn(blobs(2, 50)))
    assert project.snapshot().hash == before


def test_merging_into_a_project_that_keeps_none():
    project = Project("p").merge(kept().learn(blobs(1, 50)))
    assert project.n_rows == 50
    assert project.snapshot().clusters is None


# --- hash and files ---------------------------------------------------------------------------------------------------


def test_the_hash_is_of_the_clusters_too():
    frame = blobs(1, 100)
    assert kept().learn(frame).snapshot().hash == kept().learn(frame).snapshot().hash
    plain = Project("p").learn(frame).snapshot().hash
    hashes = {
        plain,
        kept().learn(frame).snapshot().hash,
        kept(cluster_features="y:x").learn(frame).snapshot().hash,
        kept(cluster_num_centroids="7").learn(frame).snapshot().hash,
    }
    assert len(hashes) == 4


@pytest.mark.parametrize("n", [0, 5, 200])
@pytest.mark.parametrize("scale", ["none", "standard"])
def test_saving(tmp_path, n, scale):
    project = kept(cluster_scale=scale, cluster_features=["x", "y"], cluster_rnd_seed=-5)
    if n:
        project.learn(make(1, n), types=TYPES).forget(make(1, n)[:2], types=TYPES)
    project.save(tmp_path / "p")
    loaded = Project.load(tmp_path / "p")
    a, b = project.snapshot(), loaded.snapshot()
    assert a.hash == b.hash
    assert a.info() == b.info()
    assert b.info().params["cluster_features"] == "x:y"
    assert a.clusters.notes() == b.clusters.notes()
    assert a.clusters.unseen == b.clusters.unseen
    more = make(2, 300)  # and it goes on as the one that was saved
    assert loaded.learn(more, types=TYPES).snapshot().hash == project.learn(more, types=TYPES).snapshot().hash


def test_loading_makes_the_clusters_ready_for_where_the_project_is(tmp_path, monkeypatch):
    import array_api_strict as strict

    from symjobs._state._backend import Backend

    class Elsewhere(Backend):
        """Another array library, as a GPU's would be."""

        def put(self, array):
            return strict.asarray(np.array(array)) if isinstance(array, np.ndarray) else array

        def to_backend(self, moments):
            return moments

    kept().learn(blobs(1, 50)).save(tmp_path / "p")
    monkeypatch.setattr(_project, "choose", lambda kind: Elsewhere("numpy"))
    loaded = Project.load(tmp_path / "p")
    assert loaded.snapshot().clusters.streaming.backend != "numpy"
    assert isinstance(loaded.snapshot().clusters.coreset().centers, np.ndarray)


# --- parameters -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"cluster_features": 5},
            "cluster_features .* as text with colons between them, got 5",
        ),
        ({"cluster_features": "a::b"}, r"empty name at place 1: \['a', '', 'b'\]"),
        ({"cluster_features": ["a", 3]}, "empty name at place 1"),
        ({"cluster_features": ["a:b"]}, "'a:b', and the colon separates names"),
        ({"cluster_features": "a:b:a"}, "names 'a' twice"),
        ({"cluster_num_centroids": "5"}, "cluster_num_centroids needs cluster_features"),
        ({"cluster_features": "", "cluster_scale": "none"}, "cluster_scale needs cluster_features"),
        (
            {"cluster_features": "a", "cluster_num_centroids": "0"},
            "cluster_num_centroids must be .* of at least 1",
        ),
        ({"cluster_features": "a", "cluster_num_centroids": "ten"}, "cluster_num_centroids .* got 'ten'"),
        ({"cluster_features": "a", "cluster_num_centroids": 2.5}, "cluster_num_centroids .* got '2.5'"),
        ({"cluster_features": "a", "cluster_num_centroids": True}, "cluster_num_centroids .* got True"),
        ({"cluster_features": "a", "cluster_num_centroids": 10**30}, "cluster_num_centroids .* got '1000"),
        (
            {"cluster_features": "a", "cluster_warmup_period": "100"},
            "must exceed cluster_num_centroids, got 100 for 100",
        ),
        ({"cluster_features": "a", "cluster_num_centroids": "200"}, "got 101 for 200 centroids; give at least 201"),
        (
            {"cluster_features": "a", "cluster_num_centroids": "900000", "cluster_warmup_period": "900001"},
            "cluster_num_centroids is 900,000: so many take about 18,105 GiB, and this machine has .*; give fewer",
        ),
        ({"cluster_features": "a", "cluster_max_iterations": "0"}, "cluster_max_iterations must be a whole number"),
        ({"cluster_features": "a", "cluster_rnd_seed": "x"}, "cluster_rnd_seed must be a whole number"),
        (
            {"cluster_features": "a", "cluster_scale": "minmax"},
            "cluster_scale must be .* none, standard, got 'minmax'",
        ),
        ({"cluster_features": "a", "rolling_window": "9"}, "rolling_window does not go with cluster_features"),
        (
            {"cluster_feature": "a"},
            "unknown .* 'cluster_feature' of the project; did you mean 'cluster_features'",
        ),
        ({"cluster_k": "3"}, "unknown parameter 'cluster_k' of the project"),
    ],
)
def test_bad_parameters(params, message):
    with pytest.raises(InputError, match=message):
        Project("p", params=params)


def test_parameters_as_text_and_as_values():
    text = {
        "cluster_features": "a:b",
        "cluster_num_centroids": "7",
        "cluster_warmup_period": "20",
        "cluster_max_iterations": "50",
        "cluster_rnd_seed": "3",
        "cluster_scale": "standard",
    }
    values = {
        "cluster_features": ["a", "b"],
        "cluster_num_centroids": 7,
        "cluster_warmup_period": 20,
        "cluster_max_iterations": 50,
        "cluster_rnd_seed": 3,
        "cluster_scale": "standard",
    }
    a, b = Project("p", params=text), Project("p", params=values)
    assert a.info().params == b.info().params == text
    assert a.snapshot().hash == b.snapshot().hash
    streaming = a.snapshot().clusters.streaming
    assert (streaming.n_centroids, streaming.warmup, streaming.max_iter, streaming.seed) == (7, 20, 50, 3)
    assert streaming.scale == "standard"


def test_empty_text_is_as_if_not_given():
    assert Project("p", params={"cluster_features": "", "cluster_num_centroids": ""}).snapshot().clusters is None


def test_a_deleted_project_has_none():
    project = kept().learn(blobs(1, 50))
    snapshot = project.snapshot()
    project.delete()
    assert snapshot.clusters.n_rows == 50
    with pytest.raises(ProjectError, match="deleted"):
        project.snapshot()
