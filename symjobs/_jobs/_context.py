"""What job types read from a request: its MLContexts, the names in them, and the parameters."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from typing import Any

from symjobs._engine import JobContext, Request
from symjobs._entities import ExploreContext, MLContext
from symjobs._errors import InputError
from symjobs._project import Project
from symjobs._text import shown, text_index
from symjobs.sources import Source

Names = tuple[str | int, ...]


def the_project(request: Request, job_type: str, *, with_data: bool = False) -> Any:
    """Return the project of a request.

    Raises
    ------
    InputError
        If the request has none; or if it has rows, and the job is not one `with_data`.
    """
    if request.project is None:
        raise InputError(f"{job_type} needs a project, and the request names none")
    if request.data is not None and not with_data:
        raise InputError(f"{job_type} is about a project, and the request has rows; learn them into the project first")
    return request.project


def checked_project(project: Any, job_type: str) -> Project:
    """Return what a job was given if it is a project, or raise InputError."""
    if not isinstance(project, Project):
        raise InputError(
            f"{job_type} takes a Project, got {type(project).__name__}; learn a table first: "
            "Project('name').learn(table)"
        )
    return project


def contexts(request: Request) -> list[MLContext]:
    """Return the MLContexts of a request that may hold several."""
    context = request.context
    if isinstance(context, MLContext):
        return [context]
    if not isinstance(context, ExploreContext):
        raise InputError(f"the request is an MLContext or an ExploreContext, got {type(context).__name__}")
    if not context.values:
        raise InputError("the ExploreContext is empty; give at least one MLContext in its values")
    return list(context.values)


def only_context(request: Request) -> MLContext:
    """Return the MLContext of a request that is about one."""
    values = contexts(request)
    if len(values) > 1:
        raise InputError(f"this job takes one MLContext, and the ExploreContext has {len(values)}")
    return values[0]


def input_names(project: Any, context: MLContext) -> Names:
    """Return the inputs that an MLContext names; there must be some."""
    names = _names(project, "input", context.inputAttributes, context.inputAttributeNames)
    if not names:
        raise InputError("the MLContext names no input; give inputAttributes or inputAttributeNames")
    return names


def named_inputs(project: Any, context: MLContext) -> Names | None:
    """Return the inputs that an MLContext names, or None if it leaves the choice to the job."""
    return _names(project, "input", context.inputAttributes, context.inputAttributeNames) or None


def target_names(project: Any, context: MLContext) -> Names:
    """Return the targets that an MLContext names, if any."""
    return _names(project, "target", context.targets, context.targetAttributeNames)


def extra_parameters(request: Request, context: MLContext) -> dict[str, str]:
    """Return the parameters of a context and of the query, which go first."""
    return {**context.extraParameters, **request.query}


def checked_names(names: object, what: str) -> Names:
    """Return names, or indexes, as a tuple.

    Raises
    ------
    InputError
        If it is one text instead of a list, or holds something that is neither.
    """
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise InputError(f"{what} must be a list of attribute names, got {names!r}; write [{names!r}]")
    return tuple(_checked_name(name, what) for name in names)


def note_rounding(context: JobContext, snapshot: Any) -> None:
    """Say in the job's details if the project should be rebuilt."""
    if snapshot.moments.needs_rebuild:
        context.details["needsRebuild"] = (
            "true: rounding error from forgotten rows may be significant; rebuild the project"
        )


def is_kept(data: Any) -> bool:
    """Whether a table is in memory, so that reading its first rows does not use it up."""
    # An object of an unknown library may be a stream that gives its rows once.
    return not hasattr(data, "__arrow_c_stream__") or type(data).__module__.partition(".")[0] in (
        "pandas",
        "polars",
        "pyarrow",
    )


def note_source(context: JobContext, source: Source) -> None:
    """Say in the job's details what was not read of a source as it is there."""
    if source.notes:
        context.details["unnamedColumns"] = "; ".join(source.notes)
    if source.not_learnt:
        context.details["notLearnt"] = source.not_learnt
    if source.passed_over:
        context.details["emptyFiles"] = "; ".join(source.passed_over)
    if source.bad_values:
        context.details["badValues"] = "; ".join(f"{name}: {bad}" for name, bad in source.bad_values.items())


def discard(data: Any) -> None:
    """Remove what the data of a job owns: the file of an upload."""
    if isinstance(data, Source):
        data.discard()


def _checked_name(name: object, what: str) -> str | int:
    if isinstance(name, str):
        return name
    try:
        if not isinstance(name, bool):
            return operator.index(name)  # type: ignore[arg-type]  # NumPy's integers too
    except TypeError:
        pass
    raise InputError(f"{what} must hold attribute names or indexes, got {shown(name)}")


def _names(project: Any, what: str, indexes: Sequence[str], names: Sequence[str]) -> Names:
    # In a list of indexes the text "3" is an index, even if an attribute has this name. So it becomes a number.
    numbered = tuple(text if (index := text_index(text)) is None else index for text in indexes)
    if not names or not numbered:
        return numbered or tuple(names)
    snapshot = project.snapshot()
    if [snapshot.index(i) for i in numbered] != snapshot.resolve(names):
        raise InputError(
            f"the MLContext's {what}s are given twice, as indexes {list(indexes)} and as names {list(names)}, "
            "which are not the same attributes; give one of the two"
        )
    return numbered
