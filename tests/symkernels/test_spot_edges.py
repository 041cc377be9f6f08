"""Thresholds of a stream where values are infinite, settings huge, or much is kept in little room."""

from __future__ import annotations

import numpy as np
import pytest

from symkernels import DataError, DriftSpot, Spot, pot_threshold
from symkernels._spot import _layout, _loops
from tests.symkernels._backends import get, put


def again(spot: Spot) -> Spot:
    return type(spot).from_arrays(spot.arrays())


@pytest.mark.parametrize("bad", [np.inf, -np.inf])
def test_infinite_values_amid_those_that_fill_the_mean_are_the_same_in_any_batches(bad: float) -> None:
    x = np.random.default_rng(0).standard_normal(3000)
    x[[3, 20, 30]] = bad
    whole, single = DriftSpot(warmup=500, depth=50), DriftSpot(warmup=500, depth=50)
    found = whole.update(x)
    assert whole.warm
    assert whole.n == 3000 - 3  # they fill nothing
    np.testing.assert_array_equal(found.threshold, [single.update(float(value)).threshold for value in x])


@pytest.mark.parametrize("bad", [np.inf, -np.inf])
@pytest.mark.parametrize("share", [0.1, 0.99, 1.0])
@pytest.mark.parametrize("two_sides", [False, True])
def test_a_warm_up_of_mostly_infinite_values_has_a_finite_level(bad: float, share: float, two_sides: bool) -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal(1000)
    x[rng.permutation(1000)[: int(share * 1000)]] = bad
    spot = Spot(two_sides=two_sides)
    spot.update(x)
    saved = again(spot)
    assert np.isfinite(spot.level)
    if share < 1.0:
        assert np.isfinite(spot.threshold) == (spot.tail is not None)
        assert spot.tail is not None or bad > 0.0
    y = rng.standard_normal(3000)
    np.testing.assert_array_equal(spot.update(y).threshold, saved.update(y).threshold)


@pytest.mark.parametrize("most", [12, 100])
def test_a_saved_stream_with_many_counted_flags_goes_on_as_it_was(most: int) -> None:
    rng = np.random.default_rng(2)
    spot = Spot(alpha=5e-3, quantile=0.9, max_excesses=most)
    spot.update(rng.exponential(size=150_000))
    saved, y = again(spot), rng.exponential(size=300_000)
    np.testing.assert_array_equal(spot.update(y).threshold, saved.update(y).threshold)
    assert len(spot.arrays()["upper_passed"]) <= most


def test_few_values_kept_of_a_long_window_reach_below_the_threshold() -> None:
    spot = Spot(alpha=1e-3, warmup=10_000, window=200_000, max_excesses=100)
    flags = spot.update(np.random.default_rng(0).exponential(size=600_000)).flags
    assert spot.tail.n == 100
    assert spot.tail_rate > 3e-3  # with the 100 largest of the window it is that of alpha
    assert flags[200_000:].sum() < 1.3 * 400


@pytest.mark.parametrize("name", ["warmup", "max_excesses", "window", "seed"])
def test_settings_that_no_integer_holds(name: str) -> None:
    with pytest.raises(DataError, match=f"{name} must be at most"):
        Spot(**{name: 2**63})


@pytest.mark.parametrize("name", ["max_excesses", "window", "seed"])
def test_the_largest_settings(name: str) -> None:
    spot = Spot(**{name: 2**62})
    spot.update(np.random.default_rng(0).exponential(size=2000))
    assert again(spot).threshold == spot.threshold


def test_a_heavy_tail_and_a_tiny_alpha_give_an_infinite_threshold_on_any_path() -> None:
    above = getattr(_loops._above, "py_func", _loops._above)
    for shape, logs in ((10.0, 300.0), (10.0, 70.0), (0.0, 300.0), (-1.0, 800.0)):
        assert above(shape, 2.0, logs) == pytest.approx(_loops._above(shape, 2.0, logs))
    assert above(10.0, 2.0, 300.0) == np.inf


@pytest.mark.parametrize("kind", [_layout.EXCESS, _layout.COUNTED, _layout.BEYOND])
def test_a_saved_window_with_other_counts_than_its_events_is_refused(kind: int) -> None:
    x = np.random.default_rng(3).standard_normal(4000)
    x[3000::50] = 4.0
    x[3500] = 1e6
    spot = Spot(alpha=1e-3, window=2000)
    spot.update(x)
    arrays = again(spot).arrays()
    kinds = arrays["upper_ring_kinds"]
    assert set(kinds.tolist()) == {_layout.EXCESS, _layout.COUNTED, _layout.BEYOND}
    kinds[np.flatnonzero(kinds != kind)[-1]] = kind
    with pytest.raises(DataError, match="a tail that no values can have"):
        Spot.from_arrays(arrays)


def _spelled(k, other):
    """One-decimal numbers, all as k / 10, or every second one as k * 0.1."""
    return np.where(np.arange(len(k)) % 2 == 1, k * 0.1, k / 10) if other else k / 10


@pytest.mark.parametrize("options", [{}, {"two_sides": True}, {"window": 5_000}, {"follow": True}])
@pytest.mark.parametrize("sign", [1, -1])
def test_two_spellings_of_a_decimal_number_are_one(options, sign):
    k = sign * np.round(np.random.default_rng(0).exponential(10.0, 20_000)).astype(int)
    found = [Spot(alpha=1e-3, **options).update(_spelled(k, other)) for other in (False, True)]
    assert found[0].flags.tolist() == found[1].flags.tolist()
    np.testing.assert_allclose(found[0].threshold, found[1].threshold, rtol=1e-12)  # scores differ by a rounding


def test_two_spellings_value_by_value_and_merged():
    k = np.round(np.random.default_rng(1).exponential(10.0, 9_000)).astype(int)
    flags = []
    for other in (False, True):
        x = _spelled(k, other)
        one, two = Spot(alpha=1e-3), Spot(alpha=1e-3)
        one.update(x[:4_000])
        two.update(x[4_000:8_000])
        one.merge(two)
        flags.append([one.update(float(v)).flags for v in x[8_000:]])
    assert flags[0] == flags[1]


@pytest.mark.parametrize("two_sides", [False, True])
def test_two_spellings_at_once(xp, two_sides):
    k = np.round(np.random.default_rng(2).normal(0.0, 10.0, 20_000)).astype(int)
    found = [pot_threshold(put(xp, _spelled(k, other)), 1e-3, two_sides=two_sides) for other in (False, True)]
    assert found[0].tail.n == found[1].tail.n
    assert found[0].threshold == pytest.approx(found[1].threshold, rel=1e-12)
    flags = [get(f.flags(put(xp, _spelled(k, i == 1)))).tolist() for i, f in enumerate(found)]
    assert flags[0] == flags[1]
    k[k > 0] = 7  # more than alpha of the scores are the largest
    for other in (False, True):
        x = put(xp, _spelled(k, other))
        assert not get(pot_threshold(x, 1e-3).flags(x)).any()
