"""Answers as tables: what a client of the job resource gets, laid out for people."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

Cell: TypeAlias = str | int | float | None

SHOWN = 20  # flagged rows that a table shows

# What the maps of a KSVSMap hold: a title, and the names of its two columns.
_MAPS = {
    "ExploreVIFJob": [("variance inflation factors", ["input", "VIF"])],
    "SVDFeatureSelectionJob": [
        ("selection", ["input", "verdict"]),
        ("dependencies", ["input", "depends on (times its coefficient)"]),
    ],
}


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


def tables(
    job_type: str,
    values: Mapping[str, Any],
    labels: Sequence[str] = (),
    result: Any = None,
    notes: Mapping[int, str] | None = None,
) -> list[Table]:
    """Lay out the ``values`` of a finished job's response.

    Parameters
    ----------
    job_type : str
        The job's type, which says what the entries of a KSVSMap are.
    values : mapping
        Entities by their key, as plain JSON.
    labels : sequence of str
        What to call each map of a KSVDMap: the inputs that were asked for.
    result : optional
        The job's own result: that of k-means holds the times and centers, that of anomaly flags the thresholds, which
        do not go over the wire.
    notes : mapping of int to str, optional
        What to say of a flagged row, by its number.
    """
    if job_type == "OptimizedKmeansJob":
        return list(_clusters(result))
    if job_type == "DSPredictDataFrameJob":
        return list(_anomalies(result, notes or {}))
    return list(_tables(job_type, values, labels))


def _tables(job_type: str, values: Mapping[str, Any], labels: Sequence[str]) -> Iterator[Table]:
    if "pcaValues" in values:
        yield _eigenvalues(values["pcaValues"], values["pcaSumValues"])
        vectors = values["pcaVectors"]
        rows = [[row[0], *map(_number, row[1:])] for row in vectors["data"]]
        yield Table("eigenvectors", vectors["attributeNames"], rows)
    if job_type == "SVDJob":
        yield _singular_values([float(text) for text in values["KSVSMap"]["values"][0]])
    elif "KSVSMap" in values:
        maps = values["KSVSMap"]["values"]
        for (title, header), entries in zip(_MAPS.get(job_type, [("answer", ["key", "value"])]), maps, strict=False):
            if entries:
                yield Table(title, header, [[_number(key), _entry(text)] for key, text in entries.items()])
    if "KSVDMap" in values:
        maps = values["KSVDMap"]["values"]
        keys = list(dict.fromkeys(key for entries in maps for key in entries))
        rows = [[label, *(entries.get(key) for key in keys)] for label, entries in zip(labels, maps, strict=True)]
        yield Table("statistics", ["inputs", *keys], rows)
    if "dataframe" in values:
        frame = values["dataframe"]
        yield Table("rows", frame["attributeNames"], [list(map(_number, row)) for row in frame["data"]])
    # An exploration brings the project along; people asked for the statistics.
    alone = [values["smlInfo"]] if set(values) == {"smlInfo"} else []
    infos = values["smlInfoList"]["values"] if "smlInfoList" in values else alone
    if infos:
        yield Table("projects", ["project", "attributes", "type", "hash"], [_project(info) for info in infos])


def _clusters(result: Any) -> Iterator[Table]:
    columns = zip(result.ks.tolist(), result.wssse.tolist(), result.silhouette.tolist(), strict=True)
    rows: list[list[Cell]] = []
    for i, (k, *numbers) in enumerate(columns):
        marks = ["largest silhouette"] if k == result.k_silhouette else []
        marks += ["elbow"] if k == result.k_elbow else []
        suggested = "suggested: " if k == result.k else ""
        notes = [f"{suggested}{' and '.join(marks)}"] if marks else []
        if result.n_iter[i] and not result.converged[i]:
            notes.append("stopped by --max-iterations")
        notes += [result.reasons[i]] if result.reasons[i] else []
        known = [None if math.isnan(number) else number for number in numbers]
        rows.append([k, *known, round(float(result.seconds[i]), 4), int(result.n_iter[i]), "; ".join(notes)])
    yield Table(result.why, ["k", "WSSSE", "silhouette", "seconds", "iterations", "note"], rows)
    if result.k is not None:
        at = result.ks.tolist().index(result.k)
        centers, sizes = result.centers[at].tolist(), result.sizes[at].tolist()
        members: list[list[Cell]] = [
            [number, round(size), *center]
            for number, (size, center) in enumerate(zip(sizes, centers, strict=True), start=1)
        ]
        yield Table("centers", ["cluster", "rows", *result.names], members)


def _anomalies(result: Any, notes: Mapping[int, str]) -> Iterator[Table]:
    spot = result.spot
    facts: list[tuple[str, Cell]] = [
        ("rows", result.n_rows),
        ("rows without a score", result.n_missing),
        ("rows of the warm-up", result.n_warmup),
        ("of these above the threshold at the end", _late(result)),
        ("flagged by extreme values (evt)", result.n_flagged),
        (f"above {result.simple_rule}, known from row 1024 (res)", int(result.res.sum())),
        ("threshold at the end", spot.threshold),
    ]
    tails = [("tail", spot.level, spot.tail)]
    if result.lower is not None:
        facts.append(("lower threshold at the end", spot.lower))
        tails.append(("lower tail", spot.lower_level, spot.lower_tail))
    for name, level, fit in tails:
        if fit is not None:
            facts += [(f"{name} begins at", level), (f"{name}, shape", fit.shape), (f"{name}, scale", fit.scale)]
    yield Table(_verdict(result), ["", "value"], [[name, _finite(value)] for name, value in facts])
    rows = most_extreme(result)
    if not len(rows):
        return
    title = "flagged rows" if len(rows) <= SHOWN else f"the {SHOWN} most extreme of {len(rows)} flagged rows"
    columns = {"row": result.id, "score": result.score, "threshold": result.threshold}
    if result.lower is not None:
        columns["lower"] = result.lower
    header = [*columns, *(["furthest from their means (in standard deviations)"] if notes else [])]
    flagged: list[list[Cell]] = [
        [*(array[row].item() for array in columns.values()), *([notes.get(row, "")] if notes else [])]
        for row in rows[:SHOWN].tolist()
    ]
    yield Table(title, header, flagged)


def _late(result: Any) -> int:
    """How many rows of the warm-up would be flagged now."""
    spot, judged = result.spot, ~np.isnan(result.threshold)
    over = result.score > spot.threshold
    if result.lower is not None:
        over |= result.score < spot.lower
    return int((over & ~judged).sum())


def _verdict(result: Any) -> str:
    if result.n_flagged:
        return f"{result.n_flagged} of {result.n_rows} rows flagged at alpha {result.alpha:g}"
    if result.n_remaining:
        return f"no row flagged: {result.reason}, or a shorter warm-up (--warmup)"
    return f"no row flagged: {result.reason or f'no score passed its threshold at alpha {result.alpha:g}'}"


def most_extreme(result: Any) -> np.ndarray:
    """Return the flagged rows of a result: by their score, the largest first; of two sides, by what is beyond."""
    rows = np.flatnonzero(result.evt)
    size = result.score[rows]
    if result.lower is not None:
        size = np.fmax(size - result.threshold[rows], result.lower[rows] - size)
    return rows[np.argsort(-size, kind="stable")]


def _finite(value: Any) -> Cell:
    return None if value is None or not math.isfinite(value) else value


def _eigenvalues(frame: Mapping[str, Any], total: float | None) -> Table:
    rows: list[list[Cell]] = []
    explained = 0.0
    for name, text in zip(frame["attributeNames"], frame["data"][0] if frame["data"] else [], strict=True):
        value = float(text)
        explained += value
        shares: list[Cell] = [value / total, explained / total] if total else [None, None]
        rows.append([name, value, *shares])
    return Table("eigenvalues", ["component", "eigenvalue", "explained", "cumulative"], rows)


def _singular_values(singular: list[float]) -> Table:
    # On the wire each value goes with an input, which means nothing: a value belongs to all of them.
    total = sum(singular)
    rounding = max(len(singular), 32) * sys.float_info.epsilon  # as symkernels.svd counts the rank
    rank = sum(value > rounding * singular[0] for value in singular)
    condition = singular[0] / singular[-1] if singular and rank == len(singular) else math.inf
    title = f"singular values (rank {rank} of {len(singular)}, condition {condition:.4g})"
    rows: list[list[Cell]] = [
        [f"s{i}", value, value / total if total else None] for i, value in enumerate(singular, start=1)
    ]
    return Table(title, ["number", "singular value", "share"], rows)


def _project(info: Mapping[str, Any]) -> list[Cell]:
    return [info["pid"], ", ".join(info["attributeNames"]), info["type"], info["hash"]]


def _entry(text: str) -> Cell:
    # What an attribute depends on comes as JSON: a map from attributes to coefficients.
    if not text.startswith("{"):
        return _number(text)
    return ", ".join(f"{name} ({value:.6g})" for name, value in json.loads(text).items()) or "nothing: it is constant"


def _number(text: Any) -> Cell:
    # Numbers inside strings are numbers to people; "NaN" and "Infinity" stay words.
    try:
        value = float(text)
    except (TypeError, ValueError):
        return str(text)
    return value if value - value == 0 else str(text)
