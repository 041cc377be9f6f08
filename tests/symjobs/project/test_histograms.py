"""Quantile sketches: exact for few values, within their bound for many, silent where they cannot know."""

import sys

import numpy as np
import pandas as pd
import pytest

from symjobs._errors import InputError, MissingDependency
from symjobs._project import Project


def test_few_values_are_exact():
    x = np.random.default_rng(0).normal(size=200)
    s = Project("p", histogram=True).learn(pd.DataFrame({"x": x, "f": (x > 1).astype(int)})).snapshot()
    for q in (0, 0.25, 0.5, 0.9, 1):
        assert s.quantile("x", q) == np.quantile(x, q, method="inverted_cdf")
        assert s.quantile("f", q) == np.quantile(x > 1, q, method="inverted_cdf")
    assert s.histogram
    assert s.info().histogramEnabled


def test_many_values_are_within_the_bound():
    x = np.random.default_rng(0).exponential(size=200_000)
    project = Project("p", histogram=True)
    for part in np.array_split(x, 7):
        project.learn((part[:, None], ["x"]))
    s = project.snapshot()
    for q in (0.01, 0.5, 0.99):
        rank = (x <= s.quantile("x", q)).mean()
        assert abs(rank - q) < 0.005
    assert s.quantile("x", 0) == x.min()
    assert s.quantile("x", 1) == x.max()


@pytest.mark.parametrize("n", [1, 2, 7, 10])
@pytest.mark.parametrize("params", [{}, {"rolling_window": 6}])
def test_the_median_of_an_even_number_is_between_the_middle_two(n, params):
    x = np.random.default_rng(n).normal(size=n)
    project = Project("p", histogram=True, params=params)
    for value in x:
        project.learn(([[value]], ["x"]))
    assert project.snapshot().median("x") == np.median(x[-params.get("rolling_window", n) :])


def test_the_median_of_what_is_no_column_of_numbers():
    frame = pd.DataFrame({"c": pd.Categorical(["a", "b", "a", "b"]), "d": pd.Categorical(["u", "v", "w", "u"])})
    s = Project("p", histogram=True).learn(frame.assign(n=np.nan)).snapshot()
    assert [s.median(name) for name in ("c$a", "d$v", "d$u", "n")] == [0.5, 0.0, 0.5, None]
    assert Project("p").learn(frame).snapshot().median("c$a") is None


def test_missing_values_and_members():
    frame = pd.DataFrame({"x": [np.nan, 1.0, 2.0, 9.0], "c": pd.Categorical(["a", "b", "a", "a"]), "n": [np.nan] * 4})
    s = Project("p", histogram=True).learn(frame).snapshot()
    assert s.quantile("x", 0.5) == 2
    assert s.quantile("n", 0.5) is None
    for q in (0, 0.25, 0.26, 1):
        assert s.quantile("c$a", q) == np.quantile([1, 0, 1, 1], q, method="inverted_cdf")


def test_merging_adds_them():
    a, b = np.random.default_rng(0).normal(size=(2, 300))
    project = Project("a", histogram=True).learn((np.column_stack([a, a]), ["x", "y"]))
    project.merge(Project("b", histogram=True).learn((b[:, None], ["y"])))
    s = project.snapshot()
    assert s.quantile("y", 0.5) == np.quantile(np.concatenate([a, b]), 0.5, method="inverted_cdf")
    assert s.quantile("x", 0.5) == np.quantile(a, 0.5, method="inverted_cdf")
    assert project.merge(Project("c").learn((b[:, None], ["y"]))).snapshot().quantile("y", 0.5) is None


def test_after_a_forget_they_are_unknown():
    X = np.arange(10.0)[:, None]
    project = Project("p", histogram=True).learn((X, ["x"]))
    before = project.snapshot()
    project.forget((X[:2], ["x"]))
    assert project.snapshot().quantile("x", 0.5) is None
    assert before.quantile("x", 0.5) == 4


def test_snapshots_keep_theirs():
    project = Project("p", histogram=True).learn((np.zeros((9, 1)), ["x"]))
    before = project.snapshot()
    project.learn((np.ones((100, 1)), ["x"]))
    assert (before.quantile("x", 0.9), project.snapshot().quantile("x", 0.9)) == (0, 1)


def test_without_histograms_there_is_none():
    s = Project("p").learn((np.zeros((9, 1)), ["x"])).snapshot()
    assert s.quantile("x", 0.5) is None
    assert not s.histogram


def test_bad_quantiles():
    s = Project("p", histogram=True).learn((np.zeros((9, 1)), ["x"])).snapshot()
    with pytest.raises(InputError, match=r"between 0 and 1, got 1\.5"):
        s.quantile("x", 1.5)
    with pytest.raises(InputError, match="unknown attribute 'z'"):
        s.quantile("z", 0.5)


def test_without_the_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasketches", None)
    with pytest.raises(
        MissingDependency, match=r"histogram=True needs the package 'datasketches'.*symjobs\[histogram\]"
    ):
        Project("p", histogram=True)
