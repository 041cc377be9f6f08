"""Information gain."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from symjobs._errors import InputError, UnsupportedTest
from symjobs._explore._attributes import Category, members
from symjobs._explore._plan import Plan
from symjobs._explore._request import MetricRequest
from symjobs._explore._statistics import Statistics


def information_gain(observed: ArrayLike, label: str = "the table") -> dict[str, float]:
    """Return what the input tells about the target: H(target) - H(target | input), in bits.

    The terms are summed as the divergence of the table from the product of its margins, so that the result is not a
    difference of two larger numbers. It is never negative.

    Parameters
    ----------
    observed : (r, c) array_like
        Counts: one row a value of the input, one column a value of the target.
    label : str, optional
        What error messages call it.

    References
    ----------
    Quinlan (1986), "Induction of decision trees", Machine Learning 1, 81-106; the same number as the mutual
    information of Shannon (1948).
    """
    table = np.asarray(observed, dtype=np.float64)
    n = table.sum()
    if not n > 0.0:
        raise UnsupportedTest(f"{label} has no row where both the input and the target are present")
    expected = table.sum(axis=1)[:, None] * (table.sum(axis=0) / n)
    seen = table > 0.0
    gain = float((table[seen] * np.log2(table[seen] / expected[seen])).sum() / n)
    return {"gain": max(gain, 0.0)}


def gain(request: MetricRequest) -> Plan:
    """Return the gain of one input about one target, each a binary attribute or a category."""
    names = (*request.inputs, *request.targets)
    if len(names) != 2:
        raise InputError(f"{request.metric} takes one input and one target, got {len(names)} attributes in all")
    source, target = (request.discrete(name) for name in names)

    def plan(statistics: Statistics) -> dict[str, float]:
        joint = statistics.joint(members(source), members(target))
        # A category's members share the rows among them; a binary attribute has the rows where it is 0, too.
        table = joint.both
        zeros = joint.column - joint.both
        if not isinstance(target, Category):
            table = np.hstack([joint.both, joint.row - joint.both])
            zeros = np.hstack([zeros, joint.present - joint.row - zeros])
        if not isinstance(source, Category):
            table = np.vstack([table, zeros])
        return information_gain(table, f"{names[0]} and {names[1]}")

    return plan
