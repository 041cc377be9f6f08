"""A metric in two steps: a request is checked, and becomes a plan that reads the statistics."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from symjobs._explore._request import MetricRequest
from symjobs._explore._statistics import Statistics

Plan: TypeAlias = Callable[[Statistics], dict[str, float]]
Metric: TypeAlias = Callable[[MetricRequest], Plan]
