"""The oospca model: the distance of a row from the principal subspace of the learnt rows, and within it."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np

from symjobs._entities import number_text
from symjobs._models._anomaly import SCORE, AnomalyModel
from symjobs._models._model import Checkpoint, Names
from symjobs._models._saved import array
from symjobs._models._standardized import standardized
from symjobs._parameters import Flag, Integer, Number, Parameters, parameter
from symjobs._state import Snapshot
from symkernels import projected_squares

MOST_COMPONENTS = 100  # the contract's default and maximum


class OospcaParameters(Parameters):
    """The parameters of an ``oospca`` model."""

    strict_prefix: ClassVar[str | None] = ""

    covariance: bool = parameter(
        "pcaCovariance", Flag(), "work on the covariance matrix instead of the correlation matrix", default=False
    )
    explained: float = parameter(
        "explainedCovariance", Number(0, 1), "share of the variance that the components kept explain", default=0.5
    )
    n_components: int = parameter(
        "pcaNumDimension", Integer(1, MOST_COMPONENTS), "keep at most this many components", default=MOST_COMPONENTS
    )


class OospcaModel(AnomalyModel):
    """Principal components of a project's moments, and how unusual any row is by them.

    Parameters
    ----------
    inputs, fill, facts
        As `Model` takes them; ``fill`` is the center, too.
    projection : (d, d) float64
        Directions as columns, the largest first: those kept divided by the roots of their eigenvalues, and each row
        by the input's standard deviation (unless the model is of covariances).
    values : (d,) float64
        Eigenvalues, descending; 0 for those of no variance.
    kept : int
        Components of the principal subspace, from 1.

    Notes
    -----
    Of a row z, centered (and divided by standard deviations), with principal components y and eigenvalues l, k of
    them kept:

    * ``leverage`` is Hotelling's T squared, the sum of y_i^2 / l_i over the k components kept: the squared Mahalanobis
      distance within the subspace, k on average over the rows learnt. (Divided by the number of rows, and 1/n added,
      it is what regression calls leverage.)
    * ``residual`` is Q, the squared prediction error, the sum of y_i^2 over all other components: the squared distance
      from the subspace, on average the variance that is left out (Jackson and Mudholkar, "Control procedures for
      residuals associated with principal component analysis", Technometrics 21, 1979).
    * ``score`` is c Q / E(Q) + (1 - c) T^2 / k, the weighted combination of Raich and Cinar ("Statistical process
      monitoring and disturbance diagnosis in multivariable continuous processes", AIChE Journal 42, 1996), with each
      statistic relative to its mean and c the share of the variance that is left out. So the two groups of components
      count as much as they vary, and the score of the learnt rows is 1 on average.
    """

    algo: ClassVar[str] = "oospca"
    summary: ClassVar[str] = "distance from the principal subspace, and within it"
    parameter_type: ClassVar[type[Parameters]] = OospcaParameters
    keys: ClassVar[dict[str, str]] = {
        SCORE: "residual and leverage combined, 1 for the average row learnt; NaN where an input is missing",
        "residual": "squared distance from the principal subspace; NaN where an input is missing",
        "leverage": "squared Mahalanobis distance within the principal subspace; NaN where an input is missing",
    }

    projection: np.ndarray = array("d", "d")
    values: np.ndarray = array("d")
    kept: int

    @classmethod
    def learn(
        cls,
        snapshot: Snapshot,
        inputs: Names | None,
        parameters: OospcaParameters,
        checkpoint: Checkpoint | None = None,
    ) -> Self:
        known = standardized(snapshot, inputs, cls.algo)
        found = known.components(cls.algo, checkpoint, parameters.covariance)
        values = found.values
        kept = _components(values, found.rank, parameters)
        roots = np.ones(len(values))
        roots[:kept] = np.sqrt(values[:kept])
        units = np.ones(len(values)) if parameters.covariance else known.deviation
        facts = {
            "components": str(kept),
            "explained": number_text(min(float(values[:kept].sum() / values.sum()), 1.0)),
            **known.facts_of(found),
        }
        return cls(
            inputs=known.inputs,
            fill=known.mean,
            facts=facts,
            projection=found.vectors / roots / units[:, None],
            values=values,
            kept=kept,
        )

    def answer(self, block: np.ndarray) -> dict[str, np.ndarray]:
        leverage, residual = projected_squares(block, self.fill, self.projection, self.kept)
        # c Q / E(Q) + (1 - c) T^2 / k, with E(Q) the sum of the eigenvalues left out and c its share of the total.
        score = (residual + leverage * self.values[: self.kept].mean()) / self.values.sum()
        return {SCORE: score, "residual": residual, "leverage": leverage}

    def extra(self) -> dict[str, Any]:
        return {"eigenvalues": self.values.tolist()}

    def check(self) -> None:
        if not 1 <= self.kept <= len(self.inputs):
            raise ValueError(f"keeps {self.kept} of {len(self.inputs)} components")
        if not (self.values[: self.kept] > 0).all():
            raise ValueError("keeps components without variance")


def _components(values: np.ndarray, rank: int, parameters: OospcaParameters) -> int:
    """Return how many components reach the share of the variance that was asked for."""
    reached = np.cumsum(values)
    share = parameters.explained * reached[-1] * (1 - 1e-12)  # with room for rounding
    return max(1, min(int((reached < share).sum()) + 1, parameters.n_components, rank))
