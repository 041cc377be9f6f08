"""What the metrics refuse, and what they say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import symjobs as sj
from symjobs._explore import Catalogue, MetricRequest, explore, prepare


@pytest.fixture(scope="module")
def snapshot():
    rng = np.random.default_rng(4)
    data = pd.DataFrame(
        {
            **{"x": rng.normal(size=30), "y": rng.normal(size=30), "flat": 0.1, "single": [7.5] + [np.nan] * 29},
            **{
                "a": rng.integers(0, 2, 30),
                "b": rng.integers(0, 2, 30),
                "never": 0,
                "always": 1,
                "once": [1] + [0] * 29,
            },
            "color": rng.choice(["red", "blue"], 30),
        }
    )
    # Two groups, each constant at a value that no float holds exactly.
    data["steps"] = np.where(data["a"] == 1, 0.1, 0.7)
    data["rest"] = 1 - data["a"]
    binary = dict.fromkeys(["a", "b", "never", "always", "once", "rest"], "B")
    project = sj.Project("refusals", params={"types": {**binary, "color": "T", "steps": "C", "flat": "C"}})
    project.learn(data)
    return project.snapshot()


@pytest.mark.parametrize(
    ("metric", "inputs", "targets", "message"),
    [
        ("ttest", ["x", "flat"], None, "flat is constant; a test needs values that differ"),
        ("ztest", ["flat", "x"], None, "flat is constant"),
        ("ftest", ["x", "flat"], None, "flat is constant"),
        ("anova", ["x", "flat"], None, "flat is constant"),
        ("ttest", ["flat"], ["a", "b"], "flat given a and flat given b are both constant"),
        ("ttest", ["steps", "a", "rest"], None, "steps given a and steps given rest are both constant"),
        ("ztest", ["steps", "a", "rest"], None, "both constant"),
        ("ftest", ["steps", "a", "rest"], None, "steps given a is constant"),
        ("anova", ["steps"], ["a", "rest"], "every group is constant"),
        ("ttest", ["x", "single"], None, r"single has 1 value\(s\); a test needs at least 2"),
        ("ttest", ["x"], ["a", "once"], r"x given once has 1 value\(s\)"),
        ("ttest", ["x"], ["a", "never"], r"x given never has 0 value\(s\)"),
        ("anova", ["x"], ["a"], "got 1; it needs at least 2"),
        ("anova", ["x"], None, "got 1; it needs at least 2"),
        ("anova", ["x"], ["a", "never"], "x given never has no values"),
        ("ztestp", ["never", "never"], None, "constant at 0"),
        ("ztestp", ["always"], ["always"], "constant at 1"),
        ("chi2", ["a"], ["b", "always"], r"1 row\(s\)"),
        ("chi2", ["a", "b"], ["always"], r"1 column\(s\)"),
        ("chi2", ["a", "never"], ["b", "always"], "row 'never' of the chi2 test's table is empty"),
    ],
)
def test_tests_that_the_data_cannot_support(snapshot, metric, inputs, targets, message):
    with pytest.raises(sj.UnsupportedTest, match=message):
        explore(snapshot, metric, inputs, targets)


@pytest.mark.parametrize(
    ("metric", "inputs", "targets", "message"),
    [
        ("median", ["x"], None, "unknown metric 'median'; known are uni, bi, ztest"),
        ("uni", ["x", "y"], None, "uni takes one input and no target, got 2 and 0"),
        (
            "uni",
            ["color"],
            None,
            r"uni takes attributes, and 'color' is a category; name its members, such as 'color\$",
        ),
        ("bi", ["x"], None, "bi takes two attributes"),
        ("ttest", ["x", "a"], None, r"got 1 continuous \('x'\) and 1 binary \('a'\)"),
        ("ztest", ["a", "b"], None, r"got no continuous and 2 binary \('a', 'b'\)"),
        ("ttest", ["x"], None, r"\(sml_explore_ttest_known_mu\) is required"),
        ("ztestmu", ["x", "y"], None, r"takes one continuous attribute, got 'x' \(continuous\), 'y' \(continuous\)"),
        ("ttestmu", [], None, "got none"),
        ("ztestp", ["x", "a"], None, r"two binary attributes, got 'x' \(continuous\), 'a' \(binary\)"),
        ("anova", [], None, "two or more continuous inputs, or one with binary targets; got none"),
        ("anova", ["x", "a"], None, "'a' is binary; make it a target"),
        ("anova", ["x", "y"], ["a", "b"], "with targets takes one continuous input, got 2"),
        ("anova", ["x"], ["y"], "'y' is continuous"),
        ("chi2", ["a", "b"], None, "without targets takes categories, and 'a' is an attribute"),
        ("chi2", [], None, "got no input"),
        ("chi2", ["x"], ["a"], "'x' is continuous"),
        ("gain", ["a"], None, "one input and one target, got 1"),
        ("gain", ["x"], ["a"], "'x' is continuous"),
    ],
)
def test_inputs_that_a_metric_does_not_take(snapshot, metric, inputs, targets, message):
    with pytest.raises(sj.InputError, match=message):
        explore(snapshot, metric, inputs, targets)


@pytest.mark.parametrize("metric", ["uni", "bi", "ttest", "anova", "chi2", "gain"])
def test_unknown_names_are_named(snapshot, metric):
    inputs = ["colr"] if metric == "uni" else ["colr", "x"]
    with pytest.raises(sj.UnknownAttribute, match=r"'colr'.*'color'"):
        explore(snapshot, metric, inputs)


@pytest.mark.parametrize(
    ("metric", "parameters", "message"),
    [
        ("uni", {"unbiased": "maybe"}, "unbiased must be true or false, got 'maybe'"),
        ("ztestmu", {}, r"value \(sml_explore_ztest_known_mu\) is required; give it a finite number"),
        ("ztestmu", {"sml_explore_ztest_known_mu": "five"}, "must be a finite number, got 'five'"),
        ("ttestmu", {"sml_explore_ttest_known_mu": "nan"}, "must be a finite number, got 'nan'"),
        (
            "ftestmu",
            {"sml_explore_ftest_known_sigma": "0"},
            "must be a finite number above 0, got '0'",
        ),
        ("ftestmu", {"sml_explore_ftest_known_sigma": "-1"}, "must be a finite number above 0, got '-1'"),
    ],
)
def test_parameters(snapshot, metric, parameters, message):
    with pytest.raises(sj.InputError, match=message):
        explore(snapshot, metric, ["x"], None, parameters)


def test_what_is_no_test_gives_what_is_defined(snapshot):
    flat = explore(snapshot, "uni", ["flat"])
    assert flat["variance"] == 0.0
    assert np.isnan(flat["skewness"])
    assert np.isnan(explore(snapshot, "bi", ["x", "flat"])["linCorr"])
    never = explore(snapshot, "bi", ["x", "never"])
    assert (never["condCount"], never["condSum"]) == (0.0, 0.0)
    assert np.isnan(never["condMean"])
    assert explore(snapshot, "gain", ["always"], ["a"])["gain"] == 0.0


def test_a_variance_that_is_lost_to_rounding_is_not_tested():
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"x": rng.normal(size=150), "y": rng.normal(size=150), "flat": 0.1})
    outlier = data.iloc[:1].assign(x=1e25, flat=1e25)
    project = sj.Project("p")
    project.learn(outlier)  # alone, so that it decides where sums are taken from
    project.learn(data)
    project.forget(outlier)
    for name in ("x", "flat"):
        with pytest.raises(sj.UnsupportedTest, match=f"the variance of {name} is lost to rounding"):
            explore(project.snapshot(), "ttest", [name, "y"])


@pytest.mark.parametrize(
    ("metric", "inputs", "targets"),
    [
        ("anova", ["x"], None),
        ("anova", ["x"], ["a"]),
        ("chi2", ["a"], ["b", "always"]),
        ("chi2", ["a", "b"], ["always"]),
        ("chi2", ["color"], None),
    ],
)
def test_a_request_that_makes_one_group_is_refused_before_anything_is_computed(snapshot, metric, inputs, targets):
    request = MetricRequest(Catalogue(snapshot), metric, tuple(inputs), tuple(targets or ()), {})
    with pytest.raises(sj.UnsupportedTest, match="needs at least 2"):
        prepare(request)


def test_chi2_of_categories_without_a_common_value_points_to_targets():
    data = pd.DataFrame({"city": ["paris", "rome"] * 20, "old": ["yes"] * 20 + ["no"] * 20})
    project = sj.Project("p").learn(data, types={"city": "T", "old": "T"})
    with pytest.raises(
        sj.UnsupportedTest, match=r"city, old share no value.*give one as the input and the other as the target"
    ):
        explore(project.snapshot(), "chi2", ["city", "old"])
    assert explore(project.snapshot(), "chi2", ["city"], ["old"])["pval"] == pytest.approx(1.0)
