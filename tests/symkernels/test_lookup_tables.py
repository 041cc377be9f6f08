"""Look-up tables at knots, between them and outside, on every backend and path."""

import bisect
import math

import numpy as np
import pytest

from symkernels import DataError, LookupTable, LookupTables, ShapeError
from symkernels._scores import _backends, _table_compiled
from symkernels._scores._table_generic import GenericTables
from tests.symkernels._backends import assert_kind, get, put


def table(rng, m, functions=2, linear=True):
    low = rng.normal(size=(functions, m + 1))
    high = low.copy()
    if linear:
        high[:, 1:-1] = rng.normal(size=(functions, m - 1))
    return LookupTable(np.sort(rng.normal(size=m)), rng.normal(size=(functions, m)), low, high)


def some_tables(seed=0, sizes=(1, 2, 3, 4, 7, 8, 300), functions=2):
    rng = np.random.default_rng(seed)
    return LookupTables([table(rng, m, functions, linear=j % 3 > 0) for j, m in enumerate(sizes)])


def rows_for(tables, seed=1, n=1500):
    """Rows with values at knots, between and beyond them."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, tables.n_columns)) * 1.5
    for j, one in enumerate(tables.tables):
        X[::3, j] = rng.choice(one.knots, size=len(X[::3]))
    return X


def by_hand(one, t, x):
    if math.isnan(x):
        return math.nan
    i = bisect.bisect_left(one.knots.tolist(), x)
    if i < len(one.knots) and one.knots[i] == x:
        return one.at[t, i]
    if i in (0, len(one.knots)):
        return one.low[t, i]
    share = (x - one.knots[i - 1]) / (one.knots[i] - one.knots[i - 1])
    return one.low[t, i] + (one.high[t, i] - one.low[t, i]) * share


def test_values_and_sums_are_those_of_the_definition(xp):
    tables = some_tables()
    X = rows_for(tables, n=200)
    X[5, 2] = np.nan
    X[6, 0], X[7, 0] = np.inf, -np.inf
    expected = np.array([
        [[by_hand(one, t, x) for one, x in zip(tables.tables, row, strict=True)] for row in X.tolist()] for t in (0, 1)
    ])  # fmt: skip
    given = put(xp, X)
    values, sums = tables.values(given), tables.sums(given)
    assert_kind(values, given)
    assert_kind(sums, given)
    np.testing.assert_array_equal(get(values), expected)  # the same operations, in the same order
    # NumPy may add up the seven values in another order: 7 eps of their size, some units.
    np.testing.assert_allclose(get(sums), expected.sum(axis=2), rtol=1e-13, atol=1e-13)
    assert np.isnan(get(sums)[:, 5]).all()
    assert get(values)[0, 6, 0] == tables.tables[0].low[0, -1]
    assert get(values)[0, 7, 0] == tables.tables[0].low[0, 0]


@pytest.mark.parametrize("n", [0, 1, 31, 512, 513, 5000])
def test_both_bodies_give_the_same_bits(n):
    tables = some_tables(functions=3)
    X = rows_for(tables, n=n)
    generic = GenericTables(tables.tables)
    np.testing.assert_array_equal(tables.sums(X), generic.sums(X))
    np.testing.assert_array_equal(tables.values(X), generic.values(X))


def test_threads_layouts_and_batches_change_nothing(monkeypatch):
    tables = some_tables()
    X = rows_for(tables, n=40_000)
    whole = tables.sums(X)
    np.testing.assert_array_equal(tables.sums(np.asfortranarray(X)), whole)
    np.testing.assert_array_equal(tables.sums(X[::-1])[:, ::-1], whole)
    np.testing.assert_array_equal(np.hstack([tables.sums(X[:777]), tables.sums(X[777:])]), whole)
    monkeypatch.setattr(_table_compiled._parallel, "thread_count", lambda: 1)
    np.testing.assert_array_equal(tables.sums(X), whole)
    np.testing.assert_array_equal(np.add.accumulate(tables.values(X), axis=2)[:, :, -1], whole)


def test_float32_rows_are_widened_and_callers_arrays_stay():
    tables = some_tables()
    X = rows_for(tables).astype(np.float32)
    before = X.copy()
    X.flags.writeable = False
    np.testing.assert_array_equal(tables.sums(X), tables.sums(X.astype(np.float64)))
    np.testing.assert_array_equal(X, before)


def test_without_numba(monkeypatch):
    tables = some_tables()
    X = rows_for(tables)
    expected = tables.sums(X)
    monkeypatch.setattr(_backends, "uses_loops", lambda *_: False)
    np.testing.assert_array_equal(tables.sums(X), expected)


def test_the_ends_of_float64():
    knots = np.array([-1e300, -5e-324, 0.0, 5e-324, 1e300])
    edge = np.arange(6.0)[None]
    tables = LookupTables([LookupTable(knots, np.arange(5.0)[None] + 0.5, edge, edge)])
    x = np.array([-np.inf, -1.7e308, -1e300, -1.0, 0.0, 5e-324, 1e-323, 1.7e308, np.inf])
    expected = [0, 0, 0.5, 1, 2.5, 3.5, 4, 5, 5]
    np.testing.assert_array_equal(tables.sums(x[:, None])[0], expected)
    np.testing.assert_array_equal(GenericTables(tables.tables).sums(x[:, None])[0], expected)


ONE = np.array([[1.0, 2.0]])


@pytest.mark.parametrize(
    ("arrays", "error", "words"),
    [
        (([0.0, 0.0], ONE, np.ones((1, 3)), np.ones((1, 3))), DataError, "strictly ascending"),
        (([0.0, np.nan], ONE, np.ones((1, 3)), np.ones((1, 3))), DataError, r"tables\[0\]\.knots holds a NaN"),
        (([0.0, 1.0], ONE * np.inf, np.ones((1, 3)), np.ones((1, 3))), DataError, r"tables\[0\]\.at holds"),
        (([-1.7e308, 1.7e308], ONE, np.ones((1, 3)), np.ones((1, 3))), DataError, "must not overflow"),
        (([0.0, 1.0], ONE, np.ones((1, 3)), np.zeros((1, 3))), DataError, "equal in the first and in the last"),
        (([0.0, 1.0], ONE, np.ones((1, 2)), np.ones((1, 2))), ShapeError, "got 2 knots"),
        (([], np.ones((1, 0)), np.ones((1, 1)), np.ones((1, 1))), ShapeError, "got 0 knots"),
        (([0.0, 1.0], ["a"], np.ones((1, 2)), np.ones((1, 2))), ShapeError, "dimension"),
    ],
)
def test_tables_that_do_not_fit(arrays, error, words):
    with pytest.raises(error, match=words):
        LookupTables([LookupTable(*arrays)])


def test_rows_that_do_not_fit(xp):
    tables = some_tables()
    with pytest.raises(ShapeError, match=r"must have 7 column\(s\), one for each table, got shape \(3, 2\)"):
        tables.sums(put(xp, np.ones((3, 2))))
    with pytest.raises(ShapeError, match="2 dimension"):
        tables.values(put(xp, np.ones(7)))
    with pytest.raises(ShapeError, match="got none"):
        LookupTables([])
    rng = np.random.default_rng(0)
    with pytest.raises(ShapeError, match=r"same number of functions, got \[1, 2\]"):
        LookupTables([table(rng, 3, 1), table(rng, 3, 2)])
    assert (tables.n_columns, tables.n_functions) == (7, 2)
