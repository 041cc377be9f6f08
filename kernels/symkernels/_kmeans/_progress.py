"""The progress of a call, reported to a checkpoint; what the checkpoint raises stops the call."""

from __future__ import annotations

from collections.abc import Callable

Checkpoint = Callable[[int, int], object]


class Progress:
    """Steps done of a known maximum. `poll` repeats the last figures, so that a long step can be stopped within."""

    def __init__(self, checkpoint: Checkpoint | None, maximum: int) -> None:
        self._checkpoint = checkpoint
        self.maximum = maximum
        self.current = 0

    def poll(self) -> None:
        """Call the checkpoint with the last figures."""
        if self._checkpoint is not None:
            self._checkpoint(self.current, self.maximum)

    def at(self, current: int) -> None:
        """Report that ``current`` steps are done."""
        self.current = current
        self.poll()
