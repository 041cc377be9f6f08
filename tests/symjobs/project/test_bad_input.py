"""Bad input: the error names the place and the remedy, and the project is as it was."""

import importlib.util

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse

import symjobs
from symjobs import ExploreVIFJob, JobContext, PCAJob
from symjobs._entities import DataFrame
from symjobs._errors import InputError, MissingDependency, ProjectError, UnknownAttribute
from symjobs._project import Project


@pytest.fixture
def project():
    frame = pd.DataFrame({"a": [1.0, 2.0, 4.0], "b": [0, 1, 1], "c": ["u", "v", "u"]})
    return Project("p").learn(frame, types={"c": "T", "b": "B"})


def frame(**columns):
    return pd.DataFrame(columns)


LEARN = [
    (frame(a=["1", "abc"]), "column 'a', row 1: 'abc' is not a number; .*declare"),
    (DataFrame(["a"], ["C"], [["1"], ["2"], ["3 m"]]), "column 'a', row 2: '3 m' is not a number"),
    (([["1"], ["x"]], ["a"]), "column 'a', row 1: 'x' is not a number"),
    ([frame(a=[1.0]), frame(a=["x"])], "column 'a', batch 1, row 0: 'x' is not a number"),
    (frame(a=[1.0, np.inf]), "column 'a', row 1: inf is infinite; leave out"),
    (frame(a=[1.0, 2.0], z=[1.0, -np.inf]), "column 'z', row 1: -inf is infinite"),
    (DataFrame(["a"], ["C"], [["1"], ["inf"]]), "column 'a', row 1: inf is infinite"),
    ((np.array([[np.inf, 1.0]]), ["a", "b"]), "column 'a', row 0: inf is infinite"),
    (frame(a=[1.0, 1e200]), r"column 'a', row 1: 1e\+200 is so large"),
    (frame(a=[10**400, 1]), "column 'a', row 0: .*too large for a float64"),
    (frame(z=[1, 10**400]), "column 'z', row 1: 1000.*too large for a float64"),
    (frame(a=[10**5000, 1]), "column 'a', row 0: a huge int is too large"),
    (DataFrame(["z"], ["T"], [["x"], [10**400]]), "column 'z', row 1: .*too large for a float64"),
    (DataFrame(["z\ud800"], ["C"], [["1"]]), r"name 'z\\ud800' holds a lone surrogate"),
    ((np.ones((1, 1)), ["z\ud800"]), r"name 'z\\ud800' holds a lone surrogate"),
    (DataFrame(["z"], ["T"], [["\ud800"]]), r"name 'z\$\\ud800' holds a lone surrogate"),
    (frame(b=[1, 2]), "column 'b', row 1: 2.0 is neither 0 nor 1; declare the column C"),
    (([[1, 2], [3]], ["a", "b"]), "row 1 has 1 values, and there are 2 names"),
    ((np.ones((2, 3)), ["a", "b"]), "3 columns .*2 names"),
    ((np.ones((1, 2)), ["a", "a"]), "two columns are named 'a'"),
    (frame(a=[1.0], **{"c$u": [1.0]}), r"two attributes would be named 'c\$u'"),
    (frame(**{"n$x": [1.0]}, n=pd.Categorical(["x"])), r"two attributes would be named 'n\$x'"),
    ([], "has no rows"),
    ([frame(a=[]), frame(a=[])], "has no rows"),
    (pd.DataFrame(index=[0, 1]), "has no columns"),
    (frame(a=[np.nan, np.nan]), "every value of the data is missing"),
    (frame(a=[None], b=[None], c=[None]), "every value of the data is missing"),
    ([frame(a=[np.nan]), frame(c=[""])], "every value of the data is missing"),
    (frame(s=["x", "y"]), r"no column of the data is learnt.* types=\{'s': 'T'\} \(--types s=T\) makes"),
    (frame(s=[None]), "no column of the data is learnt"),
    (np.ones((2, 2)), "names"),
    (5, "cannot learn from int"),
    ([frame(a=[1.0]), 5], "item 1 of the iterator is int"),
]


@pytest.mark.parametrize(("data", "message"), LEARN)
def test_learning(project, data, message):
    before = project.snapshot()
    with pytest.raises(InputError, match=message):
        project.learn(data)
    after = project.snapshot()
    assert after.hash == before.hash
    assert after.column_names == before.column_names
    assert after.n_rows == 3
    project.learn(frame(a=[1.0]))  # and it goes on


@pytest.mark.parametrize(
    ("types", "message"),
    [
        ({"a": "Q"}, "column 'a' has the unknown type 'Q'; allowed are C continuous, B"),
        ({"a": 3}, "unknown type 3"),
        ({"aa": "C"}, "declared for the unknown column 'aa'; did you mean 'a'"),
        ({"a": "T"}, r"column 'a' was learnt as C \(continuous\) and now comes as T \(category\)"),
        ({"c": "S"}, "was learnt as T"),
    ],
)
def test_types(project, types, message):
    before = project.snapshot().hash
    with pytest.raises(InputError, match=message):
        project.learn(frame(a=[1.0], c=["u"]), types=types)
    assert project.snapshot().hash == before


@pytest.mark.parametrize("write", ["learn", "forget"])
@pytest.mark.parametrize("empty", [frame(a=[]), frame(new=[]), (np.ones((0, 1)), ["a"]), DataFrame(["a"], ["C"], [])])
def test_a_batch_of_a_stream_may_have_no_rows(project, write, empty):
    before = project.snapshot()
    getattr(project, write)(empty)
    after = project.snapshot()
    assert after.hash == before.hash
    assert after.column_names == before.column_names
    project.learn(frame(a=[1.0]))
    assert Project("p").learn(empty).n_rows == 0


DAYS = pd.DataFrame(
    {
        "when": pd.to_datetime(["2020-01-01", None]),
        "tz": pd.to_datetime(["2020-01-01", None]).tz_localize("UTC"),
        "took": pd.to_timedelta([1.5, None], unit="s"),
        "x": [1.0, 2.0],
    }
)


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_dates_and_durations_are_no_numbers(library):
    data = {
        "pandas": lambda: DAYS,
        "polars": lambda: pl.from_pandas(DAYS),
        "pyarrow": lambda: pa.Table.from_pandas(DAYS),
    }
    for column in ("when", "tz"):
        with pytest.raises(
            InputError, match=f"column '{column}', row 0: '2020-01-01.* is a date or time; make numbers"
        ):
            Project("p").learn(data[library](), types={column: "C"})
    with pytest.raises(InputError, match=r"column 'took', row 0: .* is a duration; .*: divide it by a unit"):
        Project("p").learn(data[library](), types={"took": "C"})
    assert Project("p").learn(data[library]()).n_rows == 2
    as_category = Project("p").learn(data[library](), types={"when": "T", "took": "T"}).snapshot()
    assert as_category.n_rows == 2
    assert len(as_category.names) == 3


@pytest.mark.parametrize(("dtype", "message"), [("M8[s]", "subtract a date"), ("m8[s]", "divide by a unit")])
def test_arrays_of_dates_are_no_numbers(dtype, message):
    with pytest.raises(InputError, match=message):
        Project("p").learn((np.zeros((2, 1), dtype), ["a"]))


@pytest.mark.parametrize("kind", [scipy.sparse.csr_matrix, scipy.sparse.csr_array])
def test_sparse_data_is_refused_with_the_remedy(kind):
    for data in (kind(np.eye(3)), (kind(np.eye(3)), ["a", "b", "c"])):
        with pytest.raises(InputError, match=r"is sparse.*toarray\(\)"):
            Project("p").learn(data)


FORGET = [
    (frame(a=[1.0] * 4), "cannot forget more than was learnt"),
    (frame(a=[50.0, -50.0]), "cannot forget more than was learnt"),
    (frame(b=[0, 0]), "cannot forget more than was learnt"),
    (frame(c=["v", "v"]), "cannot forget more than was learnt"),
    (frame(c=["w"]), "cannot forget the value 'w' of column 'c', which was never learnt; known are 'u', 'v'"),
    (frame(z=[1.0]), "cannot forget the column 'z', which was never learnt"),
    (frame(b=[0.5]), "0.5 is neither 0 nor 1"),
    (frame(a=["x"]), "'x' is not a number"),
    ([frame(a=[1.0]), frame(a=[1.0, 1.0, 1.0])], "cannot forget more than was learnt"),
]


@pytest.mark.parametrize(("data", "message"), FORGET)
def test_forgetting(project, data, message):
    before = project.snapshot()
    with pytest.raises(InputError, match=message):
        project.forget(data)
    assert project.snapshot().hash == before.hash
    assert project.n_rows == 3


def test_forgetting_another_value_of_an_inferred_binary():
    project = Project("p").learn(frame(b=[0, 1]))
    with pytest.raises(InputError, match=r"column 'b', row 0: 2.0 was never learnt: only 0 and 1"):
        project.forget(frame(b=[2]))


def test_names_of_unknown_forgotten_things_are_lookup_errors(project):
    with pytest.raises(UnknownAttribute):
        project.forget(frame(c=["w"]))


def test_an_iterator_is_one_learn(project):
    before = project.snapshot()

    def batches():
        yield frame(a=[1.0], d=[5.0])
        yield frame(c=["new"])
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="disk is gone"):
        project.learn(batches())
    assert project.snapshot().hash == before.hash
    assert project.snapshot().column_names == before.column_names


def test_a_stopped_learn_changes_nothing(project):
    before = project.snapshot().hash

    def stop(rows):
        if rows > 100_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        project.learn((np.ones((1_000_000, 2)), ["a", "d"]), checkpoint=stop)
    assert project.snapshot().hash == before


def test_one_row_is_enough():
    s = Project("p").learn((np.array([[1.0, 2.0]]), ["a", "b"])).snapshot()
    np.testing.assert_array_equal(s.moments.var(), [0, 0])


def test_a_batch_that_is_empty_or_missing_among_others_is_no_error():
    project = Project("p").learn([frame(a=[1.0]), frame(a=[]), frame(a=[np.nan]), frame(a=[2.0])])
    assert project.n_rows == 3
    np.testing.assert_array_equal(project.snapshot().moments.count, [2])


def test_frozen(project):
    other = project.snapshot()
    project.freeze()
    before = project.snapshot().hash
    for write in (
        lambda: project.learn(frame(a=[1.0])),
        lambda: project.forget(frame(a=[1.0])),
        lambda: project.merge(other),
    ):
        with pytest.raises(ProjectError, match=r"frozen; call unfreeze\(\)"):
            write()
    assert project.snapshot().hash == before
    project.unfreeze()
    assert project.learn(frame(a=[1.0])).n_rows == 4


def test_deleted(project, tmp_path):
    snapshot = project.snapshot()
    project.delete()
    uses = [
        lambda: project.learn(frame(a=[1.0])),
        lambda: project.forget(frame(a=[1.0])),
        lambda: project.merge(snapshot),
        lambda: Project("q").merge(project),
        project.snapshot,
        project.info,
        project.freeze,
        project.delete,
        lambda: project.rename("q"),
        lambda: project.save(tmp_path / "p"),
    ]
    for use in uses:
        with pytest.raises(ProjectError, match="project 'p' was deleted"):
            use()
    assert "deleted" in repr(project)
    assert snapshot.n_rows == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": ""}, "name is a text that is not empty"),
        ({"name": 3}, "name is a text"),
        ({"name": "a/b"}, "holds '/'"),
        ({"name": ".."}, "the project name '..' is a relative path"),
        ({"name": "a\ud800"}, "holds a lone surrogate"),
        ({"type": "tpu"}, "unknown project type 'tpu'; allowed are auto, cpu, gpu"),
        ({"params": {"row_filtr": "a==1"}}, "unknown parameter 'row_filtr' of the project; did you mean 'row_filter'"),
        ({"params": {"rolling_window": 0}}, "rolling_window must be a whole number of at least 1, got '0'"),
        ({"params": {"rolling_window": "ten"}}, "got 'ten'"),
        ({"params": {"rolling_window": 2.5}}, "got '2.5'"),
        ({"params": {"rolling_window": np.inf}}, "got 'Infinity'"),
        ({"params": ["missing"]}, "must be a map"),
        ({"params": {"missing": "drop"}}, "missing must be one of pairwise, listwise, error"),
        ({"params": {"joint_squares": "yes"}}, "true or false"),
        ({"params": {"types": "a"}}, "as text a JSON object"),
        ({"params": {"types": ["a"]}}, "types must be a map of column names"),
        ({"params": {"types": {"a": "Z"}}}, "unknown type 'Z'"),
        ({"params": {"row_filter": "a=1"}}, "expected one of == != < <= > >= at position 1"),
    ],
)
def test_creating(options, message):
    with pytest.raises(InputError, match=message):
        Project(**{"name": "p", **options})


@pytest.mark.skipif(importlib.util.find_spec("cupy") is not None, reason="CuPy is installed")
def test_a_gpu_project_without_cupy_says_what_to_install():
    with pytest.raises(MissingDependency, match=r"type='gpu' needs the package 'cupy'.*symjobs\[gpu\]"):
        Project("p", type="gpu")
    assert Project("p", type="auto").type == "cpu"


def test_errors_are_value_errors(project):
    with pytest.raises(ValueError, match="infinite"):
        project.learn(frame(a=[np.inf]))
    assert issubclass(symjobs.Project, object)


def stop(_):
    raise KeyError("stopped")


@pytest.mark.parametrize(
    ("method", "data", "options"),
    [
        *(("learn", data, {}) for data, _ in LEARN),
        *(("forget", data, {}) for data, _ in FORGET),
        ("learn", frame(a=[1.0], c=["u"]), {"types": {"aa": "C"}}),
        ("learn", frame(a=[1.0]), {"checkpoint": stop}),
        ("forget", frame(a=[1.0]), {"checkpoint": stop}),
        ("learn", frame(a=[1.0]), {"row_filter": "z==1"}),
    ],
)
def test_small_writes_in_place_are_all_or_nothing_too(method, data, options):
    """A snapshot has every write work on a copy; here nobody holds one, until the end."""

    def made():
        data = frame(a=[1.0, 2.0, 4.0], b=[0, 1, 1], c=["u", "v", "u"])
        return Project("p").learn(data, types={"c": "T", "b": "B"})

    project = made()
    with pytest.raises((InputError, KeyError)):
        getattr(project, method)(data, **options)
    assert project.snapshot().hash == made().snapshot().hash


def test_a_slip_in_a_column_of_numbers_does_not_make_it_text():
    frame = pd.DataFrame({"a": [1, 2, 3, 5], "income": [10, 20, "3O", 40]})
    project = Project("p")
    with pytest.raises(InputError, match="column 'income', row 2: '3O' is not a number"):
        project.learn(frame)
    assert project.n_rows == 0
    assert project.learn(frame, types={"income": "S"}).snapshot().names == ("a",)


def of_60_000_values():
    return pd.DataFrame({"x": np.arange(60_000.0), "email": [f"u{i}@example.org" for i in range(60_000)]})


def test_a_category_that_no_memory_can_hold_is_refused_by_name(monkeypatch):
    monkeypatch.setattr("symjobs._state._memory.physical_memory", lambda: 2**24)
    project = Project("p")
    with pytest.raises(InputError, match=r"column 'email' brings 60,000 attributes: .* GiB while it learns"):
        project.learn(of_60_000_values(), types={"email": "T"})
    assert project.n_rows == 0


def test_a_category_of_60_000_values_is_learnt_and_a_matrix_of_them_is_refused_with_its_cost():
    project = Project("p").learn(of_60_000_values(), types={"email": "T"})
    project.learn(of_60_000_values()[:10])
    snapshot = project.snapshot()
    assert snapshot.n_rows == 60_010
    assert snapshot.moments.condition(1).mean[0] == 0.0
    assert snapshot.moments.condition(11).mean[0] == 10.0
    assert sum(array.nbytes for array in snapshot.moments._sums.arrays().values()) < 2e7
    for job in (PCAJob(project, ["email"]), ExploreVIFJob(project, ["x", "email"])):
        with pytest.raises(InputError, match=r"Job: a matrix of 60,00\d by 60,00\d attributes takes about 1,07\d GiB"):
            job.run(JobContext())
    with pytest.raises(InputError, match="takes about"):
        project.build("m", "mahalanobis", inputs=["email"])


def test_squares_that_underflow_are_refused_by_name():
    k = np.arange(20.0)
    batch = pd.DataFrame({"n": k, "t": ["u", "v"] * 10, "tiny": (k % 7) * 1e-200})
    project = Project("p")
    with pytest.raises(InputError, match=r"^column 'tiny': the values differ by so little that .*; rescale them"):
        project.learn(batch)
    assert project.n_rows == 0
    project.learn(batch.assign(tiny=k))
    project.learn(batch)
    assert project.n_rows == 40
    one, other = (Project(f"p{x}").learn(pd.DataFrame({"tiny": [x] * 9})) for x in (1e-200, 3e-200))
    with pytest.raises(InputError, match="cannot be merged: column 'tiny': the values differ by so little"):
        one.merge(other)
    assert one.n_rows == 9
