"""The compiled loop that writes columns side by side: blocks of a few columns and rows are transposed in registers."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ._jit import compiled
from ._vectors import F64, i64, pointer_to, prefetch

LANES = F64.lanes
ROWS = 512  # of a column at a time, at most: a page of memory
_AHEAD = ROWS  # rows from those that are read to those that are fetched meanwhile


@intrinsic
def _number_at(typingctx, address, kind):
    """Return the number of a type, such as ``np.float32``, at an address."""
    signature = kind.dtype(types.intp, kind)

    def codegen(context, builder, signature, arguments):
        pointer = builder.inttoptr(arguments[0], context.get_data_type(kind.dtype).as_pointer())
        return builder.load(pointer, align=1)

    return signature, codegen


def _transposed(builder: ir.IRBuilder, vectors: list[ir.Value]) -> list[ir.Value]:
    """Transpose a square of numbers, one vector a row, in log2(lanes) steps that exchange halves of pairs of rows."""
    step = 1
    while step < LANES:
        low = [lane if not lane & step else LANES + lane - step for lane in range(LANES)]
        high = [lane + step if not lane & step else LANES + lane for lane in range(LANES)]
        masks = [ir.Constant(ir.VectorType(ir.IntType(32), LANES), mask) for mask in (low, high)]
        for i in range(LANES):
            if not i & step:
                a, b = vectors[i], vectors[i + step]
                vectors[i], vectors[i + step] = (builder.shuffle_vector(a, b, mask) for mask in masks)
        step *= 2
    return vectors


@intrinsic
def _transpose(typingctx, addresses, row, out, out_stride):
    """Write `LANES` rows, from ``row`` on, of the float64 columns at `LANES` addresses side by side."""
    signature = types.void(types.CPointer(types.intp), types.intp, F64.pointer, types.intp)

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        addresses, row, out, out_stride = arguments
        vectors = []
        for lane in range(LANES):
            address = builder.load(builder.gep(addresses, [i64(lane)]))
            column = builder.inttoptr(address, F64.scalar.as_pointer())
            vectors.append(F64.load(builder, column, row))
            prefetch(builder, builder.gep(column, [builder.add(row, i64(_AHEAD))]))
        for lane, vector in enumerate(_transposed(builder, vectors)):
            F64.store(builder, vector, out, builder.mul(out_stride, i64(lane)))
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def _address_of(typingctx, array, offset):
    """Return the address of element ``offset`` of a contiguous array as a number."""
    signature = types.intp(array, types.intp)

    def codegen(context, builder, signature, arguments):
        struct = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.ptrtoint(builder.gep(struct.data, [arguments[1]]), i64)

    return signature, codegen


@compiled
def _copy(address, stride, rows, numbers, kind):
    for r in range(rows):
        numbers[r] = _number_at(address + r * stride, kind)


@compiled
def _as_floats(address, stride, kind, rows, numbers):
    """Write the numbers at an address, ``stride`` bytes apart, as float64; their kinds are those of `_columns`."""
    if kind == 0:
        _copy(address, stride, rows, numbers, np.float64)
    elif kind == 1:
        _copy(address, stride, rows, numbers, np.float32)
    elif kind == 2:
        _copy(address, stride, rows, numbers, np.int64)
    elif kind == 3:
        _copy(address, stride, rows, numbers, np.int32)
    else:
        _copy(address, stride, rows, numbers, np.uint8)


@compiled
def write_rows(addresses, strides, kinds, start, stop, numbers, out):
    """Write rows ``start:stop`` of columns to the first rows of ``out``.

    A column is an address, the bytes from a number to the next, and the code of its type; at address 0 is none,
    and its column of ``out`` stays as it is. ``numbers`` is a buffer of (columns, ROWS).
    """
    p = len(addresses)
    here = np.zeros(p, np.intp)
    for first in range(start, stop, ROWS):
        rows = min(ROWS, stop - first)
        for k in range(p):
            if addresses[k] == 0:
                continue
            here[k] = addresses[k] + first * strides[k]
            if kinds[k] != 0 or strides[k] != 8:
                _as_floats(here[k], strides[k], kinds[k], rows, numbers[k])
                here[k] = _address_of(numbers, k * numbers.shape[1])
        at = first - start
        for v in range(0, p, LANES):
            whole = v + LANES <= p
            for k in range(v, min(v + LANES, p)):
                whole &= here[k] != 0
            done = rows // LANES * LANES if whole else 0
            for r in range(0, done, LANES):
                _transpose(pointer_to(here, v), r, pointer_to(out, (at + r) * p + v), p)
            for r in range(done, rows):
                for k in range(v, min(v + LANES, p)):
                    if here[k] != 0:
                        out[at + r, k] = _number_at(here[k] + r * 8, np.float64)
