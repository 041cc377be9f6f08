"""How a CSV file writes numbers and times: decimal comma, groups of thousands, per cent, currency, ISO dates."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import product
from typing import Any

from symjobs._errors import InputError
from symjobs._tables._cells import parse_number
from symjobs._text import shell_option

_MARKS = ".,' _\u00a0\u202f\u2019"  # what separates groups of thousands somewhere
_CURRENCIES = "$€£¥₹"
_SOME = 1000  # values that decide which way of writing numbers is tried on all
_ZONE = r"(?:[Zz]|[+-]\d\d(?::?\d\d)?)$"
_TIME = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d(?::\d\d(?::\d\d(?:[.,]\d{1,9})?)?)?\s?(?:[Zz]|[+-]\d\d(?::?\d\d)?)?)?", re.ASCII
)
_END_OF_DAY = re.compile(r"(?<=[T ])24(?=(?::00){0,2}(?:[.,]0+)?(?![\d:.,]))")
_DAY = 86400.0
TIME_FORMS = "2024-01-31, 2024-01-31 12:30 or 2024-01-31T12:30:59.5+01:00"


@dataclass(frozen=True)
class Numerals:
    """How numbers are written.

    Attributes
    ----------
    decimal : str
        The decimal mark, ``.`` or ``,``.
    thousands : str
        What separates groups of three digits; empty for nothing.
    percent : bool
        Whether a number may end with ``%``, which divides it by 100.
    currency : str
        Signs that may stand before or after a number.
    """

    decimal: str = "."
    thousands: str = ""
    percent: bool = False
    currency: str = ""

    def __post_init__(self) -> None:
        if self.decimal not in (".", ","):
            raise InputError(f"decimal is {self.decimal!r}; allowed are '.' and ','")
        if not isinstance(self.thousands, str) or (self.thousands and self.thousands not in _MARKS):
            raise InputError(f"thousands is {self.thousands!r}; it must be one of , . ' _ or a blank, or ''")
        if self.thousands == self.decimal:
            raise InputError(f"thousands and decimal are both {self.decimal!r}; give another mark to one of them")
        if not isinstance(self.percent, bool):
            raise InputError(f"percent is {self.percent!r}; it must be True or False")
        if not isinstance(self.currency, str) or re.search(r"[\w.,%+\-\s]", self.currency):
            raise InputError(f"currency is {self.currency!r}; it must be signs such as '$€', no letters")

    @property
    def is_plain(self) -> bool:
        """Whether pyarrow converts such numbers by itself."""
        return not (self.thousands or self.percent or self.currency)

    def parse(self, text: str) -> float:
        """Return the number that a text without blanks around it is; ValueError if it is none."""
        number = text
        if self.currency:
            sign, rest = (number[0], number[1:]) if number[:1] in ("+", "-") else ("", number)
            number = sign + rest.strip(self.currency).strip()
        is_percent = self.percent and number.endswith("%")
        if is_percent:
            number = number[:-1].rstrip()
        if self.thousands and self.thousands in number:
            if not self._grouped.match(number):
                raise ValueError(text)
            number = number.replace(self.thousands, "")
        if self.decimal == ",":
            if "." in number:
                raise ValueError(text)
            number = number.replace(",", ".")
        value = parse_number(number)
        return value / 100 if is_percent else value

    def reads(self, text: str) -> bool:
        """Whether a text is a number."""
        try:
            self.parse(text)
        except ValueError:
            return False
        return True

    @cached_property
    def _grouped(self) -> re.Pattern[str]:
        return re.compile(rf"^[+-]?\d{{1,3}}(?:{re.escape(self.thousands)}\d{{3}})+(?:{re.escape(self.decimal)}\d*)?$")

    def parse_all(self, texts: Any) -> Any:
        """Return an Arrow array of texts as float64; ValueError if any may need `parse`."""
        import pyarrow as pa
        import pyarrow.compute as pc

        def found(pattern: str) -> bool:
            return bool(pc.any(pc.match_substring(texts, pattern)).as_py())

        for mark in self.currency:
            if found(mark):
                texts = pc.replace_substring_regex(texts, rf"^([+-]?){re.escape(mark)}\s*|\s*{re.escape(mark)}$", r"\1")
        percent = None
        if self.percent and found("%"):
            percent = pc.ends_with(texts, "%")
            texts = pc.replace_substring_regex(texts, r"\s*%$", "")
            if found("%"):
                raise ValueError
        if self.thousands and found(self.thousands):
            odd = pc.and_(
                pc.match_substring(texts, self.thousands),
                pc.invert(pc.match_substring_regex(texts, self._grouped.pattern.replace(r"\d", "[0-9]"))),
            )
            if pc.any(odd).as_py():
                raise ValueError
            texts = pc.replace_substring(texts, self.thousands, "")
        if self.decimal == ",":
            if found("."):
                raise ValueError
            texts = pc.replace_substring(texts, ",", ".")
        try:
            numbers = pc.cast(texts, pa.float64())
        except pa.ArrowInvalid as error:
            raise ValueError from error
        return numbers if percent is None else pc.if_else(percent, pc.divide(numbers, 100.0), numbers)


def is_time(text: str) -> bool:
    """Whether `parse_time` reads a text."""
    try:
        parse_time(text)
    except ValueError:
        return False
    return True


def parse_time(text: str) -> float:
    """Return the seconds since 1970 of an ISO date and time, UTC where it names no zone; ValueError says why not."""
    if not _TIME.fullmatch(text):
        raise ValueError(f"forms that are read are {TIME_FORMS}")
    start, ends = _END_OF_DAY.subn("00", text)
    found = datetime.fromisoformat(start.upper().replace(" Z", "Z"))
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return found.timestamp() + ends * _DAY


def parse_times(texts: Any) -> Any:
    """Return an Arrow array of ISO dates and times as seconds since 1970; ValueError if any may need `parse_time`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    zoned = pc.and_(pc.match_substring(texts, ":"), pc.match_substring_regex(texts, _ZONE))
    nothing = pa.nulls(1, pa.string())[0]
    try:
        local = pc.cast(pc.if_else(zoned, nothing, texts), pa.timestamp("us"))
        world = pc.cast(pc.if_else(zoned, texts, nothing), pa.timestamp("us", "UTC"))
    except pa.ArrowInvalid as error:
        raise ValueError from error
    return seconds(pc.coalesce(local.cast(pa.int64()), world.cast(pa.int64())))


def seconds(microseconds: Any) -> Any:
    """Return an Arrow array of microseconds, int64, as seconds, float64."""
    import pyarrow.compute as pc

    return pc.divide(pc.cast(microseconds, "float64", safe=False), 1e6)


def better_numerals(texts: Sequence[str], given: Numerals) -> Numerals | None:
    """Return how numbers are written if most of the texts are numbers of another kind than the given one, else None."""
    if 2 * sum(text[:1].isalpha() for text in texts) > len(texts):
        return None
    some = texts[:: max(1, len(texts) // _SOME)]
    others = (sign for sign in _CURRENCIES if sign not in given.currency and any(sign in text for text in some))
    signs = {given.currency, given.currency + "".join(others)}
    percents = {given.percent, given.percent or any(text.endswith("%") for text in some)}
    marks = dict.fromkeys((given.thousands, "", *(mark for mark in _MARKS if any(mark in text for text in some))))
    best, most = None, sum(map(given.reads, some))
    for currency, percent in product(sorted(signs), sorted(percents)):
        for decimal, thousands in product((given.decimal, "," if given.decimal == "." else "."), marks):
            if decimal == thousands:
                continue
            numerals = Numerals(decimal, thousands, percent, currency)
            if (count := sum(map(numerals.reads, some))) > most:
                best, most = numerals, count
    return best if best is not None and 2 * sum(map(best.reads, texts)) >= len(texts) else None


def options_of(numerals: Numerals, given: Numerals) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the arguments of Python, and the options of the command line, that declare how numbers are written."""
    python, shell = [], []
    for name in ("decimal", "thousands", "percent", "currency"):
        value = getattr(numerals, name)
        if value != getattr(given, name):
            python.append(f"{name}={value!r}")
            shell.append(f"--{name}" if value is True else shell_option(f"--{name}", value))
    return tuple(python), tuple(shell)
