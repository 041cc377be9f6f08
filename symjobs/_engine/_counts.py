"""How many jobs ended, and how long they ran: what metrics are made of."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass

BOUNDS = (0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0, 300.0, 1800.0, 7200.0)  # seconds


@dataclass(frozen=True)
class Ended:
    """The jobs of one type that ended in one way.

    Attributes
    ----------
    count : int
        How many.
    seconds : float
        How long they ran, together.
    histogram : tuple of int
        How many ran for at most 0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300, 1800 and 7200 seconds, each without those
        before it; the last entry are those above.
    """

    count: int = 0
    seconds: float = 0.0
    histogram: tuple[int, ...] = (0,) * (len(BOUNDS) + 1)

    def plus(self, seconds: float) -> Ended:
        place = bisect_left(BOUNDS, seconds)
        histogram = tuple(count + (i == place) for i, count in enumerate(self.histogram))
        return Ended(self.count + 1, self.seconds + seconds, histogram)


@dataclass(frozen=True)
class JobCounts:
    """The jobs of one manager, as `JobManager.counts` returns them.

    Attributes
    ----------
    queued, running : mapping of str to int
        Jobs that wait and run now: ``heavy`` and ``light`` ones.
    ended : mapping of (str, str) to Ended
        By job type and outcome (``done``, ``failed``, ``killed``).
    refused : mapping of str to int
        Jobs that were refused, by job type.
    workers_replaced : int
        Worker threads that died.
    """

    queued: Mapping[str, int]
    running: Mapping[str, int]
    ended: Mapping[tuple[str, str], Ended]
    refused: Mapping[str, int]
    workers_replaced: int


class Counter:
    """Counts since the manager was made."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended: dict[tuple[str, str], Ended] = {}
        self._refused: dict[str, int] = {}

    def count_end(self, job_type: str, outcome: str, seconds: float) -> None:
        with self._lock:
            self._ended[job_type, outcome] = self._ended.get((job_type, outcome), Ended()).plus(seconds)

    def count_refusal(self, job_type: str) -> None:
        with self._lock:
            self._refused[job_type] = self._refused.get(job_type, 0) + 1

    def read(self) -> tuple[dict[tuple[str, str], Ended], dict[str, int]]:
        """Return copies of both: jobs that ended, and jobs that were refused."""
        with self._lock:
            return dict(self._ended), dict(self._refused)
