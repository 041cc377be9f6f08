"""F tests of variances."""

from __future__ import annotations

import math

from symjobs._explore._comparison import comparison, known_value
from symjobs._explore._parameters import FTestParameters
from symjobs._explore._plan import Plan
from symjobs._explore._request import MetricRequest
from symjobs._explore._sample import Sample
from symjobs._explore._tails import f_two_sided


def two_samples(a: Sample, b: Sample) -> dict[str, float]:
    """Compare two variances by their ratio f = s1/s2, with n1 - 1 and n2 - 1 degrees of freedom; two-sided.

    References
    ----------
    Snedecor and Cochran (1989), Statistical Methods, 8th ed., section 6.12.
    """
    a.require_spread()
    b.require_spread()
    f, df1, df2 = a.variance / b.variance, a.n - 1.0, b.n - 1.0
    return {
        **{"fn1": a.n, "fn2": b.n, "fm1": a.mean, "fm2": b.mean, "fs1": a.variance, "fs2": b.variance},
        **{"fdf1": df1, "fdf2": df2, "f": f, "fp": f_two_sided(f, df1, df2)},
    }


def known_deviation(a: Sample, sigma: float) -> dict[str, float]:
    """Compare a variance with a known standard deviation: f = s / sigma^2, an F with n - 1 and infinite degrees.

    (n - 1) f is the usual chi-square statistic, and the two-sided p-value is the same.

    References
    ----------
    Snedecor and Cochran (1989), Statistical Methods, 8th ed., section 5.11.
    """
    a.require_spread()
    f = a.variance / sigma / sigma  # the square may underflow
    return {"f": f, "fp": f_two_sided(f, a.n - 1.0, math.inf)}


def ftest(request: MetricRequest) -> Plan:
    return comparison(request, two_samples, known_deviation, FTestParameters)


def ftestmu(request: MetricRequest) -> Plan:
    return known_value(request, known_deviation, FTestParameters)
