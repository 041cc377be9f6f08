"""The parameters of a project: a string map on the wire, typed here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from symjobs._errors import InputError
from symjobs._parameters import flag
from symjobs._project._filter import RowFilter
from symjobs._project._types import check_types
from symjobs._text import near, shown

MISSING_POLICIES = ("pairwise", "listwise", "error")


@dataclass(frozen=True, slots=True)
class Params:
    """What a project was created with.

    Attributes
    ----------
    row_filter : RowFilter or None
        Only rows that pass it are learnt and forgotten.
    rolling_window : int or None
        How many of the last rows the project stands for.
    missing : str
        ``pairwise`` (default), ``listwise`` or ``error``.
    joint_squares : bool
        Whether sums of (xy)^2 are kept for every pair, so that the conditional variance of `bi` is known for any y.
    types : dict of str to str
        Declared type letters by column.
    """

    row_filter: RowFilter | None = None
    rolling_window: int | None = None
    missing: Literal["pairwise", "listwise", "error"] = "pairwise"
    joint_squares: bool = False
    types: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, params: Mapping[str, Any]) -> Params:
        """Read a map whose values are text, as on the wire, or Python values; InputError names a bad one."""
        readers: dict[str, Callable[[Any], Any]] = {
            "row_filter": lambda value: RowFilter(value) if value not in (None, "") else None,
            "rolling_window": _positive,
            "missing": _policy,
            "joint_squares": lambda value: flag({"joint_squares": str(value)}, "joint_squares"),
            "types": _types,
        }
        if not isinstance(params, Mapping):
            raise InputError(f"the project parameters must be a map, got {shown(params)}")
        values = {}
        for name, value in params.items():
            if name not in readers:
                raise InputError(f"unknown project parameter {name!r}; {near(str(name), list(readers))}")
            values[name] = readers[name](value)
        return cls(**values)


def as_text(params: Mapping[str, Any]) -> dict[str, str]:
    """Return parameters as the string map of a ProjectInfo."""
    return {name: _text(value) for name, value in params.items()}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return json.dumps(dict(value) if isinstance(value, Mapping) else value)


def _positive(value: Any) -> int | None:
    if value in (None, ""):
        return None
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        number = 0
    if isinstance(value, bool) or number < 1 or (isinstance(value, float) and value != number):
        raise InputError(f"rolling_window is a number of rows, 1 or more, got {shown(value)}")
    return number


def _policy(value: Any) -> str:
    if value not in MISSING_POLICIES:
        raise InputError(f"missing is one of {', '.join(MISSING_POLICIES)}, got {value!r}")
    return str(value)


def _types(value: Any) -> dict[str, str]:
    if isinstance(value, str):
        try:
            value = json.loads(value) if value else {}
        except ValueError as error:
            raise InputError(f'the parameter types must be a JSON object such as {{"a": "C"}}: {error}') from None
    return check_types(value, "the parameter types")
