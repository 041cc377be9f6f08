"""The projects of each owner, by name: in this process, or shared by several."""

from __future__ import annotations

from pathlib import Path

from symjobs._registry._memory import ProjectRegistry
from symjobs._registry._shared import SharedProjectRegistry

__all__ = ["ProjectRegistry", "SharedProjectRegistry", "open_registry"]


def open_registry(folder: Path | None) -> ProjectRegistry:
    """Return a registry of this process, or the one that processes share through a folder."""
    return ProjectRegistry() if folder is None else SharedProjectRegistry(folder)
