"""Models that say how unusual a row is, and their predictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from symjobs._models._model import Model
from symjobs._models._predictions import Predictions

SCORE = "score"  # the key on the wire of every such model's score


@dataclass(frozen=True, eq=False)
class AnomalyPredictions(Predictions):
    """How unusual each row of a table is.

    Attributes
    ----------
    scores : (n_rows,) float64
        Larger is more anomalous; NaN where an input is missing.
    further : mapping of str to (n_rows,) array
        Further answers by their keys on the wire; NaN where an input is missing.

    Examples
    --------
    >>> import symjobs as sj
    >>> project = sj.Project("iris").learn(sj.datasets.load_iris())
    >>> _ = project.build("usual", "mahalanobis", ["petal_length", "petal_width"])
    >>> found = project.predict("usual", sj.DataFrame(["petal_length", "petal_width"], ["C", "C"], [["1.5", "2.5"]]))
    >>> print(found.scores.round(3))
    [9.383]
    """

    scores: np.ndarray
    further: Mapping[str, np.ndarray] = field(default_factory=dict)

    def columns(self) -> dict[str, np.ndarray]:
        """Return ``score``, then the further answers."""
        return {SCORE: self.scores, **self.further}


class AnomalyModel(Model):
    """A model with the answer ``score``, which is larger for a more unusual row. It may have further answers."""

    score: ClassVar[str | None] = SCORE

    def predictions(self, columns: dict[str, np.ndarray], **counts: int) -> AnomalyPredictions:
        further = {key: column for key, column in columns.items() if key != SCORE}
        return AnomalyPredictions(**counts, scores=columns[SCORE], further=further)
