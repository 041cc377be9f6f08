"""Student's t tests, pooled and Welch's."""

from __future__ import annotations

import math

from symjobs._errors import UnsupportedTest
from symjobs._explore._comparison import comparison, known_value
from symjobs._explore._parameters import TTestParameters
from symjobs._explore._plan import Plan
from symjobs._explore._request import MetricRequest
from symjobs._explore._sample import Sample
from symjobs._explore._tails import t_two_sided


def two_samples(a: Sample, b: Sample) -> dict[str, float]:
    """Compare two means: ``t tdf tp`` with the variances pooled, ``tu tdfu tpu`` without (Welch).

    References
    ----------
    Student (1908), "The probable error of a mean", Biometrika 6(1), 1-25.
    Welch (1947), "The generalization of Student's problem when several different population variances are involved",
    Biometrika 34, 28-35; degrees of freedom by Satterthwaite (1946).
    """
    a.require_two()
    b.require_two()
    v1, v2 = a.variance / a.n, b.variance / b.n
    if not v1 + v2 > 0.0:
        raise UnsupportedTest(f"{a.label} and {b.label} are both constant; a t test needs values that differ")
    df = a.n + b.n - 2.0
    pooled = ((a.n - 1.0) * a.variance + (b.n - 1.0) * b.variance) / df
    t = (a.mean - b.mean) / math.sqrt(pooled * (1.0 / a.n + 1.0 / b.n))
    tu = (a.mean - b.mean) / math.sqrt(v1 + v2)
    # (v1 + v2)^2 / (v1^2/(n1-1) + v2^2/(n2-1)), by shares so that tiny variances do not underflow when squared.
    share = v1 / (v1 + v2)
    dfu = 1.0 / (share**2 / (a.n - 1.0) + (1.0 - share) ** 2 / (b.n - 1.0))
    return {
        **{"tn1": a.n, "tn2": b.n, "tm1": a.mean, "tm2": b.mean, "ts1": a.variance, "ts2": b.variance},
        **{"t": t, "tdf": df, "tp": t_two_sided(t, df)},
        **{"tu": tu, "tdfu": dfu, "tpu": t_two_sided(tu, dfu)},
    }


def known_mean(a: Sample, mu: float) -> dict[str, float]:
    """Compare a mean with a known one: t = (m - mu) / sqrt(s/n) with n - 1 degrees of freedom.

    References
    ----------
    Student (1908), "The probable error of a mean", Biometrika 6(1), 1-25.
    """
    a.require_spread()
    t = (a.mean - mu) / math.sqrt(a.variance / a.n)
    return {"t": t, "tp": t_two_sided(t, a.n - 1.0)}


def ttest(request: MetricRequest) -> Plan:
    return comparison(request, two_samples, known_mean, TTestParameters)


def ttestmu(request: MetricRequest) -> Plan:
    return known_value(request, known_mean, TTestParameters)
