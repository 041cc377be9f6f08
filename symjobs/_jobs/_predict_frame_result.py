"""The rows of a table, each with its two anomaly flags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from symjobs._entities import Cell, DataFrame, number_text
from symjobs._jobs._encode import Checkpoint, frame_json
from symkernels import Spot

_LETTERS = {"id": "C", "res": "B", "q95": "C", "q98": "C", "q99": "C", "evt": "B", "score": "C"}
_STRIPE = 16_384  # rows between two checkpoints: some 20 ms
_FLAGS = np.array(["0", "1"], dtype=object)


@dataclass(frozen=True, eq=False)
class PredictFrameResult:
    """Anomaly flags of the n rows of a table, in their order.

    Attributes
    ----------
    id : (n,) int64
        Numbers of the rows, from 0.
    res : (n,) int8
        1 where the score is above the quantile that `simple_rule` names. 0 elsewhere: also where the quantile is not
        known yet, or the score is missing.
    q95, q98, q99 : (n,) float64
        Quantiles of the scores of all rows before the row's block of 1,024 rows; NaN while there are none.
    evt : (n,) int8
        1 where the score is above `threshold`, or below `lower`. 0 elsewhere: also during the warm-up, or where the
        score is missing.
    score : (n,) float64
        The model's score, larger where the row is more unusual; NaN where an input is missing.
    threshold : (n,) float64
        The threshold for each score; NaN during the warm-up.
    lower : (n,) float64 or None
        The threshold of the lower tail; None unless ``evt_two_sides`` was given.
    model_id, algo, score_key : str
        The model, its type, and the key of the score among its predictions.
    simple_rule : str
        ``q95``, ``q98`` or ``q99``.
    n_missing : int
        Rows without a score.
    n_warmup : int
        Rows with a score in the warm-up, which have no flag `evt`.
    settings : dict of str to str
        The parameters ``evt_*`` of the extreme-value flag that have a value, as text.
    spot : Spot
        The detector after the last row, with the fitted `tail` above `level`.
    include_scores : bool
        Whether `entities` shows the column ``score``.
    """

    id: np.ndarray
    res: np.ndarray
    q95: np.ndarray
    q98: np.ndarray
    q99: np.ndarray
    evt: np.ndarray
    score: np.ndarray
    threshold: np.ndarray
    lower: np.ndarray | None
    model_id: str
    algo: str
    score_key: str
    simple_rule: str
    n_missing: int
    n_warmup: int
    settings: Mapping[str, str]
    spot: Spot
    include_scores: bool = False

    @property
    def n_rows(self) -> int:
        """Rows of the table."""
        return len(self.id)

    @property
    def n_flagged(self) -> int:
        """Rows whose `evt` is 1."""
        return int(self.evt.sum())

    @property
    def n_remaining(self) -> int:
        """Scores that are still needed before there are flags `evt`; 0 after the warm-up."""
        return int(self.spot.remaining)

    @property
    def alpha(self) -> float:
        """The tolerated probability of a false alarm."""
        return float(self.settings["evt_alpha"])

    @property
    def reason(self) -> str | None:
        """Why there are no flags `evt`: too few scores, or scores that are all the same; None if there may be some."""
        if self.n_remaining:
            return (
                f"the warm-up takes {self.n_warmup + self.n_remaining} scores, and there were {self.n_warmup}: "
                f"{self.n_remaining} more rows with a score are needed"
            )
        return self.spot.reason

    def __repr__(self) -> str:
        found = self.reason or f"{self.n_flagged} with evt 1 at alpha {self.alpha:g}, {int(self.res.sum())} with res 1"
        return f"<{self.n_rows} rows by {self.algo} model {self.model_id!r}: {found}>"

    def columns(self) -> dict[str, np.ndarray]:
        """Return the columns of the answer by name, in their order: (n,) arrays."""
        columns = {"id": self.id, "res": self.res, "q95": self.q95, "q98": self.q98, "q99": self.q99, "evt": self.evt}
        return {**columns, "score": self.score} if self.include_scores else columns

    def entities(self) -> dict[str, Any]:
        """Return ``dataframe``; a quantile or score that is missing is ``NaN``."""
        columns = self.columns()
        letters = [_LETTERS[name] for name in columns]
        return {"dataframe": DataFrame(list(columns), letters, _rows(columns, 0, self.n_rows))}

    def encode(self, checkpoint: Checkpoint) -> bytes:
        """Return the JSON of `entities`, and call `checkpoint` meanwhile."""
        columns = self.columns()
        letters = [_LETTERS[name] for name in columns]
        frame = frame_json(list(columns), letters, self.n_rows, lambda a, b: _rows(columns, a, b), _STRIPE, checkpoint)
        return b'{"dataframe":' + frame + b"}"


def _rows(columns: Mapping[str, np.ndarray], start: int, stop: int) -> list[list[Cell]]:
    texts = [_texts(array[start:stop]) for array in columns.values()]
    return [list(row) for row in zip(*texts, strict=True)]


def _texts(array: np.ndarray) -> list[str]:
    if array.dtype == np.int8:
        return list(_FLAGS[array])
    if array.dtype != np.float64 or not len(array):
        return [str(value) for value in array.tolist()]
    bits = array.view(np.int64)  # NaN is equal to itself in these
    starts = np.concatenate([[0], np.flatnonzero(bits[1:] != bits[:-1]) + 1])  # a quantile is the same for 1,024 rows
    texts = np.array([number_text(value) for value in array[starts].tolist()], dtype=object)
    return list(np.repeat(texts, np.diff(starts, append=len(array))))
