"""False alarms of `Spot` beside the alpha that was asked for: eight laws, with and without outliers.

The mean of eight seeds of 1e6 values each has a relative standard error of at most 0.06 (alpha 1e-4, clean; 0.12 with
outliers), and lies within 0.99 and 1.18 (0.77 and 1.18). Were the seeds fresh, a law would leave the bounds of the
issue with a probability below 1e-3 by the normal approximation; with these seeds the outcome is fixed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from symkernels import Spot

N, WARMUP, SEEDS, OUTLIERS = 1_000_000, 10_000, 8, 1000
Rng = np.random.Generator


def _mixture(rng: Rng) -> np.ndarray:
    return rng.standard_normal(N) * np.where(rng.random(N) < 0.1, 3.0, 1.0)


def _extreme(law: str) -> float:
    """The 1 - 1e-6 quantile."""
    if law == "contaminated":
        return 3.0 * float(stats.norm.isf(1e-5))  # of the wide part, which is all there is so far out
    laws = {
        "normal": stats.norm, "exponential": stats.expon, "lognormal": stats.lognorm(1.0), "t3": stats.t(3),
        "gumbel": stats.gumbel_r, "weibull": stats.weibull_min(0.7), "uniform": stats.uniform,
    }  # fmt: skip
    return float(laws[law].isf(1e-6))


LAWS: dict[str, Callable[[Rng], np.ndarray]] = {
    "normal": lambda rng: rng.standard_normal(N),
    "exponential": lambda rng: rng.standard_exponential(N),
    "lognormal": lambda rng: np.exp(rng.standard_normal(N)),
    "t3": lambda rng: rng.standard_t(3, N),
    "gumbel": lambda rng: rng.gumbel(size=N),
    "weibull": lambda rng: rng.weibull(0.7, N),
    "contaminated": _mixture,
    "uniform": lambda rng: rng.random(N),
}


@pytest.mark.parametrize("law", LAWS)
def test_false_alarms_are_as_many_as_asked_for(law: str) -> None:
    clean: dict[float, list[float]] = {1e-3: [], 1e-4: []}
    among: dict[float, list[float]] = {1e-3: [], 1e-4: []}
    for seed in range(SEEDS):
        rng = np.random.default_rng([seed, list(LAWS).index(law)])
        x = LAWS[law](rng)
        y = x.copy()
        places = WARMUP + rng.choice(N - WARMUP, OUTLIERS, replace=False)
        y[places] = _extreme(law) * rng.uniform(1.3, 1.6, OUTLIERS)
        for alpha in clean:
            due = alpha * (N - WARMUP)
            clean[alpha].append(Spot(alpha, warmup=WARMUP).update(x).flags.sum() / due)
            flags = Spot(alpha, warmup=WARMUP).update(y).flags
            assert flags[places].all()
            among[alpha].append((flags.sum() - OUTLIERS) / due)
    allowed = 2.0 if law == "uniform" else 1.4
    for alpha in clean:
        assert 1 / allowed < np.mean(clean[alpha]) < allowed
        assert 0.5 < np.mean(among[alpha]) < 2.0


def test_both_sides_together_flag_alpha() -> None:
    rates = []
    for seed in range(4):
        x = np.random.default_rng(seed).standard_normal(N)
        rates.append(Spot(1e-3, warmup=WARMUP, two_sides=True).update(x).flags.sum() / (1e-3 * (N - WARMUP)))
    assert 1 / 1.4 < np.mean(rates) < 1.4


def test_false_alarms_with_few_values_kept() -> None:
    rates = []
    for seed in range(8):
        x = np.random.default_rng(seed).standard_normal(N)
        rates.append(Spot(1e-4, warmup=WARMUP, max_excesses=500).update(x).flags.sum() / (1e-4 * (N - WARMUP)))
    assert 1 / 1.4 < np.mean(rates) < 1.4


@pytest.mark.parametrize("law", ["normal", "weibull", "uniform"])
def test_false_alarms_after_the_default_warm_up_of_1000(law: str) -> None:
    rates = [
        Spot().update(LAWS[law](np.random.default_rng([seed, 99]))).flags.sum() / (1e-4 * (N - 1000))
        for seed in range(SEEDS)
    ]
    assert max(rates) < 3.0  # no seed is caught in a threshold that its own flags keep too low
    assert 1 / 1.5 < np.mean(rates) < 1.5
