"""``symjobs run svd``: singular values."""

from __future__ import annotations

import math
import sys
from typing import Any, ClassVar

from symjobs import _plots
from symjobs._cli._tables import Cell, Table
from symjobs._cli.questions._question import Answer, Question


class SVDQuestion(Question):
    """Singular values of the covariance matrix."""

    job_type: ClassVar[str] = "SVDJob"
    what: ClassVar[str] = "singular values of the covariance matrix"
    example: ClassVar[str] = "svd longley"

    def tables(self, answer: Answer) -> list[Table]:
        return [_singular_values(_values(answer))]

    def draw(self, answer: Answer) -> Any:
        return _plots.scree(_values(answer), title=answer.title, quantity="singular value")


def _values(answer: Answer) -> list[float]:
    # On the wire each value has the name of an input, which has no meaning: a value belongs to all inputs together.
    return [float(text) for text in answer.values["KSVSMap"]["values"][0]]


def _singular_values(singular: list[float]) -> Table:
    total = sum(singular)
    rounding = max(len(singular), 32) * sys.float_info.epsilon  # as symkernels.svd counts the rank
    rank = sum(value > rounding * singular[0] for value in singular)
    condition = singular[0] / singular[-1] if singular and rank == len(singular) else math.inf
    title = f"singular values (rank {rank} of {len(singular)}, condition {condition:.4g})"
    rows: list[list[Cell]] = [
        [f"s{i}", value, value / total if total else None] for i, value in enumerate(singular, start=1)
    ]
    return Table(title, ["number", "singular value", "share"], rows)


QUESTION = SVDQuestion()
