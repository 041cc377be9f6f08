"""The settings of `Moments`, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Missing = Literal["pairwise", "listwise", "error"]

# Saved states hold positions in this: append only.
MISSING: tuple[Missing, ...] = ("pairwise", "listwise", "error")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user chooses once for a state; see `Moments` for the meaning."""

    missing: Missing
    joint_squares: bool
    exact: bool

    @classmethod
    def checked(cls, missing: Any, joint_squares: Any, exact: Any) -> Settings:
        """Check each argument; raises `ValueError`."""
        if missing not in MISSING:
            raise ValueError(f"missing must be one of {', '.join(MISSING)}, got {missing!r}")
        return cls(missing, bool(joint_squares), bool(exact))
