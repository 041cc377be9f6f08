"""Fits of generalized Pareto tails."""

from __future__ import annotations

from ._fit import GPDFit, fit_gpd

__all__ = ["GPDFit", "fit_gpd"]
