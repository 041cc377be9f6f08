"""EVT wrappers: flags for any number that a model says, kept up from call to call."""

import json
import sys
import threading

import numpy as np
import pytest

from symjobs import FlaggedPredictions, NoSuchModel
from symjobs._errors import InputError, MissingDependency, ProjectError
from symjobs._project import Project, _project
from symkernels import Spot

NAMES = ["x", "y", "z"]
EVT = {"evt_warmup_size": "300", "evt_alpha": "0.001", "evt_quantile": "0.95"}
SPOT = {"warmup": 300, "alpha": 0.001, "quantile": 0.95}


def rows(seed, n):
    return np.random.default_rng(seed).normal(size=(n, 3))


def project_with_model():
    params = {"cluster_features": "x:y:z", "cluster_num_centroids": 10, "cluster_warmup_period": 20}
    project = Project("p", params=params).learn((rows(0, 400), NAMES))
    project.build("m", "kmeans", parameters={"kmeans_k": 2})
    return project


@pytest.fixture
def project():
    return project_with_model()


def columns(predictions):
    return {name: np.asarray(array, dtype=float) for name, array in predictions.columns().items()}


def assert_same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


def test_it_adds_the_flags_of_a_spot(project):
    X = np.vstack([rows(1, 1000), [[50.0, 0.0, 0.0]]])
    plain = project.predict("m", (X, NAMES))
    info = project.create_evt_wrapper("m", "distance", EVT)
    flagged = project.predict("m", (X, NAMES))
    due = Spot(**SPOT).update(plain.distances)
    assert isinstance(flagged, FlaggedPredictions)
    assert list(flagged.columns()) == ["cluster", "distance", "evt_is_anomaly", "evt_threshold"]
    np.testing.assert_array_equal(flagged.flags, due.flags)
    np.testing.assert_array_equal(flagged.threshold, due.threshold)
    np.testing.assert_array_equal(flagged.distances, plain.distances)  # what the model's own predictions have
    assert flagged.flags[-1]
    assert (flagged.n_rows, flagged.n_missing) == (1001, 0)
    last = flagged.entities()["KSVSMap"].values[-1]
    assert last["evt_is_anomaly"] == "1"
    assert float(last["evt_threshold"]) == flagged.threshold[-1]
    first = flagged.entities()["KSVSMap"].values[0]
    assert (first["evt_is_anomaly"], first["evt_threshold"]) == ("0", "NaN")
    assert set(info.predictInfo) == set(flagged.columns())


def test_the_rows_of_all_calls_are_one_stream(project):
    X = rows(1, 1500)
    project.create_evt_wrapper("m", "distance", EVT)
    whole = columns(project.predict("m", (X, NAMES)))
    project.create_evt_wrapper("m", "distance", EVT)  # again: it has seen nothing
    parts = [columns(project.predict("m", (part, NAMES))) for part in np.split(X, [1, 2, 250, 900, 901])]
    joined = {name: np.concatenate([part[name] for part in parts]) for name in whole}
    np.testing.assert_array_equal(joined["evt_is_anomaly"], whole["evt_is_anomaly"])
    np.testing.assert_allclose(joined["evt_threshold"], whole["evt_threshold"], rtol=1e-9)  # fitted


def test_two_sides_have_two_thresholds(project):
    project.create_evt_wrapper("m", "distance", {**EVT, "evt_two_sides": "true"})
    found = project.predict("m", (rows(1, 500), NAMES))
    assert list(found.columns())[2:] == ["evt_is_anomaly", "evt_threshold_upper", "evt_threshold_lower"]
    assert (found.lower[300:] < found.threshold[300:]).all()
    assert "evt_threshold_lower" in project.model_info("m").info


def test_any_number_can_be_judged(project):
    X = np.vstack([np.zeros((400, 3)), rows(1, 100)])
    X[7, 0] = np.nan
    info = project.create_evt_wrapper("m", "cluster", EVT).info
    assert info["sml_evt_wrapper_res_key"] == "cluster"
    found = project.predict("m", (X, NAMES))
    assert found.columns()["evt_is_anomaly"][7] == 0
    assert project.model_info("m").info["evt_n_missing"] == "1"


def test_the_map_of_the_wire(project):
    body = {**EVT, "sml_evt_wrapper_res_key": "distance", "sml_evt_wrapper_model_id": "m", "evt_seed": "3"}
    info = project.create_evt_wrapper("m", parameters=body).info
    assert {name: info[name] for name in EVT} == EVT
    assert info["sml_evt_wrapper_res_key"] == "distance"
    assert (info["evt_n"], info["evt_remaining"], info["evt_threshold"]) == ("0", "300", "NaN")
    project.predict("m", (rows(1, 1000), NAMES))
    info = project.model_info("m").info
    assert (info["evt_n"], info["evt_remaining"]) == ("1000", "0")
    assert float(info["evt_threshold"]) > 0
    json.dumps(info)


def test_without_a_key_it_is_the_models_score(project):
    assert project.create_evt_wrapper("m", parameters=EVT).info["sml_evt_wrapper_res_key"] == "distance"


def test_an_empty_text_is_no_value(project):
    given = {"sml_evt_wrapper_res_key": "", "sml_evt_wrapper_model_id": "", "evt_window_size": "", **EVT}
    assert project.create_evt_wrapper("m", parameters=given).info["sml_evt_wrapper_res_key"] == "distance"


def test_a_call_that_fails_or_is_stopped_leaves_no_trace(project):
    X = rows(1, 1000)
    project.create_evt_wrapper("m", "distance", EVT)
    project.predict("m", (X[:500], NAMES))
    before = project.model_info("m")
    bad = X[500:].copy()
    bad[-1, 0] = np.inf
    with pytest.raises(InputError, match="infinite"):
        project.predict("m", iter([(X[500:600], NAMES), (bad, NAMES)]))

    def stop(done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        project.predict("m", (X[500:], NAMES), checkpoint=stop)
    assert project.model_info("m") == before


def test_threads_lose_nothing(project):
    project.create_evt_wrapper("m", "distance", EVT)
    threads = [
        threading.Thread(target=lambda seed=seed: [project.predict("m", (rows(seed, 10), NAMES)) for _ in range(40)])
        for seed in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert project.model_info("m").info["evt_n"] == "2400"


def test_jobs_and_snapshots_are_not_flagged(project):
    project.create_evt_wrapper("m", "distance", EVT)
    found = project.snapshot().model("m").predict((rows(1, 10), NAMES))
    assert list(found.columns()) == ["cluster", "distance"]
    assert project.model_info("m").info["evt_n"] == "0"


def test_deleting_it(project):
    plain = project.model_info("m")
    project.create_evt_wrapper("m", "distance", EVT)
    project.delete_evt_wrapper("m")
    assert list(project.predict("m", (rows(1, 5), NAMES)).columns()) == ["cluster", "distance"]
    assert project.model_info("m") == plain
    with pytest.raises(ProjectError, match="model 'm' of project 'p' has no EVT wrapper; create_evt_wrapper makes one"):
        project.delete_evt_wrapper("m")
    with pytest.raises(NoSuchModel, match="Error no such model <z>"):
        project.delete_evt_wrapper("z")


def test_it_goes_with_its_model(project):
    project.create_evt_wrapper("m", "distance", EVT)
    project.build("m", "kmeans", parameters={"kmeans_k": 3})
    assert "evt_n" not in project.model_info("m").info
    project.create_evt_wrapper("m", "distance", EVT)
    project.delete_model("m")
    project.build("m", "kmeans", parameters={"kmeans_k": 3})
    assert "evt_n" not in project.model_info("m").info


def test_a_frozen_project_flags_too_and_a_deleted_one_does_not(project):
    project.freeze()
    project.create_evt_wrapper("m", "distance", EVT)
    project.predict("m", (rows(1, 500), NAMES))
    assert project.model_info("m").info["evt_n"] == "500"
    project.delete()
    with pytest.raises(ProjectError, match="deleted"):
        project.create_evt_wrapper("m", "distance", EVT)


def test_it_is_saved_with_the_project(project, tmp_path):
    X = rows(1, 2000)
    for further in ({}, {"evt_two_sides": "true", "evt_window_size": "500", "evt_max_exceedances": "50"}):
        project.create_evt_wrapper("m", "distance", {**EVT, **further})
        for start, stop in ((0, 100), (100, 1200)):  # in the warm-up, and after it
            project.predict("m", (X[start:stop], NAMES))
            project.save(tmp_path / "p")
            loaded = Project.load(tmp_path / "p")
            assert loaded.model_info("m") == project.model_info("m")
        assert_same(columns(loaded.predict("m", (X[1200:], NAMES))), columns(project.predict("m", (X[1200:], NAMES))))
        assert loaded.model_info("m") == project.model_info("m")


@pytest.mark.parametrize(
    ("key", "parameters", "message"),
    [
        ("distanze", EVT, "a kmeans model has no result key 'distanze'; did you mean 'distance'?"),
        (3, EVT, "a kmeans model has no result key 3"),
        ("cluster", {**EVT, "sml_evt_wrapper_res_key": "distance"}, "given twice, as 'cluster' and as"),
        (None, {**EVT, "sml_evt_wrapper_model_id": "n"}, "sml_evt_wrapper_model_id is 'n', and the wrapper is asked"),
        (None, {}, r"\(evt_warmup_size\) is required|\(evt_alpha\) is required"),
        (None, {**EVT, "evt_alfa": "1"}, "unknown parameter 'evt_alfa'"),
        (None, {**EVT, "evt_alpha": "0.05"}, "evt_quantile 0.95 leaves 0.05 of the values above it, and evt_alpha"),
        (None, {**EVT, "evt_window_size": "299"}, "evt_window_size 299 is smaller than evt_warmup_size 300"),
    ],
)
def test_bad_input(project, key, parameters, message):
    with pytest.raises(InputError, match=message):
        project.create_evt_wrapper("m", key, parameters)
    assert "evt_n" not in project.model_info("m").info


def test_a_model_that_is_not_there(project):
    with pytest.raises(NoSuchModel, match="Error no such model <z>"):
        project.create_evt_wrapper("z", "distance", EVT)


def test_a_model_that_is_built_again_meanwhile_gets_no_wrapper_of_the_old_one(project, monkeypatch):
    wrap = _project.wrap
    builders = []

    def slow(*arguments):
        wrapper = wrap(*arguments)
        builders.append(threading.Thread(target=project.build, args=("m", "oospca")))
        builders[0].start()
        builders[0].join(0.3)  # it waits for the wrapper, and not the other way round
        return wrapper

    monkeypatch.setattr(_project, "wrap", slow)
    assert project.create_evt_wrapper("m", "distance", EVT).modelType == "kmeans"
    builders[0].join()
    assert project.model_info("m").modelType == "oospca"
    assert list(project.predict("m", (rows(1, 10), NAMES)).columns()) == ["score", "residual", "leverage"]


def test_a_key_that_holds_text_is_refused_before_anybody_asks():
    project = Project("p", histogram=True).learn((rows(0, 400), NAMES))
    project.build("m", "ecod", parameters={"desired_prob_feats": 1})
    with pytest.raises(InputError, match="the result key 'feature_1' holds no numbers"):
        project.create_evt_wrapper("m", "feature_1", EVT)
    project.create_evt_wrapper("m", "probability_1", EVT)
    assert "evt_is_anomaly" in project.predict("m", (rows(1, 10), NAMES)).columns()


def test_a_file_is_not_called_damaged_where_a_package_is_missing(project, tmp_path, monkeypatch):
    project.create_evt_wrapper("m", "distance", {**EVT, "evt_tdigest": "true"})
    project.predict("m", (rows(1, 400), NAMES))
    project.save(tmp_path / "p.st")
    monkeypatch.setitem(sys.modules, "datasketches", None)
    with pytest.raises(MissingDependency, match=r"^evt_tdigest=true needs .*symjobs\[histogram\]"):
        Project.load(tmp_path / "p.st")
