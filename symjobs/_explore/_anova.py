"""One-way analysis of variance."""

from __future__ import annotations

import math
from collections.abc import Sequence

from symjobs._errors import InputError, UnsupportedTest
from symjobs._explore._plan import Plan
from symjobs._explore._request import MetricRequest
from symjobs._explore._sample import Sample
from symjobs._explore._statistics import Statistics
from symjobs._explore._tails import f_upper
from symjobs._text import some


def one_way(groups: Sequence[Sample]) -> dict[str, float]:
    """Test that all groups have one mean.

    ``SSb Dfb MSb`` are the sum of squares, degrees of freedom and mean square between groups, ``SSw Dfw MSw`` within
    them, ``Ssgamma Dfgamma`` in total; ``F`` = MSb/MSw and ``P`` its upper tail.

    A group of one value counts between groups and adds nothing within them.

    References
    ----------
    Fisher (1925), Statistical Methods for Research Workers, chapter VII.
    """
    _require_two(len(groups))
    for group in groups:
        if not group.n >= 1.0:
            raise UnsupportedTest(f"{group.label} has no values; anova needs at least one in each group")
    n = math.fsum(group.n for group in groups)
    # The grand mean from differences to one of the means: the digits of a large common offset are not lost.
    origin = groups[0].mean
    grand = math.fsum(group.n * (group.mean - origin) for group in groups) / n
    between = math.fsum(group.n * (group.mean - origin - grand) ** 2 for group in groups)
    within = math.fsum((group.n - 1.0) * group.variance for group in groups if group.n > 1.0)
    df_between = len(groups) - 1.0
    df_within = n - len(groups)
    if not df_within > 0.0:
        raise UnsupportedTest("every group has one value; anova needs a group with at least 2")
    if not within > 0.0:
        labels = some([group.label for group in groups])
        raise UnsupportedTest(f"every group is constant ({labels}); anova needs values that differ within a group")
    f = (between / df_between) / (within / df_within)
    return {
        **{"SSb": between, "SSw": within, "Dfb": df_between, "Dfw": df_within},
        **{"MSb": between / df_between, "MSw": within / df_within, "F": f},
        **{"Ssgamma": between + within, "Dfgamma": df_between + df_within, "P": f_upper(f, df_between, df_within)},
    }


def anova(request: MetricRequest) -> Plan:
    """Compare two or more continuous inputs, or one in the groups that binary targets make.

    A category among the targets stands for its members, those without rows left out.
    """
    inputs = request.attributes(request.inputs)
    for a in inputs:
        if a.binary:
            raise InputError(f"{request.metric} takes continuous inputs, and {a.label!r} is binary; make it a target")
    if not inputs:
        raise InputError(f"{request.metric} takes two or more continuous inputs, or one with binary targets; got none")
    if not request.targets:
        _require_two(len(inputs))
        return lambda statistics: one_way([statistics.varying_sample(a) for a in inputs])
    given = request.binaries(request.targets)
    if len(inputs) > 1:
        raise InputError(f"{request.metric} with targets takes one continuous input, got {len(inputs)}")
    _require_two(len(given))

    def plan(statistics: Statistics) -> dict[str, float]:
        groups = [(statistics.conditional(inputs[0], binary), binary.implied) for binary in given]
        return one_way([group for group, implied in groups if group.n > 0.0 or not implied])

    return plan


def _require_two(groups: int) -> None:
    if groups < 2:
        raise UnsupportedTest(f"anova compares groups and got {groups}; it needs at least 2")
