"""From the text of a CSV file's cells to typed columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from symjobs._tables._arrow import values_of
from symjobs.sources._dialect import FALSE_TEXTS, TRUE_TEXTS, Dialect, Kind
from symjobs.sources._numerals import parse_time, parse_times


@dataclass(frozen=True, slots=True)
class BadText:
    """A text that does not fit its column, the row of the block, from 0, and what is wrong with it."""

    row: int
    text: str
    problem: str


class Cells:
    """Converts columns of one file's text to Arrow arrays; blanks around a value are left aside.

    Values that do not fit are missing in the result, and are added to the list `bad` of a call.
    """

    def __init__(self, dialect: Dialect) -> None:
        import pyarrow as pa
        import pyarrow.compute

        self._pa, self._pc = pa, pyarrow.compute
        self._numerals = dialect.numerals
        self._known = {kind: dialect.missing_in(kind) for kind in Kind}
        self._missing = {kind: self.texts(sorted(known)) for kind, known in self._known.items()}
        self._true, self._false = self.texts(sorted(TRUE_TEXTS)), self.texts(sorted(FALSE_TEXTS))
        self._no_text, self._no_flag = pa.nulls(1, pa.string())[0], pa.nulls(1, pa.bool_())[0]

    def texts(self, texts: Iterable[str]) -> Any:
        """Return an array of text; `pa.array`, as `pa.scalar`, would import pandas."""
        coded = [text.encode("utf-8", "replace") for text in texts]
        return self.texts_of(np.cumsum([len(text) for text in coded], dtype=np.int32), b"".join(coded))

    def texts_of(self, ends: np.ndarray, data: Any) -> Any:
        """Return an array of texts that follow each other, from where they end."""
        offsets = np.concatenate((np.zeros(1, np.int32), ends))
        buffers = [self._pa.py_buffer(offsets), self._pa.py_buffer(data)]
        return self._pa.StringArray.from_buffers(len(ends), *buffers)

    def numbers_of(self, values: np.ndarray) -> Any:
        """Return an array of float64 over the same memory."""
        return self._pa.Array.from_buffers(self._pa.float64(), len(values), [None, self._pa.py_buffer(values)])

    def converted(self, texts: Any, kind: Kind, bad: list[BadText]) -> Any:
        """Return a column of some kind from an array of text."""
        trimmed = self._present(texts, kind)
        if kind is Kind.NUMBER:
            return self._numbers(trimmed, bad)
        if kind is Kind.FLAG:
            return self._flags(trimmed, bad)
        if kind is Kind.TIME:
            try:
                return parse_times(trimmed)
            except ValueError:
                return self._each(trimmed, _time, bad)
        present = self._pc.if_else(trimmed.is_valid(), texts, self._no_text)
        return present if kind is Kind.TEXT else self.coded(present.dictionary_encode(), kind)

    def coded(self, column: Any, kind: Kind) -> Any:
        """Return a category or a list (``|a|b``) from a dictionary of text, in which padded missing values are null."""
        pc = self._pc
        texts = self._present(column.dictionary, kind)
        if kind is Kind.LIST:
            return pc.split_pattern(pc.utf8_trim(texts, "|"), "|").take(column.indices)
        if not texts.null_count:
            return column
        texts = pc.if_else(texts.is_valid(), column.dictionary, self._no_text)
        return texts.take(column.indices).dictionary_encode()

    def number(self, row: int, text: str, bad: list[BadText]) -> float:
        """Return the number that one text is, NaN if it means missing."""
        text = text.strip()
        try:
            return math.nan if text in self._known[Kind.NUMBER] else self._number(text)
        except ValueError as error:
            bad.append(BadText(row, text, str(error)))
            return math.nan

    def any_infinite(self, numbers: Any) -> bool:
        """Whether any number is infinite."""
        return bool(np.isinf(values_of(numbers)).any())

    def _present(self, texts: Any, kind: Kind) -> Any:
        """Return the texts without blanks around them, null where they mean missing."""
        trimmed = self._pc.utf8_trim_whitespace(texts)
        absent = self._pc.is_in(trimmed, value_set=self._missing[kind])
        return self._pc.if_else(absent, self._no_text, trimmed)

    def _numbers(self, texts: Any, bad: list[BadText]) -> Any:
        try:
            numbers = self._numerals.parse_all(texts)
        except ValueError:
            return self._each(texts, self._number, bad)
        return self._each(texts, self._number, bad) if self.any_infinite(numbers) else numbers

    def _flags(self, texts: Any, bad: list[BadText]) -> Any:
        true, false = (self._pc.is_in(texts, value_set=values) for values in (self._true, self._false))
        known = self._pc.or_(true, false)
        if self._pc.sum(known).as_py() != len(texts) - texts.null_count:
            self._each(texts, _flag, bad)
        return self._pc.if_else(known, true, self._no_flag)

    def _number(self, text: str) -> float:
        # ValueError, here and below, says what is wrong with the text.
        try:
            value = self._numerals.parse(text)
        except ValueError:
            raise ValueError(f"{text!r} is not a number") from None
        if math.isinf(value):
            raise ValueError(f"{text!r} is infinite")
        return value

    def _each(self, texts: Any, read: Callable[[str], float], bad: list[BadText]) -> Any:
        values = np.full(len(texts), math.nan)
        for row, text in enumerate(texts.to_pylist()):
            if text is not None:
                try:
                    values[row] = read(text)
                except ValueError as error:
                    bad.append(BadText(row, text, str(error)))
        return self.numbers_of(values)


def _flag(text: str) -> float:
    if text in TRUE_TEXTS or text in FALSE_TEXTS:
        return float(text in TRUE_TEXTS)
    raise ValueError(f"{text!r} is neither true nor false")


def _time(text: str) -> float:
    try:
        return parse_time(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no date or time ({error})") from None
