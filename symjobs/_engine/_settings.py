"""The settings of a manager, checked."""

from __future__ import annotations

from symjobs._engine._record import now_ms
from symjobs._parameters import Flag, Integer, Number, Parameters, parameter

LONGEST = 1e9  # seconds, some 30 years: longer times do not fit into what the system's clocks and databases take


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

    show_errors: bool = parameter("show_errors", Flag(), "let clients see every error of a job")

    def expiry(self) -> int:
        """Return when a job that ends now expires, in epoch milliseconds; 0 for never."""
        return 0 if self.expire_after is None else now_ms() + int(self.expire_after * 1000)
