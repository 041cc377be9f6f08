"""Moments: sums over rows that can be learnt, forgotten and merged."""

from ._condition import Condition
from ._cross_sums import CrossSums, CrossTable
from ._deviations import Deviations, deviations
from ._moments import Moments
from ._rows import SparseRows

__all__ = ["Condition", "CrossSums", "CrossTable", "Deviations", "Moments", "SparseRows", "deviations"]
