"""The engine for jobs of any type: it numbers, queues, runs and kills them, and keeps their answers in a store.

Imports go one way: states <- record <- store <- execution <- pool, sync <- runner <- manager. A job knows only its
context.
"""

from symjobs._engine._handle import JobHandle, StoredResult
from symjobs._engine._job import Job, JobContext, Result, check_project
from symjobs._engine._log import JobLogFilter
from symjobs._engine._manager import JobManager
from symjobs._engine._record import Answer
from symjobs._engine._request import Request
from symjobs._engine._states import State

__all__ = [
    "Answer",
    "Job",
    "JobContext",
    "JobHandle",
    "JobLogFilter",
    "JobManager",
    "Request",
    "Result",
    "State",
    "StoredResult",
    "check_project",
]
