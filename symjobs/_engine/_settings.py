"""The settings of a manager, checked."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass

from symjobs._engine._record import now_ms
from symjobs._errors import InputError


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What `JobManager` was told; its docstring describes each."""

    workers: int
    queue_size: int
    light_workers: int
    grace: float
    expire_after: float | None
    expire_on_read: bool
    lease: float

    def __post_init__(self) -> None:
        _check_whole("workers", self.workers, 1)
        _check_whole("queue_size", self.queue_size, 0)
        _check_whole("light_workers", self.light_workers, 1)
        _check_seconds("grace", self.grace)
        _check_seconds("lease", self.lease)
        if self.expire_after is not None:
            _check_seconds("expire_after", self.expire_after)

    def expiry(self) -> int:
        """Return when a job that ends now expires, in epoch milliseconds; 0 for never."""
        return 0 if self.expire_after is None else now_ms() + int(self.expire_after * 1000)


def _check_whole(name: str, value: int, least: int) -> None:
    try:
        enough = operator.index(value) >= least
    except TypeError:
        enough = False
    if not enough or isinstance(value, bool):
        raise InputError(f"{name}={value!r}: must be a whole number, at least {least}")


def _check_seconds(name: str, value: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise InputError(f"{name}={value!r}: must be a number of seconds, at least 0 and finite")
