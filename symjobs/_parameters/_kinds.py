"""Kinds of parameters: what a value may be, in text and in Python."""

from __future__ import annotations

import math
import operator
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from symjobs._entities import number_text

_TRUE, _FALSE = ("true", "1"), ("false", "0", "")
_LARGEST = 2**63 - 1  # what clients of the wire hold in an integer


class Kind(ABC):
    """What the values of a parameter may be.

    Each method that takes a value raises ValueError if it is not allowed; the caller says which parameter it was, and
    `words`. Where more can be said, it raises InputError with the whole message.

    Attributes
    ----------
    number_is_text : bool
        Whether a number in a map of texts counts as its text.
    hidden : bool
        Whether values are shown nowhere: in no message and no ``repr``.
    """

    number_is_text: ClassVar[bool] = True
    hidden: ClassVar[bool] = False

    @property
    @abstractmethod
    def words(self) -> str:
        """What is allowed, in words that follow "must be"."""

    @abstractmethod
    def parse(self, text: str) -> Any:
        """Return the value that a text stands for."""

    @abstractmethod
    def check(self, value: Any) -> Any:
        """Return a Python value in its normal type."""

    @abstractmethod
    def bad_values(self) -> Sequence[Any]:
        """Return values that are not allowed, for tests: texts, which `parse` refuses, and others."""

    def text(self, value: Any) -> str:
        """Return the text that `parse` reads as this value."""
        return str(value)


@dataclass(frozen=True)
class Integer(Kind):
    """A whole number within bounds, both included. Text such as ``1e3`` is a whole number, too."""

    least: int = -_LARGEST - 1
    most: int = _LARGEST

    @property
    def words(self) -> str:
        if self.least == -_LARGEST - 1:
            return f"a whole number {'that fits into 64 bits' if self.most == _LARGEST else f'of at most {self.most}'}"
        if self.most >= 2**62:  # a limit of 64-bit integers, not of the parameter
            return f"a whole number of at least {self.least}"
        return f"a whole number from {self.least} to {self.most}"

    def parse(self, text: str) -> int:
        number = _finite(text)
        if number != int(number):
            raise ValueError
        try:
            exact = int(text)
        except ValueError:  # such as 1e3
            exact = int(number)
        return self._within(exact)

    def check(self, value: Any) -> int:
        if isinstance(value, bool | np.bool_):
            raise ValueError
        try:
            return self._within(operator.index(value))
        except TypeError:
            raise ValueError from None

    def _within(self, number: int) -> int:
        if not self.least <= number <= self.most:
            raise ValueError
        return number

    def bad_values(self) -> Sequence[Any]:
        outside = [str(self.least - 1), str(self.most + 1), self.least - 1, self.most + 1]
        return ["1.5", "one", "nan", "inf", "1_0", "1" * 400, True, 1.5, None, *outside]


@dataclass(frozen=True)
class Number(Kind):
    """A finite number within bounds, which `open_low` and `open_high` leave out."""

    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False

    @property
    def words(self) -> str:
        if math.isinf(self.low) and math.isinf(self.high):
            return "a finite number"
        if math.isinf(self.high):
            return f"a finite number {'above' if self.open_low else 'of at least'} {self.low:g}"
        if math.isinf(self.low):
            return f"a finite number {'below' if self.open_high else 'of at most'} {self.high:g}"
        if self.open_low and self.open_high:
            return f"a number between {self.low:g} and {self.high:g}, both excluded"
        if self.open_low:
            return f"a number above {self.low:g} and at most {self.high:g}"
        if self.open_high:
            return f"a number of at least {self.low:g} and below {self.high:g}"
        return f"a number from {self.low:g} to {self.high:g}"

    def parse(self, text: str) -> float:
        return self._within(_finite(text))

    def check(self, value: Any) -> float:
        if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
            raise ValueError
        try:
            number = float(value)
        except (TypeError, OverflowError):
            raise ValueError from None
        if not math.isfinite(number):
            raise ValueError
        return self._within(number)

    def _within(self, number: float) -> float:
        low = number > self.low if self.open_low else number >= self.low
        high = number < self.high if self.open_high else number <= self.high
        if not (low and high):
            raise ValueError
        return number

    def text(self, value: Any) -> str:
        return number_text(value)

    def bad_values(self) -> Sequence[Any]:
        bad: list[Any] = [
            "one",
            "nan",
            "inf",
            "-Infinity",
            "1_0",
            "0x1",
            "1e999",
            True,
            None,
            "1,5",
            math.nan,
            math.inf,
        ]
        for bound, is_open, beyond in ((self.low, self.open_low, -1.0), (self.high, self.open_high, 1.0)):
            if math.isfinite(bound):
                outside = bound if is_open else bound + beyond
                bad += [number_text(outside), outside]
        return bad


@dataclass(frozen=True)
class Flag(Kind):
    """True or false; as text ``true``, ``false``, 1 or 0, in any case."""

    @property
    def words(self) -> str:
        return "true or false"

    def parse(self, text: str) -> bool:
        word = text.strip().lower()
        if word not in _TRUE + _FALSE:
            raise ValueError
        return word in _TRUE

    def check(self, value: Any) -> bool:
        if not isinstance(value, bool | np.bool_):
            raise ValueError
        return bool(value)

    def text(self, value: Any) -> str:
        return "true" if value else "false"

    def bad_values(self) -> Sequence[Any]:
        return ["yes", "2", "tru", "none", 2, None, "1.0", ["true"]]


@dataclass(frozen=True, init=False)
class Choice(Kind):
    """One of a few words."""

    allowed: tuple[str, ...]

    def __init__(self, *allowed: str) -> None:
        object.__setattr__(self, "allowed", allowed)

    @property
    def words(self) -> str:
        return f"one of {', '.join(self.allowed)}"

    def parse(self, text: str) -> str:
        return self.check(text)

    def check(self, value: Any) -> str:
        if not isinstance(value, str) or value not in self.allowed:
            raise ValueError
        return value

    def bad_values(self) -> Sequence[Any]:
        return ["no such word", self.allowed[0].upper() + "x", 1, None, [self.allowed[0]]]


@dataclass(frozen=True)
class Text(Kind):
    """Any text that is not blank."""

    @property
    def words(self) -> str:
        return "a text that is not empty"

    def parse(self, text: str) -> str:
        return self.check(text)

    def check(self, value: Any) -> str:
        if not isinstance(value, str) or not value.strip():
            raise ValueError
        return value

    def bad_values(self) -> Sequence[Any]:
        return ["", "  ", 1, None]


@dataclass(frozen=True)
class Secret(Text):
    """A text that is shown nowhere: of printable ASCII characters, none of them a blank."""

    hidden: ClassVar[bool] = True

    @property
    def words(self) -> str:
        return "a text of ASCII characters without blanks"

    def check(self, value: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(r"[!-~]+", value):
            raise ValueError
        return value

    def bad_values(self) -> Sequence[Any]:
        return [*super().bad_values(), "a b", "a\n", "ä"]


@dataclass(frozen=True)
class Either(Kind):
    """A value of one kind or of the other; the first that takes it counts."""

    first: Kind
    second: Kind

    @property
    def words(self) -> str:
        return f"{self.first.words.removeprefix('one of ')} or {self.second.words}"

    def parse(self, text: str) -> Any:
        try:
            return self.first.parse(text)
        except ValueError:
            return self.second.parse(text)

    def check(self, value: Any) -> Any:
        try:
            return self.first.check(value)
        except ValueError:
            return self.second.check(value)

    def text(self, value: Any) -> str:
        try:
            self.first.check(value)
        except ValueError:
            return self.second.text(value)
        return self.first.text(value)

    def bad_values(self) -> Sequence[Any]:
        return [value for value in self.first.bad_values() if value in self.second.bad_values()]


def _finite(text: str) -> float:
    number = math.nan if "_" in text else float(text)  # Python takes 1_000
    if not math.isfinite(number):
        raise ValueError
    return number
