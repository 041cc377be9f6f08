"""``symjobs run svd``: singular values."""

from __future__ import annotations

from typing import Any, ClassVar

from symjobs import _plots
from symjobs._cli._tables import Cell, Table
from symjobs._cli.questions._matrix import MatrixQuestion
from symjobs._cli.questions._question import Answer


class SVDQuestion(MatrixQuestion):
    """Singular values of the covariance matrix."""

    job_type: ClassVar[str] = "SVDJob"
    what: ClassVar[str] = "singular values of the covariance matrix"
    example: ClassVar[str] = "svd longley"

    def tables(self, answer: Answer) -> list[Table]:
        singular, found = _values(answer), answer.result
        total = sum(singular)
        title = f"singular values (rank {found.rank} of {len(singular)}, condition {found.condition:.4g})"
        rows: list[list[Cell]] = [
            [f"s{i}", value, value / total if total else None] for i, value in enumerate(singular, start=1)
        ]
        return [Table(title, ["number", "singular value", "share"], rows)]

    def draw(self, answer: Answer) -> Any:
        return _plots.scree(_values(answer), title=answer.title, quantity="singular value")


def _values(answer: Answer) -> list[float]:
    # On the wire each value has the name of an input, which has no meaning: a value belongs to all inputs together.
    return [float(text) for text in answer.values["KSVSMap"]["values"][0]]


QUESTION = SVDQuestion()
