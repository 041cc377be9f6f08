"""How the loops of this folder and of `_spot` are compiled."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from .._numba import Loop


def compiled(function: Callable[..., Any], as_python: Callable[..., Any] | None = None, **options: Any) -> Loop:
    """Make a loop of a function; ``as_python`` is run instead of it until it is compiled."""
    # x / 0 gives infinity or NaN, so that no loop has to look for it.
    return Loop("pareto", function, as_python, error_model="numpy", **options)


# Sums whose terms may be added in any order, so in vectors. NaN and infinity keep their meaning.
reassociated = partial(compiled, fastmath={"reassoc", "contract", "nsz"})
