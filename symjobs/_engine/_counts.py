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

    count: int
    seconds: float
    histogram: tuple[int, ...]


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
        self._seconds: dict[tuple[str, str], float] = {}
        self._histograms: dict[tuple[str, str], list[int]] = {}
        self._refused: dict[str, int] = {}

    def count_end(self, job_type: str, outcome: str, seconds: float) -> None:
        with self._lock:
            kind = job_type, outcome
            if kind not in self._seconds:
                self._seconds[kind], self._histograms[kind] = 0.0, [0] * (len(BOUNDS) + 1)
            self._seconds[kind] += seconds
            self._histograms[kind][bisect_left(BOUNDS, seconds)] += 1

    def count_refusal(self, job_type: str) -> None:
        with self._lock:
            self._refused[job_type] = self._refused.get(job_type, 0) + 1

    def read(self) -> tuple[dict[tuple[str, str], Ended], dict[str, int]]:
        """Return copies of both: jobs that ended, and jobs that were refused."""
        with self._lock:
            ended = {
                kind: Ended(sum(histogram), self._seconds[kind], tuple(histogram))
                for kind, histogram in self._histograms.items()
            }
            return ended, dict(self._refused)
