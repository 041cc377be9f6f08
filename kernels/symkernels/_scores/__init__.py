"""How far rows are from what was learnt."""

from __future__ import annotations

from ._projected import projected_squares
from ._tables import LookupTable, LookupTables

__all__ = ["LookupTable", "LookupTables", "projected_squares"]
