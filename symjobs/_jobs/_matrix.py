"""The base class of jobs on a covariance or correlation matrix."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
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
from symkernels import DataError


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
        matrix = self._matrix(snapshot.moments, [attribute.index for attribute in attributes])
        note_rounding(context, snapshot)
        context.progress(1, 2)
        try:
            result = self._answer(matrix, attributes, names, context)
        except DataError as error:
            raise _named(error, matrix, names, self.job_type) from error
        rank = getattr(result, "rank", len(names))
        if rank < len(names):
            context.details["rank"] = f"{rank} of {len(names)}: some inputs depend on others, or there are too few rows"
        context.progress(2, 2)
        return result

    def _matrix(self, moments: Any, indices: list[int]) -> Any:
        """Return the matrix that the job works on: the population covariance."""
        return moments.covariance(indices=indices)

    @abstractmethod
    def _answer(self, matrix: Any, attributes: list[Attribute], names: list[str], context: JobContext) -> Any:
        """Return the result. `attributes` have the labels of the request; `names` are their own names."""


def _named(error: DataError, matrix: Any, names: list[str], job_type: str) -> InputError:
    """Translate attribute indices in an error to names."""
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
