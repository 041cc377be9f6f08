"""The decorator of every compiled loop."""

from __future__ import annotations

from typing import Any

from numba import njit


def compiled(function: Any) -> Any:
    """Compile without the interpreter lock, and keep the code where there is a place for it."""
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:  # a read-only installation, and no home folder either
        return njit(nogil=True)(function)
