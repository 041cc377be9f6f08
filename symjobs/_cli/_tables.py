"""Answers as tables for people, from what a client of the job resource gets."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

Cell: TypeAlias = str | int | float | None
Maps: TypeAlias = Sequence[tuple[str, list[str]]]  # of each map of a KSVSMap: a title, and the names of its two columns


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


def lay_out(
    values: Mapping[str, Any], labels: Sequence[str] = (), maps: Maps = (("answer", ["key", "value"]),)
) -> list[Table]:
    """Return the ``values`` of a finished job's response as tables.

    Parameters
    ----------
    values : mapping
        Entities by their key, as plain JSON.
    labels : sequence of str, optional
        What to call each map of a KSVDMap: the inputs that were asked for.
    maps : sequence of (str, list of str), optional
        A title and two column names for each map of a KSVSMap; further maps are left out.
    """
    return list(_tables(values, labels, maps))


def _tables(values: Mapping[str, Any], labels: Sequence[str], maps: Maps) -> Iterator[Table]:
    if "KSVSMap" in values:
        for (title, header), entries in zip(maps, values["KSVSMap"]["values"], strict=False):
            if entries:
                yield Table(title, header, [[number(key), _entry(text)] for key, text in entries.items()])
    if "KSVDMap" in values:
        statistics = values["KSVDMap"]["values"]
        keys = list(dict.fromkeys(key for entries in statistics for key in entries))
        names = labels or [f"map {place}" for place in range(1, len(statistics) + 1)]
        rows = [[name, *(entries.get(key) for key in keys)] for name, entries in zip(names, statistics, strict=True)]
        yield Table("statistics", ["inputs", *keys], rows)
    if "dataframe" in values:
        frame = values["dataframe"]
        yield Table("rows", frame["attributeNames"], [list(map(number, row)) for row in frame["data"]])
    # The answer of an exploration has the project, too. Show the statistics only.
    alone = [values["smlInfo"]] if set(values) == {"smlInfo"} else []
    infos = values["smlInfoList"]["values"] if "smlInfoList" in values else alone
    if infos:
        yield Table("projects", ["project", "attributes", "type", "hash"], [_project(info) for info in infos])


def _project(info: Mapping[str, Any]) -> list[Cell]:
    return [info["pid"], ", ".join(info["attributeNames"]), info["type"], info["hash"]]


def _entry(text: str) -> Cell:
    # The dependencies of an attribute are JSON: a map from attributes to coefficients.
    if not text.startswith("{"):
        return number(text)
    return ", ".join(f"{name} ({value:.6g})" for name, value in json.loads(text).items()) or "nothing: it is constant"


def number(text: Any) -> Cell:
    """Return a number inside a string as a number; other text, "NaN" and "Infinity" too, stays text."""
    try:
        value = float(text)
    except (TypeError, ValueError):
        return str(text)
    return value if value - value == 0 else str(text)
