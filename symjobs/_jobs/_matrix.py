"""The base class of jobs on a covariance or correlation matrix."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from symjobs._arrays import to_host
from symjobs._engine import Job, JobContext, Request
from symjobs._errors import InputError
from symjobs._explore import LARGEST_ERROR, Attribute, Catalogue
from symjobs._jobs._context import (
    checked_names,
    checked_project,
    extra_parameters,
    input_names,
    note_rounding,
    only_context,
    the_project,
)
from symjobs._jobs._missing import note_missing
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
        used = set(getattr(result, "names", names))
        kept = [i for i, name in enumerate(names) if name in used]
        note_missing(context, snapshot.moments, [attributes[i].index for i in kept], [names[i] for i in kept])
        count = len(kept)
        rank = getattr(result, "rank", count)
        if rank < count:
            context.details["rank"] = f"{rank} of {count}: some inputs depend on others, or there are too few rows"
        context.progress(2, 2)
        return result

    @abstractmethod
    def _answer(self, moments: Any, attributes: list[Attribute], names: list[str], context: JobContext) -> Any:
        """Return the result. `attributes` have the labels of the request; `names` are their own names."""

    def _defined(
        self,
        moments: Any,
        attributes: list[Attribute],
        names: list[str],
        context: JobContext,
        *,
        constants: bool = False,
        hint: str = "",
    ) -> tuple[list[Attribute], list[str]]:
        """Return the attributes whose variances are known, with their names; ``constants``: also where these are 0.

        If the request named no inputs, the others are left out, and the job says so. Otherwise they are an error, which
        ends with ``hint``.
        """
        why = undefined(moments, attributes, names)
        if constants:
            why.pop(CONSTANT, None)
        out = {name for those in why.values() for name in those}
        if not out:
            return attributes, names
        if self.inputs is not None or len(out) == len(names):
            raise InputError(f"{self.job_type} is undefined for {in_words(why)}; leave them out{hint}")
        context.details["inputsLeftOut"] = in_words(why)
        kept = [i for i, name in enumerate(names) if name not in out]
        return [attributes[i] for i in kept], [names[i] for i in kept]


CONSTANT = "constant"
_LOST = "variance lost to rounding, beside far larger values or where squares underflow; rescale and learn anew"


def undefined(moments: Any, attributes: list[Attribute], names: list[str]) -> dict[str, list[str]]:
    """Return the names of attributes that have no correlations, by the reason."""
    indices = [attribute.index for attribute in attributes]
    count, variance, error = (to_host(x)[indices] for x in (moments.count, moments.var(), moments.error_bound))
    lost = error > LARGEST_ERROR
    found = {"without values": count == 0, CONSTANT: (variance == 0) & ~lost, _LOST: lost}
    return {why: [names[i] for i in np.flatnonzero(where)] for why, where in found.items() if where.any()}


def in_words(why: dict[str, list[str]]) -> str:
    """Return names with their reasons."""
    return "; ".join(f"{some(names)}: {reason}" for reason, names in why.items())


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
    matrix = to_host(moments.correlation(indices=[attribute.index for attribute in attributes]))
    known = ~np.isnan(matrix.diagonal())
    pairs = np.argwhere(np.triu(np.isnan(matrix) & known & known[:, None]))
    if len(pairs):
        i, j = pairs[0]
        return InputError(
            f"{job_type} is undefined: {names[i]!r} and {names[j]!r} have too few rows in common, or one of them is "
            f"constant there ({len(pairs)} such pair(s)); leave one of them out"
        )
    named = ", ".join(repr(names[i]) for i in error.indices)
    return InputError(f"{job_type}: {error}" + (f" (attributes {named})" if named else ""))
