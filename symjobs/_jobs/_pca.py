"""PCAJob: principal components."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from symjobs._engine._job import JobContext
from symjobs._entities import Cell, DataFrame
from symjobs._errors import InputError
from symjobs._explore import Attribute, on_host
from symjobs._jobs._matrix import MatrixJob
from symjobs._parameters import flag, integer, number
from symkernels import PCAResult, nearest_correlation, pca

if TYPE_CHECKING:
    from symjobs._project import Project

MOST_COMPONENTS = 100  # the contract's default and maximum


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
        Whether the matrix was positive semidefinite; one of pairs under missing values need not be.
    backend, device : str
        What computed it. The arrays are NumPy's in any case.
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
        k = len(self.values)
        rows: list[list[Cell]] = [[name, *row] for name, row in zip(self.names, self.vectors.tolist(), strict=True)]
        vectors = DataFrame(["attribute", *(f"PC{i + 1}" for i in range(k))], ["S", *"C" * k], rows)
        values = DataFrame([f"e{i + 1}" for i in range(k)], ["C"] * k, [self.values.tolist()])
        return {"pcaVectors": vectors.as_text(), "pcaValues": values.as_text(), "pcaSumValues": self.total}


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
    """

    job_type: ClassVar[str] = "PCAJob"

    def __init__(
        self,
        project: Project,
        inputs: Sequence[str | int] | None = None,
        explained: float = 1.0,
        n_components: int = MOST_COMPONENTS,
        covariance: bool = False,
        *,
        repair: bool = False,
    ) -> None:
        if not isinstance(explained, float | int | np.number) or not 0.0 <= explained <= 1.0:
            raise InputError(f"the explained share (explainedCovariance) must be from 0 to 1, got {explained!r}")
        if isinstance(n_components, bool) or not isinstance(n_components, int | np.integer):
            raise InputError(f"the number of components (pcaNumDimension) must be a whole number, got {n_components!r}")
        if not 1 <= n_components <= MOST_COMPONENTS:
            raise InputError(
                f"the number of components (pcaNumDimension) must be from 1 to {MOST_COMPONENTS}, got {n_components}"
            )
        self.explained = float(explained)
        self.n_components = int(n_components)
        self.covariance = bool(covariance)
        self.repair = bool(repair)
        super().__init__(project, inputs)

    @classmethod
    def _options(cls, given: Mapping[str, str]) -> dict[str, Any]:
        return {
            "explained": number(given, "explainedCovariance", 1.0),
            "n_components": integer(given, "pcaNumDimension", MOST_COMPONENTS),
            "covariance": flag(given, "pcaCovariance"),
            "repair": flag(given, "pcaRepair"),
        }

    def _matrix(self, moments: Any, indices: list[int]) -> Any:
        return moments.covariance(indices=indices) if self.covariance else moments.correlation(indices=indices)

    def _answer(self, matrix: Any, attributes: list[Attribute], names: list[str], context: JobContext) -> PCAJobResult:
        if not self.covariance:
            _refuse_constants(matrix, names)
        found = self._decompose(matrix)
        psd = found.psd
        if not psd and self.repair:
            found = self._decompose(_repaired(matrix, context))
        elif not psd:
            context.details["positiveSemidefinite"] = (
                f"false: smallest eigenvalue {found.smallest:.3g}, as each pair of attributes has its own rows where "
                "values are missing; pcaRepair=true takes the nearest correlation matrix"
            )
        return PCAJobResult(
            names=tuple(names),
            values=on_host(found.values),
            vectors=on_host(found.vectors),
            total=found.total,
            rank=found.rank,
            condition=found.condition,
            psd=psd,
            backend=found.backend,
            device=found.device,
        )

    def _decompose(self, matrix: Any) -> PCAResult:
        if self.explained == 0.0:
            return pca(matrix, n_components=1)
        return pca(matrix, n_components=self.n_components, explained=self.explained)


def _refuse_constants(correlation: Any, names: list[str]) -> None:
    undefined = np.isnan(on_host(correlation.diagonal()))
    constant = [name for name, without in zip(names, undefined, strict=True) if without]
    if constant:
        raise InputError(
            f"correlations are undefined for {', '.join(map(repr, constant))}: constant, or without values; "
            "leave them out, or work on covariances (covariance=True, pcaCovariance=true, --covariance)"
        )


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
