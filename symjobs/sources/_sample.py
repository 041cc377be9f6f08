"""The first rows of a source, as a DataFrame entity."""

from __future__ import annotations

import contextlib
import math
from typing import Any

from symjobs._entities import DataFrame
from symjobs._tables._cells import cell_text
from symjobs.sources._source import Source


def sample_of(source: Source, most: int) -> DataFrame:
    """Return the first rows of a source with the type letters of its columns."""
    rows: list[list[Any]] = []
    names, letters = source.attribute_names, source.attribute_types
    with contextlib.closing(source.batches()) as batches:  # type: ignore[type-var]
        for table, _ in batches:
            known = set(table.schema.names)
            columns = [
                list(map(_text, table.column(name).slice(0, most - len(rows)).to_pylist())) if name in known else None
                for name in names
            ]
            count = min(table.num_rows, most - len(rows))
            rows += [list(row) for row in zip(*(column or [""] * count for column in columns), strict=True)]
            if len(rows) >= most:
                break
    return DataFrame(list(names), list(letters), rows)


def _text(cell: Any) -> str:
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    if isinstance(cell, bool):
        return str(int(cell))
    return cell_text(cell)
