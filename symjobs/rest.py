"""The job resource of the wire contract, without HTTP, for any web framework.

Each function returns a `Response`. An error of a client, and the failure of a job, are responses, too.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import msgspec

from symjobs._engine import Job, JobContext, JobManager, Request, State
from symjobs._engine._failure import internal_error, is_bad_input, one_line, with_type
from symjobs._engine._run import run_here
from symjobs._entities import Envelope, ExploreContext, MLContext, to_json
from symjobs._errors import (
    InputError,
    ManagerClosed,
    NoSuchJob,
    NoSuchModel,
    NoSuchProject,
    QueueFull,
)
from symjobs._jobs import JOB_TYPES
from symjobs._project import Project
from symjobs._text import near, shown
from symjobs.sources import Access, Source

__all__ = [
    "Response",
    "create_job",
    "envelope",
    "get_job",
    "kill_job",
    "list_jobs",
    "project_of",
    "respond",
    "submit_job",
]

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
    return respond(manager, lambda: _get(manager, cid, jobid))


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
    return respond(
        manager, lambda: envelope(HTTPStatus.OK, "Job is finished", jobinfoList={"values": manager.list(cid)})
    )


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
    return respond(manager, lambda: _kill(manager, cid, jobid))


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
    return respond(manager, lambda: _create(manager, cid, job))


def submit_job(
    manager: JobManager,
    cid: str,
    job_type: str,
    pid: str | None = None,
    context: MLContext | ExploreContext | None = None,
    query: Mapping[str, str] = {},
    *,
    data: Any = None,
    direct: bool = False,
    access: Access | None = None,
) -> Response:
    """Answer a request that creates a job, given the name of the job type.

    Parameters that no job type of this name declares are ignored; the job's details list them.

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
    direct : bool, default False
        Run the job in the calling thread, and answer with its entities: 200 ``OK``. It gets no number.
    access : Access, optional
        Which files and hosts the job may open; by default everything, with the rights of this process.

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
        project = None if pid is None else project_of(manager, cid, pid)
        projects = manager.projects.all(cid) if pid is None else ()
        return JOB_TYPES[job_type].from_client(
            Request(
                owner=cid, project=project, context=context, query=query, data=data, projects=projects, access=access
            )
        )

    def job_or_discard() -> Job:
        try:
            return job()
        except BaseException:
            if isinstance(data, Source):
                data.discard()
            raise

    if direct:
        return respond(manager, lambda: _run(job_or_discard()))
    return create_job(manager, cid, job_or_discard)


def project_of(manager: JobManager, cid: str, pid: str) -> Project:
    """Return a customer's project.

    Parameters
    ----------
    manager : JobManager
        Which has it among its `projects`.
    cid : str
        The customer.
    pid : str
        The project's name.

    Returns
    -------
    Project

    Raises
    ------
    InputError
        If there is none, in the words of the contract.

    Examples
    --------
    >>> import symjobs as sj
    >>> manager = sj.JobManager()
    >>> manager.projects.add("c1", sj.Project("iris"))
    >>> sj.rest.project_of(manager, "c1", "iris").name
    'iris'
    >>> manager.shutdown()
    """
    try:
        return manager.projects.get(cid, pid)
    except NoSuchProject:
        raise InputError(f"Cannot Find SYMETRYML id[{pid}] for Customer id [{cid}]") from None


def respond(manager: JobManager, answer: Callable[[], Response]) -> Response:
    """Call a function that answers a request; an exception of it becomes a response.

    Parameters
    ----------
    manager : JobManager
        Whose ``show_errors`` says what clients see of an error that is not theirs.
    answer : callable
        Returns a Response.

    Returns
    -------
    Response
        The function's; 400 for an InputError, a ProjectError and a job that is not there; 500 for everything else.

    Examples
    --------
    >>> import symjobs as sj
    >>> manager = sj.JobManager()
    >>> sj.rest.respond(manager, lambda: sj.rest.envelope(201, "made", pid="iris")).body["values"]
    {'pid': 'iris'}
    >>> sj.rest.respond(manager, lambda: manager.projects.get("c1", "iris")).status
    400
    >>> manager.shutdown()
    """
    try:
        return answer()
    except NoSuchJob:
        return envelope(HTTPStatus.BAD_REQUEST, "No such job")
    except NoSuchModel as error:  # the contract's status
        return envelope(HTTPStatus.INTERNAL_SERVER_ERROR, one_line(str(error)))
    except (QueueFull, ManagerClosed):
        text, headers = "Job execution was refused by server.", {"Retry-After": _RETRY_AFTER}
        return replace(envelope(HTTPStatus.INTERNAL_SERVER_ERROR, text), headers=headers)
    except Exception as error:
        if is_bad_input(error):
            return envelope(HTTPStatus.BAD_REQUEST, one_line(str(error)))
        text = internal_error(secrets.randbelow(10**9))  # the store, a fault: nothing that the client can mend
        logger.exception("%s", text)
        if manager.show_errors:
            text = with_type(error)
        return envelope(HTTPStatus.INTERNAL_SERVER_ERROR, text)


def envelope(status: int, text: str, /, **values: Any) -> Response:
    """Return a response with the contract's envelope.

    Parameters
    ----------
    status : int
        The HTTP status.
    text : str
        The ``statusString``.
    **values : entity, dict, list, str or number
        The ``values``, by their keys.

    Returns
    -------
    Response

    Examples
    --------
    >>> import symjobs as sj
    >>> sj.rest.envelope(200, "OK", stringList={"values": ["iris"]}).json
    b'{"statusCode":"OK","statusString":"OK","values":{"stringList":{"values":["iris"]}}}'
    """
    status = HTTPStatus(status)
    return Response(status.value, to_json(Envelope(status.name, text, values)))


def _get(manager: JobManager, cid: str, jobid: str | int) -> Response:
    answer = manager.answer(cid, jobid)
    if answer.state is State.DONE:
        return _with_values("Job is finished", answer.values)
    text = answer.error if answer.state is State.FAILED else "Job still running"
    return envelope(JOB_STATUS[answer.state], text, jobinfo=answer.info)


def _kill(manager: JobManager, cid: str, jobid: str | int) -> Response:
    if manager.kill(cid, jobid):
        return envelope(HTTPStatus.OK, "Job was killed")
    try:
        info = manager.info(cid, jobid)
    except NoSuchJob:  # it stopped just after the grace time
        return envelope(HTTPStatus.OK, "Job was killed")
    return envelope(HTTPStatus.ACCEPTED, "Job cannot be killed", jobinfo=info)


def _create(manager: JobManager, cid: str, job: Job | Callable[[], Job]) -> Response:
    handle = manager.submit(job if isinstance(job, Job) else job(), owner=cid)
    headers = {
        "Location": f"/symetry/rest/{quote(handle.owner, safe='')}/jobs/{handle.id}",
        "sym-job-id": str(handle.id),
    }
    return replace(envelope(HTTPStatus.ACCEPTED, "Job Created"), headers=headers)


def _run(job: Job) -> Response:
    try:
        job.check()
        return _with_values("OK", run_here(job, JobContext())[1])
    finally:
        job.clean_up()


def _with_values(text: str, values: bytes) -> Response:
    # The entities are JSON already, as the store keeps them.
    return Response(HTTPStatus.OK.value, envelope(HTTPStatus.OK, text).json[: -len(b"{}}")] + values + b"}")
