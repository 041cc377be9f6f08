"""Row filters: ``Iris_setosa==1;petal_width>=0.2``.

A filter is a list of conditions joined by ``;`` (and). A condition is a column, one of ``== != < <= > >=`` and a
value. Names and values that hold ``;``, quotes or an operator stand in double quotes. A missing value never matches,
not even ``!=``. For an L column ``==`` asks for a member, and for a category ``column$member`` counts as 0 or 1.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from symjobs._errors import InputError
from symjobs._state._schema import Schema
from symjobs._tables import Batch, Column, labels_of
from symjobs._tables._types import DENSE, SEPARATOR
from symjobs._text import near

_COMPARE: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_NAME = re.compile(r'\s*(?:"([^"]+)"|([^\s"=!<>;][^"=!<>;]*))')
_OPERATOR = re.compile(r"\s*(==|!=|<=|>=|<|>)(?!=)")
_VALUE = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([^\s;"'=!<>][^;"'=!<>]*))\s*(?=;|$)""")


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of a column with a value."""

    name: str
    operator: str
    value: str


class RowFilter:
    """Which rows of a batch are taken.

    Parameters
    ----------
    text : str
        Conditions as above.

    Raises
    ------
    InputError
        If the text is no list of conditions; the message has the position, counted from 0.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.conditions = _parse(text)

    def mask(self, batch: Batch, start: int, stop: int, schema: Schema, types: Mapping[str, str]) -> np.ndarray:
        """Return whether all conditions hold, for each of the rows start..stop of a batch."""
        taken = np.ones(stop - start, dtype=bool)
        for condition in self.conditions:
            taken &= _holds(condition, batch, start, stop, schema, types)
        return taken


def _parse(text: str) -> list[Condition]:
    if not isinstance(text, str) or not text.strip(" ;"):
        raise InputError(f"the row filter {text!r} holds no condition; write it as 'column>=0.2;other==1'")
    conditions = []
    at = 0
    while text[at:].strip(" ;"):
        at += len(text[at:]) - len(text[at:].lstrip(" ;"))
        name, at = _take(_NAME, text, at, "a column name")
        sign, at = _take(_OPERATOR, text, at, "one of == != < <= > >=")
        value, at = _take(_VALUE, text, at, "a value (in quotes if it holds ; or an operator) and then ; or the end")
        conditions.append(Condition(name, sign, value))
    return conditions


def _take(pattern: re.Pattern[str], text: str, at: int, what: str) -> tuple[str, int]:
    match = pattern.match(text, at)
    if match is None:
        found = repr(text[at : at + 12]) if text[at:].strip() else "the end"
        raise InputError(f"row filter {text!r}: expected {what} at position {at}, found {found}")
    found = match[match.lastindex or 0]
    bare = match.lastindex == pattern.groups  # the last alternative of a pattern is the one without quotes
    return found.strip() if bare else found, match.end()


def _holds(
    condition: Condition, batch: Batch, start: int, stop: int, schema: Schema, types: Mapping[str, str]
) -> np.ndarray:
    name = condition.name
    column = batch.column(name)
    if column is not None:
        letter = _letter(column, schema, types)
        if letter in DENSE:
            return _compare_numbers(condition, column.numbers(start, stop))
        return _compare_texts(condition, column, start, stop, letter)
    for cut in [at for at, char in enumerate(name) if char == SEPARATOR]:
        column = batch.column(name[:cut])
        if column is not None and (letter := _letter(column, schema, types)) in ("T", "L"):
            numbers = _has_label(column, name[cut + 1 :], letter)
            return _compare_numbers(condition, numbers[column.texts()[0][start:stop]])
    if name in schema.fields or name in schema.index:  # a known column that is missing in this batch
        return np.zeros(stop - start, dtype=bool)
    raise InputError(f"the row filter asks for an unknown column {name!r}; {near(name, batch.names)}")


def _letter(column: Column, schema: Schema, types: Mapping[str, str]) -> str:
    known = schema.fields.get(column.name)
    letter = types.get(column.name) or (known.type if known is not None else None)
    if letter is None or letter == "X":
        letter = column.letter() or "S"
    return letter


def _compare_numbers(condition: Condition, numbers: np.ndarray) -> np.ndarray:
    try:
        value = float(condition.value)
    except ValueError:
        raise InputError(
            f"the row filter compares the numeric column {condition.name!r} with {condition.value!r}, not a number"
        ) from None
    return _COMPARE[condition.operator](numbers, value) & (numbers == numbers)


def _compare_texts(condition: Condition, column: Column, start: int, stop: int, letter: str) -> np.ndarray:
    if condition.operator not in ("==", "!="):
        raise InputError(
            f"the row filter asks {condition.name}{condition.operator}{condition.value}, but {condition.name!r} holds "
            "text, which takes only == and !="
        )
    has = _has_label(column, condition.value, letter)[column.texts()[0][start:stop]]
    return has == (1.0 if condition.operator == "==" else 0.0)


def _has_label(column: Column, label: str, letter: str) -> np.ndarray:
    # For each coded value whether it has the label; NaN last, where the code -1 of a missing value finds it.
    wanted = labels_of("T", label)[0] if letter == "T" else label
    _, values = column.texts()
    return np.array([*(float(wanted in labels_of(letter, value)) for value in values), np.nan])
