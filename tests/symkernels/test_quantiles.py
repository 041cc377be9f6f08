"""QuantileSketch: exact for few values, within the stated error for many, independent of the batches."""

import copy
import pickle
import sys

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from symkernels import DataError, MissingDependency, QuantileSketch, ShapeError

KEPT = 4096
SHARES = np.array([0, 1e-4, 1e-3, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.98, 0.99, 0.999, 0.9999, 1])

numbers = st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([0.0, 1.0, -1.0, np.nan, np.inf])


def values_of(name, n, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "normal": lambda: rng.normal(size=n),
        "exponential": lambda: rng.exponential(size=n),
        "t3": lambda: rng.standard_t(3, n),
        "lognormal": lambda: rng.lognormal(0, 3, n),
        "far apart": lambda: np.where(rng.random(n) < 0.3, rng.normal(size=n), 1e9 + rng.normal(size=n)),
        "sorted": lambda: np.sort(rng.normal(size=n)),
        "falling": lambda: -np.sort(rng.normal(size=n)),
        "drifting": lambda: rng.normal(size=n) + np.linspace(0, 20, n),
        "tiny": lambda: 1e-300 * rng.exponential(size=n),
        "huge": lambda: 1e300 * rng.normal(size=n),
        "ties": lambda: rng.integers(0, 10, n).astype(float),
        "mostly 0": lambda: np.where(rng.random(n) < 0.9, 0.0, rng.normal(size=n)),
        "constant": lambda: np.full(n, 3.0),
    }[name]()


NAMES = [
    "normal", "exponential", "t3", "lognormal", "far apart", "sorted", "falling", "drifting", "tiny", "huge", "ties",
    "mostly 0", "constant",
]  # fmt: skip


# --- exact ------------------------------------------------------------------------------------------------------------


@given(st.lists(numbers, max_size=50), st.floats(0, 1), numbers)
@example([1e306, -1.78e308], 0.0, 0.0)  # their difference is larger than any float64
@settings(max_examples=200, deadline=None)
def test_few_values_are_exact(values, q, x):
    sketch = QuantileSketch().update(values)
    array = np.array(values, dtype=float)
    array = array[~np.isnan(array)]
    assert sketch.exact
    assert (sketch.n, sketch.n_missing) == (len(array), len(values) - len(array))
    assert sketch.rank_error(q) == 0
    if not len(array):
        assert np.isnan([sketch.quantile(q), sketch.rank(x), sketch.min, sketch.max]).all()
        return
    due = np.sort(array)[max(int(np.ceil(q * len(array))) - 1, 0)]  # numpy's inverted_cdf makes NaN of infinities
    assert sketch.quantile(q) == due
    assert (sketch.min, sketch.max) == (array.min(), array.max())
    if np.isnan(x):
        assert np.isnan(sketch.rank(x))
    else:
        assert sketch.rank(x) == (array <= x).sum() / len(array)
        assert sketch.rank(x, inclusive=False) == (array < x).sum() / len(array)


def test_it_is_numpys_inverted_cdf():
    for n in (1, 2, 3, 10, 100, 999, KEPT):
        x = np.random.default_rng(n).normal(size=n)
        qs = np.concatenate([np.linspace(0, 1, 101), np.arange(n + 1) / n])
        np.testing.assert_array_equal(
            QuantileSketch().update(x).quantile(qs), np.quantile(x, qs, method="inverted_cdf")
        )


def test_it_is_exact_up_to_4096_values():
    sketch = QuantileSketch().update(np.arange(KEPT))
    assert sketch.exact
    assert sketch.quantile(0.5) == KEPT // 2 - 1
    assert not sketch.update(1.0).exact
    assert sketch.n == KEPT + 1


# --- many -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n", [KEPT + 1, 20_000, 300_000])
def test_ranks_are_within_the_stated_error(name, n):
    x = values_of(name, n)
    sketch = QuantileSketch().update(x)
    ordered = np.sort(x)
    found = sketch.quantile(SHARES)
    bound = sketch.rank_error(SHARES)
    # With ties a value has a range of ranks; the share must lie within the bound of it.
    low, high = np.searchsorted(ordered, found, "left") / n, np.searchsorted(ordered, found, "right") / n
    assert (low - bound <= SHARES).all()
    assert (high + bound >= SHARES).all()
    assert (found[0], found[-1]) == (x.min(), x.max())
    assert (sketch.min, sketch.max) == (x.min(), x.max())
    points = ordered[:: max(n // 500, 1)]
    upto, below = np.searchsorted(ordered, points, "right") / n, np.searchsorted(ordered, points, "left") / n
    for inclusive, due in ((True, upto), (False, below)):
        off = np.abs(sketch.rank(points, inclusive=inclusive) - due)
        if name not in ("ties", "mostly 0"):
            assert (off <= np.maximum(sketch.rank_error(due), 2 / n)).all()
        else:  # the share of a value that comes often is known to the error of both of its ends
            assert (off <= sketch.rank_error(upto) + sketch.rank_error(below)).all()


@pytest.mark.parametrize("name", ["normal", "exponential", "t3", "lognormal", "sorted", "drifting"])
def test_smooth_laws_are_known_far_better(name):
    x = values_of(name, 1_000_000)
    sketch = QuantileSketch().update(x)
    shares = np.array([0.5, 0.95, 0.98, 0.99, 0.999, 0.9999])
    off = np.abs(np.searchsorted(np.sort(x), sketch.quantile(shares), "right") / len(x) - shares)
    assert (off <= sketch.rank_error(shares) / 5 + 1 / len(x)).all()


@pytest.mark.parametrize("name", ["normal", "t3", "ties", "mostly 0"])
def test_quantiles_and_ranks_rise(name):
    sketch = QuantileSketch().update(values_of(name, 50_000))
    assert (np.diff(sketch.quantile(np.linspace(0, 1, 5001))) >= 0).all()
    points = np.linspace(sketch.min - 1e-9, sketch.max, 5001)
    ranks = sketch.rank(points)
    assert (np.diff(ranks) >= 0).all()
    assert (ranks >= sketch.rank(points, inclusive=False)).all()
    assert (ranks[0], ranks[-1]) == (0, 1)


def test_the_share_of_a_value_that_comes_often():
    x = values_of("mostly 0", 200_000)
    sketch = QuantileSketch().update(x)
    share = sketch.rank(0.0) - sketch.rank(0.0, inclusive=False)
    assert share == pytest.approx((x == 0).mean(), abs=0.01)
    assert sketch.quantile(0.3) == sketch.quantile(0.7) == 0


def test_the_distribution_is_what_ranks_and_quantiles_read():
    sketch = QuantileSketch().update(values_of("t3", 30_000))
    values, below, upto = sketch.distribution()
    np.testing.assert_allclose(sketch.rank(values), upto, rtol=1e-12)
    np.testing.assert_allclose(sketch.rank(values, inclusive=False), below, rtol=1e-12)
    assert (np.diff(values) > 0).all()
    assert (below[0], upto[-1]) == (0, 1)
    assert not values.flags.writeable
    assert [len(part) for part in QuantileSketch().distribution()] == [0, 0, 0]


def test_more_centroids_are_nearer():
    x = np.sort(values_of("normal", 100_000))
    off = []
    for k in (20, 100, 1000):
        sketch = QuantileSketch(k).update(x)
        assert sketch.k == k
        shares = np.linspace(0.01, 0.99, 99)
        off.append(np.abs(np.searchsorted(x, sketch.quantile(shares)) / len(x) - shares).max())
        assert off[-1] <= sketch.rank_error(0.5)
    assert off[0] > off[1] > off[2]


# --- batches, copies, bytes -------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 20_000), max_size=8), st.integers(0, 100))
@settings(max_examples=40, deadline=None)
def test_any_batches_give_the_same_sketch(cuts, seed):
    x = values_of("t3", 20_000, seed)
    x[::101], x[7::977] = np.nan, np.inf
    whole = QuantileSketch().update(x)
    parts = QuantileSketch()
    for part in np.split(x, sorted(cuts)):
        parts.update(part)
        if len(part) % 2:
            parts.quantile(0.5)  # asking changes nothing
    assert parts.to_bytes() == whole.to_bytes()


def test_one_by_one_is_the_same_too():
    x = values_of("normal", 10_000)
    whole, numbers, arrays = QuantileSketch().update(x), QuantileSketch(), QuantileSketch()
    for value in x:
        numbers.update(float(value))
        arrays.update(np.float32(value) if value == np.float32(value) else value)
    assert numbers.to_bytes() == arrays.to_bytes() == whole.to_bytes()


@pytest.mark.parametrize("n", [0, 1, 5, KEPT, KEPT + 1, 2 * KEPT, 50_000])
def test_bytes_bring_it_back(n):
    sketch = QuantileSketch(500).update(values_of("normal", n)).update([np.nan, -np.inf, np.inf, np.inf])
    data = sketch.to_bytes()
    again = QuantileSketch.from_bytes(data)
    assert again.to_bytes() == data == sketch.to_bytes()
    assert (again.n, again.n_missing, again.k, again.exact) == (n + 3, 1, 500, n <= KEPT)
    np.testing.assert_array_equal(again.quantile(SHARES), sketch.quantile(SHARES))
    for going_on in (sketch, again):
        going_on.update(values_of("t3", 20_000))
    assert again.to_bytes() == sketch.to_bytes()


def test_damaged_bytes_are_refused():
    data = QuantileSketch().update(values_of("normal", 20_000)).to_bytes()
    for bad in (b"", b"x" * 100, data[:-1], data + b"\0", data[:40], b"kmys" + data[4:]):
        with pytest.raises(DataError, match="are not a quantile sketch"):
            QuantileSketch.from_bytes(bad)
    rng = np.random.default_rng(0)
    for _ in range(300):  # any bit: refused, or a sketch that answers
        changed = bytearray(data)
        changed[rng.integers(len(data))] ^= 1 << rng.integers(8)
        try:
            sketch = QuantileSketch.from_bytes(bytes(changed))
        except DataError:
            continue
        assert np.isfinite(sketch.quantile([0.1, 0.5, 0.9])).all()


@pytest.mark.parametrize("n", [10, 3000, 60_000])
def test_copies_go_their_own_ways(n):
    sketch = QuantileSketch().update(values_of("normal", n))
    data = sketch.to_bytes()
    for twin in (sketch.copy(), copy.copy(sketch), copy.deepcopy(sketch), pickle.loads(pickle.dumps(sketch))):
        twin.update(np.arange(10_000))
        assert sketch.to_bytes() == data
        assert twin.n == n + 10_000
    twin = sketch.copy()
    sketch.update(np.arange(10_000))
    assert twin.to_bytes() == data
    assert sketch.to_bytes() == QuantileSketch().update(values_of("normal", n)).update(np.arange(10_000)).to_bytes()


def test_the_callers_array_stays_as_it_is():
    x = values_of("normal", 10_000)
    x.flags.writeable = False
    before = x.copy()
    sketch = QuantileSketch().update(x[::-1])
    np.testing.assert_array_equal(x, before)
    y = x[:100].copy()
    kept = QuantileSketch().update(y)
    y[:] = 0
    assert kept.max == x[:100].max()
    assert sketch.n == 10_000


# --- merging ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 100, 30_000])
def test_the_empty_sketch_is_the_identity(n):
    sketch = QuantileSketch().update(values_of("t3", n)).update([np.inf, np.nan])
    data = sketch.to_bytes()
    assert QuantileSketch().merge(sketch).to_bytes() == data
    assert sketch.merge(QuantileSketch()).to_bytes() == data


def test_small_ones_stay_exact():
    a, b = values_of("normal", 1000), values_of("t3", 2000)
    merged = QuantileSketch().update(a).merge(QuantileSketch().update(b))
    assert merged.exact
    np.testing.assert_array_equal(
        merged.quantile(SHARES), np.quantile(np.concatenate([a, b]), SHARES, method="inverted_cdf")
    )


@pytest.mark.parametrize("parts", [2, 3, 40])
@pytest.mark.parametrize("name", ["normal", "t3", "sorted", "far apart"])
def test_merged_ones_are_within_the_error(parts, name):
    x = values_of(name, 200_000)
    sketches = [QuantileSketch().update(part) for part in np.array_split(x, parts)]
    before = [sketch.to_bytes() for sketch in sketches]
    merged = QuantileSketch()
    for sketch in sketches:
        merged.merge(sketch)
    assert [sketch.to_bytes() for sketch in sketches] == before
    assert merged.n == len(x)
    found = merged.quantile(SHARES)
    off = np.abs(np.searchsorted(np.sort(x), found, "right") / len(x) - SHARES)
    assert (off <= 2 * merged.rank_error(SHARES)).all()
    assert (merged.min, merged.max) == (x.min(), x.max())
    merged.update(x)  # and it goes on
    assert merged.n == 2 * len(x)
    assert [sketch.to_bytes() for sketch in sketches] == before


def test_a_sketch_merged_with_itself():
    x = values_of("normal", 30_000)
    sketch = QuantileSketch().update(x)
    median = sketch.quantile(0.5)
    sketch.merge(sketch)
    assert sketch.n == 60_000
    assert sketch.quantile(0.5) == pytest.approx(median, abs=0.01)


def test_sketches_of_other_sizes_can_be_merged():
    x = values_of("normal", 50_000)
    merged = QuantileSketch(100).merge(QuantileSketch(1000).update(x))
    assert merged.k == 100
    assert merged.rank(0.0) == pytest.approx((x <= 0).mean(), abs=merged.rank_error(0.5))


# --- weighted ---------------------------------------------------------------------------------------------------------


def test_values_that_stand_for_several():
    rng = np.random.default_rng(0)
    values, weights = rng.normal(size=3000), rng.integers(1, 100_000, 3000)
    sketch = QuantileSketch.from_weighted(values, weights)
    assert sketch.n == weights.sum()
    assert not sketch.exact
    order = np.argsort(values)
    upto = np.cumsum(weights[order]) / weights.sum()
    for share in (0.01, 0.5, 0.99):
        due = values[order][np.searchsorted(upto, share)]
        assert sketch.rank(due) == pytest.approx(share, abs=sketch.rank_error(share) + 1e-3)
    assert (sketch.min, sketch.max) == (values.min(), values.max())
    ones = QuantileSketch.from_weighted(values, np.ones(3000, int))
    assert ones.to_bytes() == QuantileSketch().update(values).to_bytes()
    assert QuantileSketch.from_weighted([], []).n == 0


@pytest.mark.parametrize(
    ("values", "weights", "error", "message"),
    [
        ([1.0, 2.0], [1], ShapeError, r"shapes \(2,\) and \(1,\)"),
        ([1.0], [1.5], ShapeError, "dtype float64"),
        ([1.0], [0], DataError, "weights at least 1"),
        ([np.nan], [1], DataError, "must be finite"),
    ],
)
def test_bad_weights(values, weights, error, message):
    with pytest.raises(error, match=message):
        QuantileSketch.from_weighted(values, weights)


# --- infinite and bad -------------------------------------------------------------------------------------------------


def test_infinite_values_are_values():
    x = values_of("normal", 20_000)
    sketch = QuantileSketch().update(np.concatenate([x, np.full(1000, np.inf), np.full(3000, -np.inf)]))
    assert sketch.n == 24_000
    assert (sketch.min, sketch.max) == (-np.inf, np.inf)
    assert sketch.quantile([0, 0.1, 0.125, 1, 0.97]).tolist() == [-np.inf, -np.inf, -np.inf, np.inf, np.inf]
    assert np.isfinite(sketch.quantile([0.13, 0.5, 0.95])).all()
    assert sketch.quantile(0.125 + 0.5 * 20 / 24) == pytest.approx(np.median(x), abs=0.05)
    assert sketch.rank([-np.inf, np.inf, -1e300, 1e300]).tolist() == pytest.approx([3 / 24, 1, 3 / 24, 23 / 24])
    assert sketch.rank([-np.inf, np.inf], inclusive=False).tolist() == pytest.approx([0, 23 / 24])
    alone = QuantileSketch().update([np.inf, -np.inf])
    assert alone.quantile([0, 0.5, 0.6]).tolist() == [-np.inf, -np.inf, np.inf]


def test_what_goes_in():
    sketch = QuantileSketch().update(3).update(True).update([]).update(np.float32(2.5)).update(np.ones((2, 2), np.int8))
    assert sketch.n == 7
    assert sketch.update([1, 2]).n == 9
    for bad in ("1", ["a"], None, [1j], [None], object()):
        with pytest.raises(ShapeError, match="values must hold real numbers, got dtype"):
            sketch.update(bad)
    assert sketch.n == 9


@pytest.mark.parametrize("q", [-0.1, 1.1, np.nan, [0.5, 2]])
def test_shares_outside_0_to_1(q):
    sketch = QuantileSketch().update([1.0])
    with pytest.raises(DataError, match="between 0 and 1"):
        sketch.quantile(q)
    with pytest.raises(DataError, match="between 0 and 1"):
        sketch.rank_error(q)


def test_bad_arguments():
    sketch = QuantileSketch()
    with pytest.raises(ShapeError, match="q must be a real number"):
        sketch.quantile("0.5")
    with pytest.raises(ShapeError, match="x must be a real number"):
        sketch.rank("0.5")
    with pytest.raises(ShapeError, match="other must be a QuantileSketch, got list"):
        sketch.merge([1.0])
    for k in (9, 20_001, 1.5, "a", True):
        with pytest.raises(ShapeError, match="k must be a whole number from 10 to 20,000"):
            QuantileSketch(k)


def test_answers_have_the_shape_of_the_question():
    sketch = QuantileSketch().update([1.0, 2.0, 3.0])
    assert isinstance(sketch.quantile(0.5), float)
    assert isinstance(sketch.rank(2), float)
    assert isinstance(sketch.rank_error(0.5), float)
    assert sketch.quantile(np.full((2, 3), 0.5)).shape == (2, 3)
    assert sketch.rank(np.full((2, 0), 0.5)).shape == (2, 0)
    assert sketch.quantile([0.5]).shape == (1,)


def test_without_the_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasketches", None)
    with pytest.raises(MissingDependency, match=r"'datasketches'; install it with: pip install 'symjobs\[histogram\]'"):
        QuantileSketch()
