"""The job resource of the wire contract, without HTTP, for any web framework.

Each function returns a `Response`. An error of a client, and the failure of a job, are responses, too.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import msgspec

from symjobs._engine import Job, JobManager, Request, State
from symjobs._engine._failure import internal_error, one_line, with_type
from symjobs._entities import Envelope, ExploreContext, JobInfo, MLContext, to_json
from symjobs._errors import (
    InputError,
    ManagerClosed,
    NoSuchJob,
    NoSuchModel,
    NoSuchProject,
    ProjectError,
    QueueFull,
)
from symjobs._jobs import JOB_TYPES
from symjobs._text import near, shown
from symjobs.sources import Source

__all__ = ["Response", "create_job", "get_job", "kill_job", "list_jobs", "submit_job"]

logger = logging.getLogger("symjobs.rest")

_RETRY_AFTER = "1"  # seconds, the header of a refusal

# The HTTP status of a job in each state.
JOB_STATUS = {
    State.QUEUED: HTTPStatus.ACCEPTED,
    State.RUNNING: HTTPStatus.ACCEPTED,
    State.DONE: HTTPStatus.OK,
    State.FAILED: HTTPStatus.INTERNAL_SERVER_ERROR,
    State.KILLED: HTTPStatus.BAD_REQUEST,
}


@dataclass(frozen=True)
class Response:
    """An HTTP response for a web framework to send.

    Attributes
    ----------
    status : int
        The HTTP status.
    json : bytes
        The body, strict JSON in UTF-8.
    headers : dict of str to str
        The headers that the contract demands, besides the content type (application/json).

    Examples
    --------
    >>> import symjobs as sj
    >>> manager = sj.JobManager()
    >>> response = sj.rest.get_job(manager, "c1", "7")
    >>> response.status, response.body["statusString"]
    (400, 'No such job')
    >>> manager.shutdown()
    """

    status: int
    json: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @cached_property
    def body(self) -> dict[str, Any]:
        """The body as plain dicts, lists, strings and numbers."""
        return msgspec.json.decode(self.json)


def get_job(manager: JobManager, cid: str, jobid: str | int) -> Response:
    """Answer ``GET /symetry/rest/{cid}/jobs/{jobid}``.

    Parameters
    ----------
    manager : JobManager
        The manager, or any that shares its store.
    cid : str
        The customer who asks.
    jobid : str or int
        The job's id as the path has it.

    Returns
    -------
    Response
        200 with the entities, 202 while it is queued or running, 400 if there is no such job, 500 with the error if
        it failed.

    Examples
    --------
    >>> import symjobs as sj
    >>> project = sj.Project("iris").learn(sj.datasets.load_iris())
    >>> manager = sj.JobManager()
    >>> created = sj.rest.create_job(manager, "c1", sj.ExploreVIFJob(project, ["petal_length", "petal_width"]))
    >>> manager.get("c1", 1).result(timeout=30).values.round(1).tolist()
    [13.7, 13.7]
    >>> sj.rest.get_job(manager, "c1", created.headers["sym-job-id"]).status
    200
    >>> manager.shutdown()
    """
    return _guarded(manager, lambda: _get(manager, cid, jobid))


def list_jobs(manager: JobManager, cid: str) -> Response:
    """Answer ``GET /symetry/rest/{cid}/jobs``.

    Parameters
    ----------
    manager : JobManager
        The manager, or any that shares its store.
    cid : str
        The customer who asks.

    Returns
    -------
    Response
        200 with the customer's jobs, oldest first.

    Examples
    --------
    >>> import symjobs as sj
    >>> manager = sj.JobManager()
    >>> sj.rest.list_jobs(manager, "c1").status
    200
    >>> manager.shutdown()
    """
    return _guarded(manager, lambda: _finished(to_json({"jobinfoList": {"values": manager.list(cid)}})))


def kill_job(manager: JobManager, cid: str, jobid: str | int) -> Response:
    """Answer ``DELETE /symetry/rest/{cid}/jobs/{jobid}``.

    Parameters
    ----------
    manager : JobManager
        The manager, or any that shares its store.
    cid : str
        The customer who asks.
    jobid : str or int
        The job's id as the path has it.

    Returns
    -------
    Response
        200 if it was stopped, 202 if it had finished or did not stop within the grace time, 400 if there is no such
        job.

    Examples
    --------
    >>> import symjobs as sj
    >>> manager = sj.JobManager()
    >>> sj.rest.kill_job(manager, "c1", "7").status  # there is no such job
    400
    >>> manager.shutdown()
    """
    return _guarded(manager, lambda: _kill(manager, cid, jobid))


def create_job(manager: JobManager, cid: str, job: Job | Callable[[], Job]) -> Response:
    """Answer any request that creates a job.

    Parameters
    ----------
    manager : JobManager
        The manager to run it.
    cid : str
        The customer whose job it is.
    job : Job or callable
        The job, or a function that returns it; then an InputError of its constructor is a response with 400, too.

    Returns
    -------
    Response
        202 with the headers ``Location`` and ``sym-job-id``, 400 for invalid input, 500 if there is no such model, a
        package is not installed or the queue is full.

    Examples
    --------
    >>> import symjobs as sj
    >>> project = sj.Project("iris").learn(sj.datasets.load_iris())
    >>> manager = sj.JobManager()
    >>> response = sj.rest.create_job(manager, "c1", lambda: sj.PCAJob(project, ["petal_length", "petal_width"]))
    >>> response.status, response.headers["sym-job-id"]
    (202, '1')
    >>> manager.shutdown()
    """
    return _guarded(manager, lambda: _create(manager, cid, job))


def submit_job(
    manager: JobManager,
    cid: str,
    job_type: str,
    pid: str | None = None,
    context: MLContext | ExploreContext | None = None,
    query: Mapping[str, str] = {},
    *,
    data: Any = None,
) -> Response:
    """Answer a request that creates a job, given the name of the job type.

    Parameters
    ----------
    manager : JobManager
        The manager to run it.
    cid : str
        The customer whose job it is.
    job_type : str
        Name of a job type, such as ``PCAJob``.
    pid : str, optional
        Name of one of the customer's projects in ``manager.projects``.
    context : MLContext or ExploreContext, optional
        The body.
    query : mapping of str to str, optional
        The parameters of the query.
    data : table or Source, optional
        The rows that come with the request. If the request makes no job, a source is discarded: an uploaded file is
        removed.

    Returns
    -------
    Response
        As of `create_job`; also 400 if there is no such job type or project.

    Examples
    --------
    >>> import symjobs as sj
    >>> manager = sj.JobManager()
    >>> manager.projects.add("c1", sj.Project("iris").learn(sj.datasets.load_iris()))
    >>> inputs = sj.MLContext(inputAttributeNames=["petal_length", "petal_width"])
    >>> sj.rest.submit_job(manager, "c1", "PCAJob", "iris", inputs, {"pcaNumDimension": "1"}).status
    202
    >>> sj.rest.submit_job(manager, "c1", "PCAJob", "no such", inputs).body["statusString"]
    'Cannot Find SYMETRYML id[no such] for Customer id [c1]'
    >>> manager.shutdown()
    """

    def job() -> Job:
        if job_type not in JOB_TYPES:
            raise InputError(f"unknown job type {shown(job_type)}; {near(str(job_type), list(JOB_TYPES))}")
        projects = manager.projects.all(cid)
        project = None
        if pid is not None:
            try:
                project = manager.projects.get(cid, pid)
            except NoSuchProject:
                raise InputError(f"Cannot Find SYMETRYML id[{pid}] for Customer id [{cid}]") from None
        return JOB_TYPES[job_type].from_request(
            Request(owner=cid, project=project, context=context, query=query, data=data, projects=projects)
        )

    def job_or_discard() -> Job:
        try:
            return job()
        except BaseException:
            if isinstance(data, Source):
                data.discard()
            raise

    return create_job(manager, cid, job_or_discard)


def _get(manager: JobManager, cid: str, jobid: str | int) -> Response:
    answer = manager.answer(cid, jobid)
    if answer.state is State.DONE:
        return _finished(answer.values)
    text = answer.error if answer.state is State.FAILED else "Job still running"
    return _response(JOB_STATUS[answer.state], text, jobinfo=answer.info)


def _kill(manager: JobManager, cid: str, jobid: str | int) -> Response:
    if manager.kill(cid, jobid):
        return _response(HTTPStatus.OK, "Job was killed")
    try:
        info = manager.info(cid, jobid)
    except NoSuchJob:  # it stopped just after the grace time
        return _response(HTTPStatus.OK, "Job was killed")
    return _response(HTTPStatus.ACCEPTED, "Job cannot be killed", jobinfo=info)


def _create(manager: JobManager, cid: str, job: Job | Callable[[], Job]) -> Response:
    handle = manager.submit(job if isinstance(job, Job) else job(), owner=cid)
    headers = {
        "Location": f"/symetry/rest/{quote(handle.owner, safe='')}/jobs/{handle.id}",
        "sym-job-id": str(handle.id),
    }
    return _response(HTTPStatus.ACCEPTED, "Job Created", headers=headers)


def _guarded(manager: JobManager, answer: Callable[[], Response]) -> Response:
    try:
        return answer()
    except NoSuchJob:
        return _response(HTTPStatus.BAD_REQUEST, "No such job")
    except NoSuchModel as error:  # the contract's status
        return _response(HTTPStatus.INTERNAL_SERVER_ERROR, one_line(str(error)))
    except (InputError, ProjectError) as error:
        return _response(HTTPStatus.BAD_REQUEST, one_line(str(error)))
    except (QueueFull, ManagerClosed):
        text, headers = "Job execution was refused by server.", {"Retry-After": _RETRY_AFTER}
        return _response(HTTPStatus.INTERNAL_SERVER_ERROR, text, headers=headers)
    except Exception as error:  # the store, a missing package, a fault: nothing that the client can mend
        text = internal_error(secrets.randbelow(10**9))
        logger.exception("%s", text)
        if manager.show_errors:
            text = with_type(error)
        return _response(HTTPStatus.INTERNAL_SERVER_ERROR, text)


def _finished(values: bytes) -> Response:
    # The entities are JSON already, as the store keeps them.
    envelope = Envelope(HTTPStatus.OK.name, "Job is finished", {})
    return Response(HTTPStatus.OK.value, to_json(envelope)[: -len(b"{}}")] + values + b"}")


def _response(
    status: HTTPStatus, text: str, *, jobinfo: JobInfo | None = None, headers: dict[str, str] | None = None
) -> Response:
    values = {} if jobinfo is None else {"jobinfo": jobinfo}
    return Response(status.value, to_json(Envelope(status.name, text, values)), headers or {})
