"""Parameters come as text; here they become numbers and flags, or an error that names them."""

from __future__ import annotations

import math
from collections.abc import Mapping

from symjobs._errors import InputError

_TRUE, _FALSE = ("true", "1"), ("false", "0", "")


def flag(parameters: Mapping[str, str], name: str, default: bool = False) -> bool:
    """Return the parameter as a boolean: ``true`` or ``false`` (or 1 or 0), in any case."""
    text = parameters.get(name)
    if text is None:
        return default
    word = text.strip().lower()
    if word not in _TRUE + _FALSE:
        raise InputError(f"parameter {name!r} must be true or false, got {text!r}")
    return word in _TRUE


def number(parameters: Mapping[str, str], name: str, default: float | None = None) -> float:
    """Return the parameter as a finite number; without a default it is required."""
    text = parameters.get(name)
    if text is None:
        if default is None:
            raise InputError(f"parameter {name!r} is required; give it a number")
        return default
    try:
        value = math.nan if "_" in text else float(text)  # Python takes 1_000
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"parameter {name!r} must be a finite number, got {text!r}")
    return value


def integer(parameters: Mapping[str, str], name: str, default: int) -> int:
    """Return the parameter as a whole number."""
    value = number(parameters, name, float(default))
    if value != int(value):
        raise InputError(f"parameter {name!r} must be a whole number, got {parameters[name]!r}")
    return int(value)


def positive(parameters: Mapping[str, str], name: str) -> float:
    """Return the parameter as a finite number above zero; it is required."""
    value = number(parameters, name)
    if not value > 0.0:
        raise InputError(f"parameter {name!r} must be above 0, got {parameters[name]!r}")
    return value
