"""The exceptions of symjobs.

SymjobsError
├── InputError(ValueError)             the input is invalid; the message names the place (REST: 400)
│   ├── NothingLearnt                  no column of the data is learnt
│   ├── UnknownAttribute               no attribute, or category, has this name or index
│   └── UnsupportedTest                a test that its inputs cannot support: a constant, one group
├── ProjectError                       a project that cannot do this: frozen, deleted, a damaged file
│   ├── NoSuchProject(LookupError)     an owner has no project of this name
│   ├── ProjectExists                  an owner has a project of this name already
│   └── NoSuchModel(LookupError)       a project has no model of this name
├── JobError                           what can happen to a job
│   ├── NoSuchJob(LookupError)         unknown, expired, or another owner's
│   ├── QueueFull                      the queue is full, or no thread could start
│   ├── JobFailed                      it ended with an error
│   ├── JobKilled                      it was killed
│   └── ManagerClosed(RuntimeError)    its manager was shut down
├── StoreError                         the job store cannot be opened, read or written
└── MissingDependency(ImportError)     an optional package is not installed

NotLearntWarning(UserWarning)          columns of a data source are not learnt; the message names them, and why

StopJob(BaseException)                 stops a job from within; callers get JobKilled or JobFailed
"""

from __future__ import annotations

from typing import Any


class SymjobsError(Exception):
    """Base of every exception that symjobs raises."""


class InputError(SymjobsError, ValueError):
    """The input is invalid; the message names the place and what was allowed there."""


class NothingLearnt(InputError):
    """No column of the data is learnt. Who knows its source adds what would change that."""


class UnknownAttribute(InputError):
    """No attribute, or category, has this name or index."""


class UnsupportedTest(InputError):
    """A test that its inputs cannot support: a constant, one group, one row or column of a table."""


class ProjectError(SymjobsError):
    """The project cannot do this: it is frozen or deleted, or its file is damaged or foreign."""


class NoSuchProject(ProjectError, LookupError):
    """The owner has no project of this name."""


class ProjectExists(ProjectError):
    """The owner has a project of this name already."""


class NoSuchModel(ProjectError, LookupError):
    """The project has no model of this name.

    Parameters
    ----------
    model_id : str
        The name that was asked for.
    """

    def __init__(self, model_id: object) -> None:
        super().__init__(f"Error no such model <{model_id}>")  # the words of the wire
        self.model_id = model_id

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.model_id,), self.__dict__


class JobError(SymjobsError):
    """Base of what can happen to a job."""


class NoSuchJob(JobError, LookupError):
    """The job is unknown, has expired, was killed, or belongs to another owner."""


class QueueFull(JobError):
    """The server refused the job: the queue is full, or no thread could start. Try again later."""


class JobFailed(JobError):
    """The job ended with an error; the message is its one line."""


class JobKilled(JobError):
    """The job was killed. Inside the job `StopJob` is raised."""


class ManagerClosed(JobError, RuntimeError):
    """The job manager was shut down and takes no more jobs."""


class StoreError(SymjobsError):
    """The job store cannot be opened, read or written."""


class MissingDependency(SymjobsError, ImportError):
    """An optional package is not installed.

    Parameters
    ----------
    package : str
        The package that could not be imported.
    extra : str
        The extra of the distribution that brings it, as in ``pip install 'symjobs[extra]'``.
    purpose : str, optional
        What it is needed for; opens the message.
    """

    def __init__(self, package: str, extra: str, purpose: str = "this") -> None:
        super().__init__(f"{purpose} needs the package {package!r}; install it with: pip install 'symjobs[{extra}]'")
        self.package = package
        self.extra = extra
        self.purpose = purpose

    def __reduce__(self) -> tuple[Any, ...]:  # an exception is unpickled from its arguments, not from its message
        return type(self), (self.package, self.extra, self.purpose), self.__dict__


class NotLearntWarning(UserWarning):
    """Columns of a data source are not learnt. The message names them, and what would make numbers of them.

    Declare such columns as text, ``types={"name": "S"}``, and there is no warning.
    """


class StopJob(BaseException):
    """Stops a job: `JobContext.checkpoint` raises it inside a job that was killed, or whose manager was shut down.

    It is no `Exception`, so that ``except Exception`` in a job's own code does not catch it. Clean up in ``finally``.
    """
