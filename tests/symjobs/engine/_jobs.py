"""Jobs that tests can hold, let go and spoil."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import symjobs as sj
from symjobs._entities import KSVSMap

WAIT = 20.0  # seconds; only a broken manager makes a test wait so long


@dataclass(frozen=True)
class Pairs:
    """A result with one entity."""

    pairs: dict[str, str] = field(default_factory=dict)

    def entities(self):
        return {"KSVSMap": KSVSMap([self.pairs])}


class Nothing(sj.Job):
    """Ends at once, without a result."""

    def run(self, context):
        return None


class Light(Nothing):
    """Ends at once, on the light executor."""

    bounded = False


class Tell(sj.Job):
    """Ends at once with a result."""

    def __init__(self, **pairs: str) -> None:
        self.pairs = pairs

    def run(self, context):
        return Pairs(self.pairs)


class Fail(sj.Job):
    """Raises."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def run(self, context):
        raise self.error


class Gate(sj.Job):
    """Says that it has started, then waits to be let through; meanwhile it can be killed."""

    def __init__(self, then: sj.Job | None = None) -> None:
        self.then = then or Nothing()
        self.started = threading.Event()
        self.go = threading.Event()

    def run(self, context):
        self.started.set()
        while not self.go.wait(0.001):
            context.checkpoint()
        return self.then.run(context)


class Deaf(Gate):
    """A gate without checkpoints, as inside one long call of LAPACK."""

    def run(self, context):
        self.started.set()
        self.go.wait()
        return self.then.run(context)


@contextmanager
def held(manager: sj.JobManager, owner: str = "c1", gate: Gate | None = None) -> Iterator[tuple[Gate, sj.JobHandle]]:
    """Keep a worker busy inside the block."""
    gate = gate or Gate()
    handle = manager.submit(gate, owner=owner)
    assert gate.started.wait(WAIT)
    try:
        yield gate, handle
    finally:
        gate.go.set()
