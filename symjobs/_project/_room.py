"""Whether a state with more attributes fits into memory, estimated before it is asked for."""

from __future__ import annotations

import os

from symjobs._errors import InputError

_BYTES = 32  # for each pair of attributes: the sums, the next ones, and those of two threads
_SHARE = 0.8  # of the machine's memory


def physical_memory() -> int | None:
    """Return the bytes of memory that this machine has; None where that cannot be told."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def require_room(column: str, added: int, before: int) -> None:
    """Raise InputError if ``added`` attributes that a column brings need more memory than the machine has."""
    memory = physical_memory()
    after = before + added
    if memory is not None and _BYTES * after**2 > _SHARE * memory:
        raise InputError(
            f"column {column!r} brings {added:,} attributes: a state of {after:,} takes about "
            f"{_BYTES * after**2 / 2**30:,.0f} GiB while it learns, and this machine has {memory / 2**30:,.0f}; "
            "declare the column S (carried) or X (ignored), or join its rare values first"
        )
