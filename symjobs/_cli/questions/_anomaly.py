"""``symjobs run anomaly``: a model of the rows of a file, and the rows that are unusual by it."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from symjobs import _plots
from symjobs._arrays import to_host
from symjobs._cli._learn import counted, learn_all, naming, open_source, parse_pairs
from symjobs._cli._tables import Cell, Table
from symjobs._cli._watch import raise_if_interrupted, reading
from symjobs._cli.questions._question import NAMES_HELP, Answer, Question
from symjobs._engine import Request
from symjobs._entities import MLContext, ModelInfo
from symjobs._jobs._predict_frame import DSPredictDataFrameParameters
from symjobs._models import MODEL_TYPES, FixedSizeBlocks, row_scoring_types
from symjobs._project import Project
from symjobs._state._histograms import new_sketch
from symjobs._text import some
from symjobs.sources import Source
from symkernels import GPDFit

_SHOWN = 20  # flagged rows that a table shows
_INPUTS = 3  # inputs that are named for each row
_NEAR = 1.0  # standard deviations from the mean that are not mentioned


@dataclass(frozen=True)
class Scored:
    """A project that has learnt a file and built a model of it, and the file, whose rows are to be scored."""

    project: Project
    model: str
    source: Source


class AnomalyQuestion(Question):
    """A model of all rows, a score of each, and a threshold from extreme values."""

    job_type: ClassVar[str] = "DSPredictDataFrameJob"
    example: ClassVar[str] = "anomaly breast_cancer --alpha 0.01 --warmup 200 --quantile 0.9 --plot scores.png"
    asks_project: ClassVar[bool] = False
    own_names: ClassVar[Mapping[str, str]] = {"simple_rule": "rule", "include_scores": "scores"}
    left_out: ClassVar[frozenset[str]] = frozenset({"model"})  # here --model is the type of the model
    inputs_help: ClassVar[str] = f"attributes that the model looks at: {NAMES_HELP} (default: every numeric one)"

    def add_options(self, group: argparse._ArgumentGroup) -> None:
        models = row_scoring_types()
        each = "; ".join(f"{name}: {MODEL_TYPES[name].summary}" for name in models)
        group.add_argument(
            "--model",
            dest="algo",
            choices=models,
            default=models[0],
            help=f"how rows are scored (default: {models[0]}). {each}",
        )
        group.add_argument(
            "--param",
            action="append",
            metavar="KEY=VALUE",
            help="a parameter of the model, as explainedCovariance=0.9; may be repeated",
        )
        super().add_options(group)

    def check(self, options: argparse.Namespace) -> None:
        new_sketch("DSPredictDataFrameJob")  # fail early if a package is missing
        with self.in_words_of_options():
            DSPredictDataFrameParameters.from_text({"modelid": options.algo, **self.parameters(options)}).spot()

    def with_options(self, text: str) -> str:
        return super().with_options(text.replace("the parameters evt_*", "the options"))

    def read(self, options: argparse.Namespace) -> Scored:
        """Learn the file, and build the model. The job reads the file a second time."""
        parameters = parse_pairs("--param", options.param)
        types = parse_pairs("--types", options.types)
        source = open_source(options, types)
        project = learn_all(options, source, types, histogram=MODEL_TYPES[options.algo].needs_histogram)
        info = project.build(
            options.algo,
            options.algo,
            self.inputs(options),
            parameters=parameters,
            checkpoint=lambda current, maximum: raise_if_interrupted(),
        )
        print(_model_line(info), file=sys.stderr)
        return Scored(project, options.algo, source)

    def request(self, options: argparse.Namespace, data: Any) -> Request:
        context = MLContext(extraParameters={"modelid": data.model, **self.parameters(options)})
        return Request(project=data.project, context=context, data=data.source.tables())

    def in_words(self, options: argparse.Namespace) -> str:
        return f"anomalies by {options.algo}"

    def tables(self, answer: Answer) -> list[Table]:
        notes, labels = _notes(answer.data, answer.result) if isinstance(answer.data, Scored) else ({}, {})
        return list(_tables(answer.result, notes, labels))

    def draw(self, answer: Answer) -> Any:
        """Draw the scores with their thresholds and the tails as fitted at the end."""
        result = answer.result
        spot = result.spot
        tails = []
        for fit, level, upper in ((spot.tail, spot.level, True), (spot.lower_tail, spot.lower_level, False)):
            if fit is not None and level is not None and _is_drawable(fit, level):
                tails.append(_plots.Tail(level, fit, upper=upper))
        return _plots.score_picture(
            result.score,
            result.threshold,
            result.evt == 1,
            lower=result.lower,
            tails=tuple(tails),
            name=f"{result.algo} {result.score_key}",
            title=answer.title,
            alpha=result.alpha,
        )


def _model_line(info: ModelInfo) -> str:
    line = f"{info.modelType} of {counted(len(info.attributeNames), 'input')}: {some(info.attributeNames)}"
    if "components" in info.info:
        share = f"{float(info.info['explained']):.0%}"
        line += f"; {counted(int(info.info['components']), 'component')}, {share} explained"
    return f"{line}; left out: {info.info['left_out']}" if "left_out" in info.info else line


def _notes(scored: Scored, result: Any) -> tuple[dict[int, str], dict[int, str]]:
    """Return, for each flagged row of the table, the inputs furthest from their means, and its label if it has one.

    Reads the data again.
    """
    rows = np.sort(_most_extreme(result)[:_SHOWN])
    labels: dict[int, str] = {}
    if not len(rows):
        return {}, labels
    snapshot = scored.project.snapshot()
    inputs = snapshot.model(scored.model).model.inputs
    indices = [known.index for known in inputs]
    moments = snapshot.moments
    mean, deviation = to_host(moments.mean())[indices], np.sqrt(to_host(moments.var()))[indices]
    found = {}
    with naming(scored.source), reading(Path(scored.source.name).name, "looking up") as checkpoint:
        first = 0
        tables = _noting_labels(scored.source.tables(checkpoint), scored.source.row_labels, rows, labels)
        for block in FixedSizeBlocks(tables, inputs):
            stop = first + len(block)
            for row in rows[(rows >= first) & (rows < stop)].tolist():
                found[row] = _far(block[row - first], mean, deviation, [known.name for known in inputs])
            if rows[-1] < stop:
                break
            first = stop
    return found, labels


def _noting_labels(
    tables: Iterator[Any], column: str | None, rows: np.ndarray, labels: dict[int, str]
) -> Iterator[Any]:
    first = 0
    for table in tables:
        if column is not None:
            for row in rows[(rows >= first) & (rows < first + table.num_rows)].tolist():
                labels[row] = table.column(column)[row - first].as_py() or ""
            first += table.num_rows
        yield table


def _far(values: np.ndarray, mean: np.ndarray, deviation: np.ndarray, names: list[str]) -> str:
    with np.errstate(divide="ignore", invalid="ignore"):
        away = (values - mean) / deviation
    sizes = np.nan_to_num(np.abs(away), nan=-1.0)
    order = [j for j in np.argsort(-sizes, kind="stable")[:_INPUTS].tolist() if sizes[j] >= _NEAR]
    if not order:
        return "none by one standard deviation"
    return ", ".join(f"{names[j]} {values[j]:.6g} ({away[j]:+.1f})" for j in order)


def _tables(result: Any, notes: Mapping[int, str], labels: Mapping[int, str]) -> Iterator[Table]:
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
    rows = _most_extreme(result)
    if not len(rows):
        return
    title = "flagged rows" if len(rows) <= _SHOWN else f"the {_SHOWN} most extreme of {len(rows)} flagged rows"
    columns = {"row": result.id, "score": result.score, "threshold": result.threshold}
    if result.lower is not None:
        columns["lower"] = result.lower
    beside = {"label": labels, "furthest from their means (in standard deviations)": notes}
    beside = {name: words for name, words in beside.items() if words}
    flagged: list[list[Cell]] = [
        [*(array[row].item() for array in columns.values()), *(words[row] for words in beside.values())]
        for row in rows[:_SHOWN].tolist()
    ]
    yield Table(title, [*columns, *beside], flagged)


def _late(result: Any) -> int:
    """Return how many rows of the warm-up would be flagged now."""
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


def _most_extreme(result: Any) -> np.ndarray:
    """Return the flagged rows of a result, the largest score first; with two sides, by distance from the threshold."""
    rows = np.flatnonzero(result.evt)
    size = result.score[rows]
    if result.lower is not None:
        size = np.fmax(size - result.threshold[rows], result.lower[rows] - size)
    return rows[np.argsort(-size, kind="stable")]


def _finite(value: Any) -> Cell:
    return None if value is None or not math.isfinite(value) else value


def _is_drawable(fit: GPDFit, level: float) -> bool:
    return math.isfinite(level) and math.isfinite(fit.shape) and math.isfinite(fit.scale) and fit.scale > 0


QUESTION = AnomalyQuestion()
