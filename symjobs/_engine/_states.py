"""The life of a job as a pure state machine: no threads, no store, no clock.

    queued --start--> running --succeed--> done
       |                 |------fail-----> failed
       |--kill--> killed |------kill-----> running, to be killed; whatever ends it then, it ends killed
       '-------------- abandon ----------> failed (its process or its manager is gone)

An event that a state does not allow changes nothing. So the first of two competing events wins, and a job that has
ended stays as it is.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """Where a job is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    KILLED = "killed"

    @property
    def final(self) -> bool:
        return self in _FINAL


class Event(StrEnum):
    """What can happen to a job."""

    START = "start"
    SUCCEED = "succeed"
    FAIL = "fail"
    KILL = "kill"
    ABANDON = "abandon"


class Life(NamedTuple):
    """A state, and whether somebody asked for the job to be killed."""

    state: State = State.QUEUED
    kill_requested: bool = False


_FINAL = frozenset({State.DONE, State.FAILED, State.KILLED})

_NEXT = {
    (State.QUEUED, Event.START): State.RUNNING,
    (State.QUEUED, Event.KILL): State.KILLED,
    (State.QUEUED, Event.ABANDON): State.FAILED,
    (State.RUNNING, Event.SUCCEED): State.DONE,
    (State.RUNNING, Event.FAIL): State.FAILED,
    (State.RUNNING, Event.KILL): State.RUNNING,
    (State.RUNNING, Event.ABANDON): State.FAILED,
}


def step(life: Life, event: Event) -> Life:
    """Return the life after an event; the same life when the state refuses the event."""
    after = _NEXT.get((life.state, event))
    if after is None:
        return life
    kill_requested = life.kill_requested or event is Event.KILL
    if kill_requested and after.final:
        after = State.KILLED
    return Life(after, kill_requested)
