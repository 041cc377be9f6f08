"""What a snapshot names, and that nothing changes it."""

import numpy as np
import pandas as pd
import pytest

import symjobs as sj
from symjobs._entities import ProjectInfo, to_json
from symjobs._errors import InputError, UnknownAttribute
from symjobs._project import Project

FRAME = pd.DataFrame(
    {
        "petal width": [0.2, 1.5, 2.0],
        "flag": [0, 1, 1],
        "species": pd.Categorical(["setosa", "virginica", "setosa"]),
        "2": [5.0, 6.0, 9.0],
        "note": ["a", "b", "c"],
    }
)


@pytest.fixture
def snapshot():
    return Project("iris").learn(FRAME).snapshot()


def test_names_and_types(snapshot):
    assert snapshot.names == ("petal width", "flag", "2", "species$setosa", "species$virginica")
    assert snapshot.types == ("C", "B", "C", "B", "B")
    assert snapshot.column_names == ("petal width", "flag", "species", "2", "note")
    assert snapshot.column_types == ("C", "B", "T", "C", "S")
    assert (snapshot.numeric, snapshot.continuous, snapshot.binary) == ([0, 1, 2, 3, 4], [0, 2], [1, 3, 4])
    assert snapshot.members("species") == [3, 4]
    assert (snapshot.backend, snapshot.dtype, snapshot.type) == ("numpy", "float64", "cpu")
    assert (snapshot.name, snapshot.n_rows) == ("iris", 3)


def test_attributes_are_found_by_name_and_by_index(snapshot):
    assert snapshot.index("flag") == 1
    assert snapshot.index("1") == 1
    assert snapshot.index(1) == 1
    assert snapshot.index("2") == 2  # a name goes before an index
    assert snapshot.resolve(["flag", "4", 0]) == [1, 4, 0]
    assert snapshot.resolve(["species", "flag"], members=True) == [3, 4, 1]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("petal_width", "unknown attribute 'petal_width'; did you mean 'petal width'"),
        ("FLAG", "did you mean 'flag'"),
        ("zzz", "unknown attribute 'zzz'; known are 'petal width', 'flag'"),
        ("5", "unknown attribute '5'"),
        (-1, "unknown attribute -1"),
        (True, "unknown attribute True"),
        (None, "unknown attribute None"),
        ("species", r"'species' is a category.*species\$\.\.\. of 'setosa', 'virginica'"),
        ("note", "'note' is of type S, which is not learnt"),
    ],
)
def test_unknown_attributes(snapshot, name, message):
    with pytest.raises(UnknownAttribute, match=message):
        snapshot.index(name)


def test_other_wrong_names(snapshot):
    with pytest.raises(UnknownAttribute, match="'flag' is no category; categories and lists are 'species'"):
        snapshot.members("flag")
    with pytest.raises(InputError, match=r"write \['flag'\]"):
        snapshot.resolve("flag")
    with pytest.raises(UnknownAttribute, match="has learnt nothing yet"):
        Project("p").snapshot().index("a")


def test_info_is_the_entity_of_the_wire(snapshot):
    info = snapshot.info()
    assert isinstance(info, ProjectInfo)
    assert info.pid == "iris"
    assert info.attributeNames == list(snapshot.names)
    assert info.attributeIndexes == [0, 1, 2, 3, 4]
    assert info.attributeTypes == ["C", "B", "C", "B", "B"]
    assert (info.hash, info.type, info.categorySeparator) == (snapshot.hash, "cpu", "$")
    assert (info.loaded, info.persisted, info.histogramEnabled, info.autoSave) == (True, False, False, False)
    assert 1_700_000_000_000 < info.creationDate <= info.lastModificationDate
    assert to_json(info)


def test_nothing_changes_a_snapshot(snapshot):
    project = Project("p").learn(FRAME)
    s = project.snapshot()
    before = (s.hash, s.names, s.n_rows, s.moments.covariance())
    project.learn((np.array([[1.0, 2.0]]), ["petal width", "new"]))
    project.learn((np.array([[0.5]]), ["flag"]))
    project.forget(FRAME)
    project.merge(snapshot)
    project.rename("q")
    project.delete()
    assert (s.hash, s.names, s.n_rows) == before[:3]
    np.testing.assert_array_equal(s.moments.covariance(), before[3])
    assert s.name == "p"


def test_hashes_tell_states_apart():
    a, b = Project("a").learn(FRAME), Project("b").learn(FRAME)
    assert a.snapshot().hash == b.snapshot().hash
    seen = {a.snapshot().hash}
    for change in (
        lambda: b.learn((np.array([[1.0]]), ["flag"])),
        lambda: b.learn((np.array([[1.0]]), ["flag"])),  # a small write in place must count too
        lambda: b.learn((np.array([[0.5]]), ["flag"])),
        lambda: b.forget(FRAME),
    ):
        change()
        seen.add(b.snapshot().hash)
    assert len(seen) == 5
    assert b.snapshot().hash == b.snapshot().hash


def test_a_project_names_itself():
    project = Project("p", params={"row_filter": "a>0"}).learn(pd.DataFrame({"a": [1.0, -1.0]}))
    assert repr(project) == "<Project 'p' (cpu): 1 rows, 1 attributes>"
    assert repr(project.snapshot()) == "<Snapshot of 'p': 1 rows, 1 attributes>"
    project.rename("q")
    assert (project.name, project.info().pid) == ("q", "q")
    assert project.params == {"row_filter": "a>0"}
    project.params.clear()
    assert project.info().params == {"row_filter": "a>0"}
    assert sj.Project is Project
