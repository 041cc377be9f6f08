"""The first rows of a source, as a DataFrame entity."""

from __future__ import annotations

import contextlib
import math
from typing import Any

from symjobs._entities import DataFrame
from symjobs._tables import read_table
from symjobs._tables._cells import cell_text
from symjobs.sources._source import Source


def sample_of(source: Source, most: int) -> DataFrame:
    """Return the first rows of a source with the type letters of its columns, also of those in later files only."""
    letters = dict(zip(source.attribute_names, source.attribute_types, strict=True))
    columns: dict[str, list[str]] = {name: [] for name in letters}
    count = 0
    with contextlib.closing(source.batches()) as batches:  # type: ignore[type-var]
        for table, _ in batches:
            part = table.slice(0, most - count)
            for column in next(iter(read_table(part))).columns:
                letters.setdefault(column.name, column.letter() or "S")
                values = columns.setdefault(column.name, [])
                values += [""] * (count - len(values))
                values += map(_text, part.column(column.name).to_pylist())
            count += part.num_rows
            if count >= most:
                break
    for values in columns.values():
        values += [""] * (count - len(values))
    return DataFrame(list(letters), list(letters.values()), [list(row) for row in zip(*columns.values(), strict=True)])


def _text(cell: Any) -> str:
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    if isinstance(cell, bool):
        return str(int(cell))
    return cell_text(cell)
