"""A draft: the next state of a project while one write is under way."""

from __future__ import annotations

from symjobs._state._state import State


class Draft:
    """The state that a write started from, until it changes; from then on a copy that only this write knows.

    Dropping a draft leaves the project as it was, which is how every write is all or nothing.
    """

    def __init__(self, state: State, *, forgetting: bool = False) -> None:
        self.state = state
        self.forgetting = forgetting
        self.owned = False

    def make_writable(self) -> State:
        """Return the state for changing."""
        if not self.owned:
            self.state = self.state.copy()
            self.owned = True
        return self.state
