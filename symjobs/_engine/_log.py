"""The log of the engine. What writes or filters it cannot change what becomes of a job."""

from __future__ import annotations

import contextlib
import logging
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from typing import Any

# The fields of the job that the current thread runs.
job_fields: ContextVar[Mapping[str, Any] | None] = ContextVar("symjobs_job_fields", default=None)

_NO_JOB = {"job_id": None, "job_type": None, "owner": None}


class JobLogFilter(logging.Filter):
    """Gives every log record the fields ``job_id``, ``job_type`` and ``owner`` of the job in which it was made.

    Add it to a handler. The records of any logger get the fields, also those of other libraries that a job calls.
    Outside of jobs they are None.

    Examples
    --------
    >>> import logging, sys
    >>> import symjobs as sj
    >>> handler = logging.StreamHandler(sys.stdout)
    >>> handler.addFilter(sj.JobLogFilter())
    >>> handler.setFormatter(logging.Formatter("%(job_type)s %(job_id)s of %(owner)s: %(message)s"))
    >>> logging.getLogger("mine").addHandler(handler)
    >>> class Hello(sj.Job):
    ...     def run(self, context):
    ...         logging.getLogger("mine").warning("hello")
    >>> with sj.JobManager() as manager:
    ...     manager.submit(Hello(), owner="c1").result(timeout=10)
    Hello 1 of c1: hello
    >>> logging.getLogger("mine").removeHandler(handler)
    """

    def __init__(self) -> None:
        super().__init__()

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the fields that the record does not have; every record passes."""
        for name, value in (job_fields.get() or _NO_JOB).items():
            if name not in record.__dict__:
                setattr(record, name, value)
        return True


class SafeLogger(logging.LoggerAdapter[logging.Logger]):
    """A logger whose methods never raise: an error in a handler, a filter or a factory goes to stderr.

    Its records have the fields of the job in which they are made, or those that are given as `extra`.
    """

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        kwargs.setdefault("extra", job_fields.get())
        return msg, kwargs

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        if not self.isEnabledFor(level):
            return
        kwargs.setdefault("stacklevel", 2)  # the caller, not this method
        try:
            super().log(level, msg, *args, **kwargs)
        except KeyboardInterrupt:  # the user's, in the main thread
            raise
        except BaseException:  # noqa: BLE001 - not even SystemExit may end a worker
            with contextlib.suppress(BaseException):
                print(f"--- the log could not be written: {msg!s}", file=sys.stderr)
                traceback.print_exc()


logger = SafeLogger(logging.getLogger("symjobs.jobs"), {})
