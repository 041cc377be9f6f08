"""ExploreVIFJob: variance inflation factors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from symjobs._arrays import to_host
from symjobs._engine import JobContext
from symjobs._entities import KSVSMap, number_text
from symjobs._explore import Attribute
from symjobs._jobs._matrix import MatrixJob, in_words, undefined
from symjobs._jobs._route import JobRoute
from symjobs._text import some
from symkernels import vif


@dataclass(frozen=True, eq=False)
class VIFJobResult:
    """Variance inflation factors.

    Attributes
    ----------
    inputs : tuple of str
        The p inputs as the request named them.
    names : tuple of str
        Their own names.
    values : (p,) float64
        ``inf`` where an input is an exact linear function of the others, NaN where it is constant.
    at_least : (p,) bool
        True where a factor is only a lower bound: it may be infinite, and the digits of the sums end before.
    rank : int
        How many inputs are linearly independent, constants left out.
    psd : bool
        Whether the correlation matrix was positive semidefinite. With missing values it may not be.
    backend, device : str
        The library and the device that computed it. The array is always a NumPy array.
    """

    inputs: tuple[str, ...]
    names: tuple[str, ...]
    values: np.ndarray
    at_least: np.ndarray
    rank: int
    psd: bool
    backend: str
    device: str

    def __repr__(self) -> str:
        worst = ", ".join(
            f"{self.names[i]} {'>=' if self.at_least[i] else ''}{self.values[i]:.4g}"
            for i in np.argsort(-self.values)[:3]
        )
        return f"<VIF of {len(self.names)} attributes, rank {self.rank}; largest: {worst}>"

    def entities(self) -> dict[str, Any]:
        """Return the ``KSVSMap``: each input, as the request named it, with its factor as text."""
        return {"KSVSMap": KSVSMap([dict(zip(self.inputs, map(number_text, self.values.tolist()), strict=True))])}


class ExploreVIFJob(MatrixJob):
    """Variance inflation factor of each input, given all the others and an intercept.

    Parameters
    ----------
    project : Project
    inputs : sequence of str or int, optional
        Names or indexes; the name of a category or list column stands for its members. All members of a category
        together are collinear. By default every C and B column.

    Raises
    ------
    InputError
        If an input is unknown or named twice. When the job runs: if two inputs have no rows in common.

    Examples
    --------
    >>> import symjobs as sj
    >>> project = sj.Project("iris").learn(sj.datasets.load_iris())
    >>> result = sj.ExploreVIFJob(project, ["sepal_width", "petal_length", "petal_width"]).run(sj.JobContext())
    >>> print(result.values.round(2))
    [ 1.27 15.1  14.23]
    """

    job_type: ClassVar[str] = "ExploreVIFJob"
    routes: ClassVar[tuple[JobRoute, ...]] = (JobRoute(path="/projects/{pid}/vif"),)

    def _answer(self, moments: Any, attributes: list[Attribute], names: list[str], context: JobContext) -> VIFJobResult:
        indices = [attribute.index for attribute in attributes]
        found = vif(moments, indices=indices, checkpoint=context.checkpoint)
        values, at_least = to_host(found.values), to_host(found.at_least)
        if at_least.any():
            context.details["atLeast"] = (
                f"{some([names[i] for i in np.flatnonzero(at_least)])}: their factors are lower bounds; the digits of "
                "sums in float64 end there; a project with exact=true has more"
            )
        if np.isnan(values).any():
            context.details["undefined"] = in_words(undefined(moments, attributes, names))
        if not found.psd:
            context.details["positiveSemidefinite"] = (
                "false: each pair of attributes has its own rows where values are missing; inputs that take part in a "
                "negative eigenvalue count as collinear"
            )
        return VIFJobResult(
            inputs=tuple(attribute.label for attribute in attributes),
            names=tuple(names),
            values=values,
            at_least=at_least,
            rank=found.rank,
            psd=found.psd,
            backend=found.backend,
            device=found.device,
        )
