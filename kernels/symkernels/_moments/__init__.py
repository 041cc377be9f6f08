"""Moments: what is learnt from rows, and can be forgotten and merged."""

from ._answers import Condition, CrossSums
from ._moments import Moments
from ._rows import SparseRows

__all__ = ["Condition", "CrossSums", "Moments", "SparseRows"]
