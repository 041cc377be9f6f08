"""Predictions: one answer for each row of a table."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from symjobs._entities import KSVSMap, number_text


@dataclass(frozen=True, eq=False)
class Predictions(ABC):
    """The answers of a model for the rows of a table, in their order.

    Attributes
    ----------
    n_rows : int
        Rows of the table.
    n_missing : int
        Rows without a prediction, since an input was missing.
    n_imputed : int
        Rows in which a missing input was replaced by the mean of the rows that the model was built on.

    Examples
    --------
    >>> import symjobs as sj
    >>> project = sj.Project("iris").learn(sj.datasets.load_iris())
    >>> _ = project.build("usual", "mahalanobis", ["petal_length", "petal_width"])
    >>> rows = [["1.5", "0.2"], ["1.5", "NaN"]]
    >>> found = project.predict("usual", sj.DataFrame(["petal_length", "petal_width"], ["C", "C"], rows))
    >>> found.n_rows, found.n_missing, list(found.columns())
    (2, 1, ['score', 'residual'])
    """

    n_rows: int
    n_missing: int
    n_imputed: int

    @abstractmethod
    def columns(self) -> dict[str, np.ndarray]:
        """Return the answers by their keys on the wire: (n_rows,) arrays of numbers or of text.

        NaN, or an empty text, where there is none.
        """

    def entities(self) -> dict[str, Any]:
        """Return ``KSVSMap``, with one map a row."""
        columns = self.columns()
        texts = [[_text(value) for value in array.tolist()] for array in columns.values()]
        return {"KSVSMap": KSVSMap([dict(zip(columns, row, strict=True)) for row in zip(*texts, strict=True)])}


def _text(value: float | str) -> str:
    return value if isinstance(value, str) else number_text(value)
