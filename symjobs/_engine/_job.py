"""The base class of jobs, and the context in which they run."""

from __future__ import annotations

import math
import threading
import time
from abc import ABC, abstractmethod
from collections import UserDict
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

from symjobs._engine._failure import TimeExceeded
from symjobs._engine._request import Request
from symjobs._entities import ExploreContext, MLContext
from symjobs._errors import InputError, ProjectError, StopJob
from symjobs._parameters import Parameters

_LARGEST = 2**63 - 1  # the largest number that a database column holds


@runtime_checkable
class Result(Protocol):
    """What `Job.run` returns: an object with arrays for Python, which makes the entities of the wire contract.

    If that takes long, the object may have a method ``encode(checkpoint)``, too. It returns the JSON of the entities,
    and calls `checkpoint` every few milliseconds.
    """

    def entities(self) -> dict[str, Any]:
        """Return the entities by their key on the wire."""
        ...


class Job(ABC):
    """The base class of all job types.

    The constructor of a subclass takes and checks the parameters. A subclass implements `run`; it also implements
    `from_request` if clients are to create its jobs.

    Attributes
    ----------
    job_type : str
        The name on the wire; by default that of the class.
    bounded : bool
        False for a light job. Light jobs have their own workers, and never wait for heavy ones.
    isolable : bool
        Whether the job can run in a process of its own. False for a job that changes objects of this process.
    parameter_type : type of Parameters
        The declared parameters of a request.
    notes : mapping of str to str
        What ``JobInfo.details`` shows of a job, besides `details`.

    Examples
    --------
    >>> import symjobs as sj
    >>> class CountRowsJob(sj.Job):
    ...     def __init__(self, project):
    ...         self.project = project
    ...
    ...     def run(self, context):
    ...         context.details["rows"] = str(context.snapshot(self.project).n_rows)
    >>> context = sj.JobContext()
    >>> CountRowsJob(sj.Project("iris").learn(sj.datasets.load_iris())).run(context)
    >>> context.details["rows"]
    '150'
    """

    job_type: ClassVar[str]
    bounded: ClassVar[bool] = True
    isolable: ClassVar[bool] = True
    parameter_type: ClassVar[type[Parameters]] = Parameters
    notes: Mapping[str, str] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "job_type" not in cls.__dict__:
            cls.job_type = cls.__name__

    @classmethod
    def from_request(cls, request: Request) -> Self:
        """Return the job that a request asks for.

        Parameters
        ----------
        request : Request
            What a client asked for.

        Raises
        ------
        InputError
            If the request is invalid; the message names what.
        """
        raise InputError(f"{cls.job_type} cannot be made from a request")

    @classmethod
    def parameter_types(cls, request: Request) -> tuple[type[Parameters], ...]:
        """Return the declared parameters that a request may have; by default those of `parameter_type`."""
        return (cls.parameter_type,)

    @classmethod
    def from_client(cls, request: Request) -> Self:
        """Return the job that a request asks for, as `from_request`, but ignore parameters that nobody declares.

        Clients may send parameters of other servers. The job's details list them as ``ignored``. A name that begins as
        those of this job do (``kmeans_``) is no such parameter, but an error.

        Parameters
        ----------
        request : Request
            What a client asked for.

        Raises
        ------
        InputError
            If the request is invalid; the message names what.
        """
        types = cls.parameter_types(request)
        names = {declared.wire for kind in types for declared in kind.declared()}
        prefixes = tuple(kind.strict_prefix for kind in types if kind.strict_prefix)
        kept, ignored = request.only(lambda name: name in names or name.startswith(prefixes))
        job = cls.from_request(kept)
        if ignored:
            job.notes = {"ignored": ", ".join(ignored)}
        return job

    @classmethod
    def from_context(
        cls,
        project: Any,
        mlcontext: MLContext | ExploreContext | None = None,
        query: Mapping[str, str] = {},
        *,
        data: Any = None,
    ) -> Self:
        """Return the job that a project, the body of a request and its query ask for; see `from_request`.

        Parameters
        ----------
        project : Project
            What the request is about.
        mlcontext : MLContext or ExploreContext, optional
            Its body.
        query : mapping of str to str, optional
            The parameters of its query. They go before those of the context.
        data : table, optional
            The rows that come with it.

        Raises
        ------
        InputError
            If the request is invalid; the message names what.
        """
        return cls.from_request(Request(project=project, context=mlcontext, query=query, data=data))

    def check(self) -> None:
        """Raise if the job cannot run. `JobManager.submit` calls it before the job gets a number."""
        check_project(getattr(self, "project", None))

    def details(self) -> dict[str, str]:
        """Return what ``JobInfo.details`` shows before the job runs."""
        return {}

    @abstractmethod
    def run(self, context: JobContext) -> Result | None:
        """Do the work and return its result (None if it has no entities).

        Long work calls ``context.progress`` or ``context.checkpoint`` at least every 50 ms. If it raises, it must leave
        everything as it was before.
        """

    def clean_up(self) -> None:  # noqa: B027 - most jobs have nothing to remove
        """Remove what the job owns, such as an uploaded file.

        The manager calls it once for each `JobManager.submit`, however that ends: the job is refused, killed while it
        waits, or has run. What it raises is logged.
        """


class Details(UserDict[str, str]):
    """A dict of text to text. Other values become text when they are set, so that an error occurs there."""

    def __setitem__(self, key: str, item: object) -> None:
        super().__setitem__(_storable(key), _storable(item))


class JobContext:
    """What a running job uses to report progress, to notice a kill, and to read its project.

    Without a manager, ``job.run(JobContext())`` runs a job in the calling thread.

    Attributes
    ----------
    details : mapping of str to str
        What the job's JobInfo shows; the job may add to it at any time. Numbers become text.

    Examples
    --------
    >>> import symjobs as sj
    >>> context = sj.JobContext()
    >>> project = sj.Project("iris").learn(sj.datasets.load_iris())
    >>> result = sj.ExploreVIFJob(project, ["petal_length", "petal_width"]).run(context)
    >>> context.details["projectHash"] == project.snapshot().hash
    True
    """

    def __init__(self, details: Mapping[str, str] | None = None) -> None:
        self._details = Details(details or {})
        self._lock = threading.Lock()
        self._progress = (0, 1)  # replaced as a pair, so that readers see both or neither
        self._stopped: str | None = None  # why the job is to stop
        self._time_limit = math.inf
        self._deadline = math.inf
        self._snapshots: dict[int, tuple[Any, Any]] = {}

    @property
    def details(self) -> Details:
        """Shown in the job's JobInfo."""
        return self._details

    def progress(self, current: int, maximum: int | None = None) -> None:
        """Report progress, and raise StopJob if the job is to stop.

        Parameters
        ----------
        current : int
            Bytes read for a job that reads a data source, steps done for any other. A value below an earlier one is
            ignored.
        maximum : int, optional
            The value at the end; by default the last one. It never falls below `current`.

        Raises
        ------
        StopJob
            If the job was killed, took too long, or its manager was shut down. It is a `BaseException`.
        """
        self.set_progress(current, maximum)
        self.checkpoint()

    def set_progress(self, current: int, maximum: int | None = None) -> None:
        """Report progress, and do not stop."""
        with self._lock:
            before, until = self._progress
            current = max(before, min(int(current), _LARGEST))
            self._progress = (current, max(current, until if maximum is None else min(int(maximum), _LARGEST)))

    def checkpoint(self) -> None:
        """Raise StopJob if the job was killed, took too long, or its manager was shut down.

        Takes less than a microsecond.
        """
        if self._stopped is not None:
            raise StopJob(self._stopped)
        if self._deadline < math.inf and time.monotonic() > self._deadline:
            raise TimeExceeded(f"the job took longer than its time limit of {self._time_limit:g} seconds")

    def snapshot(self, project: Any) -> Any:
        """Return the project's snapshot, the same one at each call, and put its hash into `details`."""
        known = self._snapshots.get(id(project))
        if known is not None:
            return known[1]
        check_project(project)
        snapshot = project.snapshot()
        self._snapshots[id(project)] = (project, snapshot)
        self.details["projectHash"] = snapshot.hash
        return snapshot

    def read_details(self) -> dict[str, str]:
        """Return a copy of `details`."""
        return self._details.data.copy()  # one atomic step: threads of the job may write meanwhile

    def read_progress(self) -> tuple[int, int]:
        """Return (current, maximum) as last reported."""
        return self._progress

    def complete(self) -> None:
        """Set `current` to `maximum`, as the job has succeeded."""
        with self._lock:
            maximum = max(self._progress)
            self._progress = (maximum, maximum)

    def limit_time(self, seconds: float) -> None:
        """Let checkpoints raise StopJob from now on in so many seconds."""
        self._time_limit, self._deadline = seconds, time.monotonic() + seconds

    def stop(self, reason: str) -> None:
        """Make the next checkpoint raise StopJob with this reason."""
        self._stopped = reason


def check_project(project: Any) -> None:
    """Raise ProjectError if the project was deleted."""
    if getattr(project, "deleted", False):
        raise ProjectError(f"project {project.name!r} was deleted; no job can run on it")


def _storable(value: object) -> str:
    # Lone surrogates, as file names hold them, have no UTF-8.
    return str(value).encode("utf-8", "replace").decode()
