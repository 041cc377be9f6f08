"""SVDFeatureSelectionJob: which attributes make a set singular."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from symjobs._engine import JobContext
from symjobs._entities import KSVSMap
from symjobs._explore import Attribute
from symjobs._jobs._matrix import MatrixJob, note_dependent
from symjobs._jobs._route import JobRoute
from symjobs._parameters import Number, Parameters, parameter
from symjobs._project import Project
from symkernels import svd_select


@dataclass(frozen=True, eq=False)
class SVDSelectionJobResult:
    """The attributes to keep and to drop.

    Attributes
    ----------
    inputs : tuple of str
        The inputs as the request named them.
    kept, dropped : tuple of str
        Parts of `inputs`. Those kept are linearly independent.
    constant : tuple of str
        Those of `dropped` that have no variance.
    dependencies : dict
        For each dropped input the coefficients of kept inputs. The input is the sum of these inputs, each times its
        coefficient, plus a constant. Empty for an input that is constant itself.
    """

    inputs: tuple[str, ...]
    kept: tuple[str, ...]
    dropped: tuple[str, ...]
    constant: tuple[str, ...]
    dependencies: dict[str, dict[str, float]]

    def __repr__(self) -> str:
        dropped = "; ".join(f"{name} depends on {', '.join(on) or 'nothing'}" for name, on in self.dependencies.items())
        return f"<SVD feature selection: {len(self.kept)} of {len(self.inputs)} kept{'; ' if dropped else ''}{dropped}>"

    def entities(self) -> dict[str, Any]:
        """Return the ``KSVSMap`` of two maps.

        The first says ``kept``, ``dropped`` or ``constant`` for each input. The second has, for each input that is
        dropped or constant, the JSON of a map from the kept inputs that it depends on to their coefficients.
        """
        verdicts = dict.fromkeys(self.inputs, "kept")
        verdicts |= dict.fromkeys(self.dropped, "dropped")
        verdicts |= dict.fromkeys(self.constant, "constant")
        dependencies = {name: json.dumps(on, ensure_ascii=False) for name, on in self.dependencies.items()}
        return {"KSVSMap": KSVSMap([verdicts, dependencies])}


class SVDFeatureSelectionParameters(Parameters):
    """The parameters of an `SVDFeatureSelectionJob`."""

    tol: float | None = parameter(
        "svdTolerance",
        Number(0, 1, open_high=True),
        "take eigenvalues up to this share of the largest for zero: drop nearly dependent attributes, too",
        default=None,
    )


class SVDFeatureSelectionJob(MatrixJob):
    """Drop the attributes that make a set singular, and find what each of them depends on.

    Of dependent inputs the earlier ones are kept.

    Parameters
    ----------
    project : Project
    inputs : sequence of str or int, optional
        Names or indexes; the name of a category or list column stands for its members. By default every C and B column.
    tol : float, optional
        Eigenvalues of the correlation matrix up to `tol` times the largest count as zero, so that a larger one drops
        attributes that are nearly linear in others, too. By default only exact dependencies count.

    Raises
    ------
    InputError
        If an input is unknown or named twice, or `tol` is not at least 0 and below 1. When the job runs: if two inputs
        have no rows in common.

    Notes
    -----
    On the wire `tol` is ``svdTolerance``.

    Examples
    --------
    The three members of a category add up to 1, so that the last one depends on the first two.

    >>> import symjobs as sj
    >>> project = sj.Project("iris").learn(sj.datasets.load_iris())
    >>> result = sj.SVDFeatureSelectionJob(project, ["petal_length", "species"]).run(sj.JobContext())
    >>> result.kept
    ('petal_length', 'species$setosa', 'species$versicolor')
    >>> list(result.dependencies["species$virginica"])
    ['species$setosa', 'species$versicolor']
    """

    job_type: ClassVar[str] = "SVDFeatureSelectionJob"
    routes: ClassVar[tuple[JobRoute, ...]] = (JobRoute(path="/projects/{pid}/exploresvdfs"),)
    parameter_type = SVDFeatureSelectionParameters

    def __init__(
        self,
        project: Project,
        inputs: Sequence[str | int] | None = None,
        *,
        tol: float | None = SVDFeatureSelectionParameters.tol,
    ) -> None:
        self.parameters = SVDFeatureSelectionParameters(tol=tol)
        super().__init__(project, inputs)

    def _answer(
        self, moments: Any, attributes: list[Attribute], names: list[str], context: JobContext
    ) -> SVDSelectionJobResult:
        indices = [attribute.index for attribute in attributes]
        found = svd_select(moments, self.parameters.tol, indices=indices, checkpoint=context.checkpoint)
        note_dependent(context, names, (), found.undecided)
        labels = tuple(attribute.label for attribute in attributes)
        return SVDSelectionJobResult(
            inputs=labels,
            kept=tuple(labels[i] for i in found.kept),
            dropped=tuple(labels[i] for i in found.dropped),
            constant=tuple(labels[i] for i in found.constant),
            dependencies={
                labels[i]: {labels[k]: coefficient for k, coefficient in on.items()}
                for i, on in found.dependencies.items()
            },
        )
