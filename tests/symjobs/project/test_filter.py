"""Row filters: against pandas' query, and what does not read."""

import operator

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from symjobs._errors import InputError
from symjobs._project import Project
from symjobs._state import RowFilter
from symjobs._state._schema import Schema
from symjobs._tables import read_table
from tests.symjobs.project._frames import TYPES, agrees, frames, make

OPERATORS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def mask(text, frame, types=TYPES):
    (batch,) = read_table(frame)
    return RowFilter(text).mask(batch, 0, len(frame), Schema(), types)


@given(
    frames,
    st.lists(
        st.tuples(st.sampled_from(["x", "y", "flag"]), st.sampled_from(list(OPERATORS)), st.integers(-1, 8)), min_size=1
    ),
)
@settings(max_examples=50, deadline=None)
def test_numbers_compare_as_in_pandas(frame, conditions):
    text = ";".join(f"{name} {sign} {value}" for name, sign, value in conditions)
    query = " and ".join(f"({name} {sign} {value} and {name} == {name})" for name, sign, value in conditions)
    expected = np.zeros(len(frame), bool)
    expected[frame.reset_index(drop=True).query(query).index] = True
    np.testing.assert_array_equal(mask(text, frame), expected)


@given(frames, st.sampled_from(["x>=4", "flag==1;y<5", "color==red", "tags==a;x<7", "note!=p"]))
@settings(max_examples=30, deadline=None)
def test_only_matching_rows_are_learnt(frame, text):
    kept = frame[mask(text, frame)]
    assume(kept.drop(columns="note").notna().to_numpy().any())
    agrees(Project("p").learn(frame, types=TYPES, row_filter=text).snapshot(), kept)
    agrees(Project("p", params={"row_filter": text}).learn(frame, types=TYPES).snapshot(), kept)


def test_text_is_compared_as_its_type_has_it():
    frame = pd.DataFrame(
        {
            "color": [" Red", "red ", "blue", None, ""],
            "note": ["p", "P", "p ", None, "x;y"],
            "tags": ["|a|b", "|b", "|", None, "|a"],
        }
    )
    yes = lambda text: mask(text, frame).tolist()  # noqa: E731
    assert yes("color==RED") == [True, True, False, False, False]
    assert yes("color!=red") == [False, False, True, False, False]
    assert yes("color$red==1") == [True, True, False, False, False]
    assert yes("color$red<1") == [False, False, True, False, False]
    assert yes("tags$a==0") == [False, True, True, False, False]
    assert yes("note==p") == [True, False, False, False, False]
    assert yes("note=='p '") == [False, False, True, False, False]
    assert yes('note=="x;y"') == [False, False, False, False, True]
    assert yes("tags==a") == [True, False, False, False, True]
    assert yes("tags!=a") == [False, True, True, False, False]
    assert yes("color==red; tags==b ;") == [True, True, False, False, False]


def test_names_may_be_quoted():
    frame = pd.DataFrame({"a b": [1.0, 2.0], "a>=b": [1.0, 3.0], "p.q-r": [0.0, 1.0]})
    assert mask("a b==2", frame).tolist() == [False, True]
    assert mask('"a>=b" > 1', frame).tolist() == [False, True]
    assert mask("p.q-r != 1;a b<1.5", frame).tolist() == [True, False]


def test_the_contract_example():
    frame = pd.DataFrame({"Iris_setosa": [1, 1, 0], "petal_width": [0.2, 0.1, 2.0]})
    project = Project("iris", params={"row_filter": "Iris_setosa==1;petal_width>=0.2"}).learn(frame)
    assert project.n_rows == 1
    assert project.forget(frame).n_rows == 0


def test_both_filters_hold():
    project = Project("p", params={"row_filter": "x>=0"})
    project.learn(pd.DataFrame({"x": [-1.0, 1.0, 2.0, 3.0]}), row_filter="x<=2")
    assert project.n_rows == 2


def test_no_matching_row_is_no_error():
    project = Project("p").learn(pd.DataFrame({"x": [1.0]}), row_filter="x>5")
    assert project.n_rows == 0


def test_a_known_column_that_is_not_there_is_missing():
    project = Project("p").learn(pd.DataFrame({"x": [1.0, 2.0], "z": [1.0, 2.0]}))
    assert project.learn(pd.DataFrame({"x": [1.0]}), row_filter="z>0").n_rows == 2


def test_errors_name_the_row_of_the_data():
    frame = pd.DataFrame({"x": [0.0, 1.0, 1.0], "y": [1.0, 2.0, np.inf]})
    with pytest.raises(InputError, match="column 'y', row 2: inf"):
        Project("p").learn(frame, row_filter="x==1")


def test_long_tables_are_filtered_slice_by_slice():
    frame = make(1, 50)
    long = pd.concat([frame[["x", "y"]]] * 6000, ignore_index=True)
    project = Project("p").learn(long, row_filter="x>5")
    assert project.n_rows == 6000 * (frame.x > 5).sum()
    np.testing.assert_allclose(project.snapshot().moments.mean()[0], long.x[long.x > 5].mean())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no condition"),
        (" ; ", "holds no condition"),
        (3, "holds no condition"),
        ("x", "expected one of == != < <= > >= at position 1, found the end"),
        ("x=1", "expected one of .* at position 1, found '=1'"),
        ("x===1", "expected one of .* at position 1"),
        ("x==", "expected a value .* at position 3, found the end"),
        ("==1", "expected a column name at position 0"),
        ("x>1;>2", "expected a column name at position 4"),
        ("x>1 2>3", "expected a value"),
        ("x=='a", "expected a value"),
    ],
)
def test_what_does_not_read(text, message):
    with pytest.raises(InputError, match=message):
        RowFilter(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("w==1", "unknown column 'w'; known are"),
        ("collor==red", "did you mean 'color'"),
        ("x==red", "numeric column 'x' with 'red', not a number"),
        ("color<red", "holds text, which takes only == and !="),
        ("note>=1", "holds text"),
    ],
)
def test_what_does_not_fit_the_data(text, message):
    project = Project("p")
    with pytest.raises(InputError, match=message):
        project.learn(make(0, 5), types=TYPES, row_filter=text)
    assert project.snapshot().names == ()
