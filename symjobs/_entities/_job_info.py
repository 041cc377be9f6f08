"""JobInfo: what a client sees of a job."""
# ruff: noqa: N815 - the names of the wire

from __future__ import annotations

import msgspec


class JobInfo(msgspec.Struct):
    """What a client sees of a job.

    `startingDate` is in epoch milliseconds, 0 before the job starts. `current` never falls and never passes `maximum`;
    they are equal when the job succeeded. They count bytes for a job that reads a data source, steps for any other.
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
