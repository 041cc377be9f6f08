"""The ASGI application: requests in, checked and answered in threads, responses out."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import hashlib
import ipaddress
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import anyio
import anyio.to_thread
import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.responses import Response as PlainResponse
from starlette.routing import Mount
from starlette.routing import Route as StarletteRoute
from starlette.staticfiles import StaticFiles

from symjobs._engine import JobHandle, JobManager
from symjobs._errors import InputError, QueueFull, StoreError
from symjobs._text import check_owner
from symjobs.rest import Response, envelope, respond
from symjobs.server import _densities, _dss, _models, _projects
from symjobs.server._body import Bodies, Disconnected, drain, read_body
from symjobs.server._call import Call, Pending, Route, Threads, Watch
from symjobs.server._jobs import job_routes
from symjobs.server._openapi import openapi
from symjobs.server._recent import RecentAnswers
from symjobs.server._signature import Message, Refused, check, check_date, check_secret
from symjobs.server._sources import DataSources
from symjobs.server._users import Users
from symjobs.sources import Access

PREFIX = "/symetry/rest/{cid}"
_DOCUMENT = "/openapi.json"
_PAGE = Path(__file__).parent / "_ui"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
MAX_BODY = 256 << 20
_EVENT_SECONDS, _KEEP_ALIVE = 0.25, 15.0  # between two looks at a job, and between two events
_DRAIN_SECONDS = 1.0
# Threads. Those that read from SQLite wait for each other, so that more than two answer fewer requests, not more.
_READERS, _KILLERS, _SHORT = 2, 8, 8
_SMALL = 4096  # bytes up to which a response is not compressed
_TAGGED = 1 << 20  # bytes up to which it has an ETag, which takes a millisecond then

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
SecretOf = Callable[[str], str | None]
InThread = Callable[[Callable[[], Response]], Awaitable[Response]]


@dataclass
class Service:
    """What the endpoints of one application share."""

    manager: JobManager
    secret_of: SecretOf | None
    known_secret: SecretOf
    use_once: Callable[[str], bool] | None
    bodies: Bodies
    limits: Mapping[Threads, int]
    sources: DataSources
    access: Access

    def __post_init__(self) -> None:
        self.recent = RecentAnswers(self.manager.is_unfinished_here)
        self.threads = {name: anyio.CapacityLimiter(most) for name, most in self.limits.items()}
        self._waits: set[asyncio.Task[Any]] = set()
        self.released = False

    def release(self) -> None:
        """Let nobody wait any more: a server that stops answers those who wait for a job at once."""
        self.released = True
        for task in self._waits:
            task.cancel()

    async def before_disconnect(self, work: Coroutine[Any, Any, Any], receive: Receive) -> bool:
        """Do some work until it is done, or all are released, or the client goes; return False if it has gone."""
        task, gone = asyncio.ensure_future(work), asyncio.ensure_future(receive())
        self._waits.add(task)
        if self.released:
            task.cancel()
        try:
            await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
            if task.done() and not task.cancelled():
                task.result()  # raises what it raised
            return task.done()
        finally:
            self._waits.discard(task)
            for one in (task, gone):
                one.cancel()
            await asyncio.gather(task, gone, return_exceptions=True)


def create_app(
    manager: JobManager,
    users: Users | Mapping[str, str] | None,
    *,
    unsigned: bool = False,
    max_body: int = MAX_BODY,
    body_pause: float = 30.0,
    refuse_repeats: bool = False,
    cors: Iterable[str] = (),
    heavy_requests: int = 4,
    sources: DataSources | None = None,
    access: Access | None = None,
    page: bool = True,
) -> Starlette:
    """Return an ASGI application that answers the wire contract's routes.

    Parameters
    ----------
    manager : JobManager
        Runs the jobs and has the projects. The application does not shut it down.
    users : Users or mapping of str to str
        Who may sign requests: customers with their secrets.
    unsigned : bool, default False
        Let everybody in, with `users` None: only behind something else that knows its clients.
    max_body : int, default 268435456
        Most bytes of a request's body, also after decompression.
    body_pause : float, default 30
        Most seconds in which no further byte of a body comes.
    refuse_repeats : bool, default False
        Refuse a request that changes something and that was signed and sent before. By default it is accepted again
        within the five minutes in which its date is.
    cors : iterable of str
        Origins whose pages may send requests, as in ``["https://example.org"]``; none by default.
    heavy_requests : int, default 4
        Requests that learn, predict or explore at the same time, without a job; the others wait.
    sources : DataSources, optional
        The data sources that customers describe; by default in memory, so that they end with the application.
    access : Access, optional
        Which files and hosts are opened for customers; by default none.
    page : bool, default True
        Whether there is a page at ``/ui``, where users sign in with their secret.

    Returns
    -------
    starlette.applications.Starlette
        To be served, or mounted: its paths begin with ``/symetry/rest/{cid}``.

    Raises
    ------
    InputError
        If there are neither users nor ``unsigned=True``, or both; a secret is not Base64 text; or repeats are to be
        refused, and users are a map.

    Examples
    --------
    >>> import symjobs as sj
    >>> manager = sj.JobManager()
    >>> app = sj.server.create_app(manager, {"c1": "c2VjcmV0IG9mIGMxLi4uLg=="})
    >>> app.url_path_for("/jobs", cid="c1")
    '/symetry/rest/c1/jobs'
    >>> manager.shutdown()
    """
    if (users is None) != unsigned:
        raise InputError("give the users who sign requests, or users=None and unsigned=True to let everybody in")
    if users is not None and not isinstance(users, Users):
        for name, secret in users.items():
            check_secret(name, secret)
    if refuse_repeats and not isinstance(users, Users):
        raise InputError("refuse_repeats notes signatures in a database; it needs Users")
    service = Service(
        manager,
        None if users is None else users.secret if isinstance(users, Users) else dict(users).get,
        users.known if isinstance(users, Users) else dict(users or {}).get,
        users.use_once if refuse_repeats and isinstance(users, Users) else None,
        Bodies(max_body, body_pause),
        {"reads": _READERS, "kills": _KILLERS, "short": _SHORT, "long": heavy_requests},
        DataSources() if sources is None else sources,
        Access() if access is None else access,
    )
    routes = [*job_routes(), *_projects.routes(), *_models.routes(), *_densities.routes(), *_dss.routes()]
    origins = list(cors)
    allow = Middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["GET", "POST", "PUT", "DELETE"],
        allow_headers=[
            "Authorization",
            "sym-date",
            "sym-version",
            "sym-client",
            "Content-MD5",
            "Content-Type",
            "If-None-Match",
        ],
        expose_headers=["Location", "sym-job-id", "ETag"],
    )
    document = msgspec.json.encode(openapi(PREFIX, routes, signed=not unsigned))
    pages = [
        StarletteRoute(_DOCUMENT, lambda _: PlainResponse(document, media_type="application/json")),
        StarletteRoute("/ui", lambda request: RedirectResponse(f"{request.scope.get('root_path', '')}/ui/")),
        Mount("/ui", Page(directory=_PAGE, html=True)),
    ]
    app = Starlette(
        routes=[*(pages if page else pages[:1]), *_by_path(service, routes)],
        middleware=[allow] if origins else [],
        exception_handlers={HTTPStatus.METHOD_NOT_ALLOWED: _not_allowed},
    )
    app.state.release = service.release
    app.router.default = _not_found
    app.router.redirect_slashes = False  # a signature is of one path
    return app


def _by_path(service: Service, routes: Iterable[Route]) -> list[StarletteRoute]:
    # Fixed segments go first. A project may be named as one of them: with another method it is the project.
    by_path: dict[str, dict[str, Route]] = {}
    for route in routes:
        by_path.setdefault(route.path, {})[route.method] = route
    ordered = sorted(by_path, key=lambda path: [segment.startswith("{") for segment in path.split("/")])
    return [
        StarletteRoute(PREFIX + path, Endpoint(service, by_path[path]), methods=list(by_path[path]), name=path)
        for path in ordered
    ]


class Page(StaticFiles):
    """The files of the page, with a policy that lets it load nothing else and be framed by nobody."""

    def file_response(self, *args: Any, **kwargs: Any) -> PlainResponse:
        """Return the response for a file."""
        response = super().file_response(*args, **kwargs)
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-cache"
        return response


class Endpoint:
    """Answers the requests to one path.

    Parameters
    ----------
    service : Service
    routes : mapping of str to Route
        By method.
    """

    def __init__(self, service: Service, routes: Mapping[str, Route]) -> None:
        self._service = service
        self._routes = routes
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        head = scope["method"] == "HEAD"
        route = self._routes["GET" if head else scope["method"]]
        service = self._service
        if route.polled and await self._answer_again(route, scope, headers, send):
            return
        if head and route.writes:
            await _send(
                send, envelope(HTTPStatus.METHOD_NOT_ALLOWED, "HEAD changes nothing; use GET"), headers, head=True
            )
            return
        body = bytearray()
        try:
            if service.secret_of is not None:
                check_date(headers)
            await read_body(receive, headers, body, service.bodies)
            await self._answer_body(route, scope, headers, body, receive, send)
        except Disconnected:
            return
        except asyncio.CancelledError:
            if not service.released:
                raise
        except (Refused, InputError, QueueFull) as error:
            await drain(receive, service.bodies.largest, _DRAIN_SECONDS)
            answer = respond(service.manager, partial(_refusal, error))
            await _send(send, replace(answer, headers={**answer.headers, "Connection": "close"}), headers)
        finally:
            service.bodies.give_back(body)

    async def _answer_body(
        self, route: Route, scope: Scope, headers: Mapping[str, str], body: bytearray, receive: Receive, send: Send
    ) -> None:
        service, variables, head = self._service, scope["path_params"], scope["method"] == "HEAD"
        in_thread = partial(self._in_thread, service.threads[route.threads])
        jobid = variables.get("jobid", "")
        asked = time.monotonic()
        response = await in_thread(partial(_checked, service, route, scope, headers, body, service.secret_of))
        if isinstance(response, Watch) and not head:
            await self._stream(response, in_thread, receive, send)
            return
        if isinstance(response, Pending):  # for the end of the job, the time that the client gave, or its own end
            if not await service.before_disconnect(self._end(response.handle, response.seconds), receive):
                return
            asked = time.monotonic()
            response = await in_thread(response.again)
        if route.polled:
            service.recent.put(variables["cid"], jobid, asked, response)
        if "Location" in response.headers:  # of the application that this one is mounted in
            location = scope.get("root_path", "") + response.headers["Location"]
            response = replace(response, headers={**response.headers, "Location": location})
        await _send(send, response, headers, head=head, tagged=not route.writes)

    async def _in_thread(self, limiter: anyio.CapacityLimiter, answer: Callable[[], Response]) -> Response:
        return await anyio.to_thread.run_sync(partial(respond, self._service.manager, answer), limiter=limiter)

    async def _end(self, handle: JobHandle, seconds: float) -> None:
        # If the store fails meanwhile, the answer that is asked for afterwards says so.
        with contextlib.suppress(StoreError):
            await self._service.manager.ends_within(handle, seconds)

    async def _answer_again(self, route: Route, scope: Scope, headers: Mapping[str, str], send: Send) -> bool:
        """Answer with the last answer, if there is one and nothing has to be read; return whether it was."""
        service, variables = self._service, scope["path_params"]
        cid, jobid = variables["cid"], variables["jobid"]
        empty = headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers
        secret = service.known_secret(cid)
        if scope["query_string"] or not empty or (secret is None and service.secret_of is not None):
            return False
        last = service.recent.get(cid, jobid)
        if last is None:
            return False
        secret_of = None if service.secret_of is None else lambda _: secret
        answer = partial(_checked, service, route, scope, headers, bytearray(), secret_of, last)
        response = respond(service.manager, answer)
        if response is last and service.recent.is_due(cid, jobid):
            call = Call(service.manager, cid, {"jobid": jobid}, {}, b"", service.sources, service.access)
            task = asyncio.create_task(self._refresh(partial(route.answer, call), cid, jobid))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        await _send(send, response, headers, head=scope["method"] == "HEAD", tagged=True)
        return True

    async def _refresh(self, answer: Callable[[], Response], cid: str, jobid: str) -> None:
        asked = time.monotonic()
        response = await self._in_thread(self._service.threads["reads"], answer)
        self._service.recent.put(cid, jobid, asked, response)

    async def _stream(self, first: Watch, in_thread: InThread, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})

        ended = False

        async def events() -> None:
            nonlocal ended
            now: Response = first
            before, sent = b"", time.monotonic()
            while now.status == HTTPStatus.ACCEPTED:
                if now.json != before or time.monotonic() - sent > _KEEP_ALIVE:
                    before, sent = now.json, time.monotonic()
                    await send({"type": "http.response.body", "body": _event("progress", now), "more_body": True})
                await self._end(first.handle, _EVENT_SECONDS)
                now = await in_thread(first.again)
            ended = True
            await send({"type": "http.response.body", "body": _event("end", now)})

        await self._service.before_disconnect(events(), receive)
        if not ended:  # the server stops; to a client that has gone it sends nothing
            await send({"type": "http.response.body", "body": b""})


def _checked(
    service: Service,
    route: Route,
    scope: Scope,
    headers: Mapping[str, str],
    body: bytearray,
    secret_of: SecretOf | None,
    known: Response | None = None,
) -> Response:
    """Return the answer, or the one that is known already, if the request may be let in."""
    variables = dict(scope["path_params"])
    cid = variables.pop("cid")
    query = scope["query_string"].decode("utf-8", "surrogateescape")
    if secret_of is not None:
        sent = scope.get("raw_path") or scope["path"].encode()
        message = Message(scope["method"], cid, sent.decode("utf-8", "surrogateescape"), query, body)
        try:
            signature = check(message, headers, secret_of)
        except Refused as refused:
            values = {} if refused.string_to_sign is None else {"stringToSign": refused.string_to_sign}
            return envelope(refused.status, refused.text, **values)
        if service.use_once is not None and route.writes and not service.use_once(signature):
            shown = message.shown(headers["sym-date"], headers.get("content-md5", ""))
            return envelope(HTTPStatus.UNAUTHORIZED, "Invalid Signature", stringToSign=shown)
    if known is not None:
        return known
    check_owner(cid)
    call = Call(
        service.manager,
        cid,
        variables,
        dict(parse_qsl(query, keep_blank_values=True)),
        body,
        service.sources,
        service.access,
        None if secret_of is None else secret_of(cid),
        scope["scheme"] == "https" or _is_here(scope.get("client")),
    )
    return route.answer(call)


def _is_here(client: Any) -> bool:
    """Whether a client is on the same machine; one without an address has come through a socket of the file system."""
    try:
        return client is None or ipaddress.ip_address(client[0]).is_loopback
    except ValueError:
        return False


def _event(name: str, response: Response) -> bytes:
    return f"event: {name}\ndata: {response.json.decode()}\n\n".encode()


def _refusal(error: Exception) -> Response:
    if isinstance(error, Refused):
        return envelope(error.status, error.text)
    raise error


async def _send(
    send: Send, response: Response, asked: Mapping[str, str], *, head: bool = False, tagged: bool = False
) -> None:
    body, headers = response.json, {"Content-Type": "application/json", **response.headers}
    if tagged and response.status in (HTTPStatus.OK, HTTPStatus.ACCEPTED) and len(body) <= _TAGGED:
        headers["ETag"] = tag = f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
        if tag in asked.get("if-none-match", ""):
            await send({"type": "http.response.start", "status": 304, "headers": [(b"etag", tag.encode())]})
            await send({"type": "http.response.body", "body": b""})
            return
    if len(body) > _SMALL and "gzip" in asked.get("accept-encoding", ""):
        body = await asyncio.to_thread(gzip.compress, body, 5)
        headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    headers["Content-Length"] = str(len(body))
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": raw})
    await send({"type": "http.response.body", "body": b"" if head else body})


async def _not_allowed(request: Request, error: Exception) -> PlainResponse:
    allowed = getattr(error, "headers", None) or {}
    text = f"{request.method} is not allowed here; allowed are {allowed.get('Allow', 'others')}"
    answer = envelope(HTTPStatus.METHOD_NOT_ALLOWED, text)
    return PlainResponse(answer.json, answer.status, dict(allowed), "application/json")


async def _not_found(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await _send(send, envelope(HTTPStatus.NOT_FOUND, f"there is no such path: {scope['path']}"), {})
