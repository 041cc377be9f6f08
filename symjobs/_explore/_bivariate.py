"""The metric `bi`: two attributes."""

from __future__ import annotations

import math

from symjobs._arrays import to_host
from symjobs._errors import InputError
from symjobs._explore._parameters import UnbiasedParameters
from symjobs._explore._plan import Plan
from symjobs._explore._request import MetricRequest
from symjobs._explore._sample import Z95, unbiased_variance
from symjobs._explore._statistics import Statistics


def conditional(
    total: float, product: float, mean: float, variance: float, *, unbiased: bool = False
) -> dict[str, float]:
    """Describe the first attribute weighted by the second, the ``cond*`` and ``biCi95*`` keys of the wire contract.

    Parameters
    ----------
    total : float
        sum(y): for a 0/1 y, the number of rows where it is 1.
    product : float
        sum(xy): for a 0/1 y, the sum of x over those rows.
    mean : float
        sum(xy) / sum(y).
    variance : float
        sum((xy)^2) / sum(y) - mean^2: for a 0/1 y, the population variance of x over the rows where y is 1. NaN where
        the sums that it needs are not kept.
    unbiased : bool, default False
        Scale the variance by total / (total - 1).

    Returns
    -------
    dict of str to float
        What a negative or zero sum of weights leaves undefined is NaN.
    """
    if unbiased:
        variance = unbiased_variance(variance, total)
    deviation = math.sqrt(variance) if variance >= 0.0 else math.nan
    margin = Z95 * deviation / math.sqrt(total) if total > 0.0 else math.nan
    return {
        "condMean": mean,
        "condCount": total,
        "condVariance": variance,
        "condSum": product,
        "condStddev": deviation,
        "biCi95Down": mean - margin,
        "biCi95Up": mean + margin,
    }


def bi(request: MetricRequest) -> Plan:
    """Relate two attributes, x and y: two inputs, or an input and a target."""
    attributes = request.attributes((*request.inputs, *request.targets))
    if len(attributes) != 2:
        raise InputError(
            f"{request.metric} takes two attributes, as two inputs or an input and a target; got {len(attributes)}"
        )
    x, y = attributes
    unbiased = UnbiasedParameters.from_text(request.parameters, request.metric).unbiased

    def plan(statistics: Statistics) -> dict[str, float]:
        moments = statistics.moments.select([x.index, y.index])
        covariance = to_host(moments.covariance(ddof=int(unbiased)))[0, 1]
        correlation = to_host(moments.correlation())[0, 1]
        if y.binary:
            # From centred sums, so that a large offset of x costs no digits.
            given = moments.condition(1)
            total, mean, variance = (float(array[0]) for array in (given.count, given.mean, given.var))
            product = mean * total if total else 0.0
        else:
            sums = moments.cross_sums(0, 1)
            total, product = float(sums.sum_y), float(sums.sum_xy)
            mean = product / total if total else math.nan
            variance = float(sums.sum_xxyy) / total - mean * mean if total else math.nan
        return {
            "covar": float(covariance),
            "linCorr": float(correlation),
            **conditional(total, product, mean, variance, unbiased=unbiased),
        }

    return plan
