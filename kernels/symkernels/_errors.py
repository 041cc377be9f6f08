"""The exceptions of symkernels.

SymkernelsError
├── ShapeError(ValueError)         an array of the wrong shape, dtype or kind
├── DataError(ValueError)          values that cannot be used: infinite, or missing where that is not allowed
├── ForgetError(ValueError)        an attempt to remove more than was learnt
├── BackendError(ValueError)       arrays of different libraries or devices were mixed
└── MissingDependency(ImportError)     an optional package is not installed
"""

from __future__ import annotations

from collections.abc import Iterable


class SymkernelsError(Exception):
    """Base of every exception that symkernels raises."""


class ShapeError(SymkernelsError, ValueError):
    """An array has the wrong shape, dtype or kind."""


class DataError(SymkernelsError, ValueError):
    """The values cannot be used: infinite, or missing where that is not allowed.

    Attributes
    ----------
    indices : tuple of int
        The attributes at fault, as far as they are known: a caller can translate them to names.
    """

    def __init__(self, message: str, *, indices: Iterable[int] = ()) -> None:
        super().__init__(message)
        self.indices = tuple(indices)


class ForgetError(SymkernelsError, ValueError):
    """An attempt to remove more than was learnt."""


class BackendError(SymkernelsError, ValueError):
    """Arrays of different libraries or devices were mixed."""


class MissingDependency(SymkernelsError, ImportError):
    """An optional package is not installed; the message says how to install it."""
