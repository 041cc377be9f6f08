"""What `Spot` refuses, and what it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkernels import DataError, DriftSpot, ShapeError, Spot


@pytest.mark.parametrize(
    ("kw", "words"),
    [
        ({"alpha": 0.0}, "alpha must lie between 0 and 1, both excluded, got 0"),
        ({"alpha": 1.0}, "alpha must lie between"),
        ({"alpha": float("nan")}, "alpha must lie between"),
        ({"alpha": "x"}, "alpha must be a number between 0 and 1, got 'x'"),
        ({"quantile": 1.5}, "quantile must lie between"),
        ({"quantile": 0.9999, "warmup": 10**6}, "leaves 0.0001 of the values above it, fewer than alpha"),
        ({"alpha": 0.05}, "take a quantile below 0.95"),
        ({"quantile": 0.3, "two_sides": True}, "the tails overlap"),
        ({"warmup": 0}, "warmup must be 1 or more, got 0"),
        ({"warmup": 2.5}, "warmup must be a whole number, got 2.5"),
        ({"warmup": 40}, "a warm-up of 40 leaves no value above the quantile 0.98; take a warm-up of at least 500"),
        ({"window": 999}, "a window of 999 values is smaller than the warm-up of 1000"),
        ({"max_excesses": 3}, "max_excesses must be 10 or more, got 3"),
        ({"seed": -1}, "seed must be 0 or more"),
    ],
)
def test_settings(kw: dict[str, Any], words: str) -> None:
    for cls in (Spot, DriftSpot):
        with pytest.raises(DataError) as caught:
            cls(**kw)
        assert words in str(caught.value)


def test_depth() -> None:
    with pytest.raises(DataError, match="depth must be 1 or more, got 0"):
        DriftSpot(depth=0)


@pytest.mark.parametrize(
    ("x", "words"),
    [
        ("a", "x must hold real numbers, got dtype <U1"),
        (None, "x must hold real numbers, got dtype object"),
        ([1.0, "b"], "x must hold real numbers"),
        (1j, "x must hold real numbers, got dtype complex128"),
        (np.zeros((2, 2)), "not of shape (2, 2)"),
        ([[1.0], [2.0, 3.0]], "the values must be a number or a 1-D array of numbers, not list"),
    ],
)
def test_values(x: Any, words: str) -> None:
    spot = Spot(warmup=50)
    spot.update(np.arange(40.0))
    with pytest.raises(ShapeError) as caught:
        spot.update(x)
    assert words in str(caught.value)
    assert spot.n == 40


@pytest.mark.parametrize("one", [3, np.float32(3), np.int8(3), True, np.array(3.0)])
def test_one_number_of_any_type(one: Any) -> None:
    result = Spot().update(one)
    assert result.flags is False
    assert type(result.threshold) is float


def test_empty_and_read_only_values() -> None:
    spot = Spot(warmup=50, two_sides=True)
    result = spot.update([])
    assert result.flags.shape == result.threshold.shape == result.lower.shape == (0,)
    x = np.random.default_rng(0).standard_normal(200)[::-2].astype(np.float32)
    x.flags.writeable = False
    assert spot.update(x).flags.shape == (100,)


def test_merging_what_does_not_merge() -> None:
    with pytest.raises(DataError, match="different settings"):
        Spot().merge(Spot(alpha=1e-3))
    with pytest.raises(DataError, match="order of the values matters"):
        Spot(window=1000).merge(Spot(window=1000))
    with pytest.raises(DataError, match="order of the values matters"):
        DriftSpot().merge(DriftSpot())
    with pytest.raises(DataError, match="not with int"):
        Spot().merge(3)  # type: ignore[arg-type]


@pytest.fixture
def saved() -> dict[str, np.ndarray]:
    spot = Spot(window=2000)
    spot.update(np.random.default_rng(0).standard_normal(5000))
    return spot.arrays()


@pytest.mark.parametrize("name", ["version", "sizes", "totals", "upper_floats", "upper_ring_values", "first"])
def test_saved_arrays_that_lack_one_or_have_it_of_another_shape(saved: dict[str, np.ndarray], name: str) -> None:
    lacking = {key: array for key, array in saved.items() if key != name}
    with pytest.raises(DataError, match=f"the array '{name}' is absent"):
        Spot.from_arrays(lacking)
    for array in (saved[name].astype("U8"), saved[name][None]):
        with pytest.raises(DataError, match="damaged stream"):
            Spot.from_arrays(saved | {name: array})


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [
        ("version", 0, 9),
        ("shares", 0, 2.0),
        ("sizes", 0, -4),
        ("totals", 0, -1),
        ("totals", 3, 0),
        ("upper_floats", 1, np.nan),
        ("upper_integers", 9, 10**9),
        ("upper_integers", 1, -1),
        ("upper_ring_times", 0, 10**9),
        ("upper_ring_kinds", 0, 7),
        ("upper_ring_values", 0, np.inf),
    ],
)
def test_saved_arrays_that_no_values_can_have(saved: dict[str, np.ndarray], name: str, place: int, value: Any) -> None:
    saved[name][place] = value
    with pytest.raises(DataError):
        Spot.from_arrays(saved)


def test_arrays_of_the_other_class(saved: dict[str, np.ndarray]) -> None:
    with pytest.raises(DataError, match="these are the arrays of a Spot"):
        DriftSpot.from_arrays(saved)
    with pytest.raises(DataError, match="these are the arrays of a DriftSpot"):
        Spot.from_arrays(DriftSpot().arrays())


def test_a_masked_array_is_refused_for_its_mask_would_be_lost() -> None:
    spot = Spot(warmup=100)
    with pytest.raises(ShapeError, match="masked array"):
        spot.update(np.ma.masked_invalid([1.0, np.nan, 2.0]))
    assert spot.n == 0
