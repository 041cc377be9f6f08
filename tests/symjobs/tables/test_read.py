"""Every kind of table gives the same columns."""

from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symjobs._entities import DataFrame
from symjobs._errors import InputError
from symjobs._tables import BadCell, MatrixBatch, is_binary, read_table

NUMBERS = [1.5, None, 0.0, 1e300]
FLAGS = [True, None, False, True]
LABELS = ["x", None, "y", "x"]


def one(data):
    (batch,) = read_table(data)
    return batch


def arrow():
    return pa.table(
        {
            "n": pa.array(NUMBERS),
            "i": pa.array([1, None, 0, 1]),
            "b": pa.array(FLAGS),
            "t": pa.array(LABELS).dictionary_encode(),
            "s": pa.array(LABELS),
        }
    )


def entity():
    rows = [
        ["1.5", 1, True, "x", "x"],
        ["NA", None, None, "", "null"],
        [0, 0, False, "y", "y"],
        ["1e300", 1, 1, "x", "x"],
    ]
    return DataFrame(["n", "i", "b", "t", "s"], [], rows)


TABLES = {
    "pandas": lambda: pd.DataFrame(
        {
            "n": np.array([1.5, np.nan, 0, 1e300]),
            "i": np.array([1, np.nan, 0, 1]),
            "b": pd.Series(FLAGS, dtype=object),
            "t": pd.Categorical(LABELS),
            "s": LABELS,
        }
    ),
    "pandas nullable": lambda: arrow().to_pandas().convert_dtypes(),
    "pandas Arrow-backed": lambda: arrow().to_pandas(types_mapper=pd.ArrowDtype),
    "Polars": lambda: pl.from_arrow(arrow()),
    "Polars in chunks": lambda: pl.concat([pl.from_arrow(arrow())[:1], pl.from_arrow(arrow())[1:]], rechunk=False),
    "Arrow table": arrow,
    "Arrow batch": lambda: arrow().to_batches()[0],
    "Arrow reader": lambda: arrow().to_reader(),
    "entity": entity,
    "iterator": lambda: iter([arrow()]),
    "rows and names": lambda: (entity().data, entity().attributeNames),
}


@pytest.mark.parametrize("kind", TABLES)
def test_every_table_reads_alike(kind):
    batch = one(TABLES[kind]())
    assert batch.names == ("n", "i", "b", "t", "s")
    assert batch.n_rows == 4
    for name, expected in [("n", [1.5, np.nan, 0, 1e300]), ("i", [1, np.nan, 0, 1]), ("b", [1, np.nan, 0, 1])]:
        np.testing.assert_array_equal(np.asarray(batch.column(name).numbers(0, 4), float), expected)
        np.testing.assert_array_equal(np.asarray(batch.column(name).numbers(1, 3), float), expected[1:3])
    for name in "ts":
        codes, values = batch.column(name).texts()
        assert [values[code] if code >= 0 else None for code in codes] == LABELS
    if kind != "rows and names":  # there text that reads as a number stays text
        assert batch.column("n").letter() == "C"
    assert batch.column("i").letter() == "B"
    assert batch.column("b").letter() == "B"
    assert batch.column("s").letter() == "S"


@pytest.mark.parametrize("kind", [k for k in TABLES if k not in ("entity", "rows and names", "pandas nullable")])
def test_categoricals_are_categories(kind):
    assert one(TABLES[kind]()).column("t").letter() == "T"


def test_a_matrix_is_not_copied():
    X = np.arange(12.0).reshape(4, 3)
    batch = one((X, ["a", "b", "c"]))
    assert isinstance(batch, MatrixBatch)
    assert batch.matrix is X
    assert np.shares_memory(batch.column("b").numbers(1, 3), X)


@pytest.mark.parametrize("kind", ["pandas", "Polars", "Arrow table"])
def test_complete_numbers_are_views(kind):
    values = np.arange(10.0)
    frame = {
        "pandas": lambda: pd.DataFrame({"a": values}),
        "Polars": lambda: pl.DataFrame({"a": values}),
        "Arrow table": lambda: pa.table({"a": values}),
    }[kind]()
    column = one(frame).column("a")
    assert np.shares_memory(column.numbers(2, 5), column.numbers(0, 10))


def test_single_precision_is_kept():
    frame = pd.DataFrame({"a": np.ones(3, np.float32), "b": np.ones(3), "c": pd.array([1, None, 2], dtype="Float32")})
    assert [c.dtype for c in one(frame).columns] == [np.float32, np.float64, np.float32]
    assert [c.dtype for c in one(pl.from_pandas(frame)).columns] == [np.float32, np.float64, np.float32]
    assert [c.dtype for c in one(pa.Table.from_pandas(frame)).columns] == [np.float32, np.float64, np.float32]


def test_arrow_batches_are_numbered_through():
    table = pa.concat_tables([pa.table({"a": [1.0, 2.0]}), pa.table({"a": [3.0]})])
    first, second = read_table(table)
    assert (first.first_row, second.first_row) == (0, 2)
    assert second.where(0) == "row 2"
    assert not first.alone


def test_iterators_hold_one_table_at_a_time():
    taken = []

    def tables():
        for i in range(3):
            taken.append(i)
            yield (np.full((1, 1), float(i)), ["a"])

    batches = read_table(tables())
    assert taken == []
    assert next(batches).where(0) == "batch 0, row 0"
    assert taken == [0]


def test_any_arrow_stream_is_read():
    class Stream:
        def __arrow_c_stream__(self, requested_schema=None):
            return arrow().__arrow_c_stream__(requested_schema)

    assert one(Stream()).names == ("n", "i", "b", "t", "s")


def test_other_types_of_columns():
    frame = pd.DataFrame(
        {
            "when": pd.to_datetime(["2020-01-01", None]),
            "tz": pd.to_datetime(["2020-01-01", None]).tz_localize("UTC"),
            "exact": [Decimal("1.5"), None],
            "sparse": pd.arrays.SparseArray([0.0, 2.0]),
            "mixed": [1, "a"],
            "nothing": [None, None],
            "list": [["a", "b"], None],
        }
    )
    batch = one(frame)
    assert [c.letter() for c in batch.columns] == ["S", "S", "C", "C", "S", None, "L"]
    assert batch.column("list").texts()[1] == ["|a|b"]
    polars = one(pl.from_pandas(frame.drop(columns=["exact", "sparse", "mixed", "tz"])))
    assert [c.letter() for c in polars.columns] == ["S", None, "L"]
    assert polars.column("list").texts()[1] == ["|a|b"]
    arrow_backed = frame[["list"]].astype({"list": pd.ArrowDtype(pa.list_(pa.string()))})
    assert one(arrow_backed).column("list").letter() == "L"
    assert one(arrow_backed).column("list").texts()[1] == ["|a|b"]
    table = pa.table({"d": pa.array([Decimal("1.5"), None]), "v": pa.array(["1", None], pa.string_view())})
    assert [c.letter() for c in one(table).columns] == ["C", "S"]
    np.testing.assert_array_equal(one(table).column("v").numbers(0, 2), [1, np.nan])


def test_numbers_as_categories_have_one_spelling():
    for values in ([1, 2], [1.0, 2.0], ["1", "2"], np.array([1, 2], dtype=object)):
        assert one(pd.DataFrame({"a": values})).column("a").texts()[1] == ["1", "2"]
    assert one(pd.DataFrame({"a": [True, False]})).column("a").texts()[1] == ["false", "true"]


@given(st.lists(st.one_of(st.none(), st.floats(allow_infinity=False), st.sampled_from([0.0, 1.0])), min_size=1))
def test_binary_is_0_1_and_missing(values):
    array = np.array(values, dtype=float)
    expected = all(v is None or np.isnan(v) or v in (0, 1) for v in values)
    assert is_binary(array) == expected
    assert (one((array[:, None], ["a"])).column("a").letter() == "B") == expected


@pytest.mark.parametrize("text", ["abc", "1_000", "1,5", "--1", "0x10"])
@pytest.mark.parametrize("table", ["entity", "pandas", "Polars", "Arrow"])
def test_text_is_no_number(text, table):
    values = ["1", text]
    data = {
        "entity": lambda: DataFrame(["a"], ["C"], [["1"], [text]]),
        "pandas": lambda: pd.DataFrame({"a": values}),
        "Polars": lambda: pl.DataFrame({"a": values}),
        "Arrow": lambda: pa.table({"a": values}),
    }[table]()
    with pytest.raises(BadCell) as caught:
        one(data).column("a").numbers(0, 2)
    assert (caught.value.column, caught.value.row, caught.value.value) == ("a", 1, text)


X = np.ones((2, 2))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (X, r"needs its column names"),
        (3, "cannot learn from int"),
        ("data.csv", "cannot learn from str"),
        ({"a": [1]}, "cannot learn from dict"),
        (pd.Series([1.0]), "cannot learn from Series"),
        (pl.Series([1.0]), "cannot learn from Series"),
        (pl.LazyFrame({"a": [1]}), "collect"),
        ((np.ones(3), ["a"]), r"reshape\(1, -1\)"),
        ((X, ["a"]), r"2 columns .*1 names"),
        ((np.ones((2, 2), complex), ["a", "b"]), "complex"),
        (([[1, 2], [3]], ["a", "b"]), "row 1 has 1 values"),
        (([1, 2], ["a", "b"]), "row 0 is int"),
        ((3, ["a", "b"]), "int"),
        ((X, ["a", "a"]), "two columns are named 'a'"),
        ((X, ["a", ""]), "empty name"),
        (pd.DataFrame(X, columns=["a", "a"]), "two columns are named 'a'"),
        (pa.table([[1], [2]], names=["a", "a"]), "two columns are named 'a'"),
        (DataFrame(["a", "a"], [], [["1", "2"]]), "two columns are named 'a'"),
        ([pd.DataFrame({"a": [1]}), 5], "item 1 of the iterator is int"),
        ([(X, ["a", "b"]), (X, ["a"])], "batch 1: the array has 2 columns"),
        (pd.DataFrame({"a": [1j]}), "complex"),
        (pa.table({"a": pa.array([b"x"])}), "binary"),
    ],
)
def test_bad_tables(data, message):
    with pytest.raises(InputError, match=message):
        [batch.columns for batch in read_table(data)]


def test_an_entity_changed_after_it_was_checked():
    data = DataFrame(["a", "b"], ["C", "C"], [["1", "2"]])
    data.data.append(["1"])
    with pytest.raises(InputError, match="row 1 has 1 values"):
        one(data)


@pytest.mark.parametrize("start", [0, 3])
def test_text_as_numbers_is_read_once_and_refused_only_where_it_is_asked_for(start, monkeypatch):
    texts = ["1.5", "", "x", "1.5", None, "-2"]
    (column,) = one(pa.table({"n": texts})).columns
    assert column.numbers(3, 6).tolist() == pytest.approx([1.5, np.nan, -2.0], nan_ok=True)
    monkeypatch.setattr("symjobs._tables._columns.parse_number", None)  # called no more
    with pytest.raises(BadCell) as caught:
        column.numbers(1, 6)
    assert (caught.value.row, caught.value.value) == (2, "x")
    assert column.numbers(start, start + 2)[0] == 1.5


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[1.0, 2.0], [3.0, 4.0]], dtype=np.float32), np.float32),
        (np.array([[1, 2], [3, 4]]), np.float64),
        (np.array([[True, False], [True, True]]), np.float64),
    ],
)
def test_what_a_mask_hides_is_nan(values, expected):
    batch = one((np.ma.masked_array(values, mask=[[False, True], [False, False]]), ["a", "b"]))
    np.testing.assert_array_equal(batch.matrix, [[values[0, 0], np.nan], values[1]])
    assert type(batch.matrix) is np.ndarray
    assert batch.matrix.dtype == expected


def test_what_a_mask_hides_among_texts_is_missing():
    batch = one((np.ma.masked_array([["x", "y"], ["z", "w"]], mask=[[False, True], [False, False]]), ["a", "b"]))
    codes, values = batch.column("b").texts()
    assert [None if code < 0 else values[code] for code in codes] == [None, "w"]
