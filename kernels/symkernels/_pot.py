"""`pot_threshold`: peaks over threshold from all scores at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._arrays import Array, as_floats, is_numpy, namespace, to_numpy
from ._errors import DataError
from ._gpd import GPDFit, check_level, fit_gpd, just_above
from ._parameters import check_fraction
from ._results import backend_of, device_of


@dataclass(frozen=True, eq=False, slots=True)
class PotThreshold:
    """The threshold above which scores are flagged, with its confidence interval.

    Attributes
    ----------
    threshold : float
        A score above it is an anomaly. A score passes it with probability ``alpha``, or half of it with two sides. In
        the unit of the scores.
    lower : float or None
        With two sides a score below it is an anomaly, too; else None.
    interval, lower_interval : (low, high), or None
        Confidence intervals of the thresholds; (level, inf) where ``interval_method`` is ``"none"``.
    interval_method : {"profile likelihood", "none"}
        Method of the intervals; ``"none"`` where the shape of a tail is not known.
    confidence : float
        Nominal probability that an interval covers its threshold.
    level, lower_level : float
        The scores at which the tails begin.
    tail, lower_tail : GPDFit
        Fits of how far scores lie beyond the levels.
    n, n_missing : int
        Scores used; NaN left out.
    alpha, quantile : float
        The arguments.
    reason : str or None
        Why a threshold is no estimate of a tail's quantile: constant scores, or a tail without scores. Else None.
    backend, device : str
        Library and device of the scores.

    Examples
    --------
    >>> import numpy as np
    >>> from symkernels import pot_threshold
    >>> found = pot_threshold(np.random.default_rng(0).normal(size=10_000), alpha=1e-3, two_sides=True)
    >>> found.flags([0.0, 9.0, -9.0, float("nan")])
    array([False,  True,  True, False])
    """

    threshold: float
    lower: float | None
    interval: tuple[float, float]
    lower_interval: tuple[float, float] | None
    interval_method: str
    confidence: float
    level: float
    lower_level: float | None
    tail: GPDFit
    lower_tail: GPDFit | None
    n: int
    n_missing: int
    alpha: float
    quantile: float
    reason: str | None
    backend: str = "numpy"
    device: str = "cpu"

    def flags(self, scores: Any) -> Array:
        """Tell which scores are anomalies.

        Parameters
        ----------
        scores : (n,) array
            Of any library. NaN is never flagged.

        Returns
        -------
        (n,) bool
            On the backend and device of ``scores``.
        """
        x = as_floats(scores, ndim=1, name="scores")
        above = x > just_above(self.threshold)
        return above if self.lower is None else above | (-x > just_above(-self.lower))


@dataclass(frozen=True)
class _Side:
    threshold: float
    interval: tuple[float, float]
    method: str
    level: float
    tail: GPDFit
    reason: str | None


def pot_threshold(
    scores: Any,
    alpha: float = 1e-4,
    quantile: float = 0.98,
    two_sides: bool = False,
    confidence: float = 0.95,
) -> PotThreshold:
    """Find the threshold that a score passes with probability ``alpha``, by a generalized Pareto fit to the tail.

    Parameters
    ----------
    scores : (n,) float64 or float32
        Finite, of any unit; NaN is left out and counted.
    alpha : float, default 1e-4
        Probability of a false alarm, in (0, 1). With two sides each has half of it.
    quantile : float, default 0.98
        Share of the scores below the tail. A higher one leaves rarer scores in the tail, for which the law holds
        better, but fewer of them.
    two_sides : bool, default False
        Whether low scores are anomalies too.
    confidence : float, default 0.95
        Confidence level of the intervals, in (0, 1).

    Returns
    -------
    PotThreshold

    Raises
    ------
    ShapeError
        ``scores`` is not one-dimensional, or holds no real numbers.
    DataError
        A score is infinite; there are no scores; a probability is outside (0, 1); fewer scores lie above ``quantile``
        than ``alpha`` flags; with two sides ``quantile`` is below 0.5.

    Notes
    -----
    With N of n scores above the level u the threshold is u + scale / shape ((alpha n / N) ** -shape - 1) (Siffer,
    Fouque, Termier and Largouet, "Anomaly detection in streams with extreme value theory", KDD 2017); `fit_gpd` gives
    shape and scale. The level is the smallest score that at least a share ``quantile`` of all does not exceed, which is
    NumPy's ``quantile(method="inverted_cdf")``.

    The interval is that of the profile likelihood (Coles, "An Introduction to Statistical Modeling of Extreme Values",
    2001, section 4.3): the thresholds for which the likelihood of the best shape is large enough. It reaches farther up
    than down, as the uncertainty does; that of the delta method is symmetric. The level and N / n are taken as known.
    Scores are assumed to be independent: for a series with memory the interval is too short. It is also too short for
    laws that end abruptly, as the uniform law does, whose likelihood is not regular.

    The scores are sorted on their own device. The scores above the level are copied from a GPU and fitted on the CPU,
    which is faster for so few. O(n) with NumPy, O(n log n) else. `Spot` does the same for a stream.

    Examples
    --------
    >>> import numpy as np
    >>> from symkernels import pot_threshold
    >>> found = pot_threshold(np.random.default_rng(0).normal(size=100_000), alpha=1e-4)
    >>> low, high = found.interval
    >>> bool(low < 3.719 < high)  # the normal law's own
    True
    """
    alpha, quantile = check_fraction(alpha, "alpha"), check_fraction(quantile, "quantile")
    confidence = check_fraction(confidence, "confidence")
    check_level(quantile, alpha, two_sides)
    each = alpha / 2 if two_sides else alpha
    x = as_floats(scores, ndim=1, name="scores")
    xp = namespace(x)
    missing = xp.isnan(x)
    n_missing = int(xp.sum(xp.astype(missing, xp.int64))) if x.shape[0] else 0
    n = x.shape[0] - n_missing
    if n == 0:
        raise DataError(f"there are no scores to fit a tail to: {x.shape[0]} given, {n_missing} of them NaN")
    if bool(xp.any(xp.isinf(x))):
        place = int(np.flatnonzero(to_numpy(xp.isinf(x)))[0])
        raise DataError(f"scores[{place}] is {float(x[place])}; scores must be finite, or NaN where there is none")
    if n_missing:
        x = x[~missing]
    upper = _side(x, each, quantile, confidence)
    lower = _side(-x, each, quantile, confidence) if two_sides else None
    methods = {upper.method} | ({lower.method} if lower else set())
    reasons = [side.reason for side in (upper, lower) if side is not None and side.reason]
    return PotThreshold(
        threshold=upper.threshold,
        lower=-lower.threshold if lower else None,
        interval=upper.interval,
        lower_interval=(-lower.interval[1], -lower.interval[0]) if lower else None,
        interval_method="none" if "none" in methods else upper.method,
        confidence=confidence,
        level=upper.level,
        lower_level=-lower.level if lower else None,
        tail=upper.tail,
        lower_tail=lower.tail if lower else None,
        n=n,
        n_missing=n_missing,
        alpha=alpha,
        quantile=quantile,
        reason="; ".join(dict.fromkeys(reasons)) or None,
        backend=backend_of(x),
        device=device_of(x),
    )


def uses_partition(x: Array) -> bool:
    """Whether a partition, O(n), finds the largest scores: NumPy has one, the array API standard has only a sort."""
    return is_numpy(x)


def _side(x: Array, alpha: float, quantile: float, confidence: float) -> _Side:
    """Threshold of the upper tail of scores without NaN."""
    n = x.shape[0]
    place = min(max(math.ceil(quantile * n - 1e-9) - 1, 0), n - 1)
    if uses_partition(x):
        ordered = np.partition(x, place)
        largest = float(ordered[place:].max())
    else:
        ordered = namespace(x).sort(x)
        largest = float(ordered[n - 1])
    level = float(ordered[place])
    above = np.asarray(to_numpy(ordered[place:]), dtype=np.float64)
    excesses = above[above > just_above(level)] - level
    tail = fit_gpd(excesses)
    share = tail.n / n
    if share <= alpha:
        constant = largest == float(namespace(x).min(x))
        reason = (
            "the scores are constant"
            if constant
            else f"{tail.n} of {n:,} scores lie above {level:.6g}, no more than alpha flags: too few scores, or ties"
        )
        return _Side(largest, (level, math.inf), "none", level, tail, reason)
    wanted = alpha / share
    excess = tail.isf(wanted)
    if tail.method == "empirical":
        return _Side(level + excess, (level, math.inf), "none", level, tail, None)
    low, high = _interval(excesses, wanted, excess, confidence)
    return _Side(level + excess, (level + low, level + high), "profile likelihood", level, tail, None)


def _interval(excesses: np.ndarray, probability: float, middle: float, confidence: float) -> tuple[float, float]:
    from scipy.special import chdtri  # imported late: it takes a quarter of a second

    from ._gpd import _interval  # without Numba it runs as Python

    low, high = _interval.quantile_interval(excesses, probability, middle, 0.5 * float(chdtri(1, 1.0 - confidence)))
    return float(low), float(high)
