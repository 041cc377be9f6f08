"""Checks of ids and owners, before a store, a path or a log sees them."""

from __future__ import annotations

import operator
import re
from typing import Any

from symjobs._errors import InputError
from symjobs._text import check_owner

DEFAULT_OWNER = "local"

_LARGEST_ID = 2**63 - 1
_ID_TEXT = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)


def parse_id(value: Any) -> int | None:
    """Return a job id given as text or as an integer, or None if it is malformed.

    Text must be the number as the manager wrote it: no sign, space or leading zero. Floats and booleans are not ids.
    """
    if isinstance(value, str):
        if not _ID_TEXT.fullmatch(value):
            return None
        number = int(value)
    elif isinstance(value, bool):
        return None
    else:
        try:
            number = operator.index(value)
        except TypeError:
            return None
    return number if 0 < number <= _LARGEST_ID else None


def is_owner(value: Any) -> bool:
    """Whether this can be an owner: 1 to 255 printable characters that are one segment of a path."""
    try:
        check_owner(value)
    except InputError:
        return False
    return True
