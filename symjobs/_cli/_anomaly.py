"""``symjobs run anomaly``: a model of what a file's rows are like, and the rows that are not like it."""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from symjobs import _plots
from symjobs._cli._learn import counted, learn_all, naming, open_source, parse_names, parse_pairs
from symjobs._cli._parser import ANOMALY_MODELS, ANOMALY_ONLY
from symjobs._cli._tables import SHOWN, most_extreme
from symjobs._cli._watch import raise_if_interrupted, reading
from symjobs._entities import ModelInfo
from symjobs._errors import InputError
from symjobs._explore import on_host
from symjobs._jobs._predict_frame import DSPredictDataFrameJob, DSPredictDataFrameParameters, new_sketch
from symjobs._jobs._predict_frame_result import PredictFrameResult
from symjobs._models import FixedSizeBlocks
from symjobs._project import Project
from symjobs._text import some
from symjobs.sources import Source

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from symkernels import GPDFit

_INPUTS = 3  # of each row, those that are named
_HISTOGRAMS = ("hba", "ecod")  # models that need the sketches of their inputs
_NEAR = 1.0  # standard deviations from the mean that deserve no word
# What `Spot` is told, by the option's attribute.
_EVT = {
    "quantile": "evt_quantile",
    "warmup": "evt_warmup_size",
    "window": "evt_window_size",
    "max_excesses": "evt_max_exceedances",
    "two_sides": "evt_two_sides",
    "follow": "evt_tdigest",
}


@dataclass(frozen=True)
class Asked:
    """A project that has learnt a file and built a model of it, and the file, whose rows are to be scored."""

    project: Project
    model: str
    source: Source


def read(options: argparse.Namespace) -> Asked:
    """Learn the data that the options name, and build the model; the second pass over it is the job's."""
    _check_evt(options)
    parameters = model_parameters(options)
    model = options.model or ANOMALY_MODELS[0]
    types = parse_pairs("--types", options.types)
    source = open_source(options, types)
    project = learn_all(options, source, types, histogram=model in _HISTOGRAMS)
    inputs = [name for text in options.inputs for name in parse_names(text)] if options.inputs else None
    info = project.build(
        model, model, inputs, parameters=parameters, checkpoint=lambda current, maximum: raise_if_interrupted()
    )
    print(_model_line(info), file=sys.stderr)
    return Asked(project, model, source)


def _model_line(info: ModelInfo) -> str:
    line = f"{info.modelType} of {counted(len(info.attributeNames), 'input')}: {some(info.attributeNames)}"
    if "components" in info.info:
        share = f"{float(info.info['explained']):.0%}"
        line += f"; {counted(int(info.info['components']), 'component')}, {share} explained"
    return f"{line}; left out: {info.info['left_out']}" if "left_out" in info.info else line


def make_job(options: argparse.Namespace, asked: Asked) -> DSPredictDataFrameJob:
    """Return the job on what `read` has returned."""
    alpha, evt = _evt(options)
    return DSPredictDataFrameJob(
        asked.project,
        asked.model,
        asked.source.tables(),
        alpha,
        evt,
        options.rule or "q99",
        bool(options.scores),
        impute=bool(options.impute),
    )


def title(options: argparse.Namespace) -> str:
    """Return what was done, in words."""
    return f"anomalies by {options.model or ANOMALY_MODELS[0]}"


def model_parameters(options: argparse.Namespace) -> dict[str, str]:
    """Return the parameters of the model that the options ask for."""
    return {name: value for text in options.param or [] for name, value in parse_pairs("--param", text).items()}


def _evt(options: argparse.Namespace) -> tuple[float, dict[str, object]]:
    evt = {name: getattr(options, attribute) for attribute, name in _EVT.items()}
    return (1e-4 if options.alpha is None else options.alpha), {k: v for k, v in evt.items() if v is not None}


def _check_evt(options: argparse.Namespace) -> None:
    """Refuse what does not go together before the file is read, in the words of the options."""
    new_sketch()  # a package that is missing is told now, too
    try:
        alpha, evt = _evt(options)
        DSPredictDataFrameParameters.from_text({"modelid": "model", "evt_alpha": alpha, **evt}).spot()
    except InputError as error:
        text = str(error).replace("the parameters evt_*", "the options")
        for attribute, name in {"alpha": "evt_alpha", **_EVT}.items():
            option = ANOMALY_ONLY[attribute]
            text = text.replace(f"{attribute} ({name})", option).replace(name, option)
        raise InputError(text) from error


# What to say of flagged rows.


def notes(asked: Asked, result: PredictFrameResult) -> dict[int, str]:
    """Return for each flagged row that a table shows the inputs furthest from their means; reads the data again."""
    rows = np.sort(most_extreme(result)[:SHOWN])
    if not len(rows):
        return {}
    snapshot = asked.project.snapshot()
    inputs = snapshot.model(asked.model).model.inputs
    indices = [known.index for known in inputs]
    moments = snapshot.moments
    mean, deviation = on_host(moments.mean())[indices], np.sqrt(on_host(moments.var()))[indices]
    found = {}
    with naming(asked.source), reading(Path(asked.source.name).name, "looking up") as checkpoint:
        first = 0
        for block in FixedSizeBlocks(asked.source.tables(checkpoint), inputs):
            stop = first + len(block)
            for row in rows[(rows >= first) & (rows < stop)].tolist():
                found[row] = _far(block[row - first], mean, deviation, [known.name for known in inputs])
            if rows[-1] < stop:
                break
            first = stop
    return found


def _far(values: np.ndarray, mean: np.ndarray, deviation: np.ndarray, names: list[str]) -> str:
    with np.errstate(divide="ignore", invalid="ignore"):
        away = (values - mean) / deviation
    sizes = np.nan_to_num(np.abs(away), nan=-1.0)
    order = [j for j in np.argsort(-sizes, kind="stable")[:_INPUTS].tolist() if sizes[j] >= _NEAR]
    if not order:
        return "none by one standard deviation"
    return ", ".join(f"{names[j]} {values[j]:.6g} ({away[j]:+.1f})" for j in order)


# The picture.


def draw(result: PredictFrameResult, title: str) -> Figure:
    """Draw the scores with their thresholds and the tails as fitted at the end."""
    spot = result.spot
    tails = []
    for fit, level, upper in ((spot.tail, spot.level, True), (spot.lower_tail, spot.lower_level, False)):
        if fit is not None and level is not None and _is_drawable(fit, level):
            tails.append(_plots.Tail(level, float(fit.shape), float(fit.scale), upper=upper))
    return _plots.score_picture(
        result.score,
        result.threshold,
        result.evt == 1,
        lower=result.lower,
        tails=tuple(tails),
        name=f"{result.algo} {result.score_key}",
        title=title,
        alpha=result.alpha,
    )


def _is_drawable(fit: GPDFit, level: float) -> bool:
    return math.isfinite(level) and math.isfinite(fit.shape) and math.isfinite(fit.scale) and fit.scale > 0
