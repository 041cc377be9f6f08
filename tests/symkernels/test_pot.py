"""Thresholds from all scores at once: published levels, known laws, coverage, bad input."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from symkernels import DataError, ShapeError, pot_threshold
from tests.symkernels._backends import get, put
from tests.symkernels._rain import ABOVE, DAYS, LEVEL


def test_hundred_year_rainfall_of_coles():
    # Coles (2001), section 4.4.1: 106.3 mm is passed once in 100 years of 365 days. Days of no more than 30 mm do not
    # enter; his level of 30 is no day's rainfall, so that one such day is put there.
    days = np.concatenate([ABOVE, [LEVEL], np.zeros(DAYS - len(ABOVE) - 1)])
    found = pot_threshold(days, alpha=1 / 36_500, quantile=1 - len(ABOVE) / DAYS)
    assert found.level == LEVEL
    assert found.tail.n == 152
    assert found.threshold == pytest.approx(106.3, abs=0.06)
    low, high = found.interval
    assert found.interval_method == "profile likelihood"
    assert high - found.threshold > 2 * (found.threshold - low)  # his figure 4.6: far longer above


LAWS = {"normal": stats.norm(), "exponential": stats.expon(), "gumbel": stats.gumbel_r()}


@pytest.mark.parametrize("law", list(LAWS))
def test_interval_covers_the_quantile(law):
    """95% of 200: under 178 or over 198 has probability below 1e-3 if it does. Tails are not quite Pareto: 172 is let
    pass."""
    quantile = LAWS[law].isf(1e-3)
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(200):
        low, high = pot_threshold(LAWS[law].rvs(size=10_000, random_state=rng), 1e-3).interval
        covered += low <= quantile <= high
    assert 172 <= covered <= 199


def test_interval_is_where_the_likelihood_has_fallen():
    from scipy.optimize import minimize_scalar
    from scipy.stats import genpareto

    scores = np.random.default_rng(1).exponential(size=2_000)
    found = pot_threshold(scores, 1e-3, 0.95)
    x = scores[scores > found.level] - found.level
    ratio = 1e-3 / (len(x) / 2_000)

    def given(z):
        def against(shape):
            scale = z * shape / np.expm1(-shape * np.log(ratio))
            return -genpareto.logpdf(x, shape, 0, scale).sum()

        with np.errstate(all="ignore"):
            return -minimize_scalar(against, bounds=(-0.4, 3), method="bounded", options={"xatol": 1e-9}).fun

    for end in found.interval:
        assert found.tail.loglik - given(end - found.level) == pytest.approx(stats.chi2.isf(0.05, 1) / 2, abs=1e-4)


def test_two_sides_share_alpha_and_mirror():
    x = np.random.default_rng(3).normal(size=20_000)
    both, mirrored = pot_threshold(x, 2e-3, two_sides=True), pot_threshold(-x, 2e-3, two_sides=True)
    upper = pot_threshold(x, 1e-3)
    assert both.threshold == upper.threshold
    assert both.interval == upper.interval
    assert (mirrored.lower, mirrored.lower_level) == (-both.threshold, -both.level)
    assert mirrored.lower_interval == (-both.interval[1], -both.interval[0])
    assert upper.lower is upper.lower_interval is upper.lower_tail is None
    flags = both.flags(x)
    np.testing.assert_array_equal(flags, (x > both.threshold) | (x < both.lower))


def test_libraries_agree(xp):
    x = np.random.default_rng(4).standard_t(4, size=3_000)
    x[::10] = np.nan
    found, expected = pot_threshold(put(xp, x), 1e-3, two_sides=True), pot_threshold(x, 1e-3, two_sides=True)
    # Two bodies, and two processors, add logarithms in another order; the search magnifies the rounding.
    np.testing.assert_allclose(
        [found.threshold, found.lower, *found.interval],
        [expected.threshold, expected.lower, *expected.interval],
        rtol=1e-9,
    )
    assert (found.n, found.n_missing) == (2_700, 300)
    assert found.backend == xp.__name__.rpartition(".")[2]
    np.testing.assert_array_equal(get(found.flags(put(xp, x))), expected.flags(x))


def test_scale_and_shift():
    x = np.random.default_rng(5).exponential(size=5_000)
    found, moved = pot_threshold(x, 1e-3), pot_threshold(8.0 * x + 64.0, 1e-3)
    # The shift rounds each score to 64 eps, and the tail is fitted to 100 of them: its estimates move as little.
    assert moved.threshold == pytest.approx(8.0 * found.threshold + 64.0, rel=1e-10)
    np.testing.assert_array_equal(found.flags(x), moved.flags(8.0 * x + 64.0))


def test_higher_confidence_is_a_longer_interval():
    x = np.random.default_rng(6).normal(size=5_000)
    ends = [pot_threshold(x, 1e-3, confidence=c).interval for c in (0.5, 0.9, 0.99)]
    assert (
        ends[2][0] < ends[1][0] < ends[0][0] < pot_threshold(x, 1e-3).threshold < ends[0][1] < ends[1][1] < ends[2][1]
    )


@pytest.mark.parametrize("two_sides", [False, True])
def test_constant_scores_flag_nothing_and_say_why(two_sides):
    found = pot_threshold([3.0] * 1_000, two_sides=two_sides)
    assert found.reason == "the scores are constant"
    assert not found.flags(np.full(5, 3.0)).any()
    assert found.interval_method == "none"


def test_tail_without_scores_is_said():
    found = pot_threshold(np.repeat([0.0, 1.0], [970, 30]), 1e-3)
    assert "0 of 1,000 scores lie above 1" in found.reason
    assert found.threshold == 1.0


def test_few_excesses_give_an_estimate_without_interval():
    found = pot_threshold(np.arange(100.0), 1e-3, 0.97)
    assert found.tail.method == "empirical"
    assert found.threshold > 99
    assert (found.interval_method, found.interval) == ("none", (found.level, np.inf))
    assert found.reason is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"alpha": 0.0}, "alpha must lie between 0 and 1"),
        ({"alpha": 1.0}, "alpha must lie between 0 and 1"),
        ({"alpha": float("nan")}, "alpha must lie between 0 and 1"),
        ({"alpha": "high"}, "alpha must be a number"),
        ({"quantile": 1.0}, "quantile must lie between"),
        ({"confidence": 0.0}, "confidence must lie between"),
        ({"quantile": 0.999, "alpha": 1e-2}, "fewer than alpha = 0.01 flags; take a quantile below 0.99"),
        ({"quantile": 0.4, "two_sides": True}, "at least 0.5"),
    ],
)
def test_settings_are_checked(arguments, words):
    with pytest.raises(DataError, match=words):
        pot_threshold(np.arange(100.0), **arguments)


def test_scores_are_checked(xp):
    with pytest.raises(DataError, match="no scores to fit"):
        pot_threshold(put(xp, []))
    with pytest.raises(DataError, match="3 given, 3 of them NaN"):
        pot_threshold(put(xp, [np.nan] * 3))
    with pytest.raises(DataError, match=r"scores\[1\] is -inf"):
        pot_threshold(put(xp, [1.0, -np.inf]))
    with pytest.raises(ShapeError, match="1 dimension"):
        pot_threshold(put(xp, [[1.0]]))
