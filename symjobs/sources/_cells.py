"""From the text of a CSV file's cells to typed columns, where pyarrow's own conversion does not take a value."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symjobs._errors import InputError
from symjobs._tables._arrow import values_of
from symjobs._tables._cells import parse_number
from symjobs._text import types_option
from symjobs.sources._dialect import FALSE_TEXTS, TRUE_TEXTS, Dialect, Kind


class BadText(Exception):
    """A text that does not fit its column, and the row of the batch, from 0."""

    def __init__(self, row: int, text: str, problem: str) -> None:
        super().__init__(row, text, problem)
        self.row, self.text, self.problem = row, text, problem


class Cells:
    """Converts columns of one file's text to Arrow arrays; blanks around a value are left aside."""

    def __init__(self, dialect: Dialect) -> None:
        import pyarrow as pa
        import pyarrow.compute

        self._pa, self._pc = pa, pyarrow.compute
        self._missing = self._texts(sorted(dialect.missing))
        self._true, self._false = self._texts(TRUE_TEXTS), self._texts(FALSE_TEXTS)
        self._no_text, self._no_flag = pa.nulls(1, pa.string())[0], pa.nulls(1, pa.bool_())[0]

    def _texts(self, texts: Sequence[str]) -> Any:
        # `pa.array`, as `pa.scalar`, would import pandas.
        coded = [text.encode() for text in texts]
        ends = np.cumsum([0, *map(len, coded)], dtype=np.int32)
        return self._pa.StringArray.from_buffers(
            len(coded), self._pa.py_buffer(ends), self._pa.py_buffer(b"".join(coded))
        )

    def converted(self, texts: Any, kind: Kind) -> Any:
        """Return a column of some kind from an array of text; `BadText` for the first value that does not fit."""
        trimmed = self._present(texts)
        if kind is Kind.NUMBER:
            return self._numbers(trimmed)
        if kind is Kind.FLAG:
            return self._flags(trimmed)
        present = self._pc.if_else(trimmed.is_valid(), texts, self._no_text)
        return present if kind is Kind.TEXT else self.coded(present.dictionary_encode(), kind)

    def coded(self, column: Any, kind: Kind) -> Any:
        """Return a category or a list (``|a|b``) from a dictionary of text, in which padded missing values are null."""
        pc = self._pc
        texts = self._present(column.dictionary)
        if kind is Kind.LIST:
            return pc.split_pattern(pc.utf8_trim(texts, "|"), "|").take(column.indices)
        if not texts.null_count:
            return column
        texts = pc.if_else(texts.is_valid(), column.dictionary, self._no_text)
        return texts.take(column.indices).dictionary_encode()

    def _present(self, texts: Any) -> Any:
        """Return the texts without blanks around them, null where they mean missing."""
        trimmed = self._pc.utf8_trim_whitespace(texts)
        absent = self._pc.is_in(trimmed, value_set=self._missing)
        return self._pc.if_else(absent, self._no_text, trimmed)

    def _numbers(self, texts: Any) -> Any:
        try:
            numbers = self._pc.cast(texts, self._pa.float64())
        except self._pa.ArrowInvalid:
            return self._pa.array(_each(texts, _number), self._pa.float64())
        if self.any_infinite(numbers):
            _each(texts, _number)
        return numbers

    def any_infinite(self, numbers: Any) -> bool:
        """Whether any number is infinite."""
        return bool(np.isinf(values_of(numbers)).any())

    def _flags(self, texts: Any) -> Any:
        true, false = (self._pc.is_in(texts, value_set=values) for values in (self._true, self._false))
        known = self._pc.or_(true, false)
        if self._pc.sum(known).as_py() != len(texts) - texts.null_count:
            _each(texts, _flag)
        return self._pc.if_else(known, true, self._no_flag)


def _each(texts: Any, read: Callable[[str], float | bool]) -> list[float | bool | None]:
    values: list[float | bool | None] = []
    for row, text in enumerate(texts.to_pylist()):
        try:
            values.append(None if text is None else read(text))
        except ValueError as error:
            raise BadText(row, text, str(error)) from None
    return values


def _number(text: str) -> float:
    # ValueError, here and below, says what is wrong with the text.
    try:
        value = parse_number(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None
    if math.isinf(value):
        raise ValueError(f"{text!r} is infinite")
    return value


def _flag(text: str) -> bool:
    if text in TRUE_TEXTS or text in FALSE_TEXTS:
        return text in TRUE_TEXTS
    raise ValueError(f"{text!r} is neither true nor false")


def bad_cell(place: str, name: str, kind: Kind, bad: BadText, *, sent: bool) -> InputError:
    """Return the error for a value that does not fit its column; `sent`: the file is a client's, who has no Python."""
    what = f"{place}, column {name!r}: {bad.problem}, and the column holds {kind.value}; correct it"
    if sent:
        return InputError(f"{what}, leave it empty if it is missing, or declare the column S (text)")
    return InputError(
        f"{what}, or declare the column text: types={{{name!r}: 'S'}} ({types_option(name, 'S')}); "
        f"if it means missing: missing=({bad.text!r},) (--na {shlex.quote(bad.text)})"
    )
