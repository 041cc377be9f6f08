"""The parameters evt_* as settings."""

import sys

import numpy as np
import pytest

from symjobs._errors import InputError, MissingDependency
from symjobs._models._evt import EVT_FLAGS, EvtParameters

LEAST = {"evt_warmup_size": "500", "evt_alpha": "1e-3", "evt_quantile": "0.98"}


def read(given: dict[str, object]) -> EvtParameters:
    return EvtParameters.from_text(given, EVT_FLAGS)


def test_the_least_that_must_be_given():
    settings = read(LEAST)
    assert settings == EvtParameters(alpha=0.001, quantile=0.98, warmup=500)
    spot = settings.spot()
    assert (spot.alpha, spot.quantile, spot.warmup, spot.two_sides) == (0.001, 0.98, 500, False)
    assert (spot.window, spot.max_excesses, spot.seed, spot.follow) == (None, None, 0, False)


def test_all_that_can_be_given():
    given = {
        **LEAST, "evt_tdigest": "true", "evt_window_size": "1000", "evt_two_sides": "1", "evt_seed": "7",
        "evt_max_exceedances": "200",
    }  # fmt: skip
    assert set(given) == {declared.wire for declared in EvtParameters.declared()}
    settings = read(given)
    assert settings == EvtParameters(
        alpha=0.001, quantile=0.98, warmup=500, follow=True, window=1000, two_sides=True, seed=7, max_excesses=200
    )
    assert read(settings.as_text()) == settings
    without_window = read({**given, "evt_window_size": " "})
    assert without_window.window is None


def test_numbers_of_python_are_taken():
    given = {"evt_warmup_size": 500, "evt_alpha": 1e-3, "evt_quantile": 0.98, "evt_tdigest": False}
    assert read(given) == read(LEAST)


@pytest.mark.parametrize("name", LEAST)
def test_required(name):
    given = {key: value for key, value in LEAST.items() if key != name}
    with pytest.raises(InputError, match=rf"\({name}\) is required"):
        read(given)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"evt_alpha": "0"}, r"alpha \(evt_alpha\) must be a number between 0 and 1, both excluded, got '0'"),
        ({"evt_alpha": "1"}, r"\(evt_alpha\) must be a number between 0 and 1, both excluded, got '1'"),
        ({"evt_alpha": "nan"}, r"\(evt_alpha\) must be a number between 0 and 1, both excluded, got 'nan'"),
        (
            {"evt_quantile": "98"},
            r"quantile \(evt_quantile\) must be a number between 0 and 1, both excluded, got '98'",
        ),
        ({"evt_quantile": "0.9995"}, r"evt_quantile 0.9995 leaves 0.0005 of the values above it, and evt_alpha 0.001"),
        ({"evt_warmup_size": "0"}, r"warmup \(evt_warmup_size\) must be a whole number of at least 1, got '0'"),
        ({"evt_warmup_size": "1.5"}, r"\(evt_warmup_size\) must be a whole number of at least 1, got '1.5'"),
        ({"evt_window_size": "-1"}, r"window \(evt_window_size\) must be a whole number of at least 1, got '-1'"),
        ({"evt_window_size": "499"}, "evt_window_size 499 is smaller than evt_warmup_size 500"),
        ({"evt_max_exceedances": "many"}, r"\(evt_max_exceedances\) must be a whole number of at least 10, got 'many'"),
        (
            {"evt_max_exceedances": "9"},
            r"max_excesses \(evt_max_exceedances\) must be a whole number of at least 10, got '9'",
        ),
        ({"evt_two_sides": "yes"}, r"two_sides \(evt_two_sides\) must be true or false, got 'yes'"),
        ({"evt_seed": "1e30"}, r"seed \(evt_seed\) must be a whole number that fits into 64 bits, got '1e30'"),
        ({"evt_windows_size": "600"}, "unknown parameter 'evt_windows_size' .* did you mean 'evt_window_size'"),
        ({"alpha": "0.1"}, "unknown parameter 'alpha' of extreme-value flags"),
        ({"evt_alpha": [1]}, r"\(evt_alpha\) must be a number between 0 and 1, both excluded, got \[1\]"),
    ],
)
def test_bad_input(change, message):
    with pytest.raises(InputError, match=message):
        read({**LEAST, **change}).spot()


def test_what_only_the_spot_refuses_is_an_input_error_too():
    with pytest.raises(InputError, match=r"evt_\* do not go together: .*warm-up of 10 "):
        read({**LEAST, "evt_warmup_size": "10"}).spot()


def test_following_needs_the_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasketches", None)
    with pytest.raises(MissingDependency, match=r"evt_tdigest=true needs the package 'datasketches'.*\[histogram\]"):
        read({**LEAST, "evt_tdigest": "true"}).spot()


def test_a_negative_seed_is_a_seed() -> None:
    given = {"evt_alpha": "0.01", "evt_quantile": "0.9", "evt_warmup_size": "50", "evt_seed": "-3"}
    result = read(given).spot().update(np.random.default_rng(0).normal(size=100))
    assert np.isfinite(result.threshold[50:]).all()


def test_two_sides_share_alpha():
    given = {"evt_alpha": "0.03", "evt_quantile": "0.98", "evt_warmup_size": "1000", "evt_two_sides": "true"}
    assert read(given).spot().two_sides  # 0.015 on each, and 0.02 lie above
    with pytest.raises(InputError, match=r"evt_alpha 0\.03 must be less than that"):
        read({**given, "evt_two_sides": "false"})
    with pytest.raises(InputError, match="half of it on each side"):
        read({**given, "evt_alpha": "0.04"})
