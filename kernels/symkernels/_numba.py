"""Whether the compiled loops can be used here. Numba may be absent, or unable to compile on this machine."""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Any


@lru_cache(maxsize=1)
def numba_works() -> bool:
    """Compile and run a loop, once; warn and return False if that fails."""
    try:
        from . import _vectors

        works, reason = bool(_vectors.first_of(_vectors.probe()) == 1.0), "it computes wrongly"
    except Exception as error:  # noqa: BLE001  whatever stops a compiler, NumPy must still answer; the warning says what
        works, reason = False, f"{type(error).__name__}: {error}"
    if not works:
        warnings.warn(f"Numba cannot be used ({reason}); NumPy alone gives the same answers, slower", stacklevel=2)
    return works


def compiled_where_possible(function: Any, **options: Any) -> Any:
    """Compile a loop; return the function itself, which then runs as Python, where Numba cannot be used."""
    if not numba_works():
        return function
    from ._jit import compiled

    return compiled(function, **options)
