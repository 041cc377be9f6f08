"""The last answers about running jobs, for clients that ask for the progress of a job again and again."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from symjobs.rest import Response

_FRESH, _OLDEST = 0.02, 0.25  # seconds after which an answer is asked for anew, and after which it is not given
_MOST = 1024


class Asked(NamedTuple):
    """When a job was asked for, and whether it was one of this process that had not ended."""

    when: float
    here: bool


@dataclass
class _Kept:
    asked: Asked
    response: Response | None  # none of a job that has ended, or was changed
    refreshing: bool = False


class RecentAnswers:
    """Answers by customer and job. Only the event loop uses it.

    An answer is given for 20 milliseconds, and while it is asked for anew, at most for a quarter of a second. There are
    answers of queued and running jobs alone: any other one, and every change, removes what there is of the job, and so
    does the end of a job of this process. So no client sees a job run that it has seen end.

    Parameters
    ----------
    is_unfinished_here : callable
        Whether a job, by its number, is one of this process that has not ended.
    """

    def __init__(self, is_unfinished_here: Callable[[str], bool]) -> None:
        self._here = is_unfinished_here
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()

    def get(self, cid: str, jobid: str) -> Response | None:
        """Return the answer if there is one."""
        kept = self._kept.get((cid, jobid))
        if kept is None or time.monotonic() - kept.asked.when > _OLDEST:
            return None
        if kept.asked.here and not self._here(jobid):  # it has ended since
            return None
        return kept.response

    def is_due(self, cid: str, jobid: str) -> bool:
        """Whether the caller is to ask anew; True once for each answer."""
        kept = self._kept[cid, jobid]
        due = not kept.refreshing and time.monotonic() - kept.asked.when > _FRESH
        kept.refreshing |= due
        return due

    def ask(self, jobid: str) -> Asked:
        """Return what is known of a job before it is asked for."""
        return Asked(time.monotonic(), self._here(jobid))

    def put(self, cid: str, jobid: str, asked: Asked, response: Response) -> None:
        """Keep an answer if it says that the job has not ended; `ask` was called before the answer was made."""
        kept = self._kept.get((cid, jobid))
        if kept is None or kept.asked.when <= asked.when:  # else a newer answer was faster
            self._keep(cid, jobid, _Kept(asked, response if response.status == 202 else None))

    def discard(self, cid: str, jobid: str) -> None:
        """Forget what there is of a job, also the answers that are on their way."""
        self._keep(cid, jobid, _Kept(self.ask(jobid), None))

    def _keep(self, cid: str, jobid: str, kept: _Kept) -> None:
        self._kept.pop((cid, jobid), None)
        self._kept[cid, jobid] = kept
        if len(self._kept) > _MOST:
            self._kept.popitem(last=False)
