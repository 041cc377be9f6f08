"""DSPredictDataFrameJob: flags the rows of a table that are anomalies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

import numpy as np

from symjobs._engine import Job, JobContext, Request
from symjobs._errors import InputError
from symjobs._jobs._context import checked_project, discard, extra_parameters, is_kept, only_context, the_project
from symjobs._jobs._predict_frame_result import PredictFrameResult
from symjobs._jobs._route import JobRoute
from symjobs._models import MODEL_TYPES, BuiltModel, FixedSizeBlocks
from symjobs._models._evt import EvtParameters
from symjobs._parameters import Choice, Flag, Text, parameter, redeclared
from symjobs._project import Project
from symjobs._state._histograms import new_sketch
from symjobs._tables import read_table
from symjobs._text import near, shown, some

BLOCK_ROWS = 1024  # the contract's: the quantiles of a row are of all rows before its block
RULES = ("q95", "q98", "q99")
_SHARES = np.array([0.95, 0.98, 0.99])
_STRIPE = 16 * BLOCK_ROWS  # scores between two checkpoints: some milliseconds


class DSPredictDataFrameParameters(EvtParameters):
    """The parameters of a `DSPredictDataFrameJob`."""

    strict_prefix = "evt_"

    model: str = parameter("modelid", Text(), "name of the model that scores the rows")
    alpha: float = redeclared(EvtParameters, "alpha", default=1e-4)
    quantile: float = redeclared(EvtParameters, "quantile", default=0.98)
    warmup: int = redeclared(EvtParameters, "warmup", default=1000)
    simple_rule: str = parameter(
        "simple_rule", Choice(*RULES), "the quantile that a score must be above for the flag res", default="q99"
    )
    include_scores: bool = parameter("include_scores", Flag(), "answer with a last column score", default=False)
    impute: bool = parameter(
        "impute",
        Flag(),
        "replace a missing input by its mean over the rows that the model was built on",
        default=False,
    )

    def evt_text(self) -> dict[str, str]:
        """Return the parameters of the extreme-value flags as text."""
        return {name: text for name, text in self.as_text().items() if name.startswith("evt_")}


class DSPredictDataFrameJob(Job):
    """Two anomaly flags for each row of a table. Each row is judged by earlier rows only, as in a stream.

    Parameters
    ----------
    project : Project
    model : str
        Name of a model whose type has a score; the guide's pages on models and anomalies have these types. The job
        takes the model at the moment when it starts.
    data : table or iterator of tables
        As `Project.learn` takes it. The batches have no effect on the answer. A job with an iterator can run only once.
    alpha : float, default 1e-4
        Tolerated probability of a false alarm of the flag ``evt``, between 0 and 1.
    evt : mapping, optional
        Further parameters of that flag, ``evt_*``: ``evt_warmup_size`` (1000), ``evt_quantile`` (0.98),
        ``evt_tdigest``, ``evt_window_size``, ``evt_two_sides``, ``evt_seed``, ``evt_max_exceedances``;
        `symkernels.Spot` explains them. Values may be text, as on the wire.
    simple_rule : {"q99", "q98", "q95"}, default "q99"
        The quantile that a score must be above for the flag ``res``.
    include_scores : bool, default False
        Whether the answer on the wire has a last column ``score``.
    impute : bool, default False
        Replace a missing input by its mean over the rows that the model was built on.

    Raises
    ------
    InputError
        If a parameter is unknown or out of its range, `alpha` is given twice, the model has no score, or the table
        lacks a column that the model needs. When the job runs: the same for the tables of an iterator; also if there
        are no rows, or a value is infinite or no number.
    NoSuchModel
        If the project has no model of this name.
    MissingDependency
        If datasketches is not installed (extra ``histogram``), which the quantiles need.

    Notes
    -----
    On the wire: ``modelid``, ``evt_*`` (``evt_alpha`` is `alpha`), ``simple_rule``, ``include_scores``, ``impute``.

    Row i, from 0, belongs to block ``i // 1024``. ``q95``, ``q98`` and ``q99`` are those of a
    `symkernels.QuantileSketch` of the scores of all earlier blocks, and NaN in the first block. ``res`` is 1 where the
    score is above the one that `simple_rule` names. ``evt`` is the flag of a fresh `symkernels.Spot`, to which the
    scores go in their order: 0 until ``evt_warmup_size`` scores have come. A row with a missing input has no score:
    both flags are 0, and the row has no effect on later ones.

    ``details``: ``rows``, ``rowsMissing`` (without a score), ``rowsImputed``, ``rowsWarmup``, ``flagged`` (rows whose
    ``evt`` is 1), ``inputsLeftOut`` (attributes that the model does not look at, if there are any), ``remaining``
    (scores still needed before there are flags ``evt``), and ``evtReason``: why there can be none.

    Besides the model's prediction the job takes about 0.3 microseconds a row, and besides the table 70 bytes a row. The
    answer on the wire is text, which takes longer than the rest.

    Examples
    --------
    >>> import symjobs as sj
    >>> iris = sj.datasets.load_iris()
    >>> project = sj.Project("iris").learn(iris)
    >>> _ = project.build("usual", "oospca", ["sepal_length", "sepal_width", "petal_length"])
    >>> evt = {"evt_warmup_size": 100, "evt_quantile": 0.9}
    >>> result = sj.DSPredictDataFrameJob(project, "usual", iris, alpha=0.01, evt=evt).run(sj.JobContext())
    >>> result.id[result.evt == 1]
    array([117, 131])
    """

    job_type: ClassVar[str] = "DSPredictDataFrameJob"
    routes: ClassVar[tuple[JobRoute, ...]] = (
        JobRoute(path="/projects/{pid}/predict/{modelid}", body="rows", only_async=True),
    )
    parameter_type = DSPredictDataFrameParameters

    def __init__(
        self,
        project: Project,
        model: str,
        data: Any,
        alpha: float = DSPredictDataFrameParameters.alpha,
        evt: Mapping[str, object] | None = None,
        simple_rule: str = DSPredictDataFrameParameters.simple_rule,
        include_scores: bool = DSPredictDataFrameParameters.include_scores,
        *,
        impute: bool = DSPredictDataFrameParameters.impute,
    ) -> None:
        self.project = checked_project(project, self.job_type)
        self.parameters = DSPredictDataFrameParameters.from_text(
            {
                **DSPredictDataFrameParameters.texts(
                    model=model, alpha=alpha, simple_rule=simple_rule, include_scores=include_scores, impute=impute
                ),
                **_evt_texts(alpha, evt),
            },
            self.job_type,
        )
        self.parameters.spot()  # checks that they go together
        new_sketch("DSPredictDataFrameJob")
        self._data = data
        self._expected = _check_table(self._scoring(project.snapshot().model(self.parameters.model)), data)

    @classmethod
    def from_request(cls, request: Request) -> Self:
        context = only_context(request)
        if request.data is None:
            raise InputError("the request has no data; pass the table as data=")
        if named := (*context.inputAttributes, *context.inputAttributeNames):
            raise InputError(
                f"the MLContext names inputs ({some(named)}), and a model has those it was built on; name none"
            )
        given = DSPredictDataFrameParameters.from_text(extra_parameters(request, context), cls.job_type)
        return cls(
            the_project(request, cls.job_type, with_data=True),
            given.model,
            request.data,
            evt=given.evt_text(),
            simple_rule=given.simple_rule,
            include_scores=given.include_scores,
            impute=given.impute,
        )

    def check(self) -> None:
        super().check()
        self._scoring(self.project.snapshot().model(self.parameters.model))

    def details(self) -> dict[str, str]:
        return {
            "model": self.parameters.model,
            "simpleRule": self.parameters.simple_rule,
            **self.parameters.evt_text(),
        }

    def run(self, context: JobContext) -> PredictFrameResult:
        context.details.update(self.details())  # without a manager nothing else sets them
        built = self._scoring(context.snapshot(self.project).model(self.parameters.model))
        context.details["algo"] = built.model.algo
        if left_out := built.model.facts.get("left_out"):
            context.details["inputsLeftOut"] = left_out
        key = str(built.model.score)
        blocks = FixedSizeBlocks(
            self._data,
            built.model.inputs,
            built.model.fill if self.parameters.impute else None,
            lambda rows: context.progress(rows, 2 * (self._expected or rows + 1)),  # read, then judged
        )
        predictions = built.model.predict(blocks)
        score = np.ascontiguousarray(predictions.columns()[key], dtype=np.float64)
        n = len(score)
        context.details["rows"] = n
        context.details["rowsMissing"] = n_missing = int(np.isnan(score).sum())
        if predictions.n_imputed:
            context.details["rowsImputed"] = predictions.n_imputed
        context.progress(n, 2 * n)
        quantiles = _quantiles_before(score, context)
        evt, threshold, lower, spot = self._flags(score, context)
        result = PredictFrameResult(
            id=np.arange(n),
            res=(score > quantiles[self.parameters.simple_rule]).astype(np.int8),
            **quantiles,
            evt=evt,
            score=score,
            threshold=threshold,
            lower=lower,
            model_id=self.parameters.model,
            algo=built.model.algo,
            score_key=key,
            simple_rule=self.parameters.simple_rule,
            n_missing=n_missing,
            n_warmup=self.parameters.warmup - int(spot.remaining),
            settings=self.parameters.evt_text(),
            spot=spot,
            include_scores=self.parameters.include_scores,
        )
        context.details["rowsWarmup"] = result.n_warmup
        context.details["flagged"] = result.n_flagged
        context.details["remaining"] = result.n_remaining
        if result.reason is not None:
            context.details["evtReason"] = result.reason
        return result

    def clean_up(self) -> None:
        discard(self._data)

    def _scoring(self, built: BuiltModel) -> BuiltModel:
        if built.model.score is None:
            raise InputError(
                f"model {built.model_id!r} is of the type {built.model.algo}, which has no anomaly score; build one of "
                f"{', '.join(name for name, kind in MODEL_TYPES.items() if kind.score is not None)}"
            )
        return built

    def _flags(self, score: np.ndarray, context: JobContext) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, Any]:
        spot = self.parameters.spot()
        n = len(score)
        evt, threshold, lower = np.empty(n, np.int8), np.empty(n), np.empty(n)
        for start in range(0, n, _STRIPE):
            part = slice(start, start + _STRIPE)
            update = spot.update(score[part])
            evt[part], threshold[part] = update.flags, update.threshold
            if update.lower is not None:
                lower[part] = update.lower
            context.progress(n + min(start + _STRIPE, n))
        return evt, threshold, lower if update.lower is not None else None, spot


def _evt_texts(alpha: object, evt: Mapping[str, object] | None) -> dict[str, object]:
    """Return the parameters ``evt_*`` that a job was given besides alpha, without blank ones."""
    if not isinstance(evt, Mapping | None):
        raise InputError(f"evt must be a map of parameters evt_*, got {shown(evt)}")
    given = {name: value for name, value in (evt or {}).items() if str(value).strip()}
    known = [declared.wire for declared in EvtParameters.declared()]
    for name in given:
        if name not in known:
            raise InputError(f"unknown parameter {name!r} of extreme-value flags; {near(str(name), known)}")
    if "evt_alpha" in given and alpha != DSPredictDataFrameParameters.alpha:
        raise InputError(f"alpha is given twice, as {shown(alpha)} and as evt_alpha {given['evt_alpha']!r}; give one")
    return given


def _quantiles_before(score: np.ndarray, context: JobContext) -> dict[str, np.ndarray]:
    """Return the quantiles of all scores before each row's block; (n,) arrays by their names."""
    sketch = new_sketch("DSPredictDataFrameJob")
    starts = range(0, len(score), BLOCK_ROWS)
    known = np.empty((len(_SHARES), len(starts)))
    for i, start in enumerate(starts):
        known[:, i] = sketch.quantile(_SHARES)
        sketch.update(score[start : start + BLOCK_ROWS])
        context.checkpoint()
    return {name: np.repeat(row, BLOCK_ROWS)[: len(score)] for name, row in zip(RULES, known, strict=True)}


def _check_table(built: BuiltModel, data: Any) -> int:
    """Raise InputError if a table in memory lacks a column of the model; return its number of rows, 0 if unknown.

    A table that can be read only once is not read.
    """
    if isinstance(data, Iterator) or not is_kept(data):
        return 0
    first = next(iter(read_table(data)), None)
    if first is None or (first.alone and not first.n_rows):
        raise InputError("the data has no rows; there is nothing to predict")
    for known in built.model.inputs:
        if known.column not in first.names:
            raise InputError(
                f"the data has no column {known.column!r}, which model {built.model_id!r} needs; "
                f"{near(known.column, first.names)}"
            )
    return first.n_rows if first.alone else 0
