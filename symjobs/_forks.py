"""Locks in a forked child: they are free there, and nothing that they guard is half-changed."""

from __future__ import annotations

import os
import threading
import weakref


class Guard:
    """The locks of an object that several threads use.

    Attributes
    ----------
    writing : threading.RLock
        Held by one writer from start to end. What it prepares is seen by no one else. So in a forked child, where
        another thread's work does not go on, the lock is simply free.
    swapping : threading.Lock
        Held for a swap, or for a small change in place. A fork waits for that.
    depth : int
        How often the holder of `writing` has entered it.
    in_turn : bool
        Whether that holder is the only writer of all processes that share the object.
    interrupted : bool
        Whether another thread was writing when this process was forked.
    """

    def __init__(self) -> None:
        self.writing = threading.RLock()
        self.swapping = threading.Lock()
        self.depth = 0
        self.in_turn = self.interrupted = False
        with _listing:
            _guards.add(self)

    def after_fork(self) -> None:
        self.swapping = threading.Lock()
        if self.writing.acquire(blocking=False):  # free, or held by the thread that has forked
            self.writing.release()
        else:
            self.writing, self.depth = threading.RLock(), 0
            self.in_turn, self.interrupted = False, True


class ForkGate:
    """Work in which no fork may happen, as what it leaves half-done in memory would stay so in the child.

    Any number of threads may be inside. A fork waits for them, but not for ever.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._inside = 0
        self._forking = False
        with _listing:
            _gates.add(self)

    def __enter__(self) -> None:
        with self._changed:
            while self._forking:
                self._changed.wait()
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._inside -= 1
            self._changed.notify_all()

    def close(self) -> None:
        """Let no one in, and wait until nobody is inside."""
        with self._changed:
            self._forking = True
            self._changed.wait_for(lambda: not self._inside, _PATIENCE)

    def open(self) -> None:
        with self._changed:
            self._forking = False
            self._changed.notify_all()

    def after_fork(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._inside, self._forking = 0, False


_PATIENCE = 2.0  # seconds that a fork waits, as somebody may wait for the lock of another program
_listing = threading.Lock()
_gates: weakref.WeakSet[ForkGate] = weakref.WeakSet()
_closed: list[ForkGate] = []  # during a fork
_guards: weakref.WeakSet[Guard] = weakref.WeakSet()
_held: list[Guard] = []  # during a fork


def _before() -> None:
    _listing.acquire()
    _closed[:] = _gates
    for gate in _closed:
        gate.close()
    _held[:] = _guards
    for guard in _held:
        guard.swapping.acquire()


def _in_parent() -> None:
    for guard in _held:
        guard.swapping.release()
    _held.clear()
    for gate in _closed:
        gate.open()
    _closed.clear()
    _listing.release()


def _in_child() -> None:
    global _listing
    for guard in _held:
        guard.after_fork()
    _held.clear()
    for gate in _closed:
        gate.after_fork()
    _closed.clear()
    _listing = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
