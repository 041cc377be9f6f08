"""Daily rainfall in mm of more than 30 at a place in south-west England, 1914 to 1962: 152 of 17,531 days.

Coles and Tawn, "Modelling extremes of the areal rainfall process" (JRSS B, 1996); Coles, "An Introduction to
Statistical Modeling of Extreme Values" (2001), example 1.6 and section 4.4.1. The whole series is data set ``rain`` of
R's ismev.
"""

from __future__ import annotations

import numpy as np

DAYS = 17_531
LEVEL = 30.0
ABOVE = np.array(
    """
    31.8 32.5 31.8 44.5 30.5 43.2 35.6 38.1 32 31.8 33 39.1 30.5 31.8 32.3 33 30.5 32.5 48.5 35.3 40.6 30.5 34.3
    32.8 30.5 45.7 31.8 33.5 33.5 31.8 34.8 35.3 37.8 76.7 32.3 34 33.8 36.6 30.5 45.7 86.6 35.6 47.8 47.5 34.3 48.5
    30.7 43.4 59.4 35.1 53.3 33.5 30.5 30.2 40.9 42.7 83.3 54.9 59.2 31.8 37.3 32.5 34 67.3 31.2 30.2 36.1 36.8 38.4
    31 33.3 47 32 33 38.1 30.5 72.4 34.3 37.1 33 40.9 39.9 47 36.3 30.5 30.5 55.9 31.8 51.3 85.3 41.9 30.5 33 35.6
    55.9 44.2 38.1 34.3 31.8 32 31.8 35.6 45.2 30.5 39.4 30.2 44.5 31.8 33.8 51.6 35.3 59.4 33.5 35.3 30.5 36.8 47.8
    42.9 37.6 55.4 35.3 42.4 33 33 40.1 34.8 38.1 39.4 34 35.6 34.3 33.5 31 36.6 36.3 38.4 38.1 47 31 30.5 31.2 35.6
    48.8 41.9 31.7 31.2 51.3 33.5 37.6 39.4 39.4 45.7
    """.split(),  # noqa: SIM905  as a table
    dtype=np.float64,
)
