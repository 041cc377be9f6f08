"""Fits of generalized Pareto tails."""
