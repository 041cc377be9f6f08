"""An exception as the one line that a client sees."""

from __future__ import annotations

from symjobs._engine._log import logger
from symjobs._errors import InputError, ProjectError, StopJob, SymjobsError
from symkernels import SymkernelsError

_LONGEST = 1000


class TimeExceeded(StopJob):
    """A job has run for longer than its time limit."""


def one_line(text: str) -> str:
    """Return text as one printable line of at most 1,000 characters."""
    words = "".join(c if c.isprintable() else " " for c in text).split()
    line = " ".join(words)
    return line if len(line) <= _LONGEST else line[: _LONGEST - 3] + "..."


def is_bad_input(error: BaseException) -> bool:
    """Whether an error is about what the client asked for, so that its message is for the client."""
    return isinstance(error, InputError | ProjectError | TimeExceeded) or (
        isinstance(error, SymkernelsError) and isinstance(error, ValueError)
    )


def internal_error(number: int) -> str:
    """Return what a client sees of an error that is none of its business; the log explains the number."""
    return f"Internal error {number}"


def failure_text(error: BaseException, job_type: str, job_id: int) -> str:
    """Return the line for an exception that ended a job, and log what the line leaves out.

    For an error of symjobs the line is its message. For any other error the type goes before it. `logging` gets the
    traceback of every error that clients see as a number.
    """
    if is_bad_input(error):
        logger.info("%s %d ended: %s", job_type, job_id, error)
    elif isinstance(error, StopJob):
        logger.warning("%s: %s %d ended: %s", internal_error(job_id), job_type, job_id, error)
    else:
        logger.error("%s: %s %d failed", internal_error(job_id), job_type, job_id, exc_info=error)
    if isinstance(error, SymjobsError | SymkernelsError | StopJob):
        return one_line(str(error)) or type(error).__name__
    return with_type(error)


def with_type(error: BaseException) -> str:
    """Return the type of an exception and its message on one line."""
    try:
        message = one_line(str(error))
    except Exception:  # noqa: BLE001 - an exception whose text raises another one
        message = ""
    return f"{type(error).__name__}: {message}" if message else type(error).__name__
