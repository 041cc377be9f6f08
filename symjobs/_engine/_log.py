"""The log of the engine. What writes or filters it cannot change what becomes of a job."""

from __future__ import annotations

import contextlib
import logging
import sys
import traceback
from typing import Any


class SafeLogger(logging.LoggerAdapter[logging.Logger]):
    """A logger whose methods never raise: an error in a handler, a filter or a factory goes to stderr."""

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
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
