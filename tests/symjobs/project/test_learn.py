"""Learning and forgetting: against pandas, and the laws that hold whatever the data."""

import itertools

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symjobs._entities import DataFrame
from symjobs._errors import InputError
from symjobs._project import Project
from tests.symjobs.project._frames import TYPES, agrees, frames, make, same_answers

SETTINGS = settings(max_examples=30, deadline=None)


def learnt(frame, types=TYPES, **options):
    return Project("p", **options).learn(frame, types=types)


def has_value(frame):
    return frame.drop(columns="note").notna().to_numpy().any()


@given(frames)
@SETTINGS
def test_equals_pandas(frame):
    if has_value(frame):
        agrees(learnt(frame).snapshot(), frame)


@given(frames, st.lists(st.integers(0, 40), max_size=4), st.randoms())
@SETTINGS
def test_batches_order_of_rows_and_of_columns_do_not_matter(frame, cuts, random):
    if not has_value(frame):
        return
    cuts = sorted({min(cut, len(frame)) for cut in cuts})
    edges = [0, *cuts, len(frame)]
    order = list(range(len(frame)))
    random.shuffle(order)
    shuffled = frame.iloc[order]
    parts = []
    for low, high in itertools.pairwise(edges):
        columns = list(frame.columns)
        random.shuffle(columns)
        parts.append(shuffled.iloc[low:high][columns])
    whole = learnt(frame, {**TYPES, "flag": "B", "note": "S"})
    same_answers(learnt(iter(parts), {**TYPES, "flag": "B", "note": "S"}).snapshot(), whole.snapshot())


@given(frames, frames)
@SETTINGS
def test_forgetting_returns(first, second):
    if not (has_value(first) and has_value(second)):
        return
    project = learnt(first)
    before = project.snapshot()
    project.learn(second, types=TYPES)
    project.forget(second, types=TYPES)
    after = project.snapshot()
    assert after.n_rows == len(first)
    same = [after.index(name) for name in before.names]
    np.testing.assert_allclose(after.moments.covariance(indices=same), before.moments.covariance(), atol=1e-8)
    np.testing.assert_allclose(after.moments.count[same], before.moments.count)


@given(frames)
@SETTINGS
def test_a_column_that_comes_later_has_no_counts_before(frame):
    first, second = frame[["x", "color"]], frame[["tags", "y", "x"]]
    if not (first.notna().to_numpy().any() and second.notna().to_numpy().any()):
        return
    project = learnt(first, {"color": "T"}).learn(second, types={"tags": "L"})
    both = pd.concat([first, second], ignore_index=True).astype({"color": object, "tags": object})
    agrees(project.snapshot(), both)


def test_a_new_value_was_zero_before():
    project = Project("p")
    project.learn(pd.DataFrame({"c": pd.Categorical(["a", "a", None])}))
    project.learn(pd.DataFrame({"c": pd.Categorical(["b"])}))
    s = project.snapshot()
    assert s.names == ("c$a", "c$b")
    np.testing.assert_array_equal(s.moments.count, [3, 3])
    np.testing.assert_allclose(s.moments.mean(), [2 / 3, 1 / 3])


def test_what_the_contract_infers():
    frame = pd.DataFrame(
        {
            "bools": [True, False, None, True],
            "ints": [0, 1, 1, 0],
            "floats": [0.0, 1.0, np.nan, 1.0],
            "gone": [np.nan] * 4,
            "numbers": [0, 1, 2, 3],
            "category": pd.Categorical(["u", "v", None, "u"], categories=["never", "v", "u"]),
            "text": ["1", "0", None, "1"],
        }
    )
    s = learnt(frame, None).snapshot()
    letters = dict(zip(s.column_names, s.column_types, strict=True))
    assert letters == {
        **dict.fromkeys(["bools", "ints", "floats", "gone"], "B"),
        "numbers": "C",
        "category": "T",
        "text": "S",
    }
    assert s.names == ("bools", "ints", "floats", "gone", "numbers", "category$v", "category$u")
    assert s.types == ("B", "B", "B", "B", "C", "B", "B")


def test_numbers_in_an_entity_may_be_text():
    data = DataFrame(["a", "b", "c"], [], [["1.5", "0", "x"], [2, "1", "y"], ["NA", "", "null"]])
    s = learnt(data, None).snapshot()
    assert dict(zip(s.column_names, s.column_types, strict=True)) == {"a": "C", "b": "B", "c": "S"}
    np.testing.assert_array_equal(s.moments.count, [2, 2])


def test_an_entity_brings_its_types():
    rows = [["1.5", "1", " Red ", "|a|b", "note", "9"], ["2", "0", "red", "|", "note", "9"], ["", "", "", "", "", ""]]
    data = DataFrame(["c", "b", "t", "l", "s", "x"], list("CBTLSX"), rows)
    s = learnt(data, None).snapshot()
    assert s.column_types == tuple("CBTLSX")
    assert s.names == ("c", "b", "t$red", "l$a", "l$b")
    np.testing.assert_array_equal(s.moments.count, [2, 2, 2, 2, 2])
    np.testing.assert_allclose(s.moments.mean(), [1.75, 0.5, 1, 0.5, 0.5])


def test_the_call_goes_before_the_project_and_that_before_the_entity():
    data = DataFrame(["a", "b", "c"], ["S", "S", "C"], [["1", "1", "1"], ["2", "2", "2"]])
    project = Project("p", params={"types": '{"a": "C", "b": "C"}'}).learn(data, types={"b": "T"})
    assert project.snapshot().column_types == ("C", "T", "C")


@pytest.mark.parametrize("split", [[0, 4], [0, 2, 4]])
def test_binary_becomes_continuous(split):
    frame = pd.DataFrame({"a": [0.0, 1.0, 0.5, np.nan], "b": [1.0, 2.0, 4.0, 8.0], "f": [0, 1, 0, 1]})
    project = Project("p")
    for low, high in itertools.pairwise(split):
        project.learn(frame[low:high])
    s = project.snapshot()
    assert s.types == ("C", "C", "B")
    np.testing.assert_allclose(s.moments.covariance(ddof=1), frame.astype(float).cov())
    other = Project("o").learn(frame, types={"a": "C"})
    np.testing.assert_allclose(s.moments.kurtosis(), other.snapshot().moments.kurtosis())
    np.testing.assert_allclose(s.moments.condition(2).var, other.snapshot().moments.condition(2).var)


def test_a_long_batch_is_widened_in_its_middle():
    values = np.zeros(300_000)
    values[250_000] = 0.25
    for data in [(values[:, None], ["a"]), pd.DataFrame({"a": values}), pl.DataFrame({"a": values})]:
        s = Project("p").learn(data).snapshot()
        assert s.types == ("C",)
        np.testing.assert_allclose(s.moments.var(), values.var())


@pytest.mark.parametrize("later", ["C", "B"])
def test_declared_types_meet(later):
    project = Project("p").learn(pd.DataFrame({"a": [0, 1]}), types={"a": "B" if later == "C" else "C"})
    project.learn(pd.DataFrame({"a": [0, 1]}), types={"a": later})
    assert project.snapshot().types == ("C",)


def test_a_column_may_be_ignored_once_and_learnt_later():
    frame = pd.DataFrame({"a": [1.0, 2.0], "s": ["u", "v"]})
    project = Project("p").learn(frame).learn(frame, types={"a": "X", "s": "T"})
    s = project.snapshot()
    assert s.column_names == ("a", "s")
    assert s.names == ("a", "s$u", "s$v")
    np.testing.assert_array_equal(s.moments.count, [2, 2, 2])
    assert s.n_rows == 4


def test_numbers_become_categories_of_one_spelling():
    project = Project("p", params={"types": {"k": "T"}})
    for column in ([1, 2], [1.0, 2.0], ["1", " 2"], pd.array([1, None], dtype="Int64")):
        project.learn(pd.DataFrame({"k": column}))
    s = project.snapshot()
    assert s.names == ("k$1", "k$2")
    np.testing.assert_array_equal(s.moments.mean() * s.moments.count, [4, 3])


def test_a_thousand_values_are_sparse():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 1000, 20_000)
    frame = pd.DataFrame(
        {"x": rng.normal(size=20_000), "c": pd.Categorical.from_codes(codes, [f"v{i}" for i in range(1000)])}
    )
    s = Project("p").learn(frame).snapshot()
    assert len(s.members("c")) == 1000
    assert len(s.moments.dense) == 1
    i = s.index("c$v7")
    np.testing.assert_allclose(s.moments.condition(i).mean[0], frame.x[codes == 7].mean())


@pytest.mark.parametrize(
    "table",
    [
        lambda f: f,
        pl.from_pandas,
        pa.Table.from_pandas,
        lambda f: pa.Table.from_pandas(f).to_reader(7),
        lambda f: (f[i : i + 9] for i in range(0, len(f), 9)),
        lambda f: f.convert_dtypes(),
        lambda f: f.convert_dtypes(dtype_backend="pyarrow"),
        lambda f: DataFrame(list(f), list("CCBTLS"), f.astype(object).where(f.notna(), None).to_numpy().tolist()),
    ],
)
def test_every_table_is_learnt_alike(table):
    frame = make(3, 60)
    types = {**TYPES, "flag": "B"}
    same_answers(learnt(table(frame), types).snapshot(), learnt(frame, types).snapshot())


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.int16, np.uint8, bool, object])
def test_arrays_of_every_kind(order, dtype):
    X = np.asarray(np.random.default_rng(0).integers(0, 9, (50, 3)), dtype=dtype, order=order)
    s = Project("p").learn((X, ["a", "b", "c"])).snapshot()
    np.testing.assert_allclose(s.moments.covariance(), np.cov(X.astype(float).T, ddof=0), atol=1e-6)
    again = Project("q").learn((X, ["a", "b", "c"])).learn((X[:, ::-1], ["c", "b", "a"])).snapshot()
    np.testing.assert_allclose(again.moments.covariance(), s.moments.covariance(), atol=1e-6)


def test_data_are_left_alone():
    X = np.arange(12.0).reshape(6, 2)
    X.flags.writeable = False
    frame = make(1, 20)
    before = frame.copy(deep=True)
    project = Project("p", params={"rolling_window": 4}).learn((X, ["x", "y"])).learn(frame, types=TYPES)
    pd.testing.assert_frame_equal(frame, before)
    assert project.n_rows == 4


def test_listwise_and_error_policies():
    frame = make(2, 50).drop(columns=["tags", "note"])
    listwise = learnt(frame, {"color": "T"}, params={"missing": "listwise"}).snapshot()
    agrees(listwise, frame.dropna())
    with pytest.raises(InputError, match=r"column '[xy]', row \d+: nan is missing"):
        learnt(frame, {"color": "T"}, params={"missing": "error"})


def test_a_missing_category_is_refused_by_the_error_policy():
    project = Project("p", params={"missing": "error"}).learn(pd.DataFrame({"c": pd.Categorical(["a"]), "x": [1.0]}))
    with pytest.raises(InputError, match="column 'c', row 1: None is missing, and missing values are refused"):
        project.learn(pd.DataFrame({"x": [1.0, 2.0], "c": pd.Categorical(["a", None])}))
    with pytest.raises(InputError, match="column 'c', row 0: None is missing"):
        project.learn(pd.DataFrame({"x": [1.0]}))


def test_a_list_may_be_empty_before_it_has_members():
    project = Project("p", params={"types": {"l": "L"}})
    for cells in (["|", "|", None], ["|a"], ["|"]):
        project.learn(pd.DataFrame({"l": cells, "x": np.arange(len(cells))}))
    s = project.snapshot()
    np.testing.assert_array_equal(s.moments.count[s.members("l")], [4])
    np.testing.assert_allclose(s.moments.mean()[s.members("l")], [0.25])


def test_joint_squares_are_kept_on_request():
    frame = make(4, 50, missing=0.0)[["x", "y"]]
    plain, joint = learnt(frame, None).snapshot(), learnt(frame, None, params={"joint_squares": "true"}).snapshot()
    assert np.isnan(plain.moments.cross_sums(0, 1).sum_xxyy)
    np.testing.assert_allclose(joint.moments.cross_sums(0, 1).sum_xxyy, (frame.x**2 * frame.y**2).sum())


def test_exact_sums_do_not_depend_on_batches_projects_and_merges():
    frame = make(5, 400)
    whole = learnt(frame, None, params={"exact": "true"})
    parts = [learnt(part, None, params={"exact": "true"}) for part in (frame[250:], frame[:100], frame[100:250])]
    merged = parts[0]
    for part in parts[1:]:
        merged.merge(part)
    a, b = (project.snapshot() for project in (whole, merged))
    assert a.moments.reproducible
    assert b.moments.reproducible
    assert b.moments.exact
    order = [b.names.index(name) for name in a.names]
    assert a.moments.mean().tobytes() == b.moments.mean()[order].tobytes()
    assert a.moments.correlation().tobytes() == b.moments.correlation(order).tobytes()


def test_learn_returns_the_project_and_counts_progress():
    seen = []
    project = Project("p")
    assert project.learn((np.zeros((500_000, 4)), list("abcd")), checkpoint=seen.append) is project
    assert seen == sorted(seen)
    assert seen[-1] == 500_000
