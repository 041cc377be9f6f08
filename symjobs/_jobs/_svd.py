"""SVDJob: the singular values of the covariance matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from symjobs._arrays import to_host
from symjobs._engine import JobContext
from symjobs._entities import KSVSMap, distinct_texts
from symjobs._explore import Attribute
from symjobs._jobs._matrix import MatrixJob, rank_of
from symjobs._jobs._route import JobRoute
from symkernels import svd


@dataclass(frozen=True, eq=False)
class SVDJobResult:
    """Singular values of the population covariance matrix.

    Attributes
    ----------
    names : tuple of str
        The p attributes, in the order of the request.
    values : (p,) float64
        Descending.
    rank : int
        How many values are above rounding.
    condition : float
        Largest over smallest value; infinite if the matrix is singular.
    backend, device : str
        The library and the device that computed it. The array is always a NumPy array.
    """

    names: tuple[str, ...]
    values: np.ndarray
    rank: int
    condition: float
    backend: str
    device: str

    def __repr__(self) -> str:
        return f"<SVD of {len(self.names)} attributes: rank {self.rank}, condition {self.condition:.3g}>"

    def entities(self) -> dict[str, Any]:
        """Return the ``KSVSMap``, in which the i-th attribute has the i-th largest value, as text."""
        texts = distinct_texts(self.values.tolist())
        return {"KSVSMap": KSVSMap([dict(zip(texts, self.names, strict=True))])}


class SVDJob(MatrixJob):
    """Singular values of the population covariance matrix of a project's attributes.

    Parameters
    ----------
    project : Project
    inputs : sequence of str or int, optional
        Names or indexes; the name of a category or list column stands for its members. By default every C and B column.

    Raises
    ------
    InputError
        If an input is unknown or named twice. When the job runs: if two inputs have no rows in common.

    Examples
    --------
    >>> import symjobs as sj
    >>> project = sj.Project("iris").learn(sj.datasets.load_iris())
    >>> result = sj.SVDJob(project, ["petal_length", "petal_width"]).run(sj.JobContext())
    >>> print(result.values.round(3), result.rank)
    [3.637 0.036] 2
    """

    job_type: ClassVar[str] = "SVDJob"
    routes: ClassVar[tuple[JobRoute, ...]] = (JobRoute(path="/projects/{pid}/exploresvd"),)

    def _answer(self, moments: Any, attributes: list[Attribute], names: list[str], context: JobContext) -> SVDJobResult:
        attributes, names = self._defined(moments, attributes, names, context, constants=True)
        matrix = moments.covariance(indices=[attribute.index for attribute in attributes])
        context.progress(1, 2)
        found = svd(matrix, checkpoint=context.checkpoint)
        return SVDJobResult(
            names=tuple(names),
            values=to_host(found.values),
            rank=rank_of(moments, attributes, names, found.rank, context),
            condition=found.condition,
            backend=found.backend,
            device=found.device,
        )
