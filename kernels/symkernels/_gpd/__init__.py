"""Fits of generalized Pareto tails."""

from __future__ import annotations

from ._fit import GPDFit, fit_gpd
from ._level import check_level

__all__ = ["GPDFit", "check_level", "fit_gpd"]
