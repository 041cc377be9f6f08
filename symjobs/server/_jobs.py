"""The job resource, and the routes that the job types declare."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

from symjobs import rest
from symjobs._engine import Job, State
from symjobs._entities import ExploreContext, MLContext
from symjobs._jobs import JOB_TYPES
from symjobs._jobs._route import JobRoute
from symjobs.rest import Response, envelope
from symjobs.server._call import Call, Pending, Route, Watch
from symjobs.sources._open import is_for_spark

_LONGEST_WAIT = 60.0
ASYNC = "true: answer at once, with the number of a job"


def job_routes() -> Iterator[Route]:
    """Yield the routes of the job resource, and those of all job types."""
    yield Route(
        method="GET",
        path="/jobs",
        answer=lambda call: rest.list_jobs(call.manager, call.cid),
        summary="All jobs, oldest first",
        answers={200: "Job is finished"},
        values=("jobinfoList",),
        threads="reads",
    )
    yield Route(
        method="GET",
        path="/jobs/{jobid}",
        answer=_get,
        summary="A job: its entities if it has finished, its progress if not",
        query={"wait": "seconds to wait for the end, at most 60"},
        polled=True,
        threads="reads",
        answers={200: "Job is finished", 202: "Job still running", 500: "the error of the job"},
    )
    yield Route(
        method="GET",
        path="/jobs/{jobid}/events",
        answer=_watch,
        summary="The progress of a job as server-sent events, until its end",
        answers={200: "events `progress` and `end`, whose data are envelopes"},
        streams=True,
        threads="reads",
    )
    yield Route(
        method="DELETE",
        path="/jobs/{jobid}",
        answer=lambda call: rest.kill_job(call.manager, call.cid, call.path["jobid"]),
        summary="Kill a job",
        answers={200: "Job was killed", 202: "Job cannot be killed"},
        threads="kills",  # they wait for the job
    )
    for name, kind in JOB_TYPES.items():
        for declared in getattr(kind, "routes", ()):
            if not declared.only_async:
                yield _route(name, declared, kind)


def _get(call: Call) -> Response:
    def get() -> Response:
        return rest.get_job(call.manager, call.cid, call.path["jobid"])

    seconds = call.seconds("wait", _LONGEST_WAIT)
    found = get()
    if found.status != HTTPStatus.ACCEPTED or not seconds:
        return found
    handle = call.manager.get(call.cid, call.path["jobid"])
    return Pending(status=found.status, json=found.json, handle=handle, seconds=seconds, again=get)


def _watch(call: Call) -> Response:
    handle = call.manager.get(call.cid, call.path["jobid"])

    def look() -> Response:
        # As GET, without the entities: they may be large, and reading them may remove the job.
        info = call.manager.info(call.cid, handle.id)
        state = State(info.details["state"])
        text = {State.DONE: "Job is finished", State.FAILED: info.details.get("error", "")}.get(
            state, "Job still running"
        )
        values = {} if state is State.DONE else {"jobinfo": info}
        return envelope(rest.JOB_STATUS[state], text, **values)

    found = look()
    return Watch(status=found.status, json=found.json, handle=handle, again=look)


def or_job(path: str, answer: Callable[[Call], Response]) -> Callable[[Call], Response]:
    """Return a function that answers as the job type of a path does if the query says so, and as `answer` if not."""
    name, declared = next(
        (name, declared)
        for name, kind in JOB_TYPES.items()
        for declared in getattr(kind, "routes", ())
        if declared.only_async and declared.path == path
    )
    return lambda call: answer_with_job(call, name, declared) if call.flag("async") else answer(call)


def _route(name: str, declared: JobRoute, kind: type[Job]) -> Route:
    answers = {202: "Job Created", 500: "Job execution was refused by server."}
    in_path = set(re.findall(r"{(\w+)}", declared.path))
    query = {
        one.wire: one.text
        for one in (declared.query or kind.parameter_type).declared()
        if one.wire not in in_path | set(declared.fixed) and declared.body != "secrets"
    }
    return Route(
        method=declared.method,
        path=declared.path,
        answer=lambda call: answer_with_job(call, name, declared),
        summary=str(kind.__doc__).partition("\n")[0].rstrip("."),
        body=("" if declared.method == "GET" else "context") if declared.body == "source" else declared.body,
        query={**query, **({"async": ASYNC} if declared.direct else {})},
        answers={200: "OK", **answers} if declared.direct else answers,
        changes=True if declared.body == "source" else None,  # also with GET
        threads="long" if declared.direct and declared.body else "short",
    )


def answer_with_job(call: Call, job_type: str, declared: JobRoute) -> Response:
    """Answer a request with a job, or with its result."""
    variables = {name: text for name, text in call.path.items() if name not in ("pid", "name")}
    query = {name: text for name, text in call.query.items() if name != "async"}
    data: Any = None
    context: MLContext | ExploreContext = MLContext()
    if declared.body == "rows":
        data = call.rows()
    elif declared.body == "context":
        context = call.context()
    elif declared.body == "contexts":
        context = call.contexts()
    elif declared.body == "source":
        context = call.context()
        data = call.source_info()
        if is_for_spark(data):
            job_type = "SparkDSUpdateJob"
    elif declared.body == "secrets":
        context = MLContext(extraParameters=call.secrets())
    return rest.submit_job(
        call.manager,
        call.cid,
        job_type,
        call.path.get("pid"),
        context,
        {**query, **variables, **declared.fixed},
        data=data,
        direct=declared.direct and not call.flag("async"),
        access=call.access,
    )
