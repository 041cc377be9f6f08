"""Answers as tables: what a client of the job resource gets, laid out for people."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from symjobs._errors import MissingDependency

Cell: TypeAlias = str | int | float | None

_MOST_COLUMNS = 9


@dataclass(frozen=True)
class Table:
    """A title, the names of the columns, and rows of text and numbers (None: undefined)."""

    title: str
    header: list[str]
    rows: list[list[Cell]]

    def write_csv(self, path: Path) -> None:
        """Write header and rows as a CSV file."""
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(self.header)
            writer.writerows(self.rows)


def tables(values: Mapping[str, Any], labels: Sequence[str]) -> list[Table]:
    """Lay out the ``values`` of a finished job's response.

    Parameters
    ----------
    values : mapping
        Entities by their key, as plain JSON.
    labels : sequence of str
        What to call each map of a KSVDMap: the inputs that were asked for.
    """
    return list(_tables(values, labels))


def _tables(values: Mapping[str, Any], labels: Sequence[str]) -> Iterator[Table]:
    if "pcaValues" in values:
        yield _eigenvalues(values["pcaValues"], values["pcaSumValues"])
        vectors = values["pcaVectors"]
        rows = [[row[0], *map(_number, row[1:])] for row in vectors["data"]]
        yield Table("eigenvectors", vectors["attributeNames"], rows)
    if "KSVSMap" in values:
        for entries in values["KSVSMap"]["values"]:
            yield Table("answer", ["key", "value"], [[_number(key), _number(text)] for key, text in entries.items()])
    if "KSVDMap" in values:
        maps = values["KSVDMap"]["values"]
        keys = list(dict.fromkeys(key for entries in maps for key in entries))
        rows = [[label, *(entries.get(key) for key in keys)] for label, entries in zip(labels, maps, strict=True)]
        yield Table("statistics", ["inputs", *keys], rows)
    if "dataframe" in values:
        frame = values["dataframe"]
        yield Table("rows", frame["attributeNames"], [list(map(_number, row)) for row in frame["data"]])
    infos = [values["smlInfo"]] if "smlInfo" in values else values.get("smlInfoList", {}).get("values", [])
    if infos:
        yield Table("projects", ["project", "attributes", "type", "hash"], [_project(info) for info in infos])


def _eigenvalues(frame: Mapping[str, Any], total: float | None) -> Table:
    rows: list[list[Cell]] = []
    explained = 0.0
    for name, text in zip(frame["attributeNames"], frame["data"][0] if frame["data"] else [], strict=True):
        value = float(text)
        explained += value
        shares: list[Cell] = [value / total, explained / total] if total else [None, None]
        rows.append([name, value, *shares])
    return Table("eigenvalues", ["component", "eigenvalue", "explained", "cumulated"], rows)


def _project(info: Mapping[str, Any]) -> list[Cell]:
    return [info["pid"], ", ".join(info["attributeNames"]), info["type"], info["hash"]]


def _number(text: Any) -> Cell:
    # Numbers inside strings are numbers to people; "NaN" and "Infinity" stay words.
    try:
        value = float(text)
    except (TypeError, ValueError):
        return str(text)
    return value if value - value == 0 else str(text)


def require_rich() -> None:
    """Raise MissingDependency if tables cannot be drawn."""
    _rich()


def show(found: Sequence[Table], *, heading: str) -> None:
    """Print tables to standard output.

    A table of few rows and many columns is turned on its side; columns that do not fit a page are counted, not shown.
    """
    console_class, table_class = _rich()
    console = console_class()
    if not console.is_terminal:
        console = console_class(width=200)  # a file or a pipe has no width to fit
    console.print(heading, style="bold", highlight=False, soft_wrap=True)
    for table in found:
        header, rows, left_out = _fit(table)
        drawn = table_class(title=table.title, title_justify="left", title_style="bold cyan")
        for position, name in enumerate(header):
            numeric = position > 0 and all(not isinstance(row[position], str) for row in rows)
            drawn.add_column(name, justify="right" if numeric else "left", overflow="fold")
        for row in rows:
            drawn.add_row(*map(_text, row))
        console.print(drawn)
        if left_out:
            console.print(f"and {left_out} more columns; --json prints all", highlight=False)


def _fit(table: Table) -> tuple[list[str], list[list[Cell]], int]:
    if len(table.rows) <= 4 and len(table.header) > _MOST_COLUMNS:
        turned = [list(column) for column in zip(*table.rows, strict=True)]
        header = ["", *(str(name) for name in turned[0])]
        return header, [[key, *column] for key, column in zip(table.header[1:], turned[1:], strict=True)], 0
    kept = _MOST_COLUMNS
    return table.header[:kept], [row[:kept] for row in table.rows], max(0, len(table.header) - kept)


def _text(cell: Cell) -> str:
    if cell is None:
        return "undefined"
    return f"{cell:.6g}" if isinstance(cell, float) else str(cell)


def _rich() -> tuple[Any, Any]:
    try:
        from rich.console import Console
        from rich.table import Table as RichTable
    except ImportError:
        raise MissingDependency("rich", "cli", "printing tables (not --json)") from None
    return Console, RichTable
