"""Parameters come as text; here they become numbers and flags, or an error that names them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from symjobs._entities import number_text
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


def integer(parameters: Mapping[str, str], name: str, default: int | None = None) -> int:
    """Return the parameter as a whole number, exact however large; without a default it is required."""
    if default is not None and name not in parameters:
        return default
    value, text = number(parameters, name), parameters[name]
    if value != int(value):
        raise InputError(f"parameter {name!r} must be a whole number, got {text!r}")
    try:
        return int(text)
    except ValueError:  # such as 1e3
        return int(value)


def positive(parameters: Mapping[str, str], name: str) -> float:
    """Return the parameter as a finite number above zero; it is required."""
    value = number(parameters, name)
    if not value > 0.0:
        raise InputError(f"parameter {name!r} must be above 0, got {parameters[name]!r}")
    return value


def one_of(parameters: Mapping[str, str], name: str, allowed: Sequence[str], default: str) -> str:
    """Return the parameter, which is one of a few words."""
    text = parameters.get(name, default)
    if text not in allowed:
        raise InputError(f"parameter {name!r} must be one of {', '.join(allowed)}, got {text!r}")
    return text


def text_parameters(given: Mapping[str, object], what: str) -> dict[str, str]:
    """Return parameters as text; Python's booleans and numbers are taken too."""
    if not isinstance(given, Mapping):
        raise InputError(f"{what} must be a map of parameters, got {given!r}")
    return {str(name): _text(value, f"{what}[{name!r}]") for name, value in given.items()}


def _text(value: object, what: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number_text(value)
    raise InputError(f"{what} must be text, a number or a boolean, got {value!r}")
