"""The base class of jobs on a covariance or correlation matrix."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from symjobs._arrays import to_host
from symjobs._engine import Job, JobContext, Request
from symjobs._errors import InputError
from symjobs._explore import Attribute, Catalogue
from symjobs._jobs._context import (
    checked_names,
    checked_project,
    extra_parameters,
    input_names,
    note_rounding,
    only_context,
    the_project,
)
from symjobs._project import Project
from symjobs._state import check_memory_for_matrix
from symjobs._text import some
from symkernels import DataError, svd_select


class MatrixJob(Job):
    """A job on the covariance or correlation matrix of some attributes.

    Parameters
    ----------
    project : Project
    inputs : sequence of str or int, optional
        Names or indexes; the name of a category or list column stands for its members. By default every C and B column.
    """

    def __init__(self, project: Project, inputs: Sequence[str | int] | None = None) -> None:
        self.project = checked_project(project, self.job_type)
        self.inputs = None if inputs is None else checked_names(inputs, "inputs")
        project.snapshot().select(self.inputs)  # refuses names that are unknown

    @classmethod
    def from_request(cls, request: Request) -> Self:
        project = the_project(request, cls.job_type)
        context = only_context(request)
        inputs = input_names(project, context)
        given = cls.parameter_type.from_text(extra_parameters(request, context), cls.job_type)
        return cls(project, inputs, **given.values())

    def run(self, context: JobContext) -> Any:
        context.progress(0, 2)
        snapshot = context.snapshot(self.project)
        catalogue = Catalogue(snapshot)
        attributes = catalogue.select(self.inputs)
        if snapshot.n_rows < 2:
            raise InputError(
                f"{self.job_type} needs at least two rows, and project {self.project.name!r} holds {snapshot.n_rows}; "
                "learn more first"
            )
        names = [catalogue.name(attribute) for attribute in attributes]
        check_memory_for_matrix(f"{self.job_type}: a matrix", len(attributes), len(attributes))
        note_rounding(context, snapshot)
        try:
            result = self._answer(snapshot.moments, attributes, names, context)
        except DataError as error:
            raise _named(error, snapshot.moments, attributes, names, self.job_type) from error
        count = len(getattr(result, "names", names))
        rank = getattr(result, "rank", count)
        if rank < count:
            context.details["rank"] = f"{rank} of {count}: some inputs depend on others, or there are too few rows"
        context.progress(2, 2)
        return result

    @abstractmethod
    def _answer(self, moments: Any, attributes: list[Attribute], names: list[str], context: JobContext) -> Any:
        """Return the result. `attributes` have the labels of the request; `names` are their own names."""

    def _matrix(
        self, matrix: Callable[..., Any], attributes: list[Attribute], names: list[str], context: JobContext
    ) -> tuple[Any, list[Attribute], list[str]]:
        """Return a matrix, and its attributes with their names.

        If the request named no inputs, those that the matrix does not know are left out, and the job says so.
        """
        found = matrix(indices=[attribute.index for attribute in attributes])
        unknown = np.isnan(to_host(found.diagonal()))
        if self.inputs is None and unknown.any() and not unknown.all():
            left_out = some([names[i] for i in np.flatnonzero(unknown)])
            context.details["inputsLeftOut"] = f"{left_out}: constant or without values"
            known = np.flatnonzero(~unknown)
            attributes, names = [attributes[i] for i in known], [names[i] for i in known]
            found = matrix(indices=[attribute.index for attribute in attributes])
        context.progress(1, 2)
        return found, attributes, names


def rank_of(
    moments: Any, attributes: list[Attribute], names: list[str], rank_of_matrix: int, context: JobContext
) -> int:
    """Return how many attributes are independent, and let the job say which are not.

    If a matrix in float64 finds fewer than all of them, the digits of the sums decide.
    """
    if rank_of_matrix == len(names):
        return rank_of_matrix
    found = svd_select(moments, indices=[attribute.index for attribute in attributes], checkpoint=context.checkpoint)
    note_dependent(context, names, [i for i in found.dropped if i not in found.constant], found.undecided)
    return found.rank


def note_dependent(context: JobContext, names: list[str], dependent: Sequence[int], undecided: Sequence[int]) -> None:
    """Let a job say which inputs depend on others, and which may."""
    sure = [names[i] for i in dependent if i not in undecided]
    if sure:
        context.details["dependent"] = f"{some(sure)}: linear functions of other inputs, or there are too few rows"
    if undecided:
        context.details["undecided"] = (
            f"{some([names[i] for i in undecided])}: nearly or fully linear functions of other inputs; the digits of "
            "sums in float64 end before that can be told; a project with exact=true has more"
        )


def _named(error: DataError, moments: Any, attributes: list[Attribute], names: list[str], job_type: str) -> InputError:
    """Translate attribute indices in an error to names."""
    matrix = moments.correlation(indices=[attribute.index for attribute in attributes])
    undefined = ~np.isfinite(to_host(matrix))
    alone = np.flatnonzero(undefined.diagonal())
    if len(alone):
        listed = ", ".join(repr(names[i]) for i in alone)
        return InputError(f"{job_type} is undefined: {listed} is constant or has no values; leave it out")
    pairs = np.argwhere(np.triu(undefined))
    if len(pairs):
        i, j = pairs[0]
        return InputError(
            f"{job_type} is undefined: {names[i]!r} and {names[j]!r} have too few rows in common, or one of them is "
            f"constant there ({len(pairs)} such pair(s)); leave one of them out"
        )
    listed = ", ".join(repr(names[i]) for i in error.indices)
    return InputError(f"{job_type}: {error}" + (f" (attributes {listed})" if listed else ""))
