"""The decorator of every compiled loop."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from numba import njit
from numba.core import event, types
from numba.extending import typeof_impl


def compiled(function: Any, *signature: Any, **options: Any) -> Any:
    """Compile without the interpreter lock; cache the machine code on disk where that is possible."""
    try:
        return njit(*signature, nogil=True, cache=True, **options)(function)
    except RuntimeError:  # Numba finds no folder that it may write to: neither the installation nor the user's cache
        return njit(*signature, nogil=True, **options)(function)


class _BeforeEachLoop(event.Listener):
    """Calls a function before each loop that is compiled."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call

    def on_start(self, event: Any) -> None:
        self._call()

    def on_end(self, event: Any) -> None:
        pass


def before_each_loop(call: Callable[[], None]) -> None:
    """Call a function before each loop that is compiled; what it raises ends the compiling."""
    event.register("numba:compile", _BeforeEachLoop(call))


@lru_cache(maxsize=1)
def take_for_compiled(kind: Any) -> None:
    """Let Numba take global objects of a class for the compiled functions that their method ``compiled`` returns."""

    @typeof_impl.register(kind)
    def typeof(loop: Any, context: Any) -> Any:
        return types.Dispatcher(loop.compiled())
