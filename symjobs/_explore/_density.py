"""Densities: which share of an attribute's values lies in each of some bins, of all rows or of those of a group."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from symjobs._entities import Density
from symjobs._errors import InputError, SymjobsError
from symjobs._explore._attributes import Attribute
from symjobs._explore._request import MetricRequest
from symjobs._explore._statistics import Statistics
from symjobs._parameters import Integer, Number, Parameters, parameter


class DensityParameters(Parameters):
    """The bins of a density."""

    bins: int = parameter("hist_bins", Integer(1, 10_000), "number of bins", default=20)
    low: float | None = parameter("hist_min", Number(), "where the bins begin; by default at the minimum", default=None)
    high: float | None = parameter("hist_max", Number(), "where the bins end; by default at the maximum", default=None)

    def check(self) -> None:
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise InputError(f"hist_min must be below hist_max, got {self.low:g} and {self.high:g}")


MOST = 1_000_000  # values in one answer


def check_size(values: int) -> None:
    """Raise InputError if an answer has too many values."""
    if values > MOST:
        raise InputError(f"the answer would have more than {MOST:,} values; ask for fewer bins or attributes")


def densities(request: MetricRequest, statistics: Statistics) -> list[Density]:
    """Return the shares of the values of each input, from the quantile sketches of the project.

    An input that has none gets an entry that says why.
    """
    bins = DensityParameters.from_text(request.parameters, request.metric)
    if request.targets:
        raise InputError(f"{request.metric} takes no targets; a conditional density does")
    check_size(len(request.inputs) * bins.bins)
    return [_filled(one, one.label, bins, statistics, _below) for one in request.attributes(request.inputs)]


def conditional_densities(request: MetricRequest, statistics: Statistics) -> list[Density]:
    """Return the shares of each input in the rows where a binary target is 1, one entry for each pair.

    A project keeps mean and variance of each group, and no sketch of it: the shares are those of a normal law with the
    group's mean and variance. A binary input has its own two shares.
    """
    bins = DensityParameters.from_text(request.parameters, request.metric)
    given = request.binaries(request.targets)
    if not given:
        raise InputError(f"{request.metric} needs a binary target or a category, whose rows are the condition")

    check_size(len(request.inputs) * len(given) * bins.bins)

    def below(target: Attribute) -> Callable[[Statistics, Attribute], Callable[[np.ndarray], np.ndarray]]:
        return lambda statistics, attribute: _normal(statistics, attribute, target)

    return [
        _filled(one, f"{one.label}|{target.label}", bins, statistics, below(target))
        for one in request.attributes(request.inputs)
        for target in given
    ]


def _filled(
    attribute: Attribute,
    label: str,
    bins: DensityParameters,
    statistics: Statistics,
    law: Callable[[Statistics, Attribute], Callable[[np.ndarray], np.ndarray]],
) -> Density:
    low, high = (
        float(extremes[attribute.index]) if given is None else given
        for extremes, given in zip(statistics.extremes, (bins.low, bins.high), strict=True)
    )
    if not math.isfinite(low) or not math.isfinite(high):
        return Density(label, error="there are no values")
    if not low < high:  # one value: a bin around it
        low, high = low - 0.5, low + 0.5
    edges = np.linspace(low, high, bins.bins + 1)
    edges[-1] = np.nextafter(high, np.inf)  # the last bin holds its upper end
    try:
        shares = np.diff(law(statistics, attribute)(edges))
    except SymjobsError as error:
        return Density(label, min=low, max=high, error=str(error))
    return Density(label, min=low, max=high, width=(high - low) / bins.bins, histogram=shares.tolist())


def _below(statistics: Statistics, attribute: Attribute) -> Callable[[np.ndarray], np.ndarray]:
    # The share of the values below a point.
    snapshot = statistics.snapshot
    if not snapshot.histogram:
        raise InputError("the project keeps no histograms; create it with enableHistogram=true")
    sketch = snapshot.sketch(attribute.index)
    if sketch is not None and sketch.n:
        return lambda x: np.asarray(sketch.rank(x, inclusive=False))
    if attribute.binary and snapshot.quantile(attribute.index, 0.5) is not None:  # the member of a category
        return _two_points(float(statistics.mean[attribute.index]))
    raise InputError("its histogram is not known, as rows were forgotten or merged; rebuild the project")


def _normal(statistics: Statistics, attribute: Attribute, target: Attribute) -> Callable[[np.ndarray], np.ndarray]:
    group = statistics.conditional(attribute, target)
    if not group.n > 0.0:
        raise InputError(f"there are no rows with {target.label}")
    if attribute.binary:
        return _two_points(group.mean)
    group.require_spread()
    from scipy.special import ndtr  # slow to import

    deviation = math.sqrt(group.variance)
    return lambda x: ndtr((x - group.mean) / deviation)


def _two_points(share: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: np.where(x > 0.0, 1.0 - share, 0.0) + np.where(x > 1.0, share, 0.0)
