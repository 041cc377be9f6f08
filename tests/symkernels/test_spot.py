"""Thresholds of a stream: batches, laws, merging, saving, levels that follow, drift."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symkernels import DriftSpot, Spot, SpotResult, fit_gpd
from symkernels._spot import _layout as at

KINDS: list[tuple[type[Spot], dict[str, Any]]] = [
    (Spot, {}),
    (Spot, {"two_sides": True}),
    (Spot, {"window": 1500}),
    (Spot, {"max_excesses": 12, "alpha": 5e-3}),
    (Spot, {"follow": True}),
    (Spot, {"follow": True, "window": 1500, "two_sides": True}),
    (DriftSpot, {"depth": 20}),
    (DriftSpot, {"depth": 20, "window": 1500, "two_sides": True}),
]
IDS = [f"{cls.__name__} {' '.join(kw)}" for cls, kw in KINDS]


def stream(n: int = 6000, seed: int = 0) -> np.ndarray:
    """Normal scores whose scale moves, with outliers, ties and missing values."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(n) * np.linspace(1.5, 0.5, n)
    x[rng.integers(0, n, n // 200)] = 0.25
    x[n // 2 :: 311] = 12.0
    x[[5, n // 3, n - 100]] = np.nan
    return x


def assert_same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> None:
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


@pytest.mark.parametrize(("cls", "kw"), KINDS, ids=IDS)
def test_batches_one_by_one_and_saved_between_are_the_same(cls: type[Spot], kw: dict[str, Any]) -> None:
    x = stream()
    whole, single, cut = cls(**kw), cls(**kw), cls(**kw)
    expected = whole.update(x)
    ones = [single.update(value) for value in x.tolist()]
    assert all(type(one.flags) is bool and type(one.threshold) is float for one in ones)
    parts = []
    rng = np.random.default_rng(3)
    for part in np.split(x, np.sort(rng.integers(0, len(x), 25))):
        parts.append(cut.update(part))
        cut = cls.from_arrays({name: array.copy() for name, array in cut.arrays().items()})
    for name in ("flags", "threshold", "lower"):
        of_all = getattr(expected, name)
        if of_all is None:
            assert ones[0].lower is None
            continue
        np.testing.assert_array_equal([getattr(one, name) for one in ones], of_all)
        np.testing.assert_array_equal(np.concatenate([getattr(part, name) for part in parts]), of_all)
    assert_same(whole.arrays(), single.arrays())
    assert_same(whole.arrays(), cut.arrays())
    assert whole.n == len(x) - 3
    assert whole.n_missing == 3
    assert whole.n_flagged == expected.flags.sum() > 0


@settings(max_examples=60)
@given(
    values=st.lists(st.floats(allow_nan=True, allow_infinity=True) | st.integers(-2, 2).map(float), max_size=120),
    cut=st.integers(0, 120),
    kw=st.sampled_from([{}, {"two_sides": True}, {"window": 20}, {"max_excesses": 10}]),
)
def test_any_values_are_taken_and_any_batches_agree(values: list[float], cut: int, kw: dict[str, Any]) -> None:
    with np.errstate(all="ignore"):
        a, b = (Spot(0.01, 0.8, 20, **kw) for _ in range(2))
        whole = a.update(np.array(values))
        first, second = b.update(np.array(values[:cut])), b.update(np.array(values[cut:]))
    np.testing.assert_array_equal(whole.flags, np.concatenate([first.flags, second.flags]))
    np.testing.assert_array_equal(whole.threshold, np.concatenate([first.threshold, second.threshold]))
    assert a.n + a.n_missing == len(values)


@pytest.mark.parametrize(("cls", "kw"), [*KINDS[:4], KINDS[6]], ids=[*IDS[:4], IDS[6]])
@pytest.mark.parametrize(("factor", "shift"), [(2.0**-40, 0.0), (1e-12, 0.0), (1e12, 0.0), (3.0, 100.0), (0.1, -7.0)])
def test_scale_and_shift_change_no_flag(cls: type[Spot], kw: dict[str, Any], factor: float, shift: float) -> None:
    x = np.round(stream(), 3)
    plain, moved = cls(**kw).update(x), cls(**kw).update(factor * x + shift)
    np.testing.assert_array_equal(plain.flags, moved.flags)
    # Each value is rounded, which tails of ten excesses magnify.
    np.testing.assert_allclose(moved.threshold, factor * plain.threshold + shift, rtol=1e-6)


def test_the_lower_side_is_the_upper_one_of_the_values_turned_round() -> None:
    x = stream()
    a, b = Spot(two_sides=True), Spot(two_sides=True)
    one, other = a.update(x), b.update(-x)
    np.testing.assert_array_equal(one.flags, other.flags)
    np.testing.assert_array_equal(one.threshold, -other.lower)
    assert (a.tail.shape, a.tail.scale, a.level) == (b.lower_tail.shape, b.lower_tail.scale, -b.lower_level)
    assert a.alpha == 1e-4  # of both sides together


def test_after_the_warm_up_the_threshold_is_that_of_a_fit_to_the_excesses() -> None:
    x = np.random.default_rng(8).standard_exponential(4000)
    spot = Spot(1e-3, 0.95, 4000)
    assert np.isnan(spot.update(x).threshold).all()
    assert spot.warm
    excesses = x[x > spot.level] - spot.level
    fit = fit_gpd(excesses)
    assert len(excesses) == 200
    assert spot.tail.n == 200
    assert spot.tail_rate == 0.05
    # Two bodies add up 200 logarithms in two orders; their searches end where the slope is rounding error.
    assert spot.tail.shape == pytest.approx(fit.shape, abs=1e-6)
    assert spot.tail.method == "likelihood"
    z = spot.level + fit.scale / fit.shape * ((1e-3 * 4000 / 200) ** -fit.shape - 1)
    assert spot.threshold == pytest.approx(z, rel=1e-6)


LIGHT = ("standard_normal", "standard_exponential", "gumbel")


@pytest.mark.parametrize("law", [*LIGHT, "lognormal", "standard_t"])
def test_after_the_warm_up_the_threshold_is_within_2_percent_of_libspots(law: str) -> None:
    """In each of ten samples of a light tail, and in the middle of ten of a heavy one.

    libspot estimates the level by the P2 algorithm, where ours is the sample's own quantile, and its fit ends up to 0.4
    below the largest log-likelihood: single samples of a heavy tail differ by up to 2.4 % for that.
    """
    libspot = pytest.importorskip("libspot")
    differences = []
    for seed in range(10):
        arguments = (3.0,) if law == "standard_t" else ()
        x = getattr(np.random.default_rng(seed), law)(*arguments, size=20_000)
        x = np.abs(x) if law == "standard_normal" else x
        peer = libspot.Spot(1e-4, level=0.98, max_excess=2000)
        peer.fit(x)
        spot = Spot(1e-4, 0.98, len(x))
        spot.update(x)
        differences.append(abs(spot.threshold / peer.anomaly_threshold - 1.0))
    assert np.median(differences) < 0.02
    if law in LIGHT:
        assert max(differences) < 0.02


def test_the_size_of_a_flagged_value_changes_nothing() -> None:
    x = np.random.default_rng(2).standard_normal(20_000)
    large, larger = x.copy(), x.copy()
    large[5000::1000], larger[5000::1000] = 50.0, 1e9
    np.testing.assert_array_equal(Spot().update(large).threshold, Spot().update(larger).threshold)


def test_infinite_values_are_judged_and_never_learnt() -> None:
    x = np.random.default_rng(2).standard_normal(5000)
    x[[3, 4, 3000]] = np.inf, -np.inf, np.inf
    spot = Spot(two_sides=True)
    flags = spot.update(x).flags
    assert flags[3000]
    assert not flags[:1000].any()
    assert np.isfinite([spot.threshold, spot.lower]).all()
    assert spot.update(-np.inf).flags


def test_the_level_rises_as_the_stream_goes_on_and_memory_stays_within_its_bound() -> None:
    x = np.random.default_rng(4).standard_normal(400_000)
    free, bound = Spot(), Spot(max_excesses=50)
    levels = []
    for part in np.split(x, 8):
        free.update(part)
        levels.append(free.level)
        bound.update(part)
        assert bound.tail.n <= 50
    assert levels == sorted(levels)
    assert levels[-1] > levels[0] + 0.2
    assert free.tail.n < 2000
    assert 3.0 < bound.threshold < 4.6
    assert bound._state.F[0, at.SHARE] < 1.0  # a part of the tail stands for all


def test_a_window_forgets() -> None:
    rng = np.random.default_rng(6)
    x = np.concatenate([3 * rng.standard_normal(20_000), rng.standard_normal(100_000)])
    fixed, follows, total = Spot(window=10_000), Spot(window=10_000, follow=True), Spot()
    for spot in (fixed, follows, total):
        spot.update(x)
    assert 3.2 < follows.threshold < 4.5  # 3.72 is right
    assert total.threshold > 8
    assert fixed.threshold > 6  # its level stays, and nothing lies above it any more


def test_a_level_that_follows_falls() -> None:
    rng = np.random.default_rng(7)
    x = np.concatenate([10 * rng.standard_normal(2000), rng.standard_normal(500_000)])
    stays, follows = Spot(warmup=2000), Spot(warmup=2000, follow=True)
    stays.update(x), follows.update(x)
    assert follows.level < 0.5 * stays.level
    assert follows.warm
    assert follows.follow
    assert follows.reason is None


def test_merging() -> None:
    x, y = np.random.default_rng(1).standard_normal((2, 200_000))
    a, b = Spot(warmup=5000), Spot(warmup=5000)
    a.update(x), b.update(y)
    both = a.copy().merge(b)
    assert both.n == 400_000
    assert both.n_flagged == a.n_flagged + b.n_flagged
    assert min(a.threshold, b.threshold) <= both.threshold <= max(a.threshold, b.threshold)
    assert b.copy().merge(a).threshold == pytest.approx(both.threshold, rel=1e-3)
    empty = Spot(warmup=5000)
    assert a.copy().merge(empty).threshold == a.threshold
    assert empty.copy().merge(a).threshold == a.threshold
    half, rest = Spot(warmup=5000), Spot(warmup=5000)
    half.update(x[:3000]), rest.update(x[3000:6000])
    assert half.merge(rest).warm
    assert half.n == 6000
    few = Spot(warmup=5000)
    few.update(x[:100])
    assert few.merge(b).n == b.n + 100


def test_a_drifting_stream_on_which_spot_fails_and_driftspot_does_not() -> None:
    n, due = 200_000, 20
    rng = np.random.default_rng(9)
    x = rng.standard_normal(n) + np.linspace(0, 30, n)
    places = 20_000 + 1800 * np.arange(100)
    x[places] += 8.0
    settings_ = {"alpha": 1e-4, "warmup": 5000}
    plain, moving = Spot(**settings_), DriftSpot(**settings_, depth=100)
    missed = ~plain.update(x).flags[places]
    flags = moving.update(x).flags
    assert missed.mean() > 0.5 or plain.n_flagged > 20 * due
    assert flags[places].all()
    assert due / 3 < flags.sum() - 100 < 3 * due


def test_a_moving_mean_follows_a_jump_for_good() -> None:
    rng = np.random.default_rng(10)
    x = rng.standard_normal(40_000)
    x[20_000:] += 50.0
    spot = DriftSpot(depth=50)
    flags = spot.update(x).flags
    assert flags[20_000:20_010].all()
    assert flags[25_000:].mean() < 0.01
    assert abs(spot._centre - 50.0) < 1.0


def test_constant_scores_flag_nothing_and_say_why() -> None:
    spot = Spot()
    result = spot.update(np.full(5000, 0.25))
    assert not result.flags.any()
    assert np.isnan(result.threshold).all()
    assert spot.tail is None
    assert spot.warm
    assert spot.reason == "the scores are constant: none lies above 0.25"
    assert not spot.update(1.0).flags


def test_what_is_said_while_warming_up() -> None:
    spot = Spot(warmup=100)
    result = spot.update(np.arange(60.0))
    assert not result.flags.any()
    assert np.isnan(result.threshold).all()
    assert (spot.n, spot.warm, spot.remaining, spot.n_flagged) == (60, False, 40, 0)
    assert spot.reason == "warming up: 40 more values are needed"
    assert np.isnan(spot.threshold)
    assert spot.tail is None
    assert spot.update(1.0) == SpotResult(False, pytest.approx(np.nan, nan_ok=True), None)
    drift = DriftSpot(warmup=100, depth=10)
    drift.update(np.arange(15.0))
    assert (drift.remaining, drift.n, drift.depth) == (95, 15, 10)


def test_a_copy_goes_its_own_way() -> None:
    spot = Spot()
    spot.update(stream())
    before = spot.arrays()
    spot.copy().update(stream(seed=1))
    assert_same(before, spot.arrays())


def test_without_numba_the_answers_are_the_same(tmp_path: Path) -> None:
    x = stream(3000)
    np.save(tmp_path / "x.npy", x)
    script = (
        "import sys; sys.modules['numba'] = None\n"
        "import numpy as np\nfrom symkernels import DriftSpot, Spot\n"
        f"x = np.load({str(tmp_path / 'x.npy')!r})\n"
        "r = [Spot(), Spot(max_excesses=12, alpha=5e-3), Spot(window=1500, two_sides=True), DriftSpot(depth=20)]\n"
        f"np.save({str(tmp_path / 'z.npy')!r}, [s.update(x).threshold for s in r])\n"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True, env=dict(os.environ))
    spots = [Spot(), Spot(max_excesses=12, alpha=5e-3), Spot(window=1500, two_sides=True), DriftSpot(depth=20)]
    expected = [spot.update(x).threshold for spot in spots]
    # Compiled logarithms may differ in the last digit, which tails of ten excesses magnify.
    np.testing.assert_allclose(np.load(tmp_path / "z.npy"), expected, rtol=1e-6)


def test_a_window_in_which_all_is_flagged_goes_on() -> None:
    rng = np.random.default_rng(3)
    x = np.concatenate([rng.standard_normal(1000), 1e3 + rng.standard_normal(5000), rng.standard_normal(3000)])
    spot = Spot(window=1000)
    flags = spot.update(x).flags
    assert flags[1000:6000].all()
    assert not flags[6100:].mean() > 0.01


def test_few_values_are_not_believed_to_end_abruptly() -> None:
    x = np.concatenate([np.zeros(980), np.linspace(1.0, 2.0, 20)])
    spot = Spot()
    spot.update(np.random.default_rng(0).permutation(x))
    assert (spot.tail.shape, spot.tail.method, spot.tail.converged) == (-0.5, "moments", False)
    assert np.isfinite(spot.tail.loglik)
    assert spot.threshold > 2.0
