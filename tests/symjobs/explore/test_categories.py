"""Categories in chi2, anova and gain: rows are categories, columns their values."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import symjobs as sj
from symjobs._explore import explore

DICE = {"d1": "1 2 3 4 5 6 6 6 4 2", "d2": "1 1 2 3 3 4 5 5 7 ?", "d3": "2 2 2 2 2 2 2 2 2 2"}


@pytest.fixture(scope="module")
def frame():
    return pd.DataFrame({name: thrown.replace("?", "NA").split() for name, thrown in DICE.items()})


@pytest.fixture(scope="module")
def project(frame):
    project = sj.Project("dice", params={"types": dict.fromkeys(frame, "T")})
    project.learn(frame.iloc[:4])
    project.learn(frame.iloc[4:])
    return project


@pytest.fixture
def snapshot(project):
    return project.snapshot()


def test_two_dice(snapshot, frame):
    ours = explore(snapshot, "chi2", ["d1", "d2"])
    table = pd.DataFrame({name: frame[name][frame[name] != "NA"].value_counts() for name in ("d1", "d2")})
    table = table.fillna(0).T
    reference = stats.chi2_contingency(table, correction=False)
    assert ours["chiStat"] == pytest.approx(reference.statistic, rel=1e-12)
    assert ours["pval"] == pytest.approx(reference.pvalue, rel=1e-11)
    assert ours["df"] == 6.0
    assert ours["coef"] == pytest.approx(stats.contingency.association(table.astype(int), method="tschuprow"))
    assert ours["obs$d1:4"] == 2.0
    assert ours["obs$d1:7"] == 0.0
    assert ours["obs$d2:7"] == 1.0
    assert sum(value for key, value in ours.items() if key.startswith("obs$d2")) == 9.0


def test_one_category_is_one_row(snapshot):
    with pytest.raises(sj.UnsupportedTest, match=r"1 row\(s\); it needs at least 2"):
        explore(snapshot, "chi2", ["d1"])


def test_categories_of_one_value_are_one_column(snapshot):
    with pytest.raises(sj.UnsupportedTest, match=r"1 column\(s\); it needs at least 2"):
        explore(snapshot, "chi2", ["d3", "d3"])


def test_a_category_against_a_category_crosses_their_members(snapshot, frame):
    ours = explore(snapshot, "chi2", ["d1"], ["d2"])
    both = frame[(frame["d1"] != "NA") & (frame["d2"] != "NA")]
    table = pd.crosstab(both["d1"], both["d2"])
    reference = stats.chi2_contingency(table, correction=False)
    assert ours["chiStat"] == pytest.approx(reference.statistic, rel=1e-12)
    assert ours["df"] == reference.dof
    assert ours["obs$d1$6:d2$5"] == 2.0


def test_a_value_that_was_forgotten_leaves_the_table(frame):
    project = sj.Project("dice", params={"types": dict.fromkeys(frame, "T")})
    project.learn(frame)
    project.forget(frame.iloc[8:9])  # the only 7
    ours = explore(project.snapshot(), "chi2", ["d1", "d2"])
    assert "obs$d2:7" not in ours
    assert "obs$d1$4:d2$7" not in explore(project.snapshot(), "chi2", ["d1"], ["d2"])
    with pytest.raises(sj.UnsupportedTest, match=r"'d2\$7' of the chi2 test's table is empty"):
        explore(project.snapshot(), "chi2", ["d1$3", "d1$6"], ["d2$7", "d2$5", "d2$2"])


def test_anova_leaves_out_members_without_rows(frame):
    project = sj.Project("dice", params={"types": {"d1": "T", "y": "C"}})
    data = pd.DataFrame({"d1": frame["d1"], "y": np.arange(10.0) ** 1.5})
    project.learn(data)
    project.forget(data[data["d1"] == "1"])
    left = data[data["d1"] != "1"]
    reference = stats.f_oneway(*(group["y"] for _, group in left.groupby("d1")))
    ours = explore(project.snapshot(), "anova", ["y"], ["d1"])
    assert ours["F"] == pytest.approx(reference.statistic, rel=1e-9)
    with pytest.raises(sj.UnsupportedTest, match=r"y given d1\$1 has no values"):
        explore(project.snapshot(), "anova", ["y"], ["d1$1", "d1$4"])


def test_gain_of_a_category_without_values():
    project = sj.Project("empty", params={"types": {"c": "T", "b": "B"}})
    project.learn(pd.DataFrame({"c": [None, None, "x"], "b": [1.0, 0.0, np.nan]}))
    with pytest.raises(sj.UnsupportedTest, match="c and b has no row where both"):
        explore(project.snapshot(), "gain", ["c"], ["b"])


def test_counts_of_many_members_are_whole_numbers():
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"c": rng.integers(0, 300, 4000).astype(str), "d": rng.integers(0, 7, 4000).astype(str)})
    project = sj.Project("wide", params={"types": {"c": "T", "d": "T"}})
    project.learn(data)
    ours = explore(project.snapshot(), "chi2", ["c"], ["d"])
    table = pd.crosstab(data["c"], data["d"])
    assert ours["chiStat"] == pytest.approx(stats.chi2_contingency(table, correction=False).statistic, rel=1e-10)
    observed = {key: value for key, value in ours.items() if key.startswith("obs$")}
    assert observed == {f"obs$c${i}:d${j}": float(table.loc[i, j]) for i in table.index for j in table.columns}
