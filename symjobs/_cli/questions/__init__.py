"""The questions of ``symjobs run``, one object each, and the one list of them. Nothing heavy is imported here."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from symjobs._cli.questions._question import Question

__all__ = ["QUESTIONS", "Entry"]


class Entry(NamedTuple):
    """Where a question is, and what it asks in one line.

    Attributes
    ----------
    module : str
        Holds the object ``QUESTION``.
    summary : str
        One line for ``symjobs run --help``.
    """

    module: str
    summary: str

    def load(self) -> Question:
        """Import the module and return the question."""
        found: Question = importlib.import_module(self.module).QUESTION
        return found


# One line a question.
QUESTIONS = {
    "pca": Entry(f"{__name__}._pca", "principal components of the correlation (or covariance) matrix"),
    "svd": Entry(f"{__name__}._svd", "singular values of the covariance matrix"),
    "select": Entry(f"{__name__}._select", "attributes to keep so that none depends linearly on the others"),
    "vif": Entry(f"{__name__}._vif", "variance inflation factors"),
    "explore": Entry(f"{__name__}._explore", "descriptive statistics and hypothesis tests (--metric)"),
    "kmeans": Entry(f"{__name__}._kmeans", "how many clusters: WSSSE and silhouette for every k of a range (--k)"),
    "anomaly": Entry(f"{__name__}._anomaly", "which rows are unusual: scores, and a threshold from extreme values"),
}
