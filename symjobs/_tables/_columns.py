"""The columns of a batch, whatever library holds them, read slice by slice.

A column is never converted as a whole. `numbers` returns a slice, as a view if the library allows it, and the caller
writes it into its block. Values are copied only there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from symjobs._tables._cells import MISSING_TEXTS, BadCell, cell_text, is_list, is_missing, is_number, parse_number

_SCAN_ROWS = 256
NOT_A_NUMBER = "is not a number; correct it, leave it empty if it is missing, or declare the column T, L or S"
_A_TIME = "is a date or time; make numbers of the column first, such as seconds since a start, or declare it T"
_A_DURATION = "is a duration; make numbers of the column first: divide it by a unit, such as a second"
_TOO_LARGE = "is too large for a float64; make it missing or smaller"


class Column(ABC):
    """One column of a batch.

    Attributes
    ----------
    name : str
    n_rows : int
    dtype : numpy.float32 or numpy.float64
        The narrowest of the two that holds its numbers.
    """

    dtype: type[np.floating[Any]] = np.float64

    def __init__(self, name: str, n_rows: int) -> None:
        self.name = name
        self.n_rows = n_rows
        self._coded: tuple[np.ndarray, list[str]] | None = None

    @abstractmethod
    def letter(self) -> str | None:
        """Return the type that the contract infers, or None while every value is missing and untyped."""

    @abstractmethod
    def numbers(self, start: int, stop: int) -> np.ndarray:
        """Return rows start..stop as numbers, NaN where missing; BadCell where a value is not a number."""

    def texts(self) -> tuple[np.ndarray, list[str]]:
        """Return ``(codes, values)``: for each row the position of its text in values, or -1 where it is missing."""
        if self._coded is None:
            self._coded = self._texts()
        return self._coded

    @abstractmethod
    def _texts(self) -> tuple[np.ndarray, list[str]]: ...


class NumberColumn(Column):
    """Numbers or booleans; ``read(start, stop)`` gives a real array with NaN for missing."""

    def __init__(
        self,
        name: str,
        n_rows: int,
        read: Callable[[int, int], np.ndarray],
        *,
        single: bool = False,
        flag: bool = False,
    ) -> None:
        super().__init__(name, n_rows)
        self._read = read
        self._flag = flag
        if single:
            self.dtype = np.float32

    @classmethod
    def of_array(cls, name: str, values: np.ndarray) -> NumberColumn:
        """Wrap a one-dimensional real or boolean NumPy array; nothing is copied."""
        kind = values.dtype.kind
        single = kind == "f" and values.dtype.itemsize <= 4
        return cls(name, len(values), lambda start, stop: values[start:stop], single=single, flag=kind == "b")

    @classmethod
    def _unpickled(cls, name: str, values: np.ndarray, single: bool, flag: bool) -> NumberColumn:
        return cls(name, len(values), lambda start, stop: values[start:stop], single=single, flag=flag)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the numbers, whatever library holds them."""
        single = self.dtype is np.float32
        return self._unpickled, (self.name, np.asarray(self.numbers(0, self.n_rows)), single, self._flag)

    def letter(self) -> str:
        start, step = 0, _SCAN_ROWS
        while start < self.n_rows:
            if not is_binary(self.numbers(start, min(start + step, self.n_rows))):
                return "C"
            start, step = start + step, 16 * step  # most columns that are not binary show it in their first values
        return "B"

    def numbers(self, start: int, stop: int) -> np.ndarray:
        return self._read(start, stop)

    def _texts(self) -> tuple[np.ndarray, list[str]]:
        values, codes = np.unique(self.numbers(0, self.n_rows), return_inverse=True)
        codes = codes.reshape(-1).astype(np.intp)
        if values.dtype.kind == "f" and len(values) and np.isnan(values[-1]):  # unique sorts NaN last, and once
            codes[codes == len(values) - 1] = -1
            values = values[:-1]
        flag = self._flag
        return codes, [cell_text(bool(value) if flag else value) for value in values.tolist()]


class TextColumn(Column):
    """Text or categories; ``encode()`` returns (codes, values) of all rows, ``head(m)`` the values of the first m."""

    def __init__(
        self,
        name: str,
        n_rows: int,
        encode: Callable[[], tuple[np.ndarray, list[Any]]],
        *,
        categorical: bool,
        head: Callable[[int], list[Any]] = lambda _: [],
    ) -> None:
        super().__init__(name, n_rows)
        self._encode = encode
        self._categorical = categorical
        self._head = head
        self._parsed: tuple[np.ndarray, np.ndarray] | None = None

    @classmethod
    def _unpickled(cls, name: str, codes: np.ndarray, values: list[str], categorical: bool) -> TextColumn:
        return cls(name, len(codes), lambda: (codes, values), categorical=categorical)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle codes and values, whatever library holds them."""
        return self._unpickled, (self.name, *self.texts(), self._categorical)

    def letter(self) -> str | None:
        if self._categorical:
            return "T"
        if not all(map(is_missing, self._head(_SCAN_ROWS))):
            return "S"  # so that columns that are not learnt are not encoded, either
        return "S" if (self.texts()[0] >= 0).any() else None

    def numbers(self, start: int, stop: int) -> np.ndarray:
        codes, values = self.texts()
        if self._parsed is None:
            self._parsed = _parse_each(values)
        numbers, bad = self._parsed
        codes = codes[start:stop]
        wrong = bad[codes]
        if wrong.any():
            row = int(np.argmax(wrong))
            raise BadCell(self.name, start + row, values[codes[row]], NOT_A_NUMBER)
        return numbers[codes]

    def _texts(self) -> tuple[np.ndarray, list[str]]:
        codes, values = self._encode()
        texts = [None if is_missing(value) else cell_text(value) for value in values]
        kept = [text for text in texts if text is not None]
        if len(kept) < len(texts):
            place = np.array([-1 if text is None else 0 for text in texts] + [-1], dtype=np.intp)
            place[place == 0] = np.arange(len(kept))
            codes = place[codes]
        return codes.astype(np.intp, copy=False), kept


class TimeColumn(Column):
    """Dates and times, or durations: text, unless it is declared a column of numbers, which it is not."""

    def __init__(self, texts: Column, *, durations: bool = False) -> None:
        super().__init__(texts.name, texts.n_rows)
        self._inner, self._durations = texts, durations

    def letter(self) -> str | None:
        return self._inner.letter()

    def numbers(self, start: int, stop: int) -> np.ndarray:
        codes, values = self.texts()
        present = np.flatnonzero(codes[start:stop] >= 0)
        if len(present):
            row = start + int(present[0])
            raise BadCell(self.name, row, values[codes[row]], _A_DURATION if self._durations else _A_TIME)
        return np.full(stop - start, np.nan)

    def _texts(self) -> tuple[np.ndarray, list[str]]:
        return self._inner.texts()


class ObjectColumn(Column):
    """Python objects: the cells of an entity, or of an object array.

    With ``parse``, text that is a number counts as a number when the type is inferred, as in data from the wire.
    """

    def __init__(self, name: str, values: list[Any], *, parse: bool = False) -> None:
        super().__init__(name, len(values))
        self._values = values
        self._parse = parse

    def letter(self) -> str | None:
        letter = None
        for cell in self._values:
            if is_missing(cell):
                continue
            if is_list(cell):
                return "L"
            try:
                value = self._number(cell)
            except ValueError:
                return "C" if self._mostly_numbers() else "S"
            except OverflowError:  # an integer too large for a float64; `numbers` says where
                value = np.inf
            if letter != "C":
                letter = "B" if value in (0, 1) else "C"
        return letter

    def _mostly_numbers(self) -> bool:
        """Whether most values are Python numbers, so that a text among them is an error, which `numbers` reports.

        As a text column it would silently lose its numbers. On the wire everything may be text.
        """
        cells = [cell for cell in self._values if not is_missing(cell)]
        return not self._parse and 2 * sum(map(is_number, cells)) > len(cells)

    def _number(self, cell: Any) -> float:
        if is_number(cell):
            return float(cell)
        if self._parse and isinstance(cell, str):
            return parse_number(cell)
        raise ValueError(cell)

    def numbers(self, start: int, stop: int) -> np.ndarray:
        # The type is numeric, so text that is a number is taken, also outside of the wire.
        numbers = np.empty(stop - start)
        for i, cell in enumerate(self._values[start:stop]):
            if type(cell) is float:
                numbers[i] = cell
                continue
            try:
                if isinstance(cell, str):
                    numbers[i] = np.nan if cell.strip() in MISSING_TEXTS else parse_number(cell)
                else:
                    numbers[i] = np.nan if is_missing(cell) else float(cell)
            except (TypeError, ValueError):
                raise BadCell(self.name, start + i, cell, NOT_A_NUMBER) from None
            except OverflowError:
                raise BadCell(self.name, start + i, cell, _TOO_LARGE) from None
        return numbers

    def _texts(self) -> tuple[np.ndarray, list[str]]:
        place: dict[str, int] = {}
        codes = np.empty(self.n_rows, dtype=np.intp)
        for i, cell in enumerate(self._values):
            try:
                codes[i] = -1 if is_missing(cell) else place.setdefault(cell_text(cell), len(place))
            except OverflowError:
                raise BadCell(self.name, i, cell, _TOO_LARGE) from None
        return codes, list(place)


def _parse_each(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the texts as numbers, and which of them are no numbers. The last element of each is for the code -1."""
    numbers = np.full(len(texts) + 1, np.nan)
    bad = np.zeros(len(texts) + 1, dtype=bool)
    for i, text in enumerate(texts):
        try:
            numbers[i] = parse_number(text)
        except ValueError:
            bad[i] = True
    return numbers, bad


def is_binary(values: np.ndarray) -> bool:
    """Whether an array holds nothing but 0, 1 and NaN."""
    if values.dtype.kind == "b":
        return True
    return not bool(((values != 0) & (values != 1) & (values == values)).any())
