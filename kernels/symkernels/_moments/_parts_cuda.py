"""The arithmetic of `_parts` on CuPy arrays: one kernel for each operation, instead of some seventy."""

from __future__ import annotations

from typing import Any

from .. import cuda
from .._arrays import Array, namespace
from ._parts import PARTS

_THREADS = 256
_BLOCKS = 2**16


def run(name: str, operands: tuple[Any, ...]) -> Array:
    """Return what the function of this name in `_parts` makes of arrays of at most two axes, stored."""
    xp = namespace(operands[0])
    arrays = [xp.ascontiguousarray(xp.asarray(x, dtype=xp.float64)) for x in operands]
    shape = xp.broadcast_shapes(*(x.shape for x in arrays))
    rows, columns = (1,) * (2 - len(shape)) + tuple(shape)
    result = xp.empty((PARTS, rows, columns), dtype=xp.float64)
    if result.size:
        strides = [_strides((1,) * (2 - x.ndim) + x.shape) for x in arrays]
        size = rows * columns
        grid = (int(min(-(-size // _THREADS), _BLOCKS)),)
        sizes = (xp.asarray(strides, dtype=xp.int64), result, xp.int64(rows), xp.int64(columns))
        cuda.kernel("parts", name)(grid, (_THREADS,), (*arrays, *sizes))
    return result.reshape((PARTS, *shape))


def _strides(shape: tuple[int, ...]) -> list[int]:
    return [shape[1] if shape[0] > 1 else 0, 1 if shape[1] > 1 else 0]
