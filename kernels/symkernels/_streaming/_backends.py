"""Which body runs a block: one place that chooses, and says why."""

from __future__ import annotations

import numpy as np

from .._arrays import Array, is_numpy
from .._numba import numba_works
from ._block import Block
from ._features import Frame
from ._generic import GenericBlock


def block_of(X: Array, weight: Array | None, frame: Frame) -> Block:
    """Rows as a block of the backend that they are of."""
    if is_numpy(X) and numba_works():
        from ._compiled import CompiledBlock

        return CompiledBlock(np.ascontiguousarray(X), weight, frame)
    # CuPy as well: a block takes some ten calls, each of the size of its rows, and nothing else is worth a kernel.
    return GenericBlock(X, weight, frame)
