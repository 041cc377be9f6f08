"""Scores of rows: distances from a subspace, and sums of look-up tables."""

from __future__ import annotations

from ._projected import projected_squares
from ._table import LookupTable
from ._tables import LookupTables

__all__ = ["LookupTable", "LookupTables", "projected_squares"]
