"""Single cells: which are missing, and how text reads as a number."""

from __future__ import annotations

import math
from typing import Any

from symjobs._entities import number_text

MISSING_TEXTS = frozenset({"", "null", "NaN", "NA"})


class BadCell(Exception):
    """A value that its column cannot hold. ``row`` counts from the first row of the batch."""

    def __init__(self, column: str, row: int, value: object, problem: str) -> None:
        super().__init__(column, row, value, problem)
        self.column = column
        self.row = row
        self.value = value
        self.problem = problem


def is_missing(cell: Any) -> bool:
    """Whether a Python object stands for a missing value: None, NaN, pandas' NA and NaT, or a missing text."""
    if cell is None:
        return True
    if isinstance(cell, str):
        return cell.strip() in MISSING_TEXTS
    if type(cell).__name__ in ("NAType", "NaTType"):  # compared by the name of the type, as pandas is not imported here
        return True
    return isinstance(cell, float) and math.isnan(cell)


def is_number(cell: Any) -> bool:
    """Whether a Python object is a real number or a boolean (NumPy's scalars and Decimal too), and not text."""
    kind = getattr(getattr(cell, "dtype", None), "kind", None)
    if kind is not None:
        return kind in "fiub"
    return isinstance(cell, int | float) or type(cell).__name__ in ("Decimal", "Fraction")


def parse_number(text: str) -> float:
    """Read text as a float64; ValueError if it is not a number. ``1_000``, which Python would take, is not."""
    if "_" in text:
        raise ValueError(text)
    return float(text)


def is_list(cell: Any) -> bool:
    """Whether a Python object is a list of values."""
    return isinstance(cell, list | tuple) or getattr(cell, "ndim", 0) == 1


def cell_text(cell: Any) -> str:
    """Return the text of a cell as a category or text column has it: 1 and 1.0 are both ``1``, True is ``true``."""
    if isinstance(cell, str):
        return str(cell)
    if isinstance(cell, bool) or getattr(getattr(cell, "dtype", None), "kind", "") == "b":
        return "true" if cell else "false"
    if is_list(cell):
        return "|" + "|".join(cell_text(item) for item in cell)
    if is_number(cell):
        value = float(cell)
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else number_text(value)
    return str(cell)
