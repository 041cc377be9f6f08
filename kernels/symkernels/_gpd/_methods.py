"""Names of the estimators and limits of the shape, for all bodies."""

from __future__ import annotations

LIKELIHOOD, PWM, MOMENTS, EMPIRICAL = 0, 1, 2, 3
METHODS = ("likelihood", "pwm", "moments", "empirical")
FEW = 5  # excesses, below which no shape is fitted
LOWEST, HIGHEST = -1.0, 10.0  # shapes
