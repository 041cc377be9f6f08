"""symkernels: arrays in, arrays out. Mergeable moments and what can be answered from them."""

from __future__ import annotations

from ._errors import (
    BackendError,
    BackendUnavailable,
    DataError,
    ForgetError,
    ShapeError,
    SymkernelsError,
)

__all__ = [
    "BackendError",
    "BackendUnavailable",
    "DataError",
    "ForgetError",
    "ShapeError",
    "SymkernelsError",
]
