"""A request of a client as plain data, from which a job type makes a job."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

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
        All projects of the owner, of a request that names none.
    access : Access or None
        What a server opens for the client; None for everything.
    """

    owner: str = DEFAULT_OWNER
    project: Any = None
    context: MLContext | ExploreContext | None = field(default=None, repr=False)  # it may hold secrets
    query: Mapping[str, str] = field(default_factory=dict)
    data: Any = None
    projects: Sequence[Any] = ()
    access: Any = None

    def only(self, is_known: Callable[[str], bool]) -> tuple[Request, list[str]]:
        """Return the request with the parameters that are known, and the names of the others, in query and context."""
        ignored: dict[str, None] = {}

        def kept(given: Mapping[str, str]) -> dict[str, str]:
            ignored.update((name, None) for name in given if not is_known(name))
            return {name: value for name, value in given.items() if is_known(name)}

        def one(context: MLContext) -> MLContext:
            return msgspec.structs.replace(context, extraParameters=kept(context.extraParameters))

        query, context = kept(self.query), self.context
        if isinstance(context, ExploreContext):
            context = ExploreContext([one(each) for each in context.values])
        elif isinstance(context, MLContext):
            context = one(context)
        return replace(self, query=query, context=context), list(ignored)
