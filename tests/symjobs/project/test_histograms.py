"""Quantile sketches: exact for few values, within their bound for many, silent where they cannot know."""

import struct
import sys

import numpy as np
import pandas as pd
import pytest

from symjobs._errors import InputError, MissingDependency
from symjobs._project import Project
from symjobs._state._histograms import Histograms
from symkernels import QuantileSketch


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
    sketch = s.sketch("x")
    for q in (0.01, 0.5, 0.99, 0.9999):
        rank = (x <= s.quantile("x", q)).mean()
        assert abs(rank - q) < min(sketch.rank_error(q), 0.002)
    assert abs(s.median("x") - np.median(x)) < 0.01
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


def test_the_sketch_of_an_attribute():
    x = np.random.default_rng(0).normal(size=(10_000, 2))
    x[::10, 1] = np.nan
    frame = pd.DataFrame(x, columns=["x", "y"]).assign(c=pd.Categorical(["a", "b"] * 5000))
    project = Project("p", histogram=True).learn(frame)
    s = project.snapshot()
    assert s.sketch("x").to_bytes() == QuantileSketch().update(x[:, 0]).to_bytes()
    assert (s.sketch(1).n, s.sketch("1").n_missing) == (9000, 1000)
    assert s.sketch("c$a") is None
    before = s.sketch("x").to_bytes()
    s.sketch("x").update(np.ones(10_000))  # a copy
    project.learn(frame)
    assert s.sketch("x").to_bytes() == before
    assert project.snapshot().sketch("x").n == 20_000
    assert Project("p").learn(frame).snapshot().sketch("x") is None
    project.forget(frame)
    assert project.snapshot().sketch("x") is None
    with pytest.raises(InputError, match="unknown attribute 'z'"):
        s.sketch("z")


def test_the_sketch_of_a_rolling_window():
    x = np.arange(30.0)
    project = Project("p", histogram=True, params={"rolling_window": 10}).learn((x[:, None], ["x"]))
    sketch = project.snapshot().sketch("x")
    assert (sketch.n, sketch.min, sketch.max) == (10, 20, 29)


def test_batches_leave_no_trace():
    X = np.random.default_rng(0).normal(size=(9000, 2))
    whole = Project("p", histogram=True).learn((X, ["x", "y"])).snapshot()
    parts = Project("p", histogram=True)
    for part in np.split(X, [1, 2, 3, 500, 8000]):
        parts.learn((part, ["x", "y"]))
    for name in ("x", "y"):
        assert parts.snapshot().sketch(name).to_bytes() == whole.sketch(name).to_bytes()


@pytest.mark.parametrize("n", [1, 500, 1024, 1500, 100_000])
def test_sketches_of_files_from_before(n):
    """Versions 1 and 2 held KLL sketches; few values were exact in them, and stay so."""
    datasketches = pytest.importorskip("datasketches")
    x = np.random.default_rng(n).normal(size=n)
    kll = datasketches.kll_doubles_sketch(1024)
    kll.update(x)
    parts = [kll.serialize(), datasketches.kll_doubles_sketch(1024).serialize()]
    data = b"".join(struct.pack("<q", len(part)) + part for part in parts)
    histograms = Histograms.from_bytes(data, exact=True, kll=True)
    sketch = histograms.sketch(0)
    assert histograms.sketch(1) is None
    assert (sketch.n, sketch.min, sketch.max) == (n, x.min(), x.max())
    assert sketch.exact == (n <= 1024)
    shares = np.array([0, 0.01, 0.25, 0.5, 0.9, 0.99, 1])
    if sketch.exact:
        np.testing.assert_array_equal(sketch.quantile(shares), np.quantile(x, shares, method="inverted_cdf"))
    off = np.abs(np.searchsorted(np.sort(x), sketch.quantile(shares), "right") / n - shares)
    assert (off <= 0.006 + 1 / n).all()
    assert Histograms.from_bytes(histograms.to_bytes(), exact=True).sketch(0).to_bytes() == sketch.to_bytes()


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
