"""OptimizedKmeansJob on a project's micro-clusters: which features, what is counted, how far it is from the rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import symjobs as sj

LENGTHS = ("sepal_length", "sepal_width", "petal_length", "petal_width")


def clustered(**params):
    return sj.Project("iris", params={"cluster_features": LENGTHS, **params}).learn(sj.datasets.load_iris())


@pytest.fixture(scope="module")
def iris():
    return clustered()


def run(*arguments, **options):
    context = sj.JobContext()
    result = sj.OptimizedKmeansJob(*arguments, **{"seed": 0, **options}).run(context)
    return result, context


def test_before_the_warm_up_is_over_the_answer_is_that_of_the_rows():
    project = clustered(cluster_warmup_period=151, cluster_num_centroids=150)
    result, context = run(project, 2, 6, n_init=50)
    rows, _ = run(sj.datasets.load_iris(), 2, 6, n_init=50)
    np.testing.assert_allclose(result.wssse, rows.wssse, rtol=1e-12)
    np.testing.assert_allclose(result.silhouette, rows.silhouette, rtol=1e-9)
    assert (result.method, result.n_rows, result.names) == ("micro-clusters", 150, LENGTHS)
    assert context.details["method"] == "micro-clusters"
    assert context.details["projectHash"] == project.snapshot().hash


def test_micro_clusters_come_close_to_the_rows(iris):
    """100 of them for 150 rows. Where the border of two clusters divides one, WSSSE is an estimate."""
    result, context = run(iris, 2, 6)
    assert result.wssse == pytest.approx([152.347952, 78.851441, 57.228473, 46.446182, 39.039987], rel=0.02)
    assert result.silhouette == pytest.approx([0.681, 0.553, 0.498, 0.489, 0.365], abs=0.03)
    assert result.k == 2
    assert int(context.details["microClusters"]) <= 100
    assert sum(result.sizes[0]) == 150


def test_inputs_are_some_of_the_features_by_name_or_index(iris):
    by_name, _ = run(iris, 2, 3, ["petal_width", "petal_length"])
    by_index, _ = run(iris, 2, 3, [3, 2])
    rows, _ = run(sj.datasets.load_iris(), 2, 3, ["petal_width", "petal_length"])
    assert by_name.names == by_index.names == ("petal_width", "petal_length")
    np.testing.assert_array_equal(by_name.wssse, by_index.wssse)
    np.testing.assert_allclose(by_name.wssse, rows.wssse, rtol=0.05)
    assert by_name.centers[0].shape == (2, 2)


def test_standard_scale_uses_the_deviations_of_all_rows(iris):
    result, _ = run(iris, 3, 3, scale="standard")
    frame = sj.datasets.load_iris()
    X = pd.DataFrame(frame.data, columns=frame.attributeNames)[list(LENGTHS)].astype(float).to_numpy()
    np.testing.assert_allclose(result.divisors, X.std(axis=0), rtol=1e-12)
    rows, _ = run(frame, 3, 3, scale="standard", n_init=50)
    assert result.wssse[0] == pytest.approx(rows.wssse[0], rel=0.05)
    assert 4 < result.centers[0][:, 0].min() < result.centers[0][:, 0].max() < 8  # sepal lengths in cm


def test_rows_without_a_feature_and_forgotten_rows_are_counted():
    project = clustered()
    frame = sj.datasets.load_iris()
    holes = sj.DataFrame(frame.attributeNames, frame.attributeTypes, [["", *row[1:]] for row in frame.data[:7]])
    project.learn(holes)
    project.forget(sj.DataFrame(frame.attributeNames, frame.attributeTypes, frame.data[:5]))
    result, context = run(project, 2, 3)
    assert (result.n_rows, result.n_missing, result.n_forgotten) == (150, 7, 5)
    assert context.details["rowsMissing"] == "7"
    assert context.details["rowsForgotten"].startswith("5: the project has forgotten them")


def test_more_clusters_than_micro_clusters_have_a_reason():
    project = clustered(cluster_num_centroids=10, cluster_warmup_period=11)
    result, context = run(project, 9, 12)
    assert np.isfinite(result.wssse[:2]).all()
    assert np.isnan(result.wssse[2:]).all()
    assert result.reasons[3]
    assert context.details["kmeans_12_reason"] == result.reasons[3]


def test_the_job_sees_the_project_as_it_is_when_it_runs():
    project = clustered()
    job = sj.OptimizedKmeansJob(project, 2, 2, seed=0)
    project.learn(sj.datasets.load_iris())
    assert job.run(sj.JobContext()).n_rows == 300


# --- refused at submission --------------------------------------------------------------------------------------------


def test_a_project_that_keeps_no_clusters_names_the_parameter():
    project = sj.Project("plain").learn(sj.datasets.load_iris())
    with pytest.raises(sj.InputError, match=r"'plain' keeps no clusters .* the parameter cluster_features"):
        sj.OptimizedKmeansJob(project, 2, 3)


def test_a_project_without_rows_in_its_clusters():
    empty = sj.Project("empty", params={"cluster_features": "a:b"})
    with pytest.raises(sj.InputError, match="'empty' has learnt nothing yet"):
        sj.OptimizedKmeansJob(empty, 2, 3)


@pytest.mark.parametrize(
    ("inputs", "error", "words"),
    [
        (["petal_lenght"], sj.UnknownAttribute, "did you mean 'petal_length'"),
        (
            ["species$setosa"],
            sj.InputError,
            r"keeps no clusters over 'species\$setosa' \(its parameter cluster_features.*\); known are '",
        ),
        ([99], sj.UnknownAttribute, "unknown attribute 99"),
        (["petal_width", 3], sj.InputError, "'petal_width' is named twice"),
        ([], sj.InputError, "no input is named"),
    ],
)
def test_inputs_that_are_no_features(iris, inputs, error, words):
    with pytest.raises(error, match=words):
        sj.OptimizedKmeansJob(iris, 2, 3, inputs)


def test_there_are_no_rows_to_label(iris):
    with pytest.raises(sj.InputError, match="'iris' keeps no rows, so that there are none to label; build a kmeans"):
        sj.OptimizedKmeansJob(iris, 2, 3, keep_labels=True)


def test_a_deleted_project_takes_no_job():
    project = clustered()
    job = sj.OptimizedKmeansJob(project, 2, 3)
    project.delete()
    for ask in (job.check, lambda: job.run(sj.JobContext()), lambda: sj.OptimizedKmeansJob(project, 2, 3)):
        with pytest.raises(sj.ProjectError, match="was deleted"):
            ask()


# --- requests ---------------------------------------------------------------------------------------------------------

QUERY = {"kmeans_k_min": "2", "kmeans_k_max": "3", "kmeans_rnd_seed": "0"}


def test_a_request_names_features_by_index_or_name_or_none(iris):
    for context, names in [
        (sj.MLContext(), LENGTHS),
        (sj.MLContext(inputAttributes=["2", "3"]), LENGTHS[2:]),
        (sj.MLContext(inputAttributeNames=["petal_length", "petal_width"]), LENGTHS[2:]),
        (sj.ExploreContext([sj.MLContext(inputAttributes=["1"], inputAttributeNames=["sepal_width"])]), LENGTHS[1:2]),
    ]:
        result = sj.OptimizedKmeansJob.from_context(iris, context, QUERY).run(sj.JobContext())
        assert result.names == names
    contradiction = sj.MLContext(inputAttributes=["1"], inputAttributeNames=["petal_width"])
    with pytest.raises(sj.InputError, match="inputs are given twice"):
        sj.OptimizedKmeansJob.from_context(iris, contradiction, QUERY)


def test_the_scale_is_by_default_that_of_the_projects_clusters():
    rng = np.random.default_rng(0)
    table = {"a": rng.standard_normal(300).tolist(), "b": (1e6 * rng.standard_normal(300)).tolist()}
    features = {"cluster_features": "a:b"}
    scaled = sj.Project("scaled", params={**features, "cluster_scale": "standard"}).learn(pd.DataFrame(table))
    plain = sj.Project("plain", params=features).learn(pd.DataFrame(table))
    assert sj.OptimizedKmeansJob(scaled, 2, 3).settings.scale == "standard"
    assert sj.OptimizedKmeansJob(scaled, 2, 3, scale="none").settings.scale == "none"
    assert sj.OptimizedKmeansJob(plain, 2, 3).settings.scale == "none"
    with sj.JobManager() as manager:
        handle = manager.submit(sj.OptimizedKmeansJob(scaled, 2, 3, seed=0), owner="c1")
        result = handle.result(60)
        details = handle.info().details
    assert details["suggestedK"] == str(result.k)
    assert details["scale"] == "standard"
    assert "kmeans_scale" not in result.entities()["KSVSMap"].values[0], "the request named none"
