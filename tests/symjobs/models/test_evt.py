"""The parameters evt_* as settings."""

import sys

import numpy as np
import pytest

from symjobs._errors import InputError, MissingDependency
from symjobs._models._evt import EVT_PARAMETERS, EvtSettings

LEAST = {"evt_warmup_size": "500", "evt_alpha": "1e-3", "evt_quantile": "0.98"}


def test_the_least_that_must_be_given():
    settings = EvtSettings.parse(LEAST)
    assert settings == EvtSettings(alpha=0.001, quantile=0.98, warmup=500)
    spot = settings.spot()
    assert (spot.alpha, spot.quantile, spot.warmup, spot.two_sides) == (0.001, 0.98, 500, False)
    assert (spot.window, spot.max_excesses, spot.seed, spot.follow) == (None, None, 0, False)


def test_all_that_can_be_given():
    given = {
        **LEAST, "evt_tdigest": "true", "evt_window_size": "1000", "evt_two_sides": "1", "evt_seed": "7",
        "evt_max_exceedances": "200",
    }  # fmt: skip
    assert set(given) == set(EVT_PARAMETERS)
    settings = EvtSettings.parse(given)
    assert settings == EvtSettings(0.001, 0.98, 500, True, 1000, True, 7, 200)
    assert EvtSettings.parse(settings.text()) == settings
    without_window = EvtSettings.parse({**given, "evt_window_size": " "})
    assert without_window.window is None


def test_numbers_of_python_are_taken():
    given = {"evt_warmup_size": 500, "evt_alpha": 1e-3, "evt_quantile": 0.98, "evt_tdigest": False}
    assert EvtSettings.parse(given) == EvtSettings.parse(LEAST)


def test_defaults_go_for_what_is_not_given():
    assert EvtSettings.parse({"evt_alpha": "1e-5"}, LEAST) == EvtSettings(1e-5, 0.98, 500)
    assert EvtSettings.parse({}, LEAST) == EvtSettings.parse(LEAST)


@pytest.mark.parametrize("name", LEAST)
def test_required(name):
    given = {key: value for key, value in LEAST.items() if key != name}
    with pytest.raises(InputError, match=f"'{name}' is required"):
        EvtSettings.parse(given)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"evt_alpha": "0"}, "evt_alpha must lie between 0 and 1, both excluded, got '0'"),
        ({"evt_alpha": "1"}, "evt_alpha must lie between 0 and 1"),
        ({"evt_alpha": "nan"}, "'evt_alpha' must be a finite number"),
        ({"evt_quantile": "98"}, "evt_quantile must lie between 0 and 1, both excluded, got '98'"),
        ({"evt_quantile": "0.9995"}, r"evt_quantile 0.9995 leaves 0.0005 of the values above it, and evt_alpha 1e-3"),
        ({"evt_warmup_size": "0"}, "evt_warmup_size must be a whole number from 1, got '0'"),
        ({"evt_warmup_size": "1.5"}, "'evt_warmup_size' must be a whole number, got '1.5'"),
        ({"evt_window_size": "-1"}, "evt_window_size must be a whole number from 1"),
        ({"evt_window_size": "499"}, "evt_window_size 499 is smaller than evt_warmup_size 500"),
        ({"evt_max_exceedances": "many"}, "'evt_max_exceedances' must be a finite number, got 'many'"),
        ({"evt_max_exceedances": "9"}, "evt_max_exceedances must be a whole number from 10, got '9'"),
        ({"evt_two_sides": "yes"}, "'evt_two_sides' must be true or false, got 'yes'"),
        ({"evt_seed": "1e30"}, "evt_seed must fit into 64 bits"),
        ({"evt_windows_size": "600"}, "unknown parameter 'evt_windows_size' .* did you mean 'evt_window_size'"),
        ({"alpha": "0.1"}, "unknown parameter 'alpha' of extreme-value flags"),
        ({"evt_alpha": [1]}, "must be text, a number or a boolean"),
    ],
)
def test_bad_input(change, message):
    with pytest.raises(InputError, match=message):
        EvtSettings.parse({**LEAST, **change}).spot()


def test_what_only_the_spot_refuses_is_an_input_error_too():
    with pytest.raises(InputError, match=r"evt_\* do not go together: .*warm-up of 10 "):
        EvtSettings.parse({**LEAST, "evt_warmup_size": "10"}).spot()


def test_following_needs_the_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasketches", None)
    with pytest.raises(MissingDependency, match=r"evt_tdigest=true needs the package 'datasketches'.*\[histogram\]"):
        EvtSettings.parse({**LEAST, "evt_tdigest": "true"}).spot()


def test_a_negative_seed_is_a_seed() -> None:
    given = {"evt_alpha": "0.01", "evt_quantile": "0.9", "evt_warmup_size": "50", "evt_seed": "-3"}
    result = EvtSettings.parse(given).spot().update(np.random.default_rng(0).normal(size=100))
    assert np.isfinite(result.threshold[50:]).all()


def test_two_sides_share_alpha():
    given = {"evt_alpha": "0.03", "evt_quantile": "0.98", "evt_warmup_size": "1000", "evt_two_sides": "true"}
    assert EvtSettings.parse(given).spot().two_sides  # 0.015 on each, and 0.02 lie above
    with pytest.raises(InputError, match=r"evt_alpha 0\.03 must be less than that"):
        EvtSettings.parse({**given, "evt_two_sides": "false"})
    with pytest.raises(InputError, match="half of it on each side"):
        EvtSettings.parse({**given, "evt_alpha": "0.04"})
