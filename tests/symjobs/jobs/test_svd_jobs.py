"""SVDJob and SVDFeatureSelectionJob against NumPy, their entities, what they refuse."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import symjobs as sj


@pytest.mark.parametrize("name", ["iris", "longley", "breast_cancer"])
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_singular_values_of_the_population_covariance(load, learnt, population_covariance, name, missing):
    frame = load(name, missing)
    result = sj.SVDJob(learnt(frame)).run(sj.JobContext())
    values = np.linalg.svd(population_covariance(frame), compute_uv=False)
    np.testing.assert_allclose(result.values, values, rtol=0, atol=1e-10 * values[0])
    assert result.names == tuple(frame)


def test_the_largest_value_goes_with_the_first_input(iris):
    result = sj.SVDJob(iris, ["petal_width", "2", 0]).run(sj.JobContext())
    (pairs,) = result.entities()["KSVSMap"].values
    assert list(pairs.values()) == ["petal_width", "petal_length", "sepal_length"]
    assert [float(text) for text in pairs] == result.values.tolist()
    assert sorted(result.values, reverse=True) == result.values.tolist()
    assert repr(result).startswith("<SVD of 3 attributes: rank 3")


def test_equal_values_get_distinct_keys(learnt):
    frame = pd.DataFrame(np.vstack([np.eye(4), -np.eye(4)]), columns=list("abcd"))
    result = sj.SVDJob(learnt(frame, types=dict.fromkeys("abcd", "C"))).run(sj.JobContext())
    wire = json.loads(sj.to_json(result.entities()))
    (pairs,) = wire["KSVSMap"]["values"]
    assert pairs == {"0.25": "a", "0.250": "b", "0.2500": "c", "0.25000": "d"}


def test_constants_are_welcome(learnt, load):
    result = sj.SVDJob(learnt(load("iris").assign(flat=0.1))).run(sj.JobContext())
    assert result.values[-1] == 0.0
    assert result.rank == 4


def test_feature_selection_names_what_each_depends_on(learnt, load):
    frame = load("iris")
    frame["sum"] = 2 * frame["sepal_length"] - 3 * frame["petal_width"] + 5
    frame["flat"] = 0.1
    result = sj.SVDFeatureSelectionJob(learnt(frame)).run(sj.JobContext())
    assert result.kept == tuple(frame)[:4]
    assert result.dropped == ("sum", "flat")
    assert result.constant == ("flat",)
    assert result.dependencies["sum"] == pytest.approx({"sepal_length": 2.0, "petal_width": -3.0})
    assert result.dependencies["flat"] == {}
    verdicts, dependencies = json.loads(sj.to_json(result.entities()))["KSVSMap"]["values"]
    assert verdicts == {**dict.fromkeys(tuple(frame)[:4], "kept"), "sum": "dropped", "flat": "constant"}
    assert list(dependencies) == ["sum", "flat"]
    assert json.loads(dependencies["sum"]) == pytest.approx({"sepal_length": 2.0, "petal_width": -3.0})
    assert dependencies["flat"] == "{}"
    assert "sum depends on sepal_length, petal_width; flat depends on nothing" in repr(result)


def test_what_feature_selection_keeps_is_not_singular(learnt, load):
    frame = load("breast_cancer")
    frame["copy"] = frame["worst radius"]
    frame["mix"] = frame["copy"] + frame["radius error"]
    result = sj.SVDFeatureSelectionJob(learnt(frame)).run(sj.JobContext())
    assert len(result.kept) == 30
    assert np.linalg.matrix_rank(frame[list(result.kept)].corr()) == 30


def test_a_tolerance_drops_what_is_nearly_dependent(learnt, load):
    project = learnt(load("longley"))
    assert len(sj.SVDFeatureSelectionJob(project).run(sj.JobContext()).kept) == 7
    result = sj.SVDFeatureSelectionJob(project, tol=1e-3).run(sj.JobContext())
    assert 0 < len(result.dropped) < 7
    for bad in (-0.1, 1.0, float("nan")):
        with pytest.raises(sj.InputError, match=r"svdTolerance.*at least 0 and below 1"):
            sj.SVDFeatureSelectionJob(project, tol=bad)


def test_a_whole_category_is_one_too_many(iris):
    result = sj.SVDFeatureSelectionJob(iris, ["sepal_length", "species"]).run(sj.JobContext())
    assert result.inputs == ("sepal_length", "species$setosa", "species$versicolor", "species$virginica")
    assert result.dropped == ("species$virginica",)


@pytest.mark.parametrize("job", [sj.SVDJob, sj.SVDFeatureSelectionJob])
def test_refusals(iris, job, learnt):
    with pytest.raises(sj.UnknownAttribute, match="'petal'"):
        job(iris, ["petal"])
    with pytest.raises(sj.InputError, match="no input is named"):
        job(iris, [])
    apart = pd.DataFrame({"a": [1.0, 2.0, np.nan, np.nan], "b": [np.nan, np.nan, 1.0, 3.0]})
    with pytest.raises(sj.InputError, match="'a' and 'b' have too few rows in common"):
        job(learnt(apart)).run(sj.JobContext())


@pytest.mark.parametrize("job", [sj.PCAJob, sj.SVDJob, sj.ExploreVIFJob, sj.SVDFeatureSelectionJob])
def test_one_row_is_too_few(job):
    project = sj.Project("p").learn(([[1.0, 2.0]], ["a", "b"]))
    with (
        sj.JobManager() as manager,
        pytest.raises(sj.JobFailed, match=r"needs at least two rows, and .* holds 1"),
    ):
        manager.submit(job(project)).result(10)


def test_more_attributes_than_rows_is_told():
    rng = np.random.default_rng(0)
    project = sj.Project("p").learn((rng.normal(size=(5, 8)), list("abcdefgh")))
    with sj.JobManager() as manager:
        handle = manager.submit(sj.SVDJob(project))
        assert handle.result(10).rank == 4
        assert handle.info().details["rank"].startswith("4 of 8")
