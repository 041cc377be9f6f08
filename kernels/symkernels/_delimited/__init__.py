"""Numbers and texts of comma-separated values, parsed by compiled loops."""

from ._delimited import DelimitedCells, DelimitedParser

__all__ = ["DelimitedCells", "DelimitedParser"]
