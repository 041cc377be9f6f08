"""The exceptions of symkernels.

SymkernelsError
├── ShapeError(ValueError)         an array of the wrong shape, dtype or kind
├── DataError(ValueError)          values that cannot be used: infinite, or missing where that is refused
├── ForgetError(ValueError)        more was taken away than had been learnt
├── BackendError(ValueError)       arrays of different libraries or devices were mixed
└── BackendUnavailable(RuntimeError)   a backend that was asked for cannot be had
"""


class SymkernelsError(Exception):
    """Base of every exception that symkernels raises."""


class ShapeError(SymkernelsError, ValueError):
    """An array has the wrong shape, dtype or kind."""


class DataError(SymkernelsError, ValueError):
    """The values cannot be used: infinite, or missing where that is refused."""


class ForgetError(SymkernelsError, ValueError):
    """More was to be taken away than had been learnt."""


class BackendError(SymkernelsError, ValueError):
    """Arrays of different libraries or devices were mixed."""


class BackendUnavailable(SymkernelsError, RuntimeError):
    """The backend that was asked for cannot be had on this machine."""
