"""An exception as the one line that a client sees."""

from __future__ import annotations

from symjobs._engine._log import logger
from symjobs._errors import StopJob, SymjobsError
from symkernels import SymkernelsError

_LONGEST = 1000


def one_line(text: str) -> str:
    """Return text as one printable line of at most 1,000 characters."""
    words = "".join(c if c.isprintable() else " " for c in text).split()
    line = " ".join(words)
    return line if len(line) <= _LONGEST else line[: _LONGEST - 3] + "..."


def failure_text(error: BaseException, job: str) -> str:
    """Return the line for an exception that ended a job, and log what the line leaves out.

    For an error of symjobs the line is its message. For any other error it is the type, and `logging` gets the
    traceback.
    """
    if isinstance(error, SymjobsError | SymkernelsError | StopJob):
        logger.info("%s ended: %s", job, error)
        return one_line(str(error)) or type(error).__name__
    logger.error("%s failed", job, exc_info=error)
    try:
        message = one_line(str(error))
    except Exception:  # noqa: BLE001 - an exception whose text raises another one
        message = ""
    return f"{type(error).__name__}: {message}" if message else type(error).__name__
