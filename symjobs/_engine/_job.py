"""A job, and all that it knows of the manager that runs it."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import UserDict
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

from symjobs._engine._request import Request
from symjobs._entities import ExploreContext, MLContext
from symjobs._errors import InputError, JobKilled, ProjectError
from symjobs._parameters import Parameters

_LARGEST = 2**63 - 1  # what a database column holds


@runtime_checkable
class Result(Protocol):
    """What `Job.run` returns: arrays for Python, and the entities of the wire contract on request."""

    def entities(self) -> dict[str, Any]:
        """Return the entities by their key on the wire."""
        ...


class Job(ABC):
    """One question or one piece of work, with typed parameters that the constructor checks.

    A subclass implements `run`. To be reachable by clients it implements `from_request`.

    Attributes
    ----------
    job_type : str
        The name on the wire; by default that of the class.
    bounded : bool
        False for a light job: these have their own workers, and never wait behind heavy ones.
    parameter_type : type of Parameters
        The declared parameters of a request.
    """

    job_type: ClassVar[str]
    bounded: ClassVar[bool] = True
    parameter_type: ClassVar[type[Parameters]] = Parameters

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "job_type" not in cls.__dict__:
            cls.job_type = cls.__name__

    @classmethod
    def from_request(cls, request: Request) -> Self:
        """Make the job from a request; every face goes this way.

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
    def from_context(
        cls,
        project: Any,
        mlcontext: MLContext | ExploreContext | None = None,
        query: Mapping[str, str] = {},
        *,
        data: Any = None,
    ) -> Self:
        """Make the job from a project, the body of a request and its query; see `from_request`.

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
        """Raise if the job cannot run as things stand; called at submit, before the job gets a number."""
        check_project(getattr(self, "project", None))

    def details(self) -> dict[str, str]:
        """Return what ``JobInfo.details`` shows from the start."""
        return {}

    @abstractmethod
    def run(self, context: JobContext) -> Result | None:
        """Do the work and return its result (None if it has no entities).

        Long work calls ``context.progress`` or ``context.checkpoint`` at least every 50 ms. Whatever it changes must
        be as it was before when it raises.
        """


class Details(UserDict[str, str]):
    """Text by text; other values become text when they are put in, so that whatever goes wrong goes wrong there."""

    def __setitem__(self, key: str, item: object) -> None:
        super().__setitem__(_storable(key), _storable(item))


class JobContext:
    """What a running job sees: its progress, its kill switch and its projects.

    A context can be made without a manager, to run a job in place: ``job.run(JobContext())``.

    Attributes
    ----------
    details : mapping of str to str
        Shown in the job's JobInfo; the job may add to it at any time. Numbers become text.
    """

    def __init__(self, details: Mapping[str, str] | None = None) -> None:
        self._details = Details(details or {})
        self._lock = threading.Lock()
        self._progress = (0, 1)  # replaced as a pair, so that a reader never sees half of an update
        self._stopped: str | None = None  # why the job is to stop
        self._snapshots: dict[int, tuple[Any, Any]] = {}

    @property
    def details(self) -> Details:
        """Shown in the job's JobInfo."""
        return self._details

    def progress(self, current: int, maximum: int | None = None) -> None:
        """Report progress, and stop here if the job was killed.

        Parameters
        ----------
        current : int
            Bytes read for a job that reads a data source, steps done for any other. A value below an earlier one is
            ignored.
        maximum : int, optional
            The value at the end; by default it stays. It never falls below `current`.

        Raises
        ------
        JobKilled
            If the job is to stop.
        """
        with self._lock:
            before, until = self._progress
            current = max(before, min(int(current), _LARGEST))
            self._progress = (current, max(current, until if maximum is None else min(int(maximum), _LARGEST)))
        self.checkpoint()

    def checkpoint(self) -> None:
        """Stop here (raise JobKilled) if the job was killed. Costs next to nothing."""
        if self._stopped is not None:
            raise JobKilled(self._stopped)

    def snapshot(self, project: Any) -> Any:
        """Return the project's state as it was when the job first asked, and note its hash in `details`."""
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
        return self._details.data.copy()  # in one step, whatever the job's threads do meanwhile

    def read_progress(self) -> tuple[int, int]:
        """Return (current, maximum) as last reported."""
        return self._progress

    def complete(self) -> None:
        """Bring `current` to `maximum`: the job has succeeded."""
        with self._lock:
            maximum = max(self._progress)
            self._progress = (maximum, maximum)

    def stop(self, reason: str) -> None:
        """Make the next checkpoint raise JobKilled with this reason."""
        self._stopped = reason


def check_project(project: Any) -> None:
    """Raise ProjectError if the project was deleted."""
    if getattr(project, "deleted", False):
        raise ProjectError(f"project {project.name!r} was deleted; no job can run on it")


def _storable(value: object) -> str:
    # Lone surrogates, as file names hold them, have no UTF-8.
    return str(value).encode("utf-8", "replace").decode()
