"""Whether compiled loops can run here: Numba may not be installed, or may be unable to compile on this machine."""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Any


@lru_cache(maxsize=1)
def numba_works() -> bool:
    """Whether Numba compiles and runs a loop. The first call tries it, and warns if it fails."""
    try:
        from . import _vectors

        works, reason = bool(_vectors.first_of(_vectors.probe()) == 1.0), "a compiled loop gave a wrong result"
    except Exception as error:  # noqa: BLE001  NumPy must work whatever stops the compiler; the warning says what
        works, reason = False, f"{type(error).__name__}: {error}"
    if not works:
        warnings.warn(f"Numba cannot be used ({reason}); results are the same, but slower", stacklevel=2)
    return works


def compiled_where_possible(function: Any, **options: Any) -> Any:
    """Compile a loop; return the function itself, which then runs as Python, where Numba cannot be used."""
    if not numba_works():
        return function
    from ._jit import compiled

    return compiled(function, **options)
