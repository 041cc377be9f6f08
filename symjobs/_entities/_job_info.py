"""JobInfo: what a client sees of a job."""
# ruff: noqa: N815 - the names of the wire

from __future__ import annotations

import msgspec


class JobInfo(msgspec.Struct):
    """What a client sees of a job.

    Parameters
    ----------
    jobId : int
        The number of the job.
    jobType : str
        The job type, such as ``"PCAJob"``.
    owner : str
        The owner of the job.
    startingDate : int, default 0
        Epoch milliseconds, 0 before the job starts.
    current, maximum : int, default 0
        Progress: bytes for a job that reads a data source, steps for any other. `current` never falls and never passes
        `maximum`; they are equal when the job succeeded.
    isOnBoundedExecutor : bool, default True
        Whether it is a heavy job, in the bounded queue.
    isStarted, isDone : bool, default False
        Whether it has started, and ended.
    details : dict of str to str, default {}
        Remarks of the job.

    Examples
    --------
    >>> import symjobs as sj
    >>> with sj.JobManager() as manager:
    ...     handle = manager.submit(sj.ProjectInfoJob(sj.Project("p")))
    ...     _ = handle.result(timeout=30)
    ...     info = handle.info()
    >>> info.jobType, info.isDone, info.current == info.maximum
    ('ProjectInfoJob', True, True)
    """

    jobId: int
    jobType: str
    owner: str
    startingDate: int = 0
    current: int = 0
    maximum: int = 0
    isOnBoundedExecutor: bool = True
    isStarted: bool = False
    isDone: bool = False
    details: dict[str, str] = {}
