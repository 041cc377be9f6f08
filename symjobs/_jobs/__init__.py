"""Jobs: every question to a project has a number, shows its progress, can be killed and leaves its answer in a store.

Imports go one way: states <- record <- store <- run <- lane, keeper <- runner <- manager; a job knows its context only.
"""

from symjobs._jobs._handle import JobHandle, StoredResult
from symjobs._jobs._job import Job, JobContext, Result
from symjobs._jobs._list_projects import ListProjectsInfoJob, ListProjectsInfoResult
from symjobs._jobs._manager import JobManager
from symjobs._jobs._project_info import ProjectInfoJob, ProjectInfoResult
from symjobs._jobs._record import Answer
from symjobs._jobs._registry import ProjectRegistry
from symjobs._jobs._states import State

__all__ = [
    "Answer",
    "Job",
    "JobContext",
    "JobHandle",
    "JobManager",
    "ListProjectsInfoJob",
    "ListProjectsInfoResult",
    "ProjectInfoJob",
    "ProjectInfoResult",
    "ProjectRegistry",
    "Result",
    "State",
    "StoredResult",
]
