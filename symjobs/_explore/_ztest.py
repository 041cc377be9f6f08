"""z tests of means and of proportions."""

from __future__ import annotations

import math

from symjobs._errors import InputError, UnsupportedTest
from symjobs._explore._comparison import comparison, known_value
from symjobs._explore._parameters import ZTestParameters
from symjobs._explore._plan import Plan
from symjobs._explore._request import MetricRequest
from symjobs._explore._sample import Sample
from symjobs._explore._statistics import Statistics
from symjobs._explore._tails import z_two_sided


def two_samples(a: Sample, b: Sample) -> dict[str, float]:
    """Compare two means by z = (m1 - m2) / sqrt(s1/n1 + s2/n2), the variances taken as known.

    References
    ----------
    Kanji (2006), 100 Statistical Tests, 3rd ed., test 3.
    """
    a.require_two()
    b.require_two()
    error = math.sqrt(a.variance / a.n + b.variance / b.n)
    if not error > 0.0:
        raise UnsupportedTest(f"{a.label} and {b.label} are both constant; a z test needs values that differ")
    z = (a.mean - b.mean) / error
    return {
        **{"zn1": a.n, "zn2": b.n, "zm1": a.mean, "zm2": b.mean, "zs1": a.variance, "zs2": b.variance},
        **_result(z),
    }


def known_mean(a: Sample, mu: float) -> dict[str, float]:
    """Compare a mean with a known one by z = (m - mu) / sqrt(s/n).

    References
    ----------
    Kanji (2006), 100 Statistical Tests, 3rd ed., test 1.
    """
    a.require_spread()
    return _result((a.mean - mu) / math.sqrt(a.variance / a.n))


def proportions(n1: float, p1: float, n2: float, p2: float, *, labels: tuple[str, str]) -> dict[str, float]:
    """Compare two proportions by z = (p1 - p2) / sqrt(p (1 - p) (1/n1 + 1/n2)), p the pooled proportion.

    References
    ----------
    Fleiss, Levin and Paik (2003), Statistical Methods for Rates and Proportions, 3rd ed., section 3.1 (without the
    correction for continuity).
    """
    for n, label in zip((n1, n2), labels, strict=True):
        if not n > 0.0:
            raise UnsupportedTest(f"{label} has no values; a test of proportions needs some")
    pooled = (n1 * p1 + n2 * p2) / (n1 + n2)
    error = math.sqrt(max(pooled * (1.0 - pooled), 0.0) * (1.0 / n1 + 1.0 / n2))
    if not error > 0.0:
        both = f"{labels[0]} and {labels[1]}"
        raise UnsupportedTest(f"{both} are constant at {pooled:g}; a test of proportions needs values that differ")
    return _result((p1 - p2) / error)


def _result(z: float) -> dict[str, float]:
    return {"z": z, "zp": z_two_sided(z)}


def ztest(request: MetricRequest) -> Plan:
    return comparison(request, two_samples, known_mean, ZTestParameters)


def ztestmu(request: MetricRequest) -> Plan:
    return known_value(request, known_mean, ZTestParameters)


def ztestp(request: MetricRequest) -> Plan:
    attributes = request.attributes((*request.inputs, *request.targets))
    if len(attributes) != 2 or not all(a.binary for a in attributes):
        kinds = ", ".join(a.described for a in attributes)
        raise InputError(f"{request.metric} takes two binary attributes, got {kinds or 'none'}")

    def plan(statistics: Statistics) -> dict[str, float]:
        (n1, p1), (n2, p2) = ((float(statistics.count[a.index]), float(statistics.mean[a.index])) for a in attributes)
        return proportions(n1, p1, n2, p2, labels=(attributes[0].label, attributes[1].label))

    return plan
