"""Jobs made from requests: MLContext, ExploreContext and the query."""

from __future__ import annotations

import numpy as np
import pytest

import symjobs as sj
from symjobs._jobs._pca import PCAParameters

MATRIX_JOBS = [sj.PCAJob, sj.SVDJob, sj.SVDFeatureSelectionJob, sj.ExploreVIFJob]


@pytest.mark.parametrize("job", MATRIX_JOBS)
@pytest.mark.parametrize("wrap", [lambda one: one, lambda one: sj.ExploreContext([one])], ids=["one", "explore"])
def test_inputs_by_index_or_by_name(iris, job, wrap):
    numbered = job.from_context(iris, wrap(sj.MLContext(inputAttributes=["0", "2"])))
    named = job.from_context(iris, wrap(sj.MLContext(inputAttributeNames=["sepal_length", "petal_length"])))
    assert numbered.inputs == (0, 2)
    assert named.inputs == ("sepal_length", "petal_length")
    run = [made.run(sj.JobContext()).entities() for made in (numbered, named)]
    if job in (sj.PCAJob, sj.SVDJob):
        assert run[0] == run[1]
    else:
        assert list(run[0]["KSVSMap"].values[0]) == ["0", "2"]  # echoed as the request named them


def test_indexes_and_names_of_the_same_attributes_agree(iris):
    context = sj.MLContext(inputAttributes=["0", "2"], inputAttributeNames=["sepal_length", "petal_length"])
    assert sj.SVDJob.from_context(iris, context).inputs == (0, 2)
    context.inputAttributeNames.reverse()
    with pytest.raises(sj.InputError, match=r"inputs are given twice.*not the same attributes"):
        sj.SVDJob.from_context(iris, context)


def test_an_index_is_an_index_even_if_an_attribute_is_called_so(learnt, load):
    frame = load("iris").set_axis(["1", "0", "x", "y"], axis=1)
    project = learnt(frame)
    assert sj.SVDJob.from_context(project, sj.MLContext(inputAttributes=["0"])).run(sj.JobContext()).names == ("1",)
    assert sj.SVDJob.from_context(project, sj.MLContext(inputAttributeNames=["0"])).run(sj.JobContext()).names == ("0",)


@pytest.mark.parametrize("job", [*MATRIX_JOBS, sj.ExploreJob])
def test_contexts_that_name_no_input_or_an_unknown_one(iris, job):
    query = {"metric": "uni"}
    with pytest.raises(sj.InputError, match="names no input; give inputAttributes or inputAttributeNames"):
        job.from_context(iris, sj.MLContext(), query)
    with pytest.raises(sj.UnknownAttribute, match="'petals'"):
        job.from_context(iris, sj.MLContext(inputAttributeNames=["petals"]), query)
    with pytest.raises(sj.UnknownAttribute, match="unknown attribute 99"):
        job.from_context(iris, sj.MLContext(inputAttributes=["99"]), query)
    with pytest.raises(sj.InputError, match="ExploreContext is empty"):
        job.from_context(iris, sj.ExploreContext([]), query)


@pytest.mark.parametrize("job", MATRIX_JOBS)
def test_jobs_about_one_context_refuse_two(iris, job):
    one = sj.MLContext(inputAttributes=["0"])
    with pytest.raises(sj.InputError, match="takes one MLContext, and the ExploreContext has 2"):
        job.from_context(iris, sj.ExploreContext([one, one]))


def test_pca_parameters_from_the_query_go_before_those_of_the_context(iris):
    context = sj.MLContext(
        inputAttributes=["0", "1", "2"],
        extraParameters={
            "explainedCovariance": "0.5",
            "pcaNumDimension": "2",
            "pcaCovariance": "TRUE",
            "pcaRepair": "true",
        },
    )
    job = sj.PCAJob.from_context(iris, context, {"explainedCovariance": "0.9"})
    assert job.parameters == PCAParameters(explained=0.9, n_components=2, covariance=True, repair=True)
    plain = sj.PCAJob.from_context(iris, sj.MLContext(inputAttributes=["0", "1"]))
    assert plain.parameters == PCAParameters(explained=1.0, n_components=100, covariance=False, repair=False)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            {"explainedCovariance": "most"},
            r"explained \(explainedCovariance\) must be a number from 0 to 1, got 'most'",
        ),
        ({"explainedCovariance": "2"}, "from 0 to 1, got '2'"),
        (
            {"pcaNumDimension": "2.5"},
            r"n_components \(pcaNumDimension\) must be a whole number from 1 to 100, got '2.5'",
        ),
        ({"pcaNumDimension": "500"}, "from 1 to 100, got '500'"),
        ({"pcaCovariance": "yes"}, r"covariance \(pcaCovariance\) must be true or false, got 'yes'"),
    ],
)
def test_bad_pca_parameters(iris, query, message):
    with pytest.raises(sj.InputError, match=message):
        sj.PCAJob.from_context(iris, sj.MLContext(inputAttributes=["0"]), query)


def test_the_tolerance_of_feature_selection(iris):
    context = sj.MLContext(inputAttributes=["0", "1"])
    assert sj.SVDFeatureSelectionJob.from_context(iris, context, {"svdTolerance": "1e-3"}).parameters.tol == 1e-3
    assert sj.SVDFeatureSelectionJob.from_context(iris, context).parameters.tol is None


def test_explore(iris):
    contexts = sj.ExploreContext(
        [
            sj.MLContext(inputAttributes=["0"], targets=["4", "6"]),
            sj.MLContext(
                inputAttributeNames=["petal_width"], targetAttributeNames=["species$setosa", "species$virginica"]
            ),
            sj.MLContext(inputAttributes=["1"], extraParameters={"sml_explore_ttest_known_mu": "3"}),
        ]
    )
    job = sj.ExploreJob.from_context(iris, contexts, {"metric": "ttest", "async": "true"})
    maps = job.run(sj.JobContext()).entities()["KSVDMap"].values
    assert [one.get("tm1") for one in maps] == pytest.approx([5.006, 0.246, None])
    assert list(maps[2]) == ["t", "tp"]


def test_explore_needs_a_metric(iris):
    with pytest.raises(sj.InputError, match="names no metric"):
        sj.ExploreJob.from_context(iris, sj.MLContext(inputAttributes=["0"]))


def test_explore_can_do_without_the_project(iris):
    query = {"metric": "uni", "returnProjectInfo": "false"}
    job = sj.ExploreJob.from_context(iris, sj.MLContext(inputAttributes=["0"]), query)
    assert list(job.run(sj.JobContext()).entities()) == ["KSVDMap"]


def test_keys_of_chi2_echo_indexes(iris):
    context = sj.MLContext(inputAttributes=["4", "5"], targets=["5", "6"])
    job = sj.ExploreJob.from_context(iris, context, {"metric": "chi2"})
    with pytest.raises(sj.UnsupportedTest, match="row '4' of the chi2 test's table is empty"):
        job.run(sj.JobContext())


@pytest.mark.parametrize("job", MATRIX_JOBS)
def test_a_deleted_project_takes_no_job(iris, job):
    before = job(iris)
    iris.delete()
    with pytest.raises(sj.ProjectError, match="was deleted"):
        job(iris)
    with pytest.raises(sj.ProjectError, match="was deleted"):
        before.run(sj.JobContext())
    with pytest.raises(sj.ProjectError, match="was deleted"):
        before.check()


@pytest.mark.parametrize("huge", ["9" * 19, "9" * 5000])
def test_an_index_of_any_length_is_refused_as_unknown(iris, huge):
    with pytest.raises(sj.UnknownAttribute, match="unknown attribute '9999"):
        sj.SVDJob.from_context(iris, sj.MLContext(inputAttributes=[huge]))
    with pytest.raises(sj.UnknownAttribute, match=r"unknown attribute (9999|a huge int)"):
        sj.SVDJob(iris, [10 ** len(huge) - 1])


def test_a_request_without_a_context_is_refused(iris):
    with pytest.raises(sj.InputError, match="an MLContext or an ExploreContext, got NoneType"):
        sj.SVDJob.from_context(iris, None)


def test_indexes_may_be_numpy_s(iris):
    assert sj.SVDJob(iris, np.array([0, 2])).inputs == (0, 2)
    with pytest.raises(sj.InputError, match="names or indexes, got True"):
        sj.SVDJob(iris, [True])
