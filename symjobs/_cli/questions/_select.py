"""``symjobs run select``: attributes to keep."""

from __future__ import annotations

from typing import Any, ClassVar

from symjobs._cli._tables import Table, lay_out
from symjobs._cli.questions._correlations import draw_correlations
from symjobs._cli.questions._matrix import MatrixQuestion
from symjobs._cli.questions._question import Answer

_MAPS = (("selection", ["input", "verdict"]), ("dependencies", ["input", "depends on (times its coefficient)"]))


class SelectQuestion(MatrixQuestion):
    """Attributes to keep so that none depends linearly on the others: SVD feature selection."""

    job_type: ClassVar[str] = "SVDFeatureSelectionJob"
    what: ClassVar[str] = "SVD feature selection"
    example: ClassVar[str] = "select longley --tol 1e-4"

    def tables(self, answer: Answer) -> list[Table]:
        return lay_out(answer.values, maps=_MAPS)

    def draw(self, answer: Answer) -> Any:
        return draw_correlations(answer)


QUESTION = SelectQuestion()
