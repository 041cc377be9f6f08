"""The last answers about running jobs, for clients that ask for the progress of a job again and again."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from symjobs.rest import Response

_FRESH, _OLDEST = 0.02, 0.25  # seconds after which an answer is asked for anew, and after which it is not given
_MOST = 1024


@dataclass
class _Kept:
    asked: float
    response: Response
    refreshing: bool = False


class RecentAnswers:
    """Answers by customer and job. Only the event loop uses it.

    An answer is given for 20 milliseconds, and while it is asked for anew, at most for a quarter of a second. There are
    answers of jobs alone that this process has in its queue or runs, and none after their end. So no client sees a job
    run that it has seen end.

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
        if kept is None or time.monotonic() - kept.asked > _OLDEST or not self._here(jobid):
            return None
        return kept.response

    def is_due(self, cid: str, jobid: str) -> bool:
        """Whether the caller is to ask anew; True once for each answer."""
        kept = self._kept[cid, jobid]
        due = not kept.refreshing and time.monotonic() - kept.asked > _FRESH
        kept.refreshing |= due
        return due

    def put(self, cid: str, jobid: str, asked: float, response: Response) -> None:
        """Keep an answer that was asked for at a moment, if the job has not ended."""
        if response.status != 202 or not self._here(jobid):
            return
        self._kept.pop((cid, jobid), None)
        self._kept[cid, jobid] = _Kept(asked, response)
        if len(self._kept) > _MOST:
            self._kept.popitem(last=False)
