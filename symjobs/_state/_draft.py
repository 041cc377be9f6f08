"""A draft: the next state of a project while one write is under way."""

from __future__ import annotations

from symjobs._state._state import State


class Draft:
    """The next state of a project. It is the current state until the write changes something, then a private copy.

    A write that fails drops its draft, and the project stays as it was.
    """

    def __init__(self, state: State, *, forgetting: bool = False) -> None:
        self.state = state
        self.forgetting = forgetting
        self.owned = False

    def make_writable(self) -> State:
        """Return the state, copied before the first change."""
        if not self.owned:
            self.state = self.state.copy()
            self.owned = True
        return self.state
