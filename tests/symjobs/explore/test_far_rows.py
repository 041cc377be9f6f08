"""Tests of groups beside rows that are far away: small tables after public bug reports of other libraries."""

import numpy as np
import pandas as pd
import pytest

import symjobs as sj
from symjobs._explore import explore


def learnt(frame, **types):
    return sj.Project("p").learn(frame, types=types).snapshot()


def test_t_test_beside_one_row_of_1e9():
    x = np.concatenate([np.tile([0.0, 1, 2, 3], 25), np.tile([1.0, 2, 3, 4], 25), [1e9]])
    snapshot = learnt(pd.DataFrame({"x": x, "g": ["a"] * 100 + ["b"] * 100 + ["c"]}), g="T")
    found = explore(snapshot, "ttest", ["x"], ["g$a", "g$b"])
    # scipy.stats.ttest_ind of the two groups
    assert found["t"] == pytest.approx(-6.292853089020909, rel=1e-14)
    assert found["tp"] == pytest.approx(1.963067305123661e-09, rel=1e-12)


def test_anova_of_groups_1e7_apart():
    k = np.arange(100)
    x = np.concatenate([k % 5 - 2.0, 1.75e7 + 1.125 * (k % 5 - 2)])
    snapshot = learnt(pd.DataFrame({"x": x, "g": ["a"] * 100 + ["c"] * 100}), g="T")
    found = explore(snapshot, "anova", ["x"], ["g$a", "g$c"])
    assert found["SSw"] == pytest.approx(453.125, rel=1e-14)
    assert found["F"] == pytest.approx(6.6910344827586e15, rel=1e-12)


def test_pca_and_vif_of_a_column_whose_level_fell():
    before = pd.DataFrame({"x": 1e9 + np.tile([1.0, -1.0], 200)})
    x = np.arange(50) % 7.0
    after = pd.DataFrame({"x": x, "y": x + np.arange(50) % 3 * 2})
    moments = sj.Project("p").learn(before).learn(after).snapshot().moments
    right = np.corrcoef(after["x"], after["y"])[0, 1]
    assert moments.correlation()[0, 1] == pytest.approx(right, rel=1e-14)


def test_a_group_whose_digits_are_lost_is_refused_with_that_reason():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=100), "g": ["a"] * 50 + ["b"] * 50})
    far = pd.DataFrame({"x": rng.normal(size=100) * 1e30, "g": ["a"] * 100})
    snapshot = sj.Project("p").learn(far, types={"g": "T"}).learn(frame).forget(far).snapshot()
    with pytest.raises(sj.UnsupportedTest, match=r"the variance of x given g\$a is lost to rounding"):
        explore(snapshot, "ttest", ["x"], ["g$a", "g$b"])


def test_a_group_of_equal_values_is_constant_and_not_lost():
    x = np.concatenate([np.full(50, 0.1), np.random.default_rng(0).normal(size=50) * 1e6])
    snapshot = learnt(pd.DataFrame({"x": x, "g": ["a"] * 50 + ["b"] * 50}), g="T")
    found = snapshot.moments.condition(1)
    assert (found.var[0], found.error_bound[0]) == (0.0, 0.0)
