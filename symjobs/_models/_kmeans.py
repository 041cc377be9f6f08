"""The kmeans model: clusters of the rows that a project has learnt, from its micro-clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from symjobs._entities import number_text
from symjobs._errors import InputError
from symjobs._models._model import Checkpoint, Model, Names
from symjobs._models._predictions import Predictions
from symjobs._models._saved import array
from symjobs._parameters import Choice, Integer, Parameters, parameter
from symjobs._state import Snapshot
from symkernels import SymkernelsError, assign_clusters

SCALES = ("none", "standard")


@dataclass(frozen=True, eq=False)
class KMeansPredictions(Predictions):
    """The cluster of each row of a table.

    Attributes
    ----------
    labels : (n_rows,) int32
        Number of the nearest center, from 0; -1 where an input is missing (``NaN`` on the wire).
    distances : (n_rows,) float64
        Euclidean distance to it, in standard deviations of the inputs if the model is scaled and in their own units if
        not; NaN where an input is missing.

    Examples
    --------
    >>> import symjobs as sj
    >>> params = {"cluster_features": ["petal_length", "petal_width"]}
    >>> project = sj.Project("iris", params=params).learn(sj.datasets.load_iris())
    >>> _ = project.build("petals", "kmeans", parameters={"kmeans_k": 3})
    >>> rows = [["1.5", "0.2"], ["1.4", "0.3"], ["5.6", "2.0"]]
    >>> found = project.predict("petals", sj.DataFrame(["petal_length", "petal_width"], ["C", "C"], rows))
    >>> bool(found.labels[0] == found.labels[1]), bool(found.labels[0] == found.labels[2])
    (True, False)
    """

    labels: np.ndarray
    distances: np.ndarray

    def columns(self) -> dict[str, np.ndarray]:
        """Return ``cluster`` and ``distance``."""
        cluster = self.labels.astype(object)
        cluster[self.labels < 0] = np.nan
        return {"cluster": cluster, "distance": self.distances}


class KMeansModelParameters(Parameters):
    """The parameters of a ``kmeans`` model."""

    strict_prefix: ClassVar[str | None] = ""

    k: int = parameter("kmeans_k", Integer(1), "the number of clusters")
    max_iterations: int = parameter("kmeans_max_iterations", Integer(1), "iterations of each start", default=1000)
    n_init: int = parameter("kmeans_n_init", Integer(1), "starts, of which the best counts", default=10)
    seed: int = parameter("kmeans_rnd_seed", Integer(), "what random numbers come from", default=0)
    scale: str | None = parameter(
        "kmeans_scale",
        Choice(*SCALES),
        "standard divides each input by its standard deviation; by default the project's cluster_scale",
        default=None,
    )


class KMeansModel(Model):
    """Clusters, and the nearest one of any row.

    Parameters
    ----------
    inputs, fill, facts
        As `Model` takes them.
    centers : (k, d) float64
        In the units of the inputs.
    counts : (k,) float64
        Rows of each cluster.
    divisors : (d,) float64
        Each input is divided by its divisor before distances are computed.
    """

    algo: ClassVar[str] = "kmeans"
    summary: ClassVar[str] = "the nearest of k centers, and the distance to it"
    needs_clusters: ClassVar[bool] = True
    parameter_type: ClassVar[type[Parameters]] = KMeansModelParameters
    keys: ClassVar[dict[str, str]] = {
        "cluster": "number of the nearest center, from 0; NaN where an input is missing",
        "distance": "Euclidean distance to it, in the model's scale; NaN where an input is missing",
    }
    score: ClassVar[str | None] = "distance"

    centers: np.ndarray = array("k", "d")
    counts: np.ndarray = array("k")
    divisors: np.ndarray = array("d")

    @classmethod
    def learn(
        cls,
        snapshot: Snapshot,
        inputs: Names | None,
        parameters: KMeansModelParameters,
        checkpoint: Checkpoint | None = None,
    ) -> Self:
        clusters = snapshot.require_clusters()
        scale = clusters.settings.scale if parameters.scale is None else parameters.scale
        found = tuple(snapshot.input(name) for name in (clusters.features if inputs is None else inputs))
        columns = clusters.positions([known.name for known in found])
        coreset = clusters.coreset(columns)
        deviations = np.asarray(coreset.std())
        standard = scale == "standard"
        divisors = np.where((deviations > 0) & standard, deviations, 1.0)  # a constant input is not scaled
        try:
            (entry,) = coreset.sweep(
                [parameters.k],
                n_init=parameters.n_init,
                max_iter=parameters.max_iterations,
                seed=parameters.seed % 2**64,  # a client's may be negative
                scale=divisors,
                metric="euclidean",
                checkpoint=checkpoint,
            )
        except SymkernelsError as error:
            raise InputError(f"the kmeans model cannot be built: {error}") from error
        if entry.centers is None:
            raise InputError(
                f"cannot form {parameters.k} clusters (kmeans_k): {entry.reason}; the project keeps "
                f"{len(coreset)} micro-clusters (its parameter cluster_num_centroids)"
            )
        facts = {
            "kmeans_wssse": number_text(entry.wssse),
            "kmeans_silhouette": number_text(entry.silhouette),
            "kmeans_scale": scale,
            "kmeans_n_iter": str(entry.n_iter),
            "kmeans_converged": str(bool(entry.converged)).lower(),
            "micro_clusters": str(len(coreset)),
            "rows": str(clusters.n_rows),
            **clusters.notes(),
        }
        return cls(
            inputs=found,
            fill=np.array(coreset.mean(), dtype=np.float64),
            facts=facts,
            centers=np.array(entry.centers, dtype=np.float64) * divisors,
            counts=np.array(entry.counts, dtype=np.float64),
            divisors=divisors,
        )

    def answer(self, block: np.ndarray) -> dict[str, np.ndarray]:
        try:
            nearest, squared = assign_clusters(
                np.divide(block, self.divisors, order="C"), self.centers / self.divisors, nonfinite="drop"
            )
        except SymkernelsError as error:
            raise InputError(f"cannot assign rows to clusters: {error}") from error
        return {"cluster": np.asarray(nearest), "distance": np.sqrt(np.asarray(squared))}

    def predictions(self, columns: dict[str, np.ndarray], **counts: int) -> KMeansPredictions:
        return KMeansPredictions(**counts, labels=columns["cluster"], distances=columns["distance"])

    def extra(self) -> dict[str, Any]:
        return {"centers": self.centers.tolist(), "counts": self.counts.tolist()}

    def check(self) -> None:
        if not (self.divisors > 0).all():
            raise ValueError("divides inputs by numbers that are not positive")
