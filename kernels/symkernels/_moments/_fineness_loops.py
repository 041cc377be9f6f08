"""The compiled loop of `_fineness`."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .. import _parallel
from .._jit import compiled
from .._vectors import declare, i1, i64

_WORK_PER_THREAD = 1e5  # values, at least, for another thread to save time
_NONE = -1100  # places of a column without values: 2 to this power is 0


@intrinsic
def _trailing_zeros(typingctx: Any, x: Any) -> Any:
    """Return how many bits of an integer, from the last one on, are 0."""

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> ir.Value:
        return builder.call(declare(builder, "llvm.cttz.i64", i64, i64, i1), [arguments[0], i1(0)])

    return types.int64(types.int64), codegen


@compiled
def _add_places(bits, found):
    """Raise ``found`` to the places after the binary point that the values with these bits have, column by column."""
    for r in range(bits.shape[0]):
        for j in range(bits.shape[1]):
            exponent = bits[r, j] >> 52 & 0x7FF
            mantissa = bits[r, j] & 0xFFFFFFFFFFFFF
            if exponent != 0x7FF and (exponent | mantissa) != 0:  # neither NaN nor infinite nor 0
                if exponent:
                    mantissa |= 0x10000000000000
                found[j] = max(found[j], 1075 - max(exponent, 1) - _trailing_zeros(mantissa))


def places(X: np.ndarray) -> np.ndarray:
    """Return how many places after the binary point the values of each column have; `_NONE` without values."""
    bits = np.ascontiguousarray(X, dtype=np.float64).view(np.int64)
    threads = int(min(_parallel.thread_count(), max(1, X.size // _WORK_PER_THREAD)))
    found = np.full((threads, X.shape[1]), _NONE)
    pieces = _parallel.split(len(bits), threads)
    _parallel.run_all([partial(_add_places, bits[a:b], found[i]) for i, (a, b) in enumerate(pieces)])
    return found.max(axis=0)
