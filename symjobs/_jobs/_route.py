"""The routes of job types: with which request a client asks for a job (contract, section 7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from symjobs._parameters import Parameters


@dataclass(frozen=True, kw_only=True)
class JobRoute:
    """A request that asks for a job of a type. A job type lists its own as ``routes``.

    Attributes
    ----------
    method : {"GET", "POST"}
    path : str
        Below that of the customer. ``{pid}`` is the project; other variables are parameters of the job.
    body : {"", "contexts", "context", "rows", "source", "secrets"}
        No body; an ExploreContext or one MLContext; one MLContext; a DataFrame; one MLContext, beside the data source
        that ``{name}`` in the path names; a map of the parameters, with secrets among them.
    direct : bool
        Whether the request is answered with the result, unless its query has ``async=true``.
    only_async : bool
        Whether it is answered by this job type only if its query has ``async=true``, and by others if not.
    query : type of Parameters, optional
        The parameters of its query; by default those of the job type.
    fixed : mapping of str to str
        Parameters whose values the path gives.
    """

    method: Literal["GET", "POST"] = "POST"
    path: str
    body: Literal["", "contexts", "context", "rows", "source", "secrets"] = "contexts"
    direct: bool = False
    only_async: bool = False
    query: type[Parameters] | None = None
    fixed: Mapping[str, str] = field(default_factory=dict)
