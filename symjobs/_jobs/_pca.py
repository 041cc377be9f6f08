"""PCAJob: principal components."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from symjobs._arrays import to_host
from symjobs._engine import JobContext
from symjobs._entities import Cell, DataFrame, number_text, to_json
from symjobs._explore import Attribute
from symjobs._jobs._encode import Checkpoint, frame_json
from symjobs._jobs._matrix import MatrixJob, rank_of
from symjobs._jobs._route import JobRoute
from symjobs._parameters import Flag, Integer, Number, Parameters, parameter
from symjobs._project import Project
from symkernels import PCAResult, nearest_correlation, pca

MOST_COMPONENTS = 100  # the contract's default and maximum
_STRIPE = 200  # rows of the vectors between two checkpoints


@dataclass(frozen=True, eq=False)
class PCAJobResult:
    """Principal components, the largest first.

    Attributes
    ----------
    names : tuple of str
        The p attributes.
    values : (k,) float64
        Eigenvalues, descending.
    vectors : (p, k) float64
        Eigenvectors as columns; in each the first entry within 1e-8 of the largest magnitude is positive.
    total : float
        Sum of all p eigenvalues.
    rank : int
        How many of all p eigenvalues are above rounding.
    condition : float
        Largest over smallest eigenvalue; infinite if the matrix is singular.
    psd : bool
        Whether the matrix was positive semidefinite. With missing values it may not be.
    backend, device : str
        The library and the device that computed it. The arrays are always NumPy arrays.
    """

    names: tuple[str, ...]
    values: np.ndarray
    vectors: np.ndarray
    total: float
    rank: int
    condition: float
    psd: bool
    backend: str
    device: str

    @property
    def explained_ratio(self) -> np.ndarray:
        """(k,) float64: each component's share of `total`; NaN where that is 0."""
        return self.values / (self.total or math.nan)

    def __repr__(self) -> str:
        shares = ", ".join(f"{share:.1%}" for share in self.explained_ratio[:5])
        more = ", ..." if len(self.values) > 5 else ""
        return f"<PCA of {len(self.names)} attributes: {len(self.values)} components, {shares}{more}>"

    def entities(self) -> dict[str, Any]:
        """Return ``pcaVectors``, ``pcaValues`` and ``pcaSumValues``."""
        return {"pcaVectors": DataFrame(*self._columns(), self._rows(0, len(self.names))), **self._without_vectors()}

    def encode(self, checkpoint: Checkpoint) -> bytes:
        """Return the JSON of `entities`, and call `checkpoint` meanwhile."""
        vectors = frame_json(*self._columns(), len(self.names), self._rows, _STRIPE, checkpoint)
        return b'{"pcaVectors":' + vectors + b"," + to_json(self._without_vectors())[1:]

    def _without_vectors(self) -> dict[str, Any]:
        k = len(self.values)
        values = DataFrame([f"e{i + 1}" for i in range(k)], ["C"] * k, [self.values.tolist()])
        return {"pcaValues": values.as_text(), "pcaSumValues": self.total}

    def _columns(self) -> tuple[list[str], list[str]]:
        k = len(self.values)
        return ["attribute", *(f"PC{i + 1}" for i in range(k))], ["S", *"C" * k]

    def _rows(self, start: int, stop: int) -> list[list[Cell]]:
        parts = zip(self.names[start:stop], self.vectors[start:stop].tolist(), strict=True)
        return [[name, *map(number_text, row)] for name, row in parts]


class PCAParameters(Parameters):
    """The parameters of a `PCAJob`."""

    explained: float = parameter(
        "explainedCovariance",
        Number(0, 1),
        "return the fewest components that reach this share of the total variance",
        default=1.0,
    )
    n_components: int = parameter(
        "pcaNumDimension",
        Integer(1, MOST_COMPONENTS),
        "return at most this many components",
        default=MOST_COMPONENTS,
    )
    covariance: bool = parameter(
        "pcaCovariance", Flag(), "work on the covariance matrix instead of the correlation matrix", default=False
    )
    repair: bool = parameter(
        "pcaRepair",
        Flag(),
        "replace an indefinite matrix, which missing values may cause, by the nearest correlation matrix",
        default=False,
    )


class PCAJob(MatrixJob):
    """Principal components of a project's attributes.

    Parameters
    ----------
    project : Project
    inputs : sequence of str or int, optional
        Names or indexes; the name of a category or list column stands for its members. By default every C and B column.
    explained : float, default 1.0
        Return the fewest components that reach this share of the total variance, from 0 (one component) to 1 (all).
    n_components : int, default 100
        Return at most this many, from 1 to 100.
    covariance : bool, default False
        Work on the population covariance matrix instead of the correlation matrix.
    repair : bool, default False
        If missing values have left the matrix not positive semidefinite, replace its correlations by the nearest
        correlation matrix (Higham 2002). Without it the job says so in its ``details``.

    Raises
    ------
    InputError
        If an input is unknown or named twice, or an option is out of its range. When the job runs: if an input is
        constant (its correlations are undefined), or two of them have no rows in common.

    Notes
    -----
    On the wire: ``explainedCovariance``, ``pcaNumDimension``, ``pcaCovariance``, ``pcaRepair``.

    Examples
    --------
    >>> import symjobs as sj
    >>> project = sj.Project("iris").learn(sj.datasets.load_iris())
    >>> result = sj.PCAJob(project, ["petal_length", "petal_width"], n_components=1).run(sj.JobContext())
    >>> print(result.values.round(3), result.explained_ratio.round(3))
    [1.963] [0.981]
    """

    job_type: ClassVar[str] = "PCAJob"
    routes: ClassVar[tuple[JobRoute, ...]] = (JobRoute(path="/projects/{pid}/explorepca"),)
    parameter_type = PCAParameters

    def __init__(
        self,
        project: Project,
        inputs: Sequence[str | int] | None = None,
        explained: float = PCAParameters.explained,
        n_components: int = PCAParameters.n_components,
        covariance: bool = PCAParameters.covariance,
        *,
        repair: bool = PCAParameters.repair,
    ) -> None:
        self.parameters = PCAParameters(
            explained=explained, n_components=n_components, covariance=covariance, repair=repair
        )
        super().__init__(project, inputs)

    def _answer(self, moments: Any, attributes: list[Attribute], names: list[str], context: JobContext) -> PCAJobResult:
        covariance = self.parameters.covariance
        hint = "" if covariance else ", or work on covariances (covariance=True, pcaCovariance=true, --covariance)"
        attributes, names = self._defined(moments, attributes, names, context, constants=covariance, hint=hint)
        indices = [attribute.index for attribute in attributes]
        matrix = (moments.covariance if covariance else moments.correlation)(indices=indices)
        context.progress(1, 2)
        found = self._decompose(matrix, context)
        psd = found.psd
        if not psd and self.parameters.repair:
            found = self._decompose(_repaired(matrix, context), context)
        elif not psd:
            context.details["positiveSemidefinite"] = (
                f"false: smallest eigenvalue {found.smallest:.3g}, as each pair of attributes has its own rows where "
                "values are missing; pcaRepair=true takes the nearest correlation matrix"
            )
        return PCAJobResult(
            names=tuple(names),
            values=to_host(found.values),
            vectors=to_host(found.vectors),
            total=found.total,
            rank=rank_of(moments, attributes, names, found.rank, context),
            condition=found.condition,
            psd=psd,
            backend=found.backend,
            device=found.device,
        )

    def _decompose(self, matrix: Any, context: JobContext) -> PCAResult:
        if self.parameters.explained == 0.0:
            return pca(matrix, n_components=1, checkpoint=context.checkpoint)
        given = self.parameters
        return pca(matrix, given.n_components, given.explained, checkpoint=context.checkpoint)


def _repaired(matrix: Any, context: JobContext) -> Any:
    """Return the nearest positive semidefinite matrix with the same variances."""
    scale = matrix.diagonal() ** 0.5
    scale = scale + (scale == 0)  # a constant has zero covariances; any scale will do
    unit = matrix / scale[:, None] / scale[None, :]
    diagonal = list(range(matrix.shape[0]))
    unit[diagonal, diagonal] = 1.0
    nearest = nearest_correlation(unit, checkpoint=lambda *_: context.checkpoint())
    context.details["positiveSemidefinite"] = (
        f"repaired: the nearest correlation matrix is {nearest.distance:.3g} away (Frobenius)"
    )
    return nearest.values * scale[:, None] * scale[None, :]
