"""``symjobs run vif``: variance inflation factors."""

from __future__ import annotations

from typing import Any, ClassVar

from symjobs import _plots
from symjobs._cli._tables import Table, lay_out
from symjobs._cli.questions._correlations import correlations
from symjobs._cli.questions._matrix import MatrixQuestion
from symjobs._cli.questions._question import Answer


class VIFQuestion(MatrixQuestion):
    """Variance inflation factors."""

    job_type: ClassVar[str] = "ExploreVIFJob"
    what: ClassVar[str] = "variance inflation factors"
    example: ClassVar[str] = "vif longley --plot vif.png"

    def tables(self, answer: Answer) -> list[Table]:
        return lay_out(answer.values, maps=((self.what, ["input", "VIF"]),))

    def draw(self, answer: Answer) -> Any:
        names, matrix = correlations(answer.data, answer.inputs)
        factors = [float(text) for text in answer.values["KSVSMap"]["values"][0].values()]
        return _plots.vif_bars(names, factors, matrix, title=answer.title)


QUESTION = VIFQuestion()
