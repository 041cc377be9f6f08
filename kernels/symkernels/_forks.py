"""Locks in a forked child: it has none of the threads that may have held them."""

from __future__ import annotations

import os
import threading
from types import TracebackType

_BROKEN = -1
_generation = 0
_renewing = threading.Lock()


def _after_fork() -> None:
    global _generation, _renewing
    _generation += 1
    _renewing = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class ForkLock:
    """A re-entrant lock that a forked child finds free.

    What it guards is replaced as a whole, and so is never half-changed in the child. Where it is changed in place
    (``with lock.in_place()``) at the moment of the fork, the child cannot use it: that is a RuntimeError.
    """

    __slots__ = ("_generation", "_lock", "_writes")

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._generation = _generation
        self._writes = False

    def __enter__(self) -> None:
        if self._generation != _generation:
            self._renew()
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def in_place(self) -> _InPlace:
        """Hold the lock while the guarded state is changed in place."""
        return _InPlace(self)

    def release(self) -> None:
        """Release the lock, unless it was taken before a fork and is another one in the child now."""
        try:  # noqa: SIM105 - at every use of the lock, `suppress` would cost more than the lock
            self._lock.release()
        except RuntimeError:
            pass

    def _renew(self) -> None:
        # A new lock, whoever holds the old one: a thread of the child may have the number of one that is not here, and
        # then the old lock would take it for its holder.
        with _renewing:
            if self._generation not in (_generation, _BROKEN):
                self._lock = threading.RLock()
                self._generation = _BROKEN if self._writes else _generation
        if self._generation == _BROKEN:
            raise RuntimeError(
                "another thread was learning into this object when the process forked, so it is half-changed here; use "
                "a copy from before, or fork when no thread learns"
            )


class _InPlace:
    __slots__ = ("_lock",)

    def __init__(self, lock: ForkLock) -> None:
        self._lock = lock

    def __enter__(self) -> None:
        lock = self._lock
        if lock._generation != _generation:
            lock._renew()
        lock._lock.acquire()
        lock._writes = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        lock = self._lock
        lock._writes = False
        lock.release()
