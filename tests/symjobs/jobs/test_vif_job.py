"""ExploreVIFJob against statsmodels and published values, exact collinearity, constants."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.outliers_influence import variance_inflation_factor
from statsmodels.tools import add_constant

import symjobs as sj


def factors(job):
    (pairs,) = json.loads(sj.to_json(job.run(sj.JobContext()).entities()))["KSVSMap"]["values"]
    return {name: float(text) for name, text in pairs.items()}


@pytest.mark.parametrize("name", ["iris", "breast_cancer"])
def test_vif_of_statsmodels(load, learnt, name):
    frame = load(name)
    X = add_constant(frame).to_numpy()
    reference = {column: variance_inflation_factor(X, i + 1) for i, column in enumerate(frame)}
    assert factors(sj.ExploreVIFJob(learnt(frame))) == pytest.approx(reference, rel=1e-8)


def test_longley(load, learnt):
    # Published by SAS, R (car::vif of lm(Employed ~ .)) and others, to the digits given here.
    published = {"GNPDEFL": 135.53, "GNP": 1788.51, "UNEMP": 33.62, "ARMED": 3.59, "POP": 399.15, "YEAR": 758.98}
    ours = factors(sj.ExploreVIFJob(learnt(load("longley")), list(published)))
    assert {name: round(value, 2) for name, value in ours.items()} == published


def test_vif_with_missing_values_is_that_of_the_pairwise_correlations(load, learnt):
    frame = load("iris", 0.2)
    reference = np.diag(np.linalg.inv(frame.corr()))
    assert list(factors(sj.ExploreVIFJob(learnt(frame))).values()) == pytest.approx(reference.tolist(), rel=1e-9)


def test_inputs_are_echoed_as_the_request_named_them(iris):
    result = sj.ExploreVIFJob(iris, ["2", "sepal_length", 1]).run(sj.JobContext())
    (pairs,) = result.entities()["KSVSMap"].values
    assert list(pairs) == ["2", "sepal_length", "1"]
    assert result.names == ("petal_length", "sepal_length", "sepal_width")
    assert repr(result).startswith("<VIF of 3 attributes, rank 3; largest: petal_length 7.558")


def test_collinear_and_constant_inputs_leave_the_rest_unharmed(load, learnt):
    frame = load("iris")
    rest = frame[["sepal_width", "petal_length"]]
    frame["copy"] = 3 * frame["sepal_length"] - 1
    frame["flat"] = 0.1
    result = sj.ExploreVIFJob(learnt(frame), ["sepal_width", "petal_length", "sepal_length", "copy", "flat"]).run(
        sj.JobContext()
    )
    (pairs,) = result.entities()["KSVSMap"].values
    assert (pairs["sepal_length"], pairs["copy"], pairs["flat"]) == ("Infinity", "Infinity", "NaN")
    X = add_constant(rest.assign(sepal_length=frame["sepal_length"])).to_numpy()
    for i, name in enumerate(rest):
        assert float(pairs[name]) == pytest.approx(variance_inflation_factor(X, i + 1), rel=1e-8)


def test_a_category_by_its_name_is_collinear_by_itself(iris):
    ours = factors(sj.ExploreVIFJob(iris, ["sepal_length", "species"]))
    assert [math.isinf(value) for value in ours.values()] == [False, True, True, True]
    assert set(factors(sj.ExploreVIFJob(iris))) == {"sepal_length", "sepal_width", "petal_length", "petal_width"}
    two = factors(sj.ExploreVIFJob(iris, ["sepal_length", "species$setosa", "species$virginica"]))
    assert all(math.isfinite(value) for value in two.values())


def test_one_input_inflates_nothing(iris):
    assert factors(sj.ExploreVIFJob(iris, ["sepal_length"])) == {"sepal_length": 1.0}


def test_constants_are_told(learnt, load):
    context = sj.JobContext()
    sj.ExploreVIFJob(learnt(load("iris").assign(flat=0.1, empty=math.nan))).run(context)
    assert context.details["undefined"] == "'empty': without values; 'flat': constant"


def test_durations_beside_times(learnt):
    k = np.arange(300.0)
    start, duration = 1.7e9 + 1e5 * k, (7 * k % 13 + 1) / 8
    frame = pd.DataFrame({"start": start, "end": start + duration, "duration": duration})
    assert factors(sj.ExploreVIFJob(learnt(frame))) == dict.fromkeys(frame, math.inf)
    frame["end"] += np.random.default_rng(0).normal(size=300)
    found = factors(sj.ExploreVIFJob(learnt(frame)))
    assert found["duration"] < 2
    assert 1e13 < found["start"] < 1e14


def test_where_the_digits_end_the_job_says_at_least(learnt):
    """Of so many rows the sums are in float64."""
    X = np.random.default_rng(0).normal(size=(200_000, 40))
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(40)]).assign(copy=X[:, 3])
    context = sj.JobContext()
    result = sj.ExploreVIFJob(learnt(frame)).run(context)
    assert [result.names[i] for i in np.flatnonzero(result.at_least)] == ["x3", "copy"]
    assert context.details["atLeast"].startswith("'x3', 'copy': their factors are lower bounds")
    assert repr(result).count(">=") == 2
    context = sj.JobContext()
    assert sj.SVDFeatureSelectionJob(learnt(frame)).run(context).dropped == ("copy",)
    assert context.details["undecided"].startswith("'copy': nearly or fully linear")


JOBS = [sj.PCAJob, sj.SVDJob, sj.ExploreVIFJob, sj.SVDFeatureSelectionJob]


def _ratings(by_chance):
    """Films: the rating of few is known, of those with many votes unless by chance."""
    rng = np.random.default_rng(0)
    votes = rng.normal(size=5_000)
    rating = 0.8 * votes + rng.normal(size=5_000)
    budget = 0.5 * votes + rng.normal(size=5_000)
    hidden = rng.random(5_000) < 0.5 if by_chance else votes < 0
    frame = pd.DataFrame({"votes": votes, "rating": np.where(hidden, np.nan, rating), "budget": budget})
    frame.loc[:99, "budget"] = np.nan
    return frame


@pytest.mark.parametrize("job", JOBS)
@pytest.mark.parametrize("by_chance", [True, False])
def test_missing_values_are_told(learnt, job, by_chance):
    frame = _ratings(by_chance)
    context = sj.JobContext()
    job(learnt(frame)).run(context)
    complete, fewest = frame.notna().all(axis=1).mean(), frame[["rating", "budget"]].notna().all(axis=1).sum()
    low, high = (float(text.rstrip("%")) for text in context.details["missingValues"].split(" of ")[0].split(" to "))
    assert low <= 100 * complete <= high + 0.05
    assert f"the fewest rows, {fewest:,} of 5,000, have 'rating' and 'budget'" in context.details["missingValues"]
    assert ("missingMatters" in context.details) is not by_chance
    if not by_chance:
        assert context.details["missingMatters"].startswith("the mean of 'votes' is 0.")
        assert "where 'rating' is present" in context.details["missingMatters"]


def test_complete_inputs_have_no_remark(learnt):
    context = sj.JobContext()
    sj.ExploreVIFJob(learnt(_ratings(False).assign(x=1.0)), ["votes", "x"]).run(context)
    assert not {"missingValues", "missingMatters"} & context.details.keys()


def test_attributes_that_are_missing_together(learnt):
    frame = _ratings(True)[["rating"]].assign(twice=lambda f: f["rating"] ** 2)
    context = sj.JobContext()
    sj.SVDJob(learnt(frame)).run(context)
    share, count = frame["rating"].notna().mean(), frame["rating"].notna().sum()
    assert f"the fewest rows, {count:,} of 5,000" in context.details["missingValues"]
    assert float(context.details["missingValues"].split(" to ")[-1].split("%")[0]) == pytest.approx(
        100 * share, abs=0.05
    )
