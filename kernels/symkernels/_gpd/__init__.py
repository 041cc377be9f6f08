"""Fits of generalized Pareto tails."""

from __future__ import annotations

from ._fit import fit_gpd
from ._level import check_level, just_above
from ._result import GPDFit

__all__ = ["GPDFit", "check_level", "fit_gpd", "just_above"]
