"""The oospca model: how far a row is from the rows learnt, along their principal components and beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from symjobs._entities import number_text
from symjobs._models._anomaly import SCORE, AnomalyPredictions
from symjobs._models._blocks import Blocks
from symjobs._models._model import Checkpoint, Model, Names
from symjobs._models._standardized import standard
from symjobs._parameters import Flag, Integer, Number, Parameters, parameter
from symjobs._state import Snapshot
from symjobs._state._inputs import Input
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


class OospcaModel(Model):
    """Principal components of a project's moments, and how unusual any row is by them.

    Parameters
    ----------
    inputs, fill
        As `Model` takes them; ``fill`` is the center, too.
    projection : (d, d) float64
        Directions as columns, the largest first: those kept divided by the roots of their eigenvalues, and each row
        by the input's standard deviation (unless the model is of covariances).
    values : (d,) float64
        Eigenvalues, descending; 0 for those of no variance.
    kept : int
        Components of the principal subspace, from 1.
    facts : dict of str to str
        What `info` tells.

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
      count as much as they vary, and the average row learnt has score 1.
    """

    algo: ClassVar[str] = "oospca"
    summary: ClassVar[str] = "distance from the principal subspace, and within it"
    parameter_type: ClassVar[type[Parameters]] = OospcaParameters
    keys: ClassVar[dict[str, str]] = {
        SCORE: "residual and leverage combined, 1 for the average row learnt; NaN where an input is missing",
        "residual": "squared distance from the principal subspace; NaN where an input is missing",
        "leverage": "squared Mahalanobis distance within the principal subspace; NaN where an input is missing",
    }
    score: ClassVar[str | None] = SCORE

    def __init__(
        self,
        inputs: tuple[Input, ...],
        fill: np.ndarray,
        projection: np.ndarray,
        values: np.ndarray,
        kept: int,
        facts: dict[str, str],
    ) -> None:
        super().__init__(inputs, fill)
        self.projection = projection
        self.values = values
        self.kept = kept
        self._facts = facts

    @classmethod
    def build(
        cls,
        snapshot: Snapshot,
        inputs: Names | None,
        targets: Names | None,
        settings: OospcaParameters,
        checkpoint: Checkpoint | None = None,
    ) -> Self:
        known = standard(snapshot, inputs, targets, cls.algo)
        found = known.components(cls.algo, checkpoint, settings.covariance)
        values = found.values
        kept = _components(values, found.rank, settings)
        roots = np.ones(len(values))
        roots[:kept] = np.sqrt(values[:kept])
        units = np.ones(len(values)) if settings.covariance else known.deviation
        facts = {
            "pcaCovariance": str(settings.covariance).lower(),
            "explainedCovariance": number_text(settings.explained),
            "pcaNumDimension": str(settings.n_components),
            "components": str(kept),
            "explained": number_text(min(float(values[:kept].sum() / values.sum()), 1.0)),
            **known.facts(found),
        }
        return cls(known.inputs, known.mean, found.vectors / roots / units[:, None], values, kept, facts)

    def predict(self, blocks: Blocks) -> AnomalyPredictions:
        residuals: list[np.ndarray] = []
        leverages: list[np.ndarray] = []
        for block in blocks:
            leverage, residual = projected_squares(block, self.fill, self.projection, self.kept)
            leverages.append(leverage)
            residuals.append(residual)
        residual, leverage = np.concatenate(residuals), np.concatenate(leverages)
        # c Q / E(Q) + (1 - c) T^2 / k, with E(Q) the sum of the eigenvalues left out and c its share of the total.
        score = (residual + leverage * self.values[: self.kept].mean()) / self.values.sum()
        return AnomalyPredictions(
            n_rows=blocks.n_rows,
            n_missing=blocks.n_missing,
            n_imputed=blocks.n_imputed,
            scores=score,
            further={"residual": residual, "leverage": leverage},
        )

    def info(self) -> dict[str, str]:
        return dict(self._facts)

    def extra(self) -> dict[str, Any]:
        return {"eigenvalues": self.values.tolist()}

    def arrays(self) -> dict[str, np.ndarray]:
        return {"projection": self.projection, "values": self.values}

    def metadata(self) -> dict[str, Any]:
        return {"kept": self.kept, "facts": self._facts}

    @classmethod
    def restore(
        cls, inputs: tuple[Input, ...], fill: np.ndarray, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, Any]
    ) -> Self:
        projection, values, kept = arrays["projection"], arrays["values"], metadata["kept"]
        d = len(inputs)
        if projection.dtype != np.float64 or values.dtype != np.float64:
            raise ValueError("its oospca model is not of float64")
        if projection.shape != (d, d) or values.shape != (d,):
            raise ValueError(f"its oospca model has directions of shape {projection.shape} for {d} inputs")
        if not isinstance(kept, int) or not 1 <= kept <= d:
            raise ValueError(f"its oospca model keeps {kept!r} of {d} components")
        if not all(np.isfinite(array).all() for array in (fill, projection, values)) or not (values[:kept] > 0).all():
            raise ValueError("its oospca model has directions that are no numbers")
        return cls(inputs, fill, projection, values, kept, dict(metadata["facts"]))


def _components(values: np.ndarray, rank: int, settings: OospcaParameters) -> int:
    """How many components reach the share asked for; none of no variance."""
    reached = np.cumsum(values)
    share = settings.explained * reached[-1] * (1 - 1e-12)  # rounding granted
    return max(1, min(int((reached < share).sum()) + 1, settings.n_components, rank))
