"""The settings of a manager, checked."""

from __future__ import annotations

from symjobs._engine._record import now_ms
from symjobs._engine._store import OwnerLimits
from symjobs._parameters import Flag, Integer, Number, Parameters, parameter

LONGEST = 1e9  # seconds, some 30 years: longer times do not fit into what the system's clocks and databases take


class Schedule(Parameters):
    """When a job is to run, and for how long; `JobManager.submit` describes each."""

    priority: int = parameter("priority", Integer(-1000, 1000), "jobs with a higher one run first", default=0)
    time_limit: float | None = parameter(
        "time_limit", Number(0, LONGEST), "seconds that the job may run; None for the manager's limit", default=None
    )
    isolate: bool | None = parameter(
        "isolate", Flag(), "run in a process of its own; None for the manager's choice", default=None
    )


class Settings(Parameters):
    """What `JobManager` was told; its docstring describes each."""

    workers: int = parameter("workers", Integer(1), "heavy jobs that run at the same time")
    queue_size: int = parameter("queue_size", Integer(0), "heavy jobs that may wait")
    light_workers: int = parameter("light_workers", Integer(1), "light jobs that run at the same time")
    grace: float = parameter("grace", Number(0, LONGEST), "seconds that a job may take to react to a kill")
    expire_after: float | None = parameter(
        "expire_after", Number(0, LONGEST), "seconds that an ended job is kept; None for ever", default=None
    )
    expire_on_read: bool = parameter("expire_on_read", Flag(), "give an ended job up when its result was read")
    lease: float = parameter(
        "lease", Number(0, LONGEST), "seconds of silence after which its jobs count as lost elsewhere"
    )

    time_limit: float | None = parameter(
        "time_limit", Number(0, LONGEST), "seconds that a job may run; None for any time", default=None
    )
    max_running_per_owner: int | None = parameter(
        "max_running_per_owner", Integer(1), "jobs of an owner that run at the same time; None for any", default=None
    )
    max_queued_per_owner: int | None = parameter(
        "max_queued_per_owner", Integer(0), "jobs of an owner that may wait; None for any", default=None
    )
    max_bytes_per_owner: int | None = parameter(
        "max_bytes_per_owner", Integer(0), "bytes of an owner's results that are kept; None for any", default=None
    )
    max_bytes: int | None = parameter(
        "max_bytes", Integer(0), "bytes of all results that are kept; None for any", default=None
    )
    unload_after: float | None = parameter(
        "unload_after",
        Number(0, LONGEST),
        "seconds that an idle shared project stays in memory; None for ever",
        default=None,
    )
    isolate: bool = parameter("isolate", Flag(), "run heavy jobs in processes of their own, where they can be")
    show_errors: bool = parameter("show_errors", Flag(), "let clients see every error of a job")

    @property
    def owner_limits(self) -> OwnerLimits:
        return OwnerLimits(self.max_queued_per_owner, self.max_bytes_per_owner)

    def expiry(self) -> int:
        """Return when a job that ends now expires, in epoch milliseconds; 0 for never."""
        return 0 if self.expire_after is None else now_ms() + int(self.expire_after * 1000)
