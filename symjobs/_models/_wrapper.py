"""An EVT wrapper: extreme-value flags for one of a model's answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from symjobs._entities import number_text
from symjobs._errors import InputError
from symjobs._forks import Guard
from symjobs._models._built_model import BuiltModel
from symjobs._models._evt import EVT_FLAGS, EvtParameters
from symjobs._models._predictions import Predictions
from symjobs._parameters import text_parameters
from symjobs._text import near
from symkernels import Spot

FLAG = "evt_is_anomaly"
RESULT_KEY, MODEL_ID = "sml_evt_wrapper_res_key", "sml_evt_wrapper_model_id"
THRESHOLD, UPPER, LOWER = "evt_threshold", "evt_threshold_upper", "evt_threshold_lower"


class WrapperRecord(msgspec.Struct, forbid_unknown_fields=True):
    """What a file holds of a wrapper besides its arrays."""

    model_id: str
    key: str
    parameters: dict[str, str]


@dataclass(frozen=True, eq=False)
class FlaggedPredictions(Predictions):
    """A model's predictions, with extreme-value flags.

    The attributes of the model's own predictions, such as ``scores`` or ``labels``, are available here, too.

    Attributes
    ----------
    predictions : Predictions
        The model's own.
    flags : (n_rows,) bool
        Whether the value is beyond the threshold; False during the warm-up, and where the value is missing.
    threshold : (n_rows,) float64
        The threshold for each value, in its unit; NaN during the warm-up.
    lower : (n_rows,) float64 or None
        The lower threshold; None unless ``evt_two_sides`` was given.

    Examples
    --------
    >>> import symjobs as sj
    >>> iris = sj.datasets.load_iris()
    >>> project = sj.Project("iris").learn(iris)
    >>> _ = project.build("usual", "mahalanobis", ["petal_length", "petal_width"])
    >>> evt = {"evt_warmup_size": 100, "evt_alpha": 0.001, "evt_quantile": 0.9}
    >>> _ = project.create_evt_wrapper("usual", "score", evt)
    >>> found = project.predict("usual", iris)
    >>> int(found.flags.sum()), found.scores.shape, found.threshold.shape
    (11, (150,), (150,))
    """

    predictions: Predictions
    flags: np.ndarray
    threshold: np.ndarray
    lower: np.ndarray | None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "predictions":  # as while a copy is being made
            raise AttributeError(name)
        return getattr(self.predictions, name)

    def columns(self) -> dict[str, np.ndarray]:
        """Return the model's columns, then ``evt_is_anomaly`` (0 or 1) and the threshold, or the two of them."""
        columns = {**self.predictions.columns(), FLAG: self.flags.astype(np.int8)}
        if self.lower is None:
            return {**columns, THRESHOLD: self.threshold}
        return {**columns, UPPER: self.threshold, LOWER: self.lower}


class EvtWrapper:
    """Flags the extreme values of one result key. The values of all calls form one stream.

    Thread-safe: calls are processed one after the other, in the order in which their predictions are ready. A call that
    fails or is stopped changes nothing.

    Parameters
    ----------
    key : str
        The result key; its values are numbers.
    settings : EvtParameters
    spot : Spot, optional
        The detector after earlier values. It is not modified.
    """

    def __init__(self, key: str, settings: EvtParameters, spot: Spot | None = None) -> None:
        self.key = key
        self.settings = settings
        self._spot = settings.spot() if spot is None else spot
        self._guard = Guard()

    @property
    def spot(self) -> Spot:
        """The detector after the values so far. Do not modify."""
        return self._spot

    def judge(self, predictions: Predictions) -> FlaggedPredictions:
        """Return the predictions with flags, and update the detector."""
        values = as_numbers(predictions.columns(), self.key)
        with self._guard.writing:
            spot = self._spot.copy()
            seen = spot.update(values)
            self._spot = spot
        return FlaggedPredictions(
            predictions.n_rows,
            predictions.n_missing,
            predictions.n_imputed,
            predictions=predictions,
            flags=np.asarray(seen.flags),
            threshold=np.asarray(seen.threshold),
            lower=None if seen.lower is None else np.asarray(seen.lower),
        )

    def keys(self) -> dict[str, str]:
        """Return the meaning of each key that the wrapper adds to the predictions."""
        about = {FLAG: f"1 if {self.key} is beyond the threshold, 0 if not, is missing, or too few values have come"}
        if not self.settings.two_sides:
            return about | {THRESHOLD: f"{self.key} is extreme above it; NaN while warming up"}
        return about | {
            UPPER: f"{self.key} is extreme above it; NaN while warming up",
            LOWER: f"{self.key} is extreme below it; NaN while warming up",
        }

    def info(self) -> dict[str, str]:
        """Return what a client sees of the wrapper, as text: its parameters and the state of the detector."""
        spot = self._spot
        seen = {"evt_n": spot.n, "evt_n_missing": spot.n_missing, "evt_n_flagged": spot.n_flagged}
        seen["evt_remaining"] = spot.remaining
        thresholds = {THRESHOLD: spot.threshold}
        if spot.lower is not None:
            thresholds = {UPPER: spot.threshold, LOWER: spot.lower}
        texts = {name: number_text(value) for name, value in {**seen, **thresholds}.items()}
        reason = {} if spot.reason is None else {"evt_reason": spot.reason}
        return {RESULT_KEY: self.key, **self.settings.as_text(), **texts, **reason}

    def record(self, model_id: str) -> WrapperRecord:
        """Return what a file holds besides the spot's arrays."""
        return WrapperRecord(model_id, self.key, self.settings.as_text())

    @classmethod
    def restore(cls, record: WrapperRecord, arrays: Mapping[str, np.ndarray]) -> EvtWrapper:
        """Return what `record` and the spot's arrays came from; an error of `symkernels` or ValueError if not."""
        settings = EvtParameters.from_text(record.parameters, EVT_FLAGS)
        fresh = settings.spot()  # fails early if a package is missing
        spot = Spot.from_arrays(dict(arrays))
        for name in ("alpha", "quantile", "warmup", "two_sides", "max_excesses", "window", "seed", "follow"):
            if getattr(spot, name) != getattr(fresh, name):
                raise ValueError(f"the EVT wrapper of {record.model_id!r} was saved with another {name}")
        return cls(record.key, settings, spot)


def wrap(built: BuiltModel, key: str | None, parameters: Mapping[str, object]) -> EvtWrapper:
    """Return a new wrapper of a model; InputError if the key or a parameter is not possible."""
    given = text_parameters(parameters, "the EVT wrapper's parameters")
    model_id, named = (given.pop(name, "").strip() or None for name in (MODEL_ID, RESULT_KEY))  # empty: not given
    if model_id is not None and model_id != built.model_id:
        raise InputError(f"{MODEL_ID} is {model_id!r}, and the wrapper is asked for {built.model_id!r}; leave it out")
    if key is not None and named is not None and key != named:
        raise InputError(f"the result key is given twice, as {key!r} and as {RESULT_KEY} {named!r}; give one")
    key = key if key is not None else named if named is not None else built.model.score
    keys = list(built.model.result_keys())
    if key is None:
        raise InputError(
            f"which result key to judge is not known: a {built.model.algo} model has no score of its own; give "
            f"{RESULT_KEY}, one of {', '.join(map(repr, keys))}"
        )
    if not isinstance(key, str) or key not in keys:
        raise InputError(f"a {built.model.algo} model has no result key {key!r}; {near(str(key), keys)}")
    wrapper = EvtWrapper(key, EvtParameters.from_text(given, EVT_FLAGS))
    as_numbers(built.model.answer(built.model.fill[None]), key)  # for one row of means: are they numbers?
    return wrapper


def as_numbers(columns: Mapping[str, np.ndarray], key: str) -> np.ndarray:
    """Return the values of a result key; InputError if they are no numbers."""
    try:
        return np.asarray(columns[key], dtype=np.float64)
    except (ValueError, TypeError):
        raise InputError(f"the result key {key!r} holds no numbers; wrap one that does") from None
