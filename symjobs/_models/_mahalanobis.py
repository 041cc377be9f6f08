"""The mahalanobis model: the distance of a row from the mean, relative to the covariance of the inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from symjobs._entities import number_text
from symjobs._errors import InputError
from symjobs._models._anomaly import SCORE, AnomalyModel
from symjobs._models._model import Checkpoint, Names
from symjobs._models._saved import array
from symjobs._models._standardized import standardized
from symjobs._parameters import Choice, Parameters, parameter
from symjobs._state import Snapshot
from symkernels import projected_squares

SHRINKAGE = "mahalanobis_shrinkage"
SHRINKAGES = ("oas", "rblw", "none")


class MahalanobisParameters(Parameters):
    """The parameters of a ``mahalanobis`` model."""

    strict_prefix: ClassVar[str | None] = ""

    shrinkage: str = parameter(
        SHRINKAGE, Choice(*SHRINKAGES), "how correlations are shrunk towards the identity", default="oas"
    )

    @classmethod
    def from_text(cls, given: Mapping[str, Any], what: str = "the request") -> Self:
        if isinstance(given, Mapping) and given.get(SHRINKAGE) in ("ledoit_wolf", "lw"):
            raise InputError(
                f"parameter {SHRINKAGE!r}: the estimate of Ledoit and Wolf needs fourth moments of all pairs of inputs "
                "that a project does not keep; take 'rblw', its Rao-Blackwellization for Gaussian rows, or 'oas'"
            )
        return super().from_text(given, what)


class MahalanobisModel(AnomalyModel):
    """Means and correlations of a project's inputs, and the Mahalanobis distance of any row.

    Parameters
    ----------
    inputs, fill, facts
        As `Model` takes them; ``fill`` is the center, too.
    projection : (d, d) float64
        Principal directions as columns: the first ``spanned`` of them divided by the roots of their variances, and each
        row by the input's standard deviation.
    spanned : int
        Number of directions in which the learnt rows vary; with shrinkage all d.

    Notes
    -----
    ``score`` is the distance, the root of z' R^-1 z with z the row in standard units and R the correlation matrix. The
    smallest eigenvalues of an estimated R are too small, so its inverse is too large. Therefore R is shrunk towards
    the identity, to (1 - r) R + r I. The optimal r for Gaussian rows is estimated from the traces of R and R^2: with
    ``oas`` by oracle approximating shrinkage, with ``rblw`` by the Rao-Blackwellized Ledoit-Wolf estimate (Chen,
    Wiesel, Eldar and Hero, "Shrinkage algorithms for MMSE covariance estimation", IEEE Transactions on Signal
    Processing 58, 2010: equations 23 and 17). Both decrease as 1/n. The estimate of Ledoit and Wolf (2004) itself
    needs fourth moments of all pairs of inputs, which a project does not keep.

    With ``none``, R is inverted on the directions in which the rows vary. ``residual`` is the squared distance of a row
    from these directions, in standard units. It is 0 unless inputs are collinear.
    """

    algo: ClassVar[str] = "mahalanobis"
    summary: ClassVar[str] = "distance from the mean, by the correlations of the inputs"
    parameter_type: ClassVar[type[Parameters]] = MahalanobisParameters
    keys: ClassVar[dict[str, str]] = {
        SCORE: "Mahalanobis distance from the mean; NaN where an input is missing",
        "residual": "squared distance from the directions in which the rows learnt vary, if the score leaves any out; "
        "NaN where an input is missing",
    }

    projection: np.ndarray = array("d", "d")
    spanned: int

    @classmethod
    def learn(
        cls,
        snapshot: Snapshot,
        inputs: Names | None,
        parameters: MahalanobisParameters,
        checkpoint: Checkpoint | None = None,
    ) -> Self:
        known = standardized(snapshot, inputs, cls.algo)
        found = known.components(cls.algo, checkpoint)
        values = found.values
        share = _share(values, known.n_common, parameters.shrinkage)
        variances = (1 - share) * values + share * values.mean()
        spanned = int((variances > 0).sum())
        roots = np.ones(len(values))
        roots[:spanned] = np.sqrt(variances[:spanned])
        facts = {"shrunk_by": number_text(share), **known.facts_of(found)}
        if spanned < len(values):
            facts["collinear"] = (
                f"the inputs vary in {spanned} of {len(values)} directions; the score is of these, the residual of the "
                f"others ({SHRINKAGE} other than none takes all)"
            )
        return cls(
            inputs=known.inputs,
            fill=known.mean,
            facts=facts,
            projection=found.vectors / roots / known.deviation[:, None],
            spanned=spanned,
        )

    def answer(self, block: np.ndarray) -> dict[str, np.ndarray]:
        square, residual = projected_squares(block, self.fill, self.projection, self.spanned)
        return {SCORE: np.sqrt(square), "residual": residual}

    def check(self) -> None:
        if not 1 <= self.spanned <= len(self.inputs):
            raise ValueError(f"varies in {self.spanned} of {len(self.inputs)} directions")


def _share(values: np.ndarray, n: int, shrinkage: str) -> float:
    """Return the shrinkage, from 0 to 1, of a matrix with these eigenvalues that was estimated from n rows."""
    if shrinkage == "none":
        return 0.0
    p, trace, square = len(values), float(values.sum()), float((values**2).sum())
    spread = square - trace**2 / p
    if not spread > 0:  # a multiple of the identity already
        return 1.0
    if shrinkage == "oas":
        share = ((1 - 2 / p) * square + trace**2) / ((n + 1 - 2 / p) * spread)
    else:
        share = ((n - 2) / n * square + trace**2) / ((n + 2) * spread)
    return min(share, 1.0)
