"""The metric `uni`: one attribute."""

from __future__ import annotations

import math

from symjobs._errors import InputError
from symjobs._explore._parameters import UnbiasedParameters
from symjobs._explore._plan import Plan
from symjobs._explore._request import MetricRequest
from symjobs._explore._sample import Z95, unbiased_variance
from symjobs._explore._statistics import Statistics


def univariate(
    count: float, mean: float, variance: float, skewness: float, kurtosis: float, *, unbiased: bool = False
) -> dict[str, float]:
    """Describe one attribute by its population moments, or by the sample estimates.

    Parameters
    ----------
    count, mean : float
    variance, skewness, kurtosis : float
        Population moments (ddof 0): m2, g1 = m3/m2^1.5 and the excess g2 = m4/m2^2 - 3.
    unbiased : bool, default False
        Give the variance with ddof 1, and G1 and G2, as pandas and SAS do: NaN below 2, 3 and 4 values.

    References
    ----------
    Joanes and Gill (1998), "Comparing measures of sample skewness and kurtosis", The Statistician 47(1), 183-189.
    """
    n = count
    if unbiased:
        variance = unbiased_variance(variance, n)
        skewness = skewness * math.sqrt(n * (n - 1.0)) / (n - 2.0) if n > 2.0 else math.nan
        kurtosis = (n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * kurtosis + 6.0) if n > 3.0 else math.nan
    deviation = math.sqrt(variance)
    error = deviation / math.sqrt(n) if n > 0.0 else math.nan
    return {
        "count": n,
        "mean": mean,
        "variance": variance,
        "stddev": deviation,
        "skewness": skewness,
        "kurtosis": kurtosis,
        "stderr": error,
        "meanMarginErrorC95": Z95 * error,
    }


def uni(request: MetricRequest) -> Plan:
    """Describe one input; with histograms also ``min max median``, the median NaN where it cannot be known."""
    if len(request.inputs) != 1 or request.targets:
        raise InputError(
            f"{request.metric} takes one input and no target, got {len(request.inputs)} and {len(request.targets)}; "
            "ask for one map an attribute"
        )
    attribute = request.attribute(request.inputs[0])
    unbiased = UnbiasedParameters.from_text(request.parameters, request.metric).unbiased

    def plan(statistics: Statistics) -> dict[str, float]:
        i = attribute.index
        arrays = (statistics.count, statistics.mean, statistics.variance, statistics.skewness, statistics.kurtosis)
        described = univariate(*(float(array[i]) for array in arrays), unbiased=unbiased)
        if statistics.snapshot.histogram:
            low, high = statistics.extremes
            median = statistics.snapshot.median(i)
            described |= {"min": float(low[i]), "max": float(high[i]), "median": math.nan if median is None else median}
        return described

    return plan
