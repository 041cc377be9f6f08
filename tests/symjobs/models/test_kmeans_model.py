"""The kmeans model: what is built from a project's clusters, and what it says of rows."""

import json
import threading

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from symjobs import DataFrame, KMeansPredictions, NoSuchModel, from_json, to_json
from symjobs._errors import InputError, ProjectError
from symjobs._project import Project
from symkernels import kmeans

MIDDLES = np.array([[0.0, 0.0, 5.0], [20.0, 0.0, 5.0], [0.0, 2000.0, 5.0]])
NAMES = ["x", "y", "z"]


def blobs(seed, n):
    """Three groups of rows, far apart; z is constant."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 3, n)
    X = MIDDLES[group].copy()
    X[:, :2] += rng.normal(size=(n, 2))
    return X, group


def learnt(n=600, seed=0, **params):
    params = {"cluster_features": "x:y:z", "cluster_num_centroids": 30, "cluster_warmup_period": 40, **params}
    return Project("p", params=params).learn((blobs(seed, n)[0], NAMES))


def same_partition(labels, groups):
    pairs = set(zip(np.asarray(labels).tolist(), np.asarray(groups).tolist(), strict=True))
    return len(pairs) == len(set(labels)) == len(set(groups))


# --- build ------------------------------------------------------------------------------------------------------------


def test_building_tells_what_was_built():
    project = learnt()
    info = project.build("groups", "kmeans", parameters={"kmeans_k": "3"})
    assert (info.modelId, info.modelType, info.modelBuilt) == ("groups", "kmeans", True)
    assert info.attributeNames == NAMES
    assert info.attributeIndexes == [0, 1, 2]
    assert info.attributeTypes == ["C", "C", "C"]
    assert info.targetNames == []
    assert info.buildTime >= 0
    assert info.creationDate > 1_700_000_000_000
    assert info.info["kmeans_k"] == "3"
    assert info.info["kmeans_scale"] == "none"
    assert info.info["projectHash"] == project.snapshot().hash
    assert 0.5 < float(info.info["kmeans_silhouette"]) <= 1
    assert info == project.model_info("groups")
    assert from_json(to_json(info), type(info)) == info
    assert project.models == ("groups",)
    described = project.info()
    assert (described.modelsList, described.modelTypeList) == (["groups"], ["kmeans"])


@pytest.mark.parametrize("scale", ["none", "standard"])
def test_the_numbers_are_those_of_the_rows(scale):
    """WSSSE, counts and centers are of the rows that were learnt: each goes with its micro-cluster."""
    X, group = blobs(0, 600)
    project = learnt()
    info = project.build("m", "kmeans", parameters={"kmeans_k": 3, "kmeans_scale": scale})
    divisors = np.where(X.std(axis=0) > 0, X.std(axis=0), 1) if scale == "standard" else np.ones(3)
    exact = kmeans(X / divisors, 3, n_init=10)
    assert float(info.info["kmeans_wssse"]) == pytest.approx(exact.wssse, rel=1e-9)
    assert sorted(info.extra["counts"]) == sorted(np.bincount(group).tolist())
    order = np.argsort(np.array(info.extra["centers"]) @ [1, 1e3, 0])
    theirs = exact.centers * divisors
    np.testing.assert_allclose(
        np.array(info.extra["centers"])[order], theirs[np.argsort(theirs @ [1, 1e3, 0])], rtol=1e-9, atol=1e-9
    )
    predicted = project.predict("m", (X, NAMES))
    assert same_partition(predicted.labels, group)
    centers = np.array(info.extra["centers"])
    expected = np.linalg.norm((X - centers[predicted.labels]) / divisors, axis=1)
    np.testing.assert_allclose(predicted.distances, expected, rtol=1e-9)


def test_the_scale_of_the_project_is_the_default():
    project = learnt(cluster_scale="standard")
    assert project.build("m", "kmeans", parameters={"kmeans_k": 3}).info["kmeans_scale"] == "standard"
    given = {"kmeans_k": 3, "kmeans_scale": "none"}
    assert project.build("m", "kmeans", parameters=given).info["kmeans_scale"] == "none"


def test_some_of_the_features_by_name_and_index():
    X, _ = blobs(0, 600)
    project = learnt()
    info = project.build("m", "kmeans", inputs=["y", 0], parameters={"kmeans_k": 2})
    assert info.attributeNames == ["y", "x"]
    assert info.attributeIndexes == [1, 0]
    # y alone decides; x is in the sum of squares, z is not
    exact = kmeans(X[:, [1, 0]], 2, n_init=10)
    assert float(info.info["kmeans_wssse"]) == pytest.approx(exact.wssse, rel=1e-9)
    assert project.predict("m", pd.DataFrame(X, columns=NAMES)[["x", "y"]]).n_missing == 0


def test_the_same_seed_gives_the_same_model():
    project = learnt(cluster_num_centroids=100, cluster_warmup_period=200)
    given = {"kmeans_k": 17, "kmeans_n_init": 1, "kmeans_max_iterations": 2}
    infos = [project.build("m", "kmeans", parameters={**given, "kmeans_rnd_seed": seed}).info for seed in (-3, -3, 5)]
    assert infos[0] == infos[1]
    assert infos[0]["kmeans_wssse"] != infos[2]["kmeans_wssse"]
    assert (infos[0]["kmeans_n_init"], infos[0]["kmeans_max_iterations"]) == ("1", "2")


def test_one_cluster_has_no_silhouette():
    X, _ = blobs(0, 600)
    info = learnt().build("m", "kmeans", parameters={"kmeans_k": 1}).info
    assert info["kmeans_silhouette"] == "NaN"
    assert float(info["kmeans_wssse"]) == pytest.approx(((X - X.mean(axis=0)) ** 2).sum(), rel=1e-9)


def test_before_the_warm_up_the_rows_are_clustered():
    X, _ = blobs(0, 20)
    info = learnt(20).build("m", "kmeans", parameters={"kmeans_k": 3}).info
    assert float(info["kmeans_wssse"]) == pytest.approx(kmeans(X, 3, n_init=10).wssse, rel=1e-12)
    assert info["micro_clusters"] == "20"


def test_forgotten_and_missing_rows_are_told():
    project = learnt().forget((blobs(0, 600)[0][:7], NAMES)).learn(pd.DataFrame({"x": [1.0, 2.0]}))
    info = project.build("m", "kmeans", parameters={"kmeans_k": 3}).info
    assert (info["rows"], info["cluster_forgotten_rows"], info["cluster_missing_rows"]) == ("600", "7", "2")


def test_a_model_stays_until_it_is_built_again():
    project = learnt()
    before = project.build("m", "kmeans", parameters={"kmeans_k": 3})
    project.build("other", "kmeans", parameters={"kmeans_k": 2})
    snapshot = project.snapshot()
    project.learn((blobs(1, 500)[0] + 1000, NAMES))
    assert project.model_info("m") == before
    after = project.build("m", "kmeans", parameters={"kmeans_k": 3})
    assert after.extra["centers"] != before.extra["centers"]
    assert project.model_info("m") == after
    assert project.models == ("m", "other")
    assert snapshot.model("m").info() == before


def test_building_does_not_change_the_hash_and_needs_no_thawing():
    project = learnt()
    project.freeze()
    before = project.snapshot().hash
    project.build("m", "kmeans", parameters={"kmeans_k": 3})
    assert project.snapshot().hash == before
    project.delete_model("m")
    assert project.models == ()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"algo": "kmean"}, "unknown algorithm 'kmean'; did you mean 'kmeans'"),
        ({"algo": 3}, "unknown algorithm 3; known are 'kmeans'"),
        ({"parameters": {}}, r"k \(kmeans_k\) is required"),
        ({"parameters": None}, r"k \(kmeans_k\) is required"),
        ({"parameters": [("kmeans_k", 3)]}, "the model's parameters must be a map"),
        ({"parameters": {"kmeans_k": "0"}}, r"k \(kmeans_k\) must be a whole number of at least 1, got '0'"),
        ({"parameters": {"kmeans_k": "-2"}}, r"k \(kmeans_k\) must be a whole number of at least 1, got '-2'"),
        (
            {"parameters": {"kmeans_k": 2**63}},
            r"k \(kmeans_k\) must be a whole number of at least 1, got '9223372036854775808'",
        ),
        ({"parameters": {"kmeans_k": "2.5"}}, r"k \(kmeans_k\) must be a whole number of at least 1, got '2.5'"),
        ({"parameters": {"kmeans_k": "three"}}, r"k \(kmeans_k\) must be a whole number of at least 1, got 'three'"),
        ({"parameters": {"kmeans_k": [3]}}, r"\['kmeans_k'\] must be text, a number or a boolean, got \[3\]"),
        ({"parameters": {"kmeans_k": "31"}}, r"cannot form 31 clusters \(kmeans_k\): .*keeps 30 micro-clu"),
        ({"parameters": {"kmeans_k": 10**15}}, "cannot form 1000000000000000 clusters"),
        (
            {"parameters": {"kmeans_k": 3, "kmeans_n_init": 0}},
            r"\(kmeans_n_init\) must be a whole number of at least 1, got '0'",
        ),
        (
            {"parameters": {"kmeans_k": 3, "kmeans_max_iterations": 0}},
            r"\(kmeans_max_iterations\) must be a whole number of at least 1, got '0'",
        ),
        (
            {"parameters": {"kmeans_k": 3, "kmeans_rnd_seed": 2**70}},
            r"\(kmeans_rnd_seed\) must be a whole number that fits into 64 bits",
        ),
        (
            {"parameters": {"kmeans_k": 3, "kmeans_scale": "unit"}},
            r"\(kmeans_scale\) must be one of none, standard, got 'unit'",
        ),
        (
            {"parameters": {"kmeans_k": 3, "kmeans_kk": 3}},
            "unknown parameter 'kmeans_kk' of a kmeans model; did",
        ),
        ({"inputs": ["w"]}, "unknown attribute 'w'"),
        ({"inputs": "x"}, r"inputs must be a list of attribute names, got the text 'x'; write \['x'\]"),
        ({"inputs": []}, "no input is named"),
        ({"inputs": ["x", "x"]}, "'x' is named twice"),
        ({"inputs": ["x", "extra"]}, "keeps no clusters over 'extra' .*cluster_features.*; known are 'x'"),
        ({"targets": ["x"]}, "a model 'kmeans' has no targets"),
        ({"targets": "x"}, "targets must be a list"),
        ({"model_id": ""}, "a model's name is a text that is not empty"),
        ({"model_id": "a/b"}, "the model name 'a/b' holds '/'"),
        ({"model_id": 7}, "a model's name is a text"),
        ({"model_id": "a\ud800"}, "lone surrogate"),
    ],
)
def test_what_cannot_be_built(arguments, message):
    project = learnt().learn(pd.DataFrame({"extra": [1.5]}))
    project.build("m", "kmeans", parameters={"kmeans_k": 3})
    before = project.model_info("m")
    given = {"model_id": "m", "algo": "kmeans", "parameters": {"kmeans_k": 3}, **arguments}
    with pytest.raises(InputError, match=message):
        project.build(given.pop("model_id"), given.pop("algo"), **given)
    assert project.models == ("m",)
    assert project.model_info("m") == before


def test_projects_that_have_nothing_to_build_from():
    with pytest.raises(InputError, match=r"keeps no clusters while it learns; create it with .*cluster_features"):
        Project("p").learn((blobs(0, 10)[0], NAMES)).build("m", "kmeans", parameters={"kmeans_k": 3})
    with pytest.raises(InputError, match="has learnt nothing yet"):
        Project("p", params={"cluster_features": "x"}).build("m", "kmeans", parameters={"kmeans_k": 3})
    same = Project("p", params={"cluster_features": "x"}).learn((np.ones((300, 1)), ["x"]))
    with pytest.raises(InputError, match=r"cannot form 2 clusters \(kmeans_k\)"):
        same.build("m", "kmeans", parameters={"kmeans_k": 2})
    project = learnt()
    project.delete()
    with pytest.raises(ProjectError, match="was deleted"):
        project.build("m", "kmeans", parameters={"kmeans_k": 3})


class Stopped(Exception):
    pass


def test_a_kill_in_the_middle():
    project = learnt()
    before = project.build("m", "kmeans", parameters={"kmeans_k": 3})
    calls = []
    project.build("n", "kmeans", parameters={"kmeans_k": 4}, checkpoint=lambda *at: calls.append(at))
    assert calls
    assert all(0 <= done <= all_ for done, all_ in calls)

    for most in (0, len(calls) // 2):
        made = []

        def checkpoint(*at, made=made, most=most):
            made.append(at)
            if len(made) > most:
                raise Stopped

        with pytest.raises(Stopped):
            project.build("m", "kmeans", parameters={"kmeans_k": 4}, checkpoint=checkpoint)
        assert project.model_info("m") == before
    assert project.models == ("m", "n")


def test_the_project_is_not_held_up_while_a_model_is_built():
    project = learnt()
    inside, go_on = threading.Event(), threading.Event()
    hash_before = project.snapshot().hash

    def checkpoint(*_):
        inside.set()
        assert go_on.wait(30)

    def build():
        project.build("m", "kmeans", parameters={"kmeans_k": 3}, checkpoint=checkpoint)

    thread = threading.Thread(target=build)
    thread.start()
    assert inside.wait(30)
    project.learn((blobs(5, 100)[0], NAMES))  # a writer comes through, and the model is of what was there before
    assert project.models == ()
    go_on.set()
    thread.join(30)
    assert project.model_info("m").info["projectHash"] == hash_before
    assert project.n_rows == 700


def test_two_threads_build_and_ask():
    project = learnt()
    project.build("m", "kmeans", parameters={"kmeans_k": 2})
    X, _ = blobs(3, 50)
    failures = []

    def build(i):
        for k in (2, 3, 4):
            project.build("m", "kmeans", parameters={"kmeans_k": k})
            project.build(f"own{i}", "kmeans", parameters={"kmeans_k": k})

    def ask(_):
        for _ in range(10):
            found = project.predict("m", (X, NAMES))
            assert found.labels.min() >= 0
            assert found.labels.max() < 4
            project.learn((X, NAMES))

    def guarded(work, i):
        try:
            work(i)
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(work, i)) for i, work in enumerate([build, build, ask])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not failures, failures
    assert sorted(project.models) == ["m", "own0", "own1"]
    assert project.model_info("own0").info["kmeans_k"] == "4"
    assert project.n_rows == 600 + 10 * 50


# --- predict ----------------------------------------------------------------------------------------------------------


def tables(X):
    frame = pd.DataFrame(X, columns=NAMES)
    text = [[repr(value) for value in row] for row in X.tolist()]
    return {
        "matrix": (X, NAMES),
        "pandas": frame[["z", "x", "y"]].assign(note="n"),
        "polars": pl.DataFrame({name: X[:, j] for j, name in enumerate(NAMES)}),
        "arrow": pa.table({name: X[:, j] for j, name in enumerate(NAMES)}),
        "entity": DataFrame(NAMES, ["C"] * 3, text),
        "iterator": iter([frame[:20], (X[20:], NAMES)]),
    }


@pytest.mark.parametrize("kind", ["matrix", "pandas", "polars", "arrow", "entity", "iterator"])
def test_any_table(kind):
    X, group = blobs(4, 60)
    project = learnt()
    project.build("m", "kmeans", parameters={"kmeans_k": 3})
    found = project.predict("m", tables(X)[kind])
    assert isinstance(found, KMeansPredictions)
    assert (found.n_rows, found.n_missing, found.n_imputed) == (60, 0, 0)
    assert found.labels.dtype == np.int32
    assert found.distances.dtype == np.float64
    assert same_partition(found.labels, group)
    assert project.n_rows == 600


def test_batches_change_nothing():
    X, _ = blobs(4, 300_000)
    project = learnt()
    project.build("m", "kmeans", parameters={"kmeans_k": 3})
    whole = project.predict("m", (X, NAMES))
    parts = project.predict("m", ((X[i : i + 70_001], NAMES) for i in range(0, len(X), 70_001)))
    np.testing.assert_array_equal(parts.labels, whole.labels)
    np.testing.assert_allclose(parts.distances, whole.distances, rtol=1e-9)


def test_missing_values_have_no_cluster():
    X, _ = blobs(4, 6)
    X[1, 0] = X[3, 2] = np.nan
    project = learnt()
    info = project.build("m", "kmeans", parameters={"kmeans_k": 3})
    found = project.predict("m", (X, NAMES))
    assert (found.n_rows, found.n_missing, found.n_imputed) == (6, 2, 0)
    assert (np.flatnonzero(found.labels == -1) == [1, 3]).all()
    assert (np.flatnonzero(np.isnan(found.distances)) == [1, 3]).all()
    maps = found.entities()["KSVSMap"].values
    assert list(info.predictInfo) == list(maps[0]) == ["cluster", "distance"]
    assert maps[1] == {"cluster": "NaN", "distance": "NaN"}
    assert maps[0] == {"cluster": str(found.labels[0]), "distance": repr(float(found.distances[0]))}
    assert len(json.loads(to_json(found.entities()["KSVSMap"]))["values"]) == 6


def test_imputed_values():
    X, _ = blobs(4, 6)
    learnt_rows = blobs(0, 600)[0]
    X[1, 0] = X[3, 2] = X[3, 1] = np.nan
    project = learnt()
    project.build("m", "kmeans", parameters={"kmeans_k": 3})
    found = project.predict("m", (X, NAMES), impute=True)
    assert (found.n_missing, found.n_imputed) == (0, 2)
    filled = np.where(np.isnan(X), learnt_rows.mean(axis=0), X)
    expected = project.predict("m", (filled, NAMES))
    np.testing.assert_array_equal(found.labels, expected.labels)
    np.testing.assert_allclose(found.distances, expected.distances, rtol=1e-12)


def test_members_of_categories():
    frame = pd.DataFrame({"c": ["u", "v"] * 100, "l": ["|a|b", "|b"] * 100, "x": [0.0, 10.0] * 100})
    project = Project("p", params={"cluster_features": "c$u:l$a:x"}).learn(frame, types={"c": "T", "l": "L"})
    info = project.build("m", "kmeans", inputs=["c$u", "l$a"], parameters={"kmeans_k": 2})
    assert info.attributeTypes == ["B", "B"]
    asked = pd.DataFrame({"c": [" U", "v", "new", None, "u"], "l": ["|a", "|b", "|", "|a", None]})
    found = project.predict("m", asked)
    at = dict(zip(map(tuple, info.extra["centers"]), (0, 1), strict=True))
    assert found.labels.tolist() == [at[1.0, 1.0], at[0.0, 0.0], at[0.0, 0.0], -1, -1]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            pd.DataFrame({"x": [1.0], "z": [1.0]}),
            "no column 'y', which the model needs; it was built on 'x', 'y', 'z'",
        ),
        ([pd.DataFrame([[1.0] * 3], columns=NAMES), pd.DataFrame({"x": [1.0]})], "batch 1, the data has no column 'y'"),
        (pd.DataFrame({"x": ["a"], "y": [1.0], "z": [1.0]}), "column 'x', row 0: 'a' is not a number"),
        (pd.DataFrame({"x": [1.0, np.inf], "y": [1.0, 2.0], "z": [1.0, 2.0]}), "column 'x', row 1: inf is infinite"),
        (pd.DataFrame({"x": [1e300], "y": [1.0], "z": [1.0]}), r"column 'x', row 0: 1e\+300 is so large"),
        (pd.DataFrame({"x": [], "y": [], "z": []}), "the data has no rows; there is nothing to predict"),
        ([], "the data has no rows"),
        (5, "cannot learn from int|cannot read int"),
        (np.ones((2, 3)), "names"),
    ],
)
def test_data_that_cannot_be_asked_about(data, message):
    project = learnt()
    project.build("m", "kmeans", parameters={"kmeans_k": 3})
    with pytest.raises(InputError, match=message):
        project.predict("m", data)


def test_a_kill_while_predicting():
    project = learnt()
    project.build("m", "kmeans", parameters={"kmeans_k": 3})
    X, _ = blobs(4, 300_000)
    seen = []

    def checkpoint(done):
        seen.append(done)
        if done > 100_000:
            raise Stopped

    with pytest.raises(Stopped):
        project.predict("m", (X, NAMES), checkpoint=checkpoint)
    assert len(seen) > 1
    assert seen[-1] < 300_000


# --- names, files -----------------------------------------------------------------------------------------------------


def test_no_such_model():
    project = learnt()
    for call in (
        lambda: project.predict("nothing", (blobs(0, 1)[0], NAMES)),
        lambda: project.model_info("nothing"),
        lambda: project.delete_model("nothing"),
        lambda: project.snapshot().model("nothing"),
    ):
        with pytest.raises(NoSuchModel) as caught:
            call()
        assert str(caught.value) == "Error no such model <nothing>"
        assert isinstance(caught.value, LookupError)
        assert isinstance(caught.value, ProjectError)


def test_a_deleted_project_answers_nothing():
    project = learnt()
    project.build("m", "kmeans", parameters={"kmeans_k": 3})
    snapshot = project.snapshot()
    project.delete()
    assert project.models == ()
    assert snapshot.model("m").predict((blobs(0, 5)[0], NAMES)).n_rows == 5
    with pytest.raises(ProjectError, match="was deleted"):
        project.predict("m", (blobs(0, 1)[0], NAMES))


def test_merging_brings_no_models():
    project, other = learnt(), learnt(seed=1)
    other.build("theirs", "kmeans", parameters={"kmeans_k": 3})
    project.build("mine", "kmeans", parameters={"kmeans_k": 3})
    before = project.model_info("mine")
    project.merge(other)
    assert project.models == ("mine",)
    assert project.model_info("mine") == before


def test_saving(tmp_path):
    X, _ = blobs(4, 50)
    project = learnt()
    project.build("a", "kmeans", parameters={"kmeans_k": 3, "kmeans_scale": "standard"})
    project.build("b", "kmeans", inputs=["y"], parameters={"kmeans_k": 2})
    project.save(tmp_path / "p")
    loaded = Project.load(tmp_path / "p")
    assert loaded.models == ("a", "b")
    assert loaded.info() == project.info()
    for name in ("a", "b"):
        assert loaded.model_info(name) == project.model_info(name)
        ours, theirs = project.predict(name, (X, NAMES)), loaded.predict(name, (X, NAMES))
        np.testing.assert_array_equal(ours.labels, theirs.labels)
        np.testing.assert_array_equal(ours.distances, theirs.distances)
    loaded.delete_model("a")
    loaded.save(tmp_path / "p")
    assert Project.load(tmp_path / "p").models == ("b",)


def test_a_copy_of_the_state_keeps_the_models():
    project = learnt()
    before = project.build("m", "kmeans", parameters={"kmeans_k": 3})
    _ = project.snapshot()
    project.learn((blobs(1, 5)[0], NAMES))
    project.rename("q")
    assert project.model_info("m") == before
