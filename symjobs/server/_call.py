"""A request as the endpoints see it, and a route to an endpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from symjobs._engine import JobHandle, JobManager
from symjobs._entities import DSInfo, ExploreContext, MLContext, from_json
from symjobs._errors import InputError
from symjobs._parameters import Flag, Number
from symjobs._project import Project
from symjobs._tables import JsonRows
from symjobs._text import shown
from symjobs.rest import Response, project_of
from symjobs.server._encrypted import decrypted
from symjobs.server._sources import DataSources
from symjobs.sources import Access

_BLANK = 64  # bytes that a body without anything may have
Threads = Literal["reads", "kills", "short", "long"]
Body = Literal["", "contexts", "context", "rows", "map", "text", "source", "secrets"]


@dataclass(frozen=True)
class Call:
    """A request that was let in.

    Attributes
    ----------
    manager : JobManager
    cid : str
        The customer.
    path : mapping of str to str
        The variables of the path.
    query : mapping of str to str
        The parameters of the query; of those that come twice the last.
    body : bytes-like
        Decompressed.
    sources : DataSources
        The data sources that customers have described.
    access : Access
        What is opened for them.
    secret : str or None
        The customer's, if requests are signed.
    is_safe : bool
        Whether nobody else reads the request: it came over TLS, or from the same machine.
    """

    manager: JobManager
    cid: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes | bytearray
    sources: DataSources
    access: Access
    secret: str | None = None
    is_safe: bool = False

    @property
    def project(self) -> Project:
        """The project that the path names; InputError in the words of the contract if there is none."""
        return project_of(self.manager, self.cid, self.path["pid"])

    @property
    def _is_empty(self) -> bool:
        # Some clients write null where there is nothing to say.
        return len(self.body) <= _BLANK and self.body.strip() in (b"", b"null")

    def required(self, name: str) -> str:
        """Return a parameter of the query; InputError if it is not there."""
        value = self.query.get(name, "")
        if not value.strip():
            raise InputError(f"the query has no {name}; add {name}=...")
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        """Return a parameter of the query that is true or false."""
        value = self.query.get(name, "")
        if not value.strip():
            return default
        try:
            return Flag().parse(value)
        except ValueError:
            raise InputError(f"{name} must be true or false, got {shown(value)}") from None

    def seconds(self, name: str, most: float) -> float:
        """Return a parameter of the query that is a number of seconds, by default 0; more than `most` is `most`."""
        value = self.query.get(name, "")
        if not value.strip():
            return 0.0
        try:
            return min(Number(0).parse(value), most)
        except ValueError:
            raise InputError(f"{name} must be a number of seconds, got {shown(value)}") from None

    def source_info(self) -> DSInfo:
        """Return the description of the data source that the path names; InputError if there is none."""
        found = self.sources.get(self.cid, self.path["name"])
        if found is None:
            raise no_such_source(self.cid, self.path["name"])
        return found

    def contexts(self) -> MLContext | ExploreContext:
        """Return the body as an ExploreContext or one MLContext; without a body an empty MLContext."""
        if self._is_empty:
            return MLContext()
        keys = from_json(self.body, dict[str, msgspec.Raw])
        return from_json(self.body, ExploreContext) if "values" in keys else from_json(self.body, MLContext)

    def context(self) -> MLContext:
        """Return the body as one MLContext; without a body an empty one."""
        context = self.contexts()
        if isinstance(context, MLContext):
            return context
        if len(context.values) != 1:
            raise InputError(f"the body is one MLContext, and the ExploreContext has {len(context.values)}")
        return context.values[0]

    def rows(self) -> JsonRows:
        """Return the body as rows, whose cells are decoded when they are read."""
        return JsonRows(self.body)

    def map(self) -> dict[str, str]:
        """Return the body as a map of texts; without a body an empty one."""
        return {} if self._is_empty else _texts(self.body)

    def secret_json(self, what: str) -> bytes:
        """Return the JSON of a body with secrets, in words `what`, which comes encrypted or over a safe connection."""
        return decrypted(self.body, what, self.secret, is_safe=self.is_safe)

    def secrets(self) -> dict[str, str]:
        """Return the body as a map of texts with secrets among them; the contract lets clients send it plain."""
        return _texts(decrypted(self.body, "a map with secrets", self.secret, is_safe=True))


def _texts(body: bytes | bytearray) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else msgspec.json.encode(value).decode()
        for name, value in from_json(body, dict[str, Any]).items()
        if value is not None
    }


def no_such_source(cid: str, name: str) -> InputError:
    """Return the error for a data source that a customer has not described."""
    return InputError(f"Cannot Find DS [{name}] for Customer id [{cid}]")


@dataclass(frozen=True, kw_only=True)
class Pending(Response):
    """A response that is sent only if a job has not ended within some seconds; then `again` has another one."""

    handle: JobHandle
    seconds: float
    again: Callable[[], Response]


@dataclass(frozen=True, kw_only=True)
class Watch(Response):
    """The beginning of a stream of events: one whenever `again` has another response, until it is no 202."""

    handle: JobHandle
    again: Callable[[], Response]


@dataclass(frozen=True, kw_only=True)
class Route:
    """A method and a path, and the function that answers.

    Attributes
    ----------
    method : str
    path : str
        Below that of the customer.
    answer : callable
        Takes a `Call`, returns a `Response`; what it raises becomes a response.
    summary : str
        One line for the OpenAPI document.
    body : str
        What the body is; empty for none.
    query : mapping of str to str
        What the parameters of the query are.
    answers : mapping of int to str
        The status string of each status, besides those that any request can have.
    values : tuple of str
        Keys of the entities.
    threads : {"reads", "kills", "short", "long"}
        Which threads answer: those for reading jobs, for killing them, for short requests, or for those that take long.
    changes : bool, optional
        Whether a request changes anything; by default whether its method is not GET.
    streams : bool
        Whether the answer is a stream of events.
    polled : bool
        Whether clients ask for it again and again, so that an answer of the last milliseconds will do.
    """

    method: str
    path: str
    answer: Callable[[Call], Response]
    summary: str
    body: Body = ""
    query: Mapping[str, str] | None = None
    answers: Mapping[int, str]
    values: tuple[str, ...] = ()
    threads: Threads = "short"
    changes: bool | None = None
    streams: bool = False
    polled: bool = False

    @property
    def writes(self) -> bool:
        """Whether a request changes anything."""
        return self.method != "GET" if self.changes is None else self.changes
