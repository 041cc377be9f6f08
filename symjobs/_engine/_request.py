"""A request of a client as plain data, from which a job type makes a job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from symjobs._engine._ids import DEFAULT_OWNER
from symjobs._entities import ExploreContext, MLContext


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request that creates a job.

    Attributes
    ----------
    owner : str
        Whose job it will be.
    project : Project or None
        What the request is about.
    context : MLContext or ExploreContext or None
        Its body.
    query : mapping of str to str
        The parameters of its query. They go before those of the context.
    data : table or None
        The rows that come with it.
    projects : sequence of Project
        All projects of the owner, for job types that need them.
    """

    owner: str = DEFAULT_OWNER
    project: Any = None
    context: MLContext | ExploreContext | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    data: Any = None
    projects: Sequence[Any] = ()
