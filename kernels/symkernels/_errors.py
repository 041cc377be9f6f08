"""The exceptions of symkernels.

SymkernelsError
├── ShapeError(ValueError)         an array of the wrong shape, dtype or kind
├── DataError(ValueError)          values that cannot be used: infinite, or missing where that is refused
├── ForgetError(ValueError)        more was taken away than had been learnt
├── BackendError(ValueError)       arrays of different libraries or devices were mixed
├── BackendUnavailable(RuntimeError)   a backend that was asked for cannot be had
└── MissingDependency(ImportError)     an optional package is not installed
"""

from __future__ import annotations

from collections.abc import Iterable


class SymkernelsError(Exception):
    """Base of every exception that symkernels raises."""


class ShapeError(SymkernelsError, ValueError):
    """An array has the wrong shape, dtype or kind."""


class DataError(SymkernelsError, ValueError):
    """The values cannot be used: infinite, or missing where that is refused.

    ``indices`` are the attributes at fault, where they are known, so that a caller who has names can say them.
    """

    def __init__(self, message: str, *, indices: Iterable[int] = ()) -> None:
        super().__init__(message)
        self.indices = tuple(indices)


class ForgetError(SymkernelsError, ValueError):
    """More was to be taken away than had been learnt."""


class BackendError(SymkernelsError, ValueError):
    """Arrays of different libraries or devices were mixed."""


class BackendUnavailable(SymkernelsError, RuntimeError):
    """The backend that was asked for cannot be had on this machine."""


class MissingDependency(SymkernelsError, ImportError):
    """An optional package is not installed; the message says how to install it."""
