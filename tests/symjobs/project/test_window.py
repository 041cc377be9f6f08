"""The rolling window: the project stands for the last N rows, as if it had learnt only those."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symjobs._errors import ProjectError
from symjobs._project import Project
from tests.symjobs.project._frames import TYPES, agrees, make, same_answers


@given(st.integers(0, 1000), st.integers(1, 30), st.lists(st.integers(1, 25), min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_equals_learning_the_last_rows_only(seed, size, lengths):
    frame = make(seed, sum(lengths), missing=0.2)
    project = Project("w", params={"rolling_window": size})
    learnt = []
    start = 0
    for length in lengths:
        part = frame.iloc[start : start + length]
        start += length
        if not part.drop(columns="note").notna().to_numpy().any():
            continue  # nothing to learn, which is an error
        project.learn(part, types=TYPES)
        learnt.append(part)
        agrees(project.snapshot(), pd.concat(learnt).tail(size), tolerance=1e-7)


def test_row_by_row():
    X = np.random.default_rng(0).normal(size=(300, 3))
    project = Project("w", params={"rolling_window": "50"})
    for row in X:
        project.learn((row[None], ["a", "b", "c"]))
    assert project.n_rows == 50
    np.testing.assert_allclose(project.snapshot().moments.covariance(), np.cov(X[-50:].T, ddof=0), atol=1e-12)


def test_an_outlier_that_has_left_leaves_nothing_behind():
    rng = np.random.default_rng(0)
    x = rng.normal(size=40)
    x[3] = 1e12
    project = Project("w", params={"rolling_window": 10})
    for value in x:
        project.learn((np.array([[value]]), ["x"]))
    m = project.snapshot().moments
    np.testing.assert_allclose(m.var(), x[-10:].var(), rtol=1e-12)
    assert not m.needs_rebuild


def test_one_batch_longer_than_the_window():
    frame = make(5, 100)
    project = Project("w", params={"rolling_window": 7}).learn(frame, types=TYPES)
    agrees(project.snapshot(), frame.tail(7))


def test_long_tables_slide_slice_by_slice():
    x = np.random.default_rng(1).normal(size=1_300_000)
    project = Project("w", params={"rolling_window": 1_100_000}).learn((x[:, None], ["x"]))
    np.testing.assert_allclose(project.snapshot().moments.var(), x[-1_100_000:].var(), rtol=1e-10)


def test_columns_that_came_later_are_missing_in_older_rows():
    project = Project("w", params={"rolling_window": 3})
    project.learn(pd.DataFrame({"a": [1.0, 2.0]}))
    project.learn(pd.DataFrame({"a": [3.0], "b": [5.0], "c": pd.Categorical(["u"])}))
    project.learn(pd.DataFrame({"a": [4.0], "c": pd.Categorical(["v"])}))
    frame = pd.DataFrame({"a": [2.0, 3.0, 4.0], "b": [np.nan, 5.0, np.nan], "color": [None, "u", "v"]})
    s = project.snapshot()
    np.testing.assert_array_equal(s.moments.count, [3, 1, 2, 2])
    np.testing.assert_allclose(s.moments.mean(), [3, 5, 0.5, 0.5])
    assert frame.a.mean() == 3


def test_a_failed_learn_leaves_the_window_as_it_was():
    project = Project("w", params={"rolling_window": 3}).learn(pd.DataFrame({"a": [1.0, 2.0, 3.0]}))
    before = project.snapshot()
    with pytest.raises(ValueError, match="infinite"):
        project.learn([pd.DataFrame({"a": [9.0, 9.0]}), pd.DataFrame({"a": [np.inf]})])
    assert project.snapshot().hash == before.hash
    project.learn(pd.DataFrame({"a": [5.0]}))
    np.testing.assert_allclose(project.snapshot().moments.mean(), [10 / 3])
    np.testing.assert_allclose(before.moments.mean(), [2])


def test_the_caller_may_reuse_the_array():
    X = np.zeros((1, 1))
    project = Project("w", params={"rolling_window": 2})
    for value in (1.0, 2.0, 3.0, 5.0):
        X[:] = value
        project.learn((X, ["a"]))
    np.testing.assert_allclose(project.snapshot().moments.mean(), [4])


def test_what_a_window_cannot_do():
    project = Project("w", params={"rolling_window": 3}).learn(pd.DataFrame({"a": [1.0, 2.0]}))
    with pytest.raises(ProjectError, match="rolling window and forgets its oldest rows by itself"):
        project.forget(pd.DataFrame({"a": [1.0]}))
    with pytest.raises(ProjectError, match="merge into a project without rolling_window"):
        project.merge(Project("o"))
    other = Project("o").merge(project)
    same_answers(other.snapshot(), project.snapshot())


def test_quantiles_of_a_window_are_exact():
    x = np.random.default_rng(0).normal(size=5000)
    project = Project("w", histogram=True, params={"rolling_window": 2000})
    project.learn((x[:, None], ["x"]))
    for q in (0, 0.1, 0.5, 1):
        assert project.snapshot().quantile("x", q) == np.quantile(x[-2000:], q, method="inverted_cdf")


def test_a_stream_that_becomes_constant_is_no_error():
    # The roundings of equal additions have one sign; in the end they outweigh a variance that is 0.
    names = [f"c{i}" for i in range(50)]
    for seed in range(3):
        rng = np.random.default_rng(seed)
        project = Project("p", params={"rolling_window": 1000}).learn((rng.normal(size=(1000, 50)), names))
        row = rng.normal(size=(1, 50))
        for _ in range(1010):
            project.learn((row, names))
        moments = project.snapshot().moments
        assert moments.n_rows == 1000
        np.testing.assert_allclose(moments.mean(), row[0], rtol=1e-12)
        assert (moments.var() < 1e-12).all()
