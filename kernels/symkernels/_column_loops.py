"""The compiled loop that writes columns side by side."""

from __future__ import annotations

from numba import types
from numba.extending import intrinsic

from ._jit import compiled

_ROWS = 64  # of a column at a time: the lines of as many rows stay in the first cache


@intrinsic
def _number_at(typingctx, address, index, like):
    """Return a number of the type of the array ``like``, ``index`` numbers after an address."""
    signature = like.dtype(types.intp, types.intp, like)

    def codegen(context, builder, signature, arguments):
        pointer = builder.inttoptr(arguments[0], context.get_data_type(like.dtype).as_pointer())
        return builder.load(builder.gep(pointer, [arguments[1]]))

    return signature, codegen


@compiled
def gather(addresses, positions, start, stop, like, out):
    """Write rows ``start:stop`` of the columns at some addresses into columns of ``out``."""
    for first in range(start, stop, _ROWS):
        last = min(first + _ROWS, stop)
        for k in range(len(addresses)):
            address, position = addresses[k], positions[k]
            for r in range(first, last):
                out[r, position] = _number_at(address, r, like)
