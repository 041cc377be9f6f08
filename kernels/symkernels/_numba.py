"""Which body runs on NumPy arrays: loops that Numba compiles, or the generic one that every array library has.

A first call must not wait for a compiler while NumPy would be done long before: compiling takes seconds, and even to
load Numba takes half of one. So the generic body runs until the work that it did would have paid for that. Then a
thread in the background compiles the loops, and the next call, or the next block of rows, takes them. If all loops of a
kernel are on the disk, the call itself loads those that it needs.
"""

from __future__ import annotations

import atexit
import logging  # noqa: F401  Numba loads it: if that is during a fork, only half of its handlers run
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Literal, get_args

from . import _on_disk

Mode = Literal["never", "auto", "now"]
Kernel = Literal["moments", "exact", "kmeans", "silhouette", "scores", "streaming", "pareto", "delimited"]
KERNELS: tuple[Kernel, ...] = get_args(Kernel)

_PATIENCE = 0.3  # seconds that the generic body may take, call after call, before its loops are compiled
_LONG = 10.0  # seconds of the generic body for one call, from which on it is faster to wait for the compiler
_CALL = 5e-4  # seconds of any call
_WAIT = 20.0  # seconds for the loop that is being compiled

_lock = threading.Lock()
_loading = threading.Lock()
_spent: dict[str, float] = {}  # by kernel, the seconds of the generic body
_asked: list[Kernel] = []  # kernels to compile, in that order
_ready: set[str] = set()  # kernels whose loops are used
_thread: threading.Thread | None = None
_stop = threading.Event()
_here = threading.local()
_warm_ups: dict[Kernel, Callable[[], None]] = {}


@lru_cache(maxsize=1)
def numba_works() -> bool:
    """Whether Numba compiles and runs a loop. The first call tries it, and warns if it fails."""
    try:
        from . import _vectors
        from ._jit import before_each_loop

        before_each_loop(check_stop)
        works, reason = bool(_vectors.first_of(_vectors.probe()) == 1.0), "a compiled loop gave a wrong result"
    except Exception as error:  # noqa: BLE001  NumPy must work whatever stops the compiler; the warning says what
        works, reason = False, f"{type(error).__name__}: {error}"
    if not works:
        warnings.warn(f"Numba cannot be used ({reason}); results are the same, but slower", stacklevel=2)
    return works


@lru_cache(maxsize=1)
def compile_mode() -> Mode:
    """Return when loops are compiled, as the variable ``SYMKERNELS_COMPILE`` says.

    Returns
    -------
    str
        ``"auto"``, the default: in the background, once there is enough work. ``"now"``: at the first call, which
        waits. ``"never"``: not at all; results are the same, but slower.

    Raises
    ------
    ValueError
        If the variable has another value.

    Examples
    --------
    >>> from symkernels import compile_mode
    >>> compile_mode() in ("never", "auto", "now")
    True
    """
    asked = os.environ.get("SYMKERNELS_COMPILE") or "auto"
    for mode in get_args(Mode):
        if asked == mode:
            return mode
    raise ValueError(f"SYMKERNELS_COMPILE is {asked!r}; allowed are {', '.join(get_args(Mode))}")


def uses_loops(kernel: Kernel, seconds: float | None = None) -> bool:
    """Whether compiled loops take a call.

    Parameters
    ----------
    kernel : str
        Whose loops.
    seconds : float, optional
        About how long the generic body takes for the call. None: this is a small part of a call that was counted.
    """
    if kernel in _ready or kernel == getattr(_here, "compiling", None):
        return numba_works()
    mode = compile_mode()
    if mode == "now" and numba_works():
        _ready.add(kernel)
        return True
    if mode != "auto":
        return False
    if seconds is not None:
        _spent[kernel] = _spent.get(kernel, 0.0) + _CALL + seconds
        if _spent[kernel] > _PATIENCE:
            if _on_disk.is_noted(kernel):
                return _load(kernel)
            _ask_for(kernel)
        if seconds > _LONG:
            _wait_for(kernel)
            return kernel in _ready and numba_works()
    return False


def _load(kernel: Kernel) -> bool:
    """Use loops that are on the disk, unless another thread is loading Numba: the generic body goes on meanwhile."""
    if not _loading.acquire(blocking=False):
        return False
    try:
        if numba_works():
            _ready.add(kernel)
        return kernel in _ready
    finally:
        _loading.release()


def set_warm_ups(calls: dict[Kernel, Callable[[], None]]) -> None:
    """Set, for each kernel, a call that reaches all its loops."""
    _warm_ups.update(calls)


def compile_now(kernel: Kernel) -> None:
    """Compile all loops of a kernel, or load them from the disk, and use them from now on."""
    with _compiling(kernel):
        if numba_works():
            _warm_ups[kernel]()
            _ready.add(kernel)
            _on_disk.note(kernel)


def _ask_for(kernel: Kernel) -> None:
    with _lock:
        if kernel in _asked:
            return
        _asked.append(kernel)
        if _thread is None:
            _start()


def _start() -> None:
    global _thread
    thread = threading.Thread(target=_compile_in_background, name="symkernels-compile", daemon=True)
    thread.start()
    _thread = thread  # the caller holds the lock, without which the thread does not end


def _wait_for(kernel: Kernel) -> None:
    while kernel in _asked and kernel not in _ready:
        threading.Event().wait(0.02)  # Ctrl-C ends it


def _compile_in_background() -> None:
    global _thread
    while True:
        with _lock:
            if not _asked:
                _thread = None
                return
            kernel = _asked[0]
        try:
            compile_now(kernel)
        except Stopped:
            return
        except Exception as error:  # noqa: BLE001  the generic body goes on, whatever stopped the compiler
            warnings.warn(f"the loops of {kernel} cannot be compiled ({error}); results are the same", stacklevel=1)
            _spent[kernel] = -float("inf")
        with _lock:
            _asked.remove(kernel)


@contextmanager
def _compiling(kernel: Kernel) -> Iterator[None]:
    before, _here.compiling = getattr(_here, "compiling", None), kernel
    try:
        yield
    finally:
        _here.compiling = before


class Stopped(BaseException):
    """The thread in the background shall end; raised before it compiles the next loop."""


def check_stop() -> None:
    """Raise `Stopped` in the thread in the background if it shall end."""
    if _stop.is_set() and threading.current_thread() is _thread:
        raise Stopped


def _pause() -> None:
    """End the thread in the background."""
    if _thread is not None and _thread is not threading.current_thread():
        _stop.set()
        _thread.join(_WAIT)


def _resume() -> None:
    """Go on in a new thread, if one was ended."""
    global _thread
    _stop.clear()
    with _lock:
        if _thread is not None and not _thread.is_alive():
            _thread = None
            if _asked:
                _start()


def _begin_anew() -> None:
    """Ask again in a forked child when there is work for it: it may be one of many, or have none."""
    global _thread, _lock, _loading
    _lock, _loading, _thread = threading.Lock(), threading.Lock(), None
    _stop.clear()
    del _asked[:]


# A thread inside the compiler would run in memory that is torn down when Python ends, and a forked child would find the
# locks of the compiler and of imports taken by a thread that it does not have.
atexit.register(_pause)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_pause, after_in_parent=_resume, after_in_child=_begin_anew)


class Loop:
    """A loop that runs as Python until it is compiled. Numba takes it for a compiled function in other loops.

    Parameters
    ----------
    kernel : str
        Whose loop it is.
    function : callable
        Its source.
    as_python : callable, optional
        Another function for Python, such as one with arrays.
    **options
        Of Numba.
    """

    def __init__(
        self, kernel: Kernel, function: Callable[..., Any], as_python: Callable[..., Any] | None, **options: Any
    ) -> None:
        self._kernel, self._function, self._options = kernel, function, options
        self._python = as_python or function
        self._compiled: Any = None
        self.__doc__ = function.__doc__

    def __call__(self, *arguments: Any) -> Any:
        if uses_loops(self._kernel):
            return (self._compiled or self.compiled())(*arguments)
        return self._python(*arguments)

    def compiled(self) -> Any:
        """Return Numba's function."""
        if self._compiled is None:
            from ._jit import compiled, take_for_compiled

            take_for_compiled(Loop)
            self._compiled = compiled(self._function, **self._options)
        return self._compiled
