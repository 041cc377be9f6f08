"""The decorator of every compiled loop."""

from __future__ import annotations

from typing import Any

from numba import njit


def compiled(function: Any, *signature: Any, **options: Any) -> Any:
    """Compile without the interpreter lock; cache the machine code on disk where that is possible."""
    try:
        return njit(*signature, nogil=True, cache=True, **options)(function)
    except RuntimeError:  # Numba finds no folder that it may write to: neither the installation nor the user's cache
        return njit(*signature, nogil=True, **options)(function)
