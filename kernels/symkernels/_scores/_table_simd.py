"""Binary searches for several vectors of values at once, in registers and without branches.

Compilers do not write such code from a plain loop: they cannot know that no search reads what another one writes.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .._vectors import F64, declare, i1, i32, i64

VECTORS = 4  # whose memory accesses overlap
AT_ONCE = VECTORS * F64.lanes


@intrinsic
def locate(typingctx, x, knots, depth, place):
    """Count how many of 2^depth ascending knots are smaller than each of `AT_ONCE` values, the last knot left out."""
    signature = types.void(F64.pointer, F64.pointer, types.intp, types.CPointer(types.int64))

    def codegen(context, builder, signature, arguments):
        x, knots, depth, place = arguments
        whole = ir.VectorType(ir.IntType(64), F64.lanes)
        addresses = ir.VectorType(F64.scalar.as_pointer(), F64.lanes)
        mask = ir.Constant(ir.VectorType(i1, F64.lanes), [1] * F64.lanes)
        name = f"llvm.masked.gather.v{F64.lanes}f64.v{F64.lanes}p0"
        gather = declare(builder, name, F64.vector, addresses, i32, mask.type, F64.vector)
        values = [F64.load(builder, x, i64(v * F64.lanes)) for v in range(VECTORS)]
        first = F64.splat(builder, builder.ptrtoint(knots, ir.IntType(64)))
        cells = [cgutils.alloca_once(builder, whole) for _ in range(VECTORS)]
        for cell in cells:
            builder.store(first, cell)
        none = ir.Constant(whole, [0] * F64.lanes)
        with cgutils.for_range(builder, depth) as loop:
            bit = builder.sub(builder.sub(depth, loop.index), i64(1))
            step = builder.shl(i64(F64.size), bit)  # in bytes
            steps, before = (F64.splat(builder, each) for each in (step, builder.sub(step, i64(F64.size))))
            for cell, value in zip(cells, values, strict=True):
                here = builder.load(cell)
                where = builder.inttoptr(builder.add(here, before), addresses)
                knot = builder.call(gather, [where, i32(F64.size), mask, F64.zero])
                smaller = builder.fcmp_ordered("<", knot, value)
                builder.store(builder.add(here, builder.select(smaller, steps, none)), cell)
        for v, cell in enumerate(cells):
            found = builder.ashr(builder.sub(builder.load(cell), first), ir.Constant(whole, [3] * F64.lanes))
            at = builder.bitcast(builder.gep(place, [i64(v * F64.lanes)]), whole.as_pointer())
            builder.store(found, at, align=F64.size)
        return context.get_dummy_value()

    return signature, codegen
