"""Checks of parameters that are numbers."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ._errors import DataError


def check_integer(value: Any, name: str, least: int = 1) -> int:
    """Return ``value`` as an integer.

    Raises `TypeError` for what is no integer (a boolean is none), `ValueError` for one below ``least``.
    """
    if isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, got {value!r}") from None
    if number < least:
        raise ValueError(f"{name} must be {least} or more, got {number}")
    return number


def check_fraction(value: Any, name: str) -> float:
    """Return ``value`` as a float; raises `DataError` unless it is above 0 and below 1."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise DataError(f"{name} must be a number between 0 and 1, got {value!r}") from None
    if not 0.0 < number < 1.0:
        raise DataError(f"{name} must lie between 0 and 1, both excluded, got {number:g}")
    return number
