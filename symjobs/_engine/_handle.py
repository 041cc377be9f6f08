"""What a caller holds of a submitted job."""

from __future__ import annotations

from typing import Any, Protocol

from symjobs._engine._execution import JobExecution
from symjobs._entities import JobInfo, typed_entities


class Answers(Protocol):
    """What a handle asks: the manager that runs the job, or another one of its store."""

    def info(self, owner: str, job_id: int) -> JobInfo: ...

    def has_ended(self, owner: str, job_id: int) -> bool: ...

    def wait(self, owner: str, job_id: int, execution: JobExecution | None, timeout: float | None) -> Any: ...

    def kill(self, owner: str, job_id: int) -> bool: ...


class StoredResult:
    """The result of a job that another process ran, or this one long ago: its entities, read from the store.

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
    """A submitted job: ask how far it is, wait for its result, kill it.

    Attributes
    ----------
    id : int
        The job's number, never used again.
    owner : str
        Whose job it is.
    """

    def __init__(self, manager: Answers, owner: str, job_id: int, execution: JobExecution | None) -> None:
        self._manager = manager
        self._execution = execution
        self.id = job_id
        self.owner = owner

    def info(self) -> JobInfo:
        """Return the job's JobInfo as of now.

        Raises
        ------
        NoSuchJob
            If the job was killed or has expired.
        """
        return self._manager.info(self.owner, self.id)

    def done(self) -> bool:
        """Whether the job has ended, in whatever way."""
        if self._execution is not None:
            return self._execution.finished.is_set()
        return self._manager.has_ended(self.owner, self.id)

    def result(self, timeout: float | None = None) -> Any:
        """Wait for the job and return its result.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most; by default for as long as it takes.

        Returns
        -------
        object
            What the job's ``run`` returned, if it ran in this process and is still held in memory; else a
            `StoredResult` with the same entities.

        Raises
        ------
        JobFailed
            If the job failed; the message is its one line, the cause the job's own exception if it is at hand.
        JobKilled
            If the job was killed.
        TimeoutError
            If the job has not ended in time. It goes on.
        NoSuchJob
            If the job has expired, or was run by another process and is gone.
        """
        return self._manager.wait(self.owner, self.id, self._execution, timeout)

    def kill(self) -> bool:
        """Kill the job; whether it stopped within the grace time.

        Raises
        ------
        NoSuchJob
            If the job was killed before or has expired.
        """
        return self._manager.kill(self.owner, self.id)

    def __repr__(self) -> str:
        return f"<JobHandle {self.id} of {self.owner!r}>"
