"""Rows whose columns are arrays of their own: the state is that of the same rows as one array."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symkernels import Columns, DataError, Moments, ShapeError, _columns
from symkernels._moments import _backends, _fast, _intake

# Blocks and threads split columns and rows alike, so that the same sums come from the same order of additions.
SAME = 1e-12  # of a standard deviation or two; other splits add in another order


def same_state(found: Moments, right: Moments) -> None:
    assert found.n_rows == right.n_rows
    np.testing.assert_array_equal(found.min, right.min)
    np.testing.assert_array_equal(found.max, right.max)
    scale = np.sqrt(np.diagonal(right.covariance()))
    np.testing.assert_allclose(found.mean() / scale, right.mean() / scale, rtol=0, atol=SAME)
    np.testing.assert_allclose(found.correlation(), right.correlation(), rtol=0, atol=SAME)
    np.testing.assert_allclose(found.var(), right.var(), rtol=SAME)


def columns_of(rng: np.random.Generator, n: int, kinds: list[str], *, gaps: bool, strided: bool) -> list[np.ndarray]:
    made = []
    for kind in kinds:
        values = rng.normal(size=2 * n) * 50 + 100
        if kind == "?":
            column = values > 100
        elif kind[-2] == "f":
            column = values.astype(kind)
            column[rng.random(2 * n) < (0.1 if gaps else 0.0)] = np.nan
        else:
            column = np.abs(values).astype(kind)
        made.append(column[::2] if strided else column[:n])
    return made


@settings(max_examples=60, deadline=None)
@given(
    kinds=st.lists(st.sampled_from(["f8", "f4", "i8", "i4", "u1", "?", "i2", ">f8"]), min_size=1, max_size=19),
    sizes=st.lists(st.sampled_from([30, 700, 5000]), min_size=1, max_size=3),
    gaps=st.booleans(),
    strided=st.booleans(),
    seed=st.integers(0, 100),
)
def test_columns_are_rows(kinds: list[str], sizes: list[int], gaps: bool, strided: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    binary = [j for j, kind in enumerate(kinds) if kind == "?"]
    found, right = Moments(len(kinds), binary), Moments(len(kinds), binary)
    with pytest.MonkeyPatch.context() as patch:
        for module in (_backends, _intake):
            patch.setattr(module, "is_little_work", lambda *_: False)
        patch.setattr(_fast, "_WORK_PER_THREAD", 1e4)
        for n in sizes:
            columns = columns_of(rng, n, kinds, gaps=gaps, strided=strided)
            table = Columns(columns)
            np.testing.assert_array_equal(table.rows(), np.column_stack(columns).astype(float))
            np.testing.assert_array_equal(table.rows(slice(3, 9, 2)), table.rows()[3:9:2])
            found.learn(table)
            right.learn(table.rows())
    same_state(found, right)
    np.testing.assert_array_equal(found.count, right.count)


def test_rows_of_one_array_are_not_copied() -> None:
    array = np.random.default_rng(0).normal(size=(40, 7))
    some = Columns([array[3:, k] for k in (2, 3, 4)]).rows(slice(1, 9))
    np.testing.assert_array_equal(some, array[4:12, 2:5])
    assert np.shares_memory(some, array)
    with pytest.raises(ValueError, match="read-only"):
        some[0, 0] = 0.0


@pytest.mark.parametrize("order", ["F", "reversed", "float32", "every second", "gap"])
def test_rows_of_other_arrays_are_copied(order: str) -> None:
    array = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32 if order == "float32" else float)
    if order == "F":
        array = np.asfortranarray(array)
    chosen = {"reversed": [5, 4, 3], "every second": [0, 2, 4], "gap": [0, 1, 3]}.get(order, [1, 2, 3])
    some = Columns([array[:, k] for k in chosen]).rows(slice(5, 33))
    np.testing.assert_array_equal(some, array[5:33, chosen])
    assert not np.shares_memory(some, array)


def test_they_are_read_where_they_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Columns(list(np.random.default_rng(0).normal(size=(50, 100_000))))
    right = Moments(50).learn(table.rows())

    def refuse(some: slice = slice(None)) -> np.ndarray:
        assert some.step, "the rows were copied"  # to choose the shift, some of them are
        return rows(some)

    rows = table.rows
    monkeypatch.setattr(table, "rows", refuse)
    found = Moments(50).learn(table)
    same_state(found, right)
    same_state(found.learn(table), right.learn(rows()))


@pytest.mark.parametrize("settings", [{"missing": "listwise"}, {"exact": True}, {"joint_squares": True}])
def test_other_settings_take_columns_too(settings: dict) -> None:
    rng = np.random.default_rng(1)
    table = Columns(columns_of(rng, 2000, ["f8", "f8", "f4"], gaps=True, strided=False))
    same_state(Moments(3, **settings).learn(table), Moments(3, **settings).learn(table.rows()))


def test_forgetting_and_weights() -> None:
    rng = np.random.default_rng(2)
    table = Columns(list(rng.normal(size=(3, 2000))))
    weights = np.full(2000, 2.0)
    found = Moments(3).learn(table, sample_weight=weights)
    same_state(found, Moments(3).learn(table.rows(), sample_weight=weights))
    same_state(found.learn(table).forget(table), Moments(3).learn(table.rows(), sample_weight=weights))


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    ("bad", "match"),
    [(np.inf, r"row 70000, column 7: inf is infinite"), (1e200, "overflow"), (0.5, r"row 70000, column 3: 0\.5")],
)
def test_bad_values_are_named_and_leave_the_state(first: bool, bad: float, match: str) -> None:
    columns = list(np.random.default_rng(3).normal(size=(40, 100_000)))
    columns[3] = (columns[3] > 0).astype(float)
    m = Moments(40, binary=[3])
    if not first:
        m.learn(Columns(columns))
    before = m.copy()
    columns[7] = columns[7].copy()
    columns[3 if bad == 0.5 else 7][70_000] = bad
    with pytest.raises(DataError, match=match):
        m.learn(Columns(columns))
    assert m.n_rows == before.n_rows
    if not first:
        np.testing.assert_array_equal(m.covariance(), before.covariance())


def test_digits_are_kept_as_for_rows() -> None:
    """A column far from its first rows, which chose the shift, is summed again without rounding errors."""
    rng = np.random.default_rng(4)
    columns = list(rng.normal(size=(50, 200_000)))
    columns[5][:100_000] += 1e9
    columns[5][100_000:] -= 1e9
    table = Columns(columns)
    found = Moments(50).learn(table)
    np.testing.assert_allclose(found.var()[5], np.var(columns[5] / 1e9) * 1e18, rtol=1e-12)


def test_a_stop_leaves_the_state() -> None:
    table = Columns(list(np.random.default_rng(5).normal(size=(100, 300_000))))
    m = Moments(100).learn(table.rows(slice(0, 1000)))

    def stop(done: int, n: int) -> None:
        raise KeyboardInterrupt

    for state in (m, Moments(100)):
        before = state.n_rows
        with pytest.raises(KeyboardInterrupt):
            state.learn(table, checkpoint=stop)
        assert state.n_rows == before
    same_state(m.learn(table), Moments(100).learn(table.rows(slice(0, 1000))).learn(table.rows()))


@pytest.mark.parametrize(
    ("columns", "match"),
    [
        ([np.ones(3), np.ones(2)], "column 1 has 2 rows, and column 0 has 3"),
        ([np.ones((3, 1))], "column 0 must be a NumPy array of one dimension"),
        ([[1.0]], "column 0 must be a NumPy array"),
        ([np.array(["a"])], "that holds real numbers"),
        ([np.array([1j])], "that holds real numbers"),
    ],
)
def test_what_is_no_column(columns: list, match: str) -> None:
    with pytest.raises(ShapeError, match=match):
        Columns(columns)


def test_a_wrong_number_of_columns() -> None:
    with pytest.raises(ShapeError, match="X must have 3 columns"):
        Moments(3).learn(Columns([np.ones(5)]))
    assert Columns([]).shape == (0, 0)
    assert repr(Columns([np.ones(5)])) == "Columns(1 of 5 rows)"


def test_without_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Columns(list(np.random.default_rng(6).normal(size=(9, 4000))))
    right = Moments(9).learn(table)
    for module in (_backends, _columns):
        monkeypatch.setattr(module, "uses_loops", lambda *_: False)
    same_state(Moments(9).learn(table), right)
