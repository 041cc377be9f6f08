"""The kmeans model: clusters of the rows that a project has learnt, by way of the micro-clusters that it kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from symjobs._entities import number_text
from symjobs._errors import InputError
from symjobs._models._blocks import Blocks
from symjobs._models._model import Checkpoint, Model, Names
from symjobs._models._predictions import Predictions
from symjobs._parameters import integer, one_of
from symjobs._state import Snapshot
from symjobs._state._inputs import Input
from symkernels import SymkernelsError, assign_clusters

SCALES = ("none", "standard")
_LONG = 2**63


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


@dataclass(frozen=True, slots=True)
class _Settings:
    """The parameters, typed."""

    k: int
    max_iterations: int
    n_init: int
    seed: int
    scale: str

    @classmethod
    def parse(cls, given: Mapping[str, str], scale: str) -> _Settings:
        settings = cls(
            k=integer(given, "kmeans_k"),
            max_iterations=integer(given, "kmeans_max_iterations", 1000),
            n_init=integer(given, "kmeans_n_init", 10),
            seed=integer(given, "kmeans_rnd_seed", 0),
            scale=one_of(given, "kmeans_scale", SCALES, scale),
        )
        for name, value in (
            ("kmeans_k", settings.k),
            ("kmeans_max_iterations", settings.max_iterations),
            ("kmeans_n_init", settings.n_init),
        ):
            if not 1 <= value < _LONG:
                limit = "1 or more" if value < 1 else "below 2**63"
                raise InputError(f"parameter {name!r} must be {limit}, got {given[name]!r}")
        if not -_LONG <= settings.seed < _LONG:
            raise InputError(f"parameter 'kmeans_rnd_seed' must be from -2**63 to 2**63 - 1, got {settings.seed}")
        return settings


class KMeansModel(Model):
    """Clusters, and the nearest one of any row.

    Parameters
    ----------
    inputs, fill
        As `Model` takes them.
    centers : (k, d) float64
        In the units of the inputs.
    counts : (k,) float64
        Rows of each cluster.
    divisors : (d,) float64
        What each input is divided by before distances are measured.
    facts : dict of str to str
        What `info` tells.
    """

    algo: ClassVar[str] = "kmeans"
    parameters: ClassVar[tuple[str, ...]] = (
        "kmeans_k",
        "kmeans_max_iterations",
        "kmeans_n_init",
        "kmeans_rnd_seed",
        "kmeans_scale",
    )
    keys: ClassVar[dict[str, str]] = {
        "cluster": "number of the nearest center, from 0; NaN where an input is missing",
        "distance": "Euclidean distance to it, in the model's scale; NaN where an input is missing",
    }
    score: ClassVar[str | None] = "distance"

    def __init__(
        self,
        inputs: tuple[Input, ...],
        fill: np.ndarray,
        centers: np.ndarray,
        counts: np.ndarray,
        divisors: np.ndarray,
        facts: dict[str, str],
    ) -> None:
        super().__init__(inputs, fill)
        self.centers = centers
        self.counts = counts
        self.divisors = divisors
        self._facts = facts

    @classmethod
    def build(
        cls,
        snapshot: Snapshot,
        inputs: Names | None,
        targets: Names | None,
        parameters: Mapping[str, str],
        checkpoint: Checkpoint | None = None,
    ) -> Self:
        if targets:
            raise InputError("a kmeans model has no targets; name its attributes as inputs")
        clusters = snapshot.require_clusters()
        settings = _Settings.parse(parameters, clusters.settings.scale)
        if inputs is not None and not len(inputs):
            raise InputError("no input is named; name at least one of the project's cluster_features")
        found = tuple(snapshot.input(name) for name in (clusters.features if inputs is None else inputs))
        columns = clusters.positions([known.name for known in found])
        coreset = clusters.coreset(columns)
        deviations = np.asarray(coreset.std())
        standard = settings.scale == "standard"
        divisors = np.where((deviations > 0) & standard, deviations, 1.0)  # a constant input stays as it is
        try:
            (entry,) = coreset.sweep(
                [settings.k],
                n_init=settings.n_init,
                max_iter=settings.max_iterations,
                seed=settings.seed % 2**64,  # a client's may be negative
                scale=divisors,
                metric="euclidean",
                checkpoint=checkpoint,
            )
        except SymkernelsError as error:
            raise InputError(f"the kmeans model cannot be built: {error}") from error
        if entry.centers is None:
            raise InputError(
                f"kmeans_k is {settings.k}, and no such clusters can be made: {entry.reason}; the project keeps "
                f"{len(coreset)} micro-clusters (its parameter cluster_num_centroids)"
            )
        facts = {
            "kmeans_k": str(settings.k),
            "kmeans_wssse": number_text(entry.wssse),
            "kmeans_silhouette": number_text(entry.silhouette),
            "kmeans_scale": settings.scale,
            "kmeans_max_iterations": str(settings.max_iterations),
            "kmeans_n_init": str(settings.n_init),
            "kmeans_rnd_seed": str(settings.seed),
            "kmeans_n_iter": str(entry.n_iter),
            "kmeans_converged": str(bool(entry.converged)).lower(),
            "micro_clusters": str(len(coreset)),
            "rows": str(clusters.n_rows),
            **clusters.notes(),
        }
        return cls(
            found,
            np.array(coreset.mean(), dtype=np.float64),
            np.array(entry.centers, dtype=np.float64) * divisors,
            np.array(entry.counts, dtype=np.float64),
            divisors,
            facts,
        )

    def predict(self, blocks: Blocks) -> KMeansPredictions:
        labels: list[np.ndarray] = []
        squares: list[np.ndarray] = []
        for block in blocks:
            try:
                nearest, squared = assign_clusters(
                    np.divide(block, self.divisors, order="C"), self.centers / self.divisors, nonfinite="drop"
                )
            except SymkernelsError as error:
                raise InputError(f"the clusters of the rows cannot be told: {error}") from error
            labels.append(np.asarray(nearest))
            squares.append(np.asarray(squared))
        return KMeansPredictions(
            n_rows=blocks.n_rows,
            n_missing=blocks.n_missing,
            n_imputed=blocks.n_imputed,
            labels=np.concatenate(labels),
            distances=np.sqrt(np.concatenate(squares)),
        )

    def info(self) -> dict[str, str]:
        return dict(self._facts)

    def extra(self) -> dict[str, Any]:
        return {"centers": self.centers.tolist(), "counts": self.counts.tolist()}

    def arrays(self) -> dict[str, np.ndarray]:
        return {"centers": self.centers, "counts": self.counts, "divisors": self.divisors}

    def metadata(self) -> dict[str, Any]:
        return {"facts": self._facts}

    @classmethod
    def restore(
        cls, inputs: tuple[Input, ...], fill: np.ndarray, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, Any]
    ) -> Self:
        centers, counts, divisors = (arrays[name] for name in ("centers", "counts", "divisors"))
        d = len(inputs)
        if any(array.dtype != np.float64 for array in (centers, counts, divisors)):
            raise ValueError("its kmeans model is not of float64")
        if centers.ndim != 2 or centers.shape != (len(counts), d) or counts.ndim != 1 or divisors.shape != (d,):
            raise ValueError(f"its kmeans model has centers of shape {centers.shape} for {d} inputs")
        if not np.isfinite(centers).all() or not (np.isfinite(divisors) & (divisors > 0)).all():
            raise ValueError("its kmeans model has centers that are no numbers")
        return cls(inputs, fill, centers, counts, divisors, dict(metadata["facts"]))
