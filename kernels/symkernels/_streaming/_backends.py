"""Which body runs a block of a stream: the fast path for NumPy, else the one for every array library."""

from __future__ import annotations

import numpy as np

from .._arrays import Array, is_numpy
from .._numba import uses_loops
from ._block import Block
from ._features import Frame
from ._generic import GenericBlock

_SECONDS = 1e-6  # of the generic body for a value


def uses_compiled(X: Array) -> bool:
    """Whether compiled loops take the rows: NumPy arrays, once the loops are compiled."""
    return is_numpy(X) and uses_loops("streaming", _SECONDS * X.shape[0] * X.shape[1])


def block_of(X: Array, weight: Array | None, frame: Frame) -> Block:
    """Make a block of rows, for the backend that they are of."""
    # CuPy has no fast path: a block takes some ten calls, each on all its rows, and no kernel would make them faster.
    if uses_compiled(X):
        from ._compiled import CompiledBlock

        return CompiledBlock(np.ascontiguousarray(X), weight, frame)
    return GenericBlock(X, weight, frame)
