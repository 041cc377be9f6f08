"""What the z, t and F tests share: the inputs decide which samples are compared, or with which known value."""

from __future__ import annotations

from collections.abc import Callable

from symjobs._errors import InputError
from symjobs._explore._attributes import Attribute
from symjobs._explore._parameters import KnownValue
from symjobs._explore._plan import Plan
from symjobs._explore._request import MetricRequest
from symjobs._explore._sample import Sample


def comparison(
    request: MetricRequest,
    two: Callable[[Sample, Sample], dict[str, float]],
    one: Callable[[Sample, float], dict[str, float]],
    known: type[KnownValue],
) -> Plan:
    """Return the test that the inputs and targets, taken together, decide.

    Two continuous attributes are compared with each other; one continuous is compared with itself under two binary
    attributes; one continuous alone is compared with the known value.
    """
    attributes = request.attributes((*request.inputs, *request.targets))
    continuous = [a for a in attributes if not a.binary]
    binary = [a for a in attributes if a.binary]
    match continuous, binary:
        case [a, b], []:
            return lambda statistics: two(statistics.varying_sample(a), statistics.varying_sample(b))
        case [a], [b, c]:
            return lambda statistics: two(statistics.conditional(a, b), statistics.conditional(a, c))
        case [a], []:
            value = known.from_text(request.parameters, request.metric).value
            return lambda statistics: one(statistics.sample(a), value)
    raise InputError(
        f"{request.metric} takes two continuous attributes, or one and two binary ones, or one and the parameter "
        f"{known.declared()[0].wire!r}; got {listed(continuous, 'continuous')} and {listed(binary, 'binary')}"
    )


def known_value(
    request: MetricRequest,
    one: Callable[[Sample, float], dict[str, float]],
    known: type[KnownValue],
) -> Plan:
    """Return the test of one continuous attribute against a known value."""
    attributes = request.attributes((*request.inputs, *request.targets))
    if len(attributes) != 1 or attributes[0].binary:
        kinds = ", ".join(a.described for a in attributes)
        raise InputError(f"{request.metric} takes one continuous attribute, got {kinds or 'none'}")
    value = known.from_text(request.parameters, request.metric).value
    return lambda statistics: one(statistics.sample(attributes[0]), value)


def listed(attributes: list[Attribute], kind: str) -> str:
    """Write attributes for a message: ``2 binary ('a', 'b')``."""
    names = ", ".join(repr(a.label) for a in attributes)
    return f"{len(attributes)} {kind} ({names})" if names else f"no {kind}"
