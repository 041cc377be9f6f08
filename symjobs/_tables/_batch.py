"""A batch: rows of a table that are learnt together, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from symjobs._errors import InputError
from symjobs._tables._cells import BadCell
from symjobs._tables._columns import Column, NumberColumn
from symjobs._text import is_utf8, shown


class Batch:
    """Some rows of a table.

    Parameters
    ----------
    n_rows : int
    columns : sequence of Column
        Names are distinct and not empty.
    types : dict of str to str, optional
        Type letters that came with the data.
    place : str, optional
        The place of the batch in the data, as the beginning of an error message.
    first_row : int, optional
        Number of the batch's first row in its table.
    alone : bool, optional
        Whether the data is known to hold no other batch.
    """

    matrix: Any = None

    def __init__(
        self,
        n_rows: int,
        columns: Sequence[Column],
        *,
        types: dict[str, str] | None = None,
        place: str = "",
        first_row: int = 0,
        alone: bool = False,
    ) -> None:
        self.n_rows = n_rows
        self.columns = columns
        self.names = tuple(column.name for column in columns)
        check_names(self.names)
        self.types = types or {}
        self.place = place
        self.first_row = first_row
        self.alone = alone

    def column(self, name: str) -> Column | None:
        """Return the column of this name, or None."""
        return self._by_name.get(name)

    @cached_property
    def _by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    def where(self, row: int) -> str:
        """Return the place of a row in words."""
        return f"{self.place}row {self.first_row + row}"

    def error(self, bad: BadCell) -> InputError:
        """Return the error that says where a bad value of the batch is, and what is wrong with it."""
        return InputError(f"column {bad.column!r}, {self.where(bad.row)}: {shown(bad.value)} {bad.problem}")


class MatrixBatch(Batch):
    """A two-dimensional real array with one name for each column; `columns` is computed on first use.

    The array may be a CuPy array. It stays on its device if it is learnt as a whole; its columns are on the host.
    """

    def __init__(self, matrix: Any, names: tuple[str, ...], *, alone: bool = True) -> None:
        self.matrix = matrix
        self.n_rows = matrix.shape[0]
        self.names = names
        self.types = {}
        self.place = ""
        self.first_row = 0
        self.alone = alone

    @cached_property
    def columns(self) -> Sequence[Column]:  # type: ignore[override]
        check_names(self.names)
        matrix = self.matrix if isinstance(self.matrix, np.ndarray) else self.matrix.get()
        return [NumberColumn.of_array(name, matrix[:, j]) for j, name in enumerate(self.names)]


def check_names(names: Sequence[str]) -> None:
    """Raise InputError unless every column has a name of its own."""
    seen: set[str] = set()
    for position, name in enumerate(names):
        if not name:
            raise InputError(f"column {position} has an empty name; name it, since columns are matched by name")
        if name in seen:
            raise InputError(f"two columns are named {name!r} (the second is column {position}); rename one of them")
        check_utf8(name)
        seen.add(name)


def check_utf8(name: str) -> None:
    """Raise InputError if a name, of a column or of a category's member, cannot be written as UTF-8."""
    if not is_utf8(name):
        raise InputError(
            f"the name {shown(name)} holds a lone surrogate, which is no character; read the data in its own encoding"
        )
