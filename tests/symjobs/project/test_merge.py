"""Merging projects equals learning what both have learnt."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from symjobs._errors import InputError
from symjobs._project import Project
from tests.symjobs.project._frames import TYPES, frames, make, same_answers

COLUMNS = ["x", "y", "flag", "color", "tags"]
subsets = st.lists(st.sampled_from(COLUMNS), min_size=1, unique=True)


def learnt(frame, name="p", **options):
    types = {name: letter for name, letter in TYPES.items() if name in frame}
    return Project(name, **options).learn(frame, types=types)


@given(frames, subsets, frames, subsets)
@settings(max_examples=50, deadline=None)
def test_equals_learning_both(first, some, second, others):
    first, second = first[some], second[others]
    assume(first.notna().to_numpy().any())
    assume(second.notna().to_numpy().any())
    a, b = learnt(first), learnt(second)
    before = b.snapshot().hash
    both = learnt(first).learn(second, types={n: t for n, t in TYPES.items() if n in second})
    same_answers(a.merge(b).snapshot(), both.snapshot())
    assert b.snapshot().hash == before


@given(frames, frames, frames)
@settings(max_examples=20, deadline=None)
def test_is_associative_and_commutative(a, b, c):
    for frame in (a, b, c):
        assume(frame.drop(columns="note").notna().to_numpy().any())
    left = learnt(a).merge(learnt(b)).merge(learnt(c))
    right = learnt(c).merge(learnt(a).merge(learnt(b)))
    same_answers(left.snapshot(), right.snapshot())


def test_the_empty_project_is_the_identity():
    project = learnt(make(1, 20))
    same_answers(Project("e").merge(project).snapshot(), project.snapshot())
    before = project.snapshot()
    same_answers(project.merge(Project("e")).snapshot(), before)


def test_with_itself():
    frame = make(1, 20)
    project = learnt(frame)
    project.merge(project)
    same_answers(project.snapshot(), learnt(pd.concat([frame, frame])).snapshot())


def test_binary_meets_continuous():
    a, b = pd.DataFrame({"v": [0.0, 1.0, 1.0]}), pd.DataFrame({"v": [0.5, 2.0]})
    for first, second in ((a, b), (b, a)):
        s = learnt(first).merge(learnt(second)).snapshot()
        assert s.types == ("C",)
        np.testing.assert_allclose(s.moments.var(), pd.concat([a, b]).v.var(ddof=0))


def test_after_forgetting_from_the_merged_project_the_other_is_left():
    first, second = make(1, 30), make(2, 30)
    project = learnt(first).merge(learnt(second)).forget(first, types=TYPES)
    s, reference = project.snapshot(), learnt(second).snapshot()
    same = [s.index(name) for name in reference.names]
    np.testing.assert_allclose(s.moments.covariance(indices=same), reference.moments.covariance(), atol=1e-9)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            lambda: Project("o").learn(pd.DataFrame({"v": ["a"]}), types={"v": "T"}),
            "column 'v' is C .* and T .*cannot be merged",
        ),
        (lambda: Project("o").learn(pd.DataFrame({"v": ["1,5"], "x": [1.0]})), "column 'v' is C .* and S .*be lost"),
        (lambda: Project("o", params={"missing": "listwise"}), "missing values 'pairwise', the other 'listwise'"),
        (lambda: Project("o", params={"joint_squares": True}).learn(pd.DataFrame({"v": [3.0]})), "cannot be merged"),
        (lambda: Project("o").learn(pd.DataFrame({"v$x": [3.0]})), "cannot be merged|would be named"),
        (lambda: pd.DataFrame({"v": [1.0]}), "merge takes a Project, a Snapshot or a state, got DataFrame"),
    ],
)
def test_what_cannot_be_merged(other, message):
    project = Project("p").learn(pd.DataFrame({"v": [2.0, 3.0], "w": pd.Categorical(["a", "b"])}))
    if "would be" in message:
        project = Project("p").learn(pd.DataFrame({"v": pd.Categorical(["x"])}))
    before = project.snapshot().hash
    with pytest.raises(InputError, match=message):
        project.merge(other())
    assert project.snapshot().hash == before


def test_carried_columns_come_along():
    a = Project("a").learn(pd.DataFrame({"v": [2.0], "s": ["x"]}))
    b = Project("b").learn(pd.DataFrame({"s": pd.Categorical(["x"]), "t": ["y"]}))
    assert a.merge(b).column_types == {"v": "C", "s": "T", "t": "S"}


def test_text_and_numbers_of_one_column_do_not_merge_in_either_order():
    def learnt(values):
        return Project("p").learn(pd.DataFrame({"v": [2.0], "s": values}))

    with pytest.raises(InputError, match=r"column 's' is S .* and C "):
        learnt(["1,5"]).merge(learnt([1.5]))
    with pytest.raises(InputError, match=r"column 's' is C .* and S "):
        learnt([1.5]).merge(learnt(["1,5"]))
