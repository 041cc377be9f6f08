"""How far rows are from what was learnt."""

from __future__ import annotations

from ._projected import projected_squares

__all__ = ["projected_squares"]
