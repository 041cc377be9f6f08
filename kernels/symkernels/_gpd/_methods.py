"""What a fit may be, by which name; shared by the loops and the generic body."""

from __future__ import annotations

LIKELIHOOD, PWM, MOMENTS, EMPIRICAL = 0, 1, 2, 3
METHODS = ("likelihood", "pwm", "moments", "empirical")
FEW = 5  # fewer excesses than this do not tell a shape
LOWEST, HIGHEST = -1.0, 10.0  # shapes
