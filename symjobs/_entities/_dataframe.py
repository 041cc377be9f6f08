"""DataFrame: a small table of text on the wire."""
# ruff: noqa: N815 - the names of the wire

from __future__ import annotations

from typing import TypeAlias

import msgspec

from symjobs._entities._numbers import number_text
from symjobs._errors import InputError

Cell: TypeAlias = str | int | float | bool | None

TYPE_LETTERS = "CBSLTX"


class DataFrame(msgspec.Struct):
    """A table as the wire carries it.

    Parameters
    ----------
    attributeNames : list of str
        One name a column.
    attributeTypes : list of str
        One letter a column: ``C`` continuous, ``B`` binary (0/1), ``S`` string, ``L`` list (``|a|b``),
        ``T`` category, ``X`` ignored. With an empty list the types are inferred from the data.
    data : list of list of str
        One inner list a row. Numbers, booleans and None are allowed, too. They become text on the wire; None becomes
        the empty string. An empty string, None, ``NaN`` and ``NA`` are missing.

    Raises
    ------
    InputError
        If the numbers of names, types and values in a row do not agree, or a type letter is unknown.

    Examples
    --------
    >>> import symjobs as sj
    >>> frame = sj.DataFrame(["height", "town"], ["C", "T"], [["1.7", "Bern"], ["NaN", "Chur"]])
    >>> sj.Project("people").learn(frame).snapshot().names
    ('height', 'town$bern', 'town$chur')
    """

    attributeNames: list[str]
    attributeTypes: list[str] = []
    data: list[list[Cell]] = []

    def __post_init__(self) -> None:
        n = len(self.attributeNames)
        if self.attributeTypes and len(self.attributeTypes) != n:
            raise InputError(f"{len(self.attributeTypes)} attributeTypes for {n} attributeNames")
        for name, letter in zip(self.attributeNames, self.attributeTypes, strict=False):
            if len(letter) != 1 or letter not in TYPE_LETTERS:
                raise InputError(f"attribute {name!r} has type {letter!r}; allowed are {', '.join(TYPE_LETTERS)}")
        for i, row in enumerate(self.data):
            if len(row) != n:
                raise InputError(f"data row {i} has {len(row)} values; there are {n} attributeNames")

    def as_text(self) -> DataFrame:
        """Return the table with every cell as text; self if all are text already."""
        if all(type(cell) is str for row in self.data for cell in row):
            return self
        return DataFrame(self.attributeNames, self.attributeTypes, [[_text(cell) for cell in row] for row in self.data])


def _text(cell: Cell) -> str:
    if isinstance(cell, str):
        return cell
    if cell is None:
        return ""
    return number_text(cell)
