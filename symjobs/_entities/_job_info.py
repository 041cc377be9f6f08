"""JobInfo: what a client sees of a job."""

from __future__ import annotations

import msgspec


class JobInfo(msgspec.Struct):
    """What a client sees of a job.

    `startingDate` is in epoch milliseconds, 0 before the job starts. `current` never falls and never passes `maximum`;
    they are equal when the job succeeded. They count bytes for a job that reads a data source, steps for any other.
    """

    jobId: int  # noqa: N815
    jobType: str  # noqa: N815
    owner: str
    startingDate: int = 0  # noqa: N815
    current: int = 0
    maximum: int = 0
    isOnBoundedExecutor: bool = True  # noqa: N815
    isStarted: bool = False  # noqa: N815
    isDone: bool = False  # noqa: N815
    details: dict[str, str] = {}
