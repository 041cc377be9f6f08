"""The parameters of the metrics."""

from __future__ import annotations

from symjobs._parameters import Flag, Number, Parameters, parameter


class UnbiasedParameters(Parameters):
    """Of the metrics ``uni`` and ``bi``."""

    unbiased: bool = parameter("unbiased", Flag(), "divide by n - 1 instead of n", default=False)


class ZTestParameters(Parameters):
    """Of the metrics ``ztest`` and ``ztestmu`` for one input."""

    value: float = parameter("sml_explore_ztest_known_mu", Number(), "the known mean")


class TTestParameters(Parameters):
    """Of the metrics ``ttest`` and ``ttestmu`` for one input."""

    value: float = parameter("sml_explore_ttest_known_mu", Number(), "the known mean")


class FTestParameters(Parameters):
    """Of the metrics ``ftest`` and ``ftestmu`` for one input."""

    value: float = parameter("sml_explore_ftest_known_sigma", Number(0, open_low=True), "the known standard deviation")


KnownValue = ZTestParameters | TTestParameters | FTestParameters
