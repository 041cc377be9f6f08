"""ExploreJob: one map a list of inputs, progress, details, refusals at submit."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import symjobs as sj
from symjobs._explore import explore


class Watch(sj.JobContext):
    """A context that notes its progress."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def progress(self, current, maximum=None):
        super().progress(current, maximum)
        self.seen.append(self.read_progress())


def test_one_map_for_each_list_of_inputs(iris):
    context = Watch()
    job = sj.ExploreJob(iris, "uni", [["sepal_length"], ["3"], [1]], parameters=[{}, {"unbiased": True}, {}])
    result = job.run(context)
    snapshot = iris.snapshot()
    assert list(result.maps) == [
        explore(snapshot, "uni", ["sepal_length"]),
        explore(snapshot, "uni", ["petal_width"], parameters={"unbiased": "true"}),
        explore(snapshot, "uni", ["sepal_width"]),
    ]
    assert context.seen == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert context.details == {"projectHash": snapshot.hash}


def test_entities(iris):
    entities = sj.ExploreJob(iris, "bi", [["sepal_length", "sepal_width"]]).run(sj.JobContext()).entities()
    assert list(entities) == ["KSVDMap", "smlInfo"]
    wire = json.loads(sj.to_json(entities))
    assert wire["KSVDMap"]["values"][0]["condVariance"] is None  # undefined, and strict JSON has no NaN
    assert wire["KSVDMap"]["values"][0]["condCount"] == pytest.approx(458.6)
    assert wire["smlInfo"]["pid"] == iris.name
    without = sj.ExploreJob(iris, "uni", [["sepal_length"]], project_info=False).run(sj.JobContext())
    assert list(without.entities()) == ["KSVDMap"]


def test_targets_go_with_their_inputs(iris):
    species = ["species$setosa", "species$virginica"]
    job = sj.ExploreJob(iris, "ttest", [["sepal_length"], ["petal_width"]], [species, species[::-1]])
    first, second = job.run(sj.JobContext()).maps
    assert first["tm1"] == pytest.approx(5.006)
    assert second["tm1"] == pytest.approx(2.026)


def test_histograms_add_the_median(load):
    frame = load("iris")
    project = sj.Project("h", histogram=True)
    project.learn(frame)
    (ours,) = sj.ExploreJob(project, "uni", [["petal_length"]]).run(sj.JobContext()).maps
    x = frame["petal_length"]
    assert list(ours)[-3:] == ["min", "max", "median"]
    assert (ours["min"], ours["max"]) == (x.min(), x.max())
    assert ours["median"] == x.median()


def test_what_the_histograms_cannot_know_is_null_and_its_key_stays(load):
    frame = load("iris")
    project = sj.Project("h", histogram=True)
    project.learn(frame)
    project.forget(frame[:1])
    context = sj.JobContext()
    result = sj.ExploreJob(project, "uni", [["petal_length"]]).run(context)
    (ours,) = json.loads(sj.to_json(result.entities()))["KSVDMap"]["values"]
    assert list(ours)[-3:] == ["min", "max", "median"]
    assert ours["median"] is None
    assert ours["max"] == frame["petal_length"].max()


def test_extremes_that_may_have_been_forgotten_are_reported(load):
    frame = load("iris")
    project = sj.Project("h", histogram=True, params={"rolling_window": 20})
    project.learn(frame[::-1])
    project.learn(frame)
    context = sj.JobContext()
    (ours,) = sj.ExploreJob(project, "uni", [["sepal_length"]]).run(context).maps
    assert ours["min"] <= frame["sepal_length"][-20:].min()
    assert context.details["boundsOnly"].startswith("min and max of sepal_length: rows")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("uni", []), "at least one list"),
        (("uni", ["sepal_length"]), r"list of lists, one a map, got \['sepal_length'\]; write \[\['sepal_length'\]\]"),
        (("uni", "sepal_length"), "must be a list of lists"),
        (("uni", [["sepal_length"]], [["a"], ["b"]]), "targets must be as many as inputs: got 2 and 1"),
        (("uni", [["sepal_length"]], None, [{}, {}]), "parameters must be as many as inputs: got 2 and 1"),
        (("uni", [["sepal_length"]], None, [["unbiased"]]), r"parameters\[0\] must be a map"),
        (("uni", [["sepal_length"]], None, [{"unbiased": None}]), "must be text, a number or a boolean, got None"),
        (("anovas", [["sepal_length"]]), "unknown metric 'anovas'; known are uni, bi"),
        (("uni", [["sepal_length"], ["petal"]]), r"map 2 of 2 \(petal\): unknown attribute 'petal'"),
        (("ttestmu", [["sepal_length"]]), r"\(sml_explore_ttest_known_mu\) is required"),
        (("uni", [[None]]), r"inputs\[0\] must hold attribute names or indexes, got None"),
    ],
)
def test_bad_input_fails_at_once(iris, arguments, message):
    with pytest.raises(sj.InputError, match=message):
        sj.ExploreJob(iris, *arguments)


def test_a_test_that_the_data_cannot_support_fails_the_job_and_says_which(load, learnt):
    project = learnt(load("iris").assign(flat=0.1))
    job = sj.ExploreJob(project, "ttest", [["sepal_length", "sepal_width"], ["sepal_length", "flat"]])
    with pytest.raises(sj.UnsupportedTest, match=r"map 2 of 2 \(sepal_length, flat\): flat is constant"):
        job.run(sj.JobContext())


def test_a_job_sees_the_project_as_it_was_at_the_start(iris, load):
    job = sj.ExploreJob(iris, "uni", [["sepal_length"]])
    context = sj.JobContext()
    context.snapshot(iris)
    before = iris.snapshot().hash
    iris.forget(sj.datasets.load_iris())
    assert job.run(context).maps[0]["count"] == 150.0
    assert context.details["projectHash"] == before


def test_a_kill_stops_it_between_maps(iris):
    context = sj.JobContext()
    context.stop("killed")
    with pytest.raises(sj.StopJob):
        sj.ExploreJob(iris, "uni", [["sepal_length"]]).run(context)


def test_a_binary_that_becomes_continuous_is_read_as_what_it_is(learnt):
    project = sj.Project("p")
    project.learn(pd.DataFrame({"x": [0.5, 1.5, 2.5, 4.0], "b": [0, 1, 1, 0]}))
    job = sj.ExploreJob(project, "bi", [["x", "b"]])
    project.learn(pd.DataFrame({"x": [3.0, 9.0], "b": [2.0, np.nan]}))
    (ours,) = job.run(sj.JobContext()).maps
    assert ours["condCount"] == pytest.approx(4.0)
    assert np.isnan(ours["condVariance"])
