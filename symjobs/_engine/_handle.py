"""The handle that `JobManager.submit` returns."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Protocol

from symjobs._engine._execution import JobExecution
from symjobs._entities import JobInfo, typed_entities
from symjobs._errors import JobError


class Answers(Protocol):
    """The methods that a handle needs of a manager: the one that runs the job, or another one of its store."""

    def info(self, owner: str, job_id: int) -> JobInfo: ...

    def has_ended(self, owner: str, job_id: int) -> bool: ...

    def result_of(self, owner: str, job_id: int, execution: JobExecution | None, timeout: float | None) -> Any: ...

    async def wait(self, job: JobHandle, timeout: float | None = None) -> Any: ...

    def kill(self, owner: str, job_id: int) -> bool: ...


class StoredResult:
    """The result of a job as the store has it, when the object that ``run`` returned is not in this process.

    Attributes
    ----------
    json : bytes
        The entities as one JSON object.
    """

    def __init__(self, json: bytes) -> None:
        self.json = json

    def entities(self) -> dict[str, Any]:
        """Return the entities by their key on the wire."""
        return typed_entities(self.json)

    def __repr__(self) -> str:
        return f"<StoredResult: {', '.join(self.entities()) or 'no entities'}>"


class JobHandle:
    """A submitted job: its progress, its result, and how to kill it.

    `JobManager.submit` and `JobManager.get` return it.

    Attributes
    ----------
    id : int
        The job's number, never used again.
    owner : str
        Whose job it is.

    Examples
    --------
    >>> import symjobs as sj
    >>> project = sj.Project("iris").learn(sj.datasets.load_iris())
    >>> with sj.JobManager() as manager:
    ...     handle = manager.submit(sj.ExploreVIFJob(project, ["petal_length", "petal_width"]))
    ...     result = handle.result(timeout=30)
    ...     print(handle.id, handle.done(), handle.info().jobType)
    1 True ExploreVIFJob
    """

    def __init__(self, manager: Answers, owner: str, job_id: int, execution: JobExecution | None) -> None:
        self._manager = manager
        self._ran_here = execution
        self.id = job_id
        self.owner = owner

    @property
    def _execution(self) -> JobExecution | None:
        # None if the job runs in another process, also in the one from which this one was forked.
        execution = self._ran_here
        return execution if execution is not None and execution.here else None

    def info(self) -> JobInfo:
        """Return the JobInfo of the job as it is now.

        Raises
        ------
        NoSuchJob
            If the job was killed or has expired.
        """
        return self._manager.info(self.owner, self.id)

    def done(self) -> bool:
        """Whether the job has ended: done, failed or killed."""
        execution = self._execution
        if execution is not None:
            return execution.finished.is_set()
        return self._manager.has_ended(self.owner, self.id)

    def result(self, timeout: float | None = None) -> Any:
        """Wait for the job and return its result.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most; by default without limit.

        Returns
        -------
        object
            What the job's ``run`` returned, if the job ran in this process and the result is still in memory.
            Otherwise a `StoredResult` with the same entities.

        Raises
        ------
        JobFailed
            If the job failed. The message is one line; the cause is the job's own exception, if it is in this process.
        JobKilled
            If the job was killed.
        TimeoutError
            If the job has not ended in time. The job continues.
        JobError
            If another job of the same manager waits for it. That job would keep the worker that this one may need.
        NoSuchJob
            If the job has expired, or another process ran it and its result was removed.
        """
        return self._manager.result_of(self.owner, self.id, self._execution, timeout)

    def __await__(self) -> Generator[Any, None, Any]:
        """Wait for the job in a coroutine; see `JobManager.wait`."""
        return self._manager.wait(self).__await__()

    def add_done_callback(self, call: Callable[[JobHandle], object]) -> None:
        """Call a function with this handle when the job has ended, however it ends; now if it has.

        The call is made on the thread that ends the job. An exception is logged, and changes nothing.

        Parameters
        ----------
        call : callable
            Takes the handle.

        Raises
        ------
        JobError
            If the job runs in another process. Then wait for it, or ask `done` from time to time.

        Examples
        --------
        >>> import symjobs as sj
        >>> project = sj.Project("iris").learn(sj.datasets.load_iris())
        >>> ended = []
        >>> with sj.JobManager() as manager:
        ...     manager.submit(sj.SVDJob(project)).add_done_callback(lambda handle: ended.append(handle.id))
        >>> ended
        [1]
        """
        execution = self._execution
        if execution is None:
            raise JobError(f"job {self.id} runs in another process, which cannot call back; wait for it, or ask done()")
        execution.when_finished(lambda: call(self))

    def kill(self) -> bool:
        """Kill the job, and return whether it stopped within the grace time.

        Raises
        ------
        NoSuchJob
            If the job was killed before or has expired.
        """
        return self._manager.kill(self.owner, self.id)

    def __repr__(self) -> str:
        return f"<JobHandle {self.id} of {self.owner!r}>"
