"""Two register-blocked inner loops, in LLVM's vector types: no loop of Numba's own keeps such blocks in registers.

`tile` adds a small block of A.T @ B to C (an outer product a row, Goto & van de Geijn 2008, section 4); `strip` reads a
strip of columns once and leaves the shifted values together with their sums, power sums, minima and maxima. The lanes
are as wide as the host's vectors; LLVM lowers them to what the host has.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_AVX512 = bool(llvm.get_host_cpu_features().get("avx512f", False))

LANES = 8 if _AVX512 else 4  # float64 values in a vector, and rows of C in a tile
LOW_TILE = 2  # rows of C in a low tile
VECTORS = 3  # vectors of C's columns in the widest tile: 8 x 3 of AVX-512's 32 registers, 4 x 3 of AVX2's 16

_f64, _i32, _i64 = ir.DoubleType(), ir.IntType(32), ir.IntType(64)
_vector = ir.VectorType(_f64, LANES)
_pointer = types.CPointer(types.float64)


def _declare(builder: ir.IRBuilder, name: str, result: ir.Type, *arguments: ir.Type) -> Any:
    return cgutils.get_or_insert_function(builder.module, ir.FunctionType(result, arguments), name)


def _splat(builder: ir.IRBuilder, scalar: ir.Value) -> ir.Value:
    empty = ir.Constant(ir.VectorType(scalar.type, LANES), ir.Undefined)
    one = builder.insert_element(empty, scalar, _i32(0))
    return builder.shuffle_vector(one, empty, ir.Constant(ir.VectorType(_i32, LANES), [0] * LANES))


def _vector_at(builder: ir.IRBuilder, pointer: ir.Value, offset: ir.Value) -> ir.Value:
    return builder.bitcast(builder.gep(pointer, [offset]), _vector.as_pointer())


def _make_tile(height: int, vectors: int) -> Any:
    @intrinsic
    def tile(typingctx, a, a_stride, b, b_stride, rows, c, c_stride, ahead):
        """C[:height, :vectors*LANES] += A[:rows, :height].T @ B[:rows, :vectors*LANES].

        One cache line a row is fetched from ``ahead``: the memory that the next block will read.
        """
        signature = types.void(
            _pointer, types.intp, _pointer, types.intp, types.intp, _pointer, types.intp, _pointer
        )  # fmt: skip

        def codegen(context, builder, signature, arguments):
            a, a_stride, b, b_stride, rows, c, c_stride, ahead = arguments
            fma = _declare(builder, f"llvm.fmuladd.v{LANES}f64", _vector, _vector, _vector, _vector)
            byte_pointer = ir.IntType(8).as_pointer()
            prefetch = _declare(builder, "llvm.prefetch.p0", ir.VoidType(), byte_pointer, _i32, _i32, _i32)
            sums = [[cgutils.alloca_once(builder, _vector) for _ in range(vectors)] for _ in range(height)]
            for row in sums:
                for cell in row:
                    builder.store(ir.Constant(_vector, [0.0] * LANES), cell)
            with cgutils.for_range(builder, rows) as loop:
                a_row = builder.gep(a, [builder.mul(loop.index, a_stride)])
                b_row = builder.gep(b, [builder.mul(loop.index, b_stride)])
                line = builder.gep(ahead, [builder.mul(loop.index, _i64(8))])
                builder.call(prefetch, [builder.bitcast(line, byte_pointer), _i32(0), _i32(2), _i32(1)])
                right = [builder.load(_vector_at(builder, b_row, _i64(v * LANES)), align=8) for v in range(vectors)]
                for m, row in enumerate(sums):
                    left = _splat(builder, builder.load(builder.gep(a_row, [_i64(m)])))
                    for cell, vector in zip(row, right, strict=True):
                        builder.store(builder.call(fma, [left, vector, builder.load(cell)]), cell)
            for m, row in enumerate(sums):
                c_row = builder.gep(c, [builder.mul(c_stride, _i64(m))])
                for v, cell in enumerate(row):
                    place = _vector_at(builder, c_row, _i64(v * LANES))
                    builder.store(builder.fadd(builder.load(place, align=8), builder.load(cell)), place, align=8)
            return context.get_dummy_value()

        return signature, codegen

    return tile


def _make_strip(vectors: int, masked: bool) -> Any:
    @intrinsic
    def strip(typingctx, x, x_stride, u, u_stride, rows, shift, sums, sums_stride, columns):
        """U = X - shift, and to the rows of ``sums``: sum, third and fourth powers' sums of U, minimum, maximum of X.

        A masked strip reads only the first ``columns`` of its vector, so that nothing beyond X's end is touched.
        """
        signature = types.void(
            _pointer, types.intp, _pointer, types.intp, types.intp, _pointer, _pointer, types.intp, types.intp
        )  # fmt: skip

        def codegen(context, builder, signature, arguments):
            x, x_stride, u, u_stride, rows, shift, sums, sums_stride, columns = arguments
            fma = _declare(builder, f"llvm.fmuladd.v{LANES}f64", _vector, _vector, _vector, _vector)

            def load_x(place: ir.Value) -> ir.Value:
                if not masked:
                    return builder.load(place, align=8)
                bits = ir.VectorType(ir.IntType(1), LANES)
                load = _declare(
                    builder, f"llvm.masked.load.v{LANES}f64.p0", _vector, _vector.as_pointer(), _i32, bits, _vector
                )
                lane = ir.Constant(ir.VectorType(_i64, LANES), list(range(LANES)))
                inside = builder.icmp_signed("<", lane, _splat(builder, columns))
                return builder.call(load, [place, _i32(8), inside, ir.Constant(_vector, [0.0] * LANES)])

            def place_of(quantity: int, v: int) -> ir.Value:
                row = builder.gep(sums, [builder.mul(sums_stride, _i64(quantity))])
                return _vector_at(builder, row, _i64(v * LANES))

            cells = [[cgutils.alloca_once(builder, _vector) for _ in range(5)] for _ in range(vectors)]
            shifts = [builder.load(_vector_at(builder, shift, _i64(v * LANES)), align=8) for v in range(vectors)]
            for v in range(vectors):
                for quantity, cell in enumerate(cells[v]):
                    builder.store(builder.load(place_of(quantity, v), align=8), cell)
            with cgutils.for_range(builder, rows) as loop:
                x_row = builder.gep(x, [builder.mul(loop.index, x_stride)])
                u_row = builder.gep(u, [builder.mul(loop.index, u_stride)])
                for v in range(vectors):
                    total, third, fourth, low, high = cells[v]
                    value = load_x(_vector_at(builder, x_row, _i64(v * LANES)))
                    shifted = builder.fsub(value, shifts[v])
                    builder.store(shifted, _vector_at(builder, u_row, _i64(v * LANES)), align=8)
                    square = builder.fmul(shifted, shifted)
                    builder.store(builder.fadd(builder.load(total), shifted), total)
                    builder.store(builder.call(fma, [square, shifted, builder.load(third)]), third)
                    builder.store(builder.call(fma, [square, square, builder.load(fourth)]), fourth)
                    # A comparison with NaN is false, so that NaN never becomes a minimum or maximum.
                    least, most = builder.load(low), builder.load(high)
                    builder.store(builder.select(builder.fcmp_ordered("<", value, least), value, least), low)
                    builder.store(builder.select(builder.fcmp_ordered(">", value, most), value, most), high)
            for v in range(vectors):
                for quantity, cell in enumerate(cells[v]):
                    builder.store(builder.load(cell), place_of(quantity, v), align=8)
            return context.get_dummy_value()

        return signature, codegen

    return strip


tile_1, tile_2, tile_3 = (_make_tile(LANES, vectors) for vectors in (1, 2, 3))
low_tile_1, low_tile_3 = (_make_tile(LOW_TILE, vectors) for vectors in (1, 3))
strip_1, strip_3, strip_tail = _make_strip(1, False), _make_strip(3, False), _make_strip(1, True)


@intrinsic
def pointer_to(typingctx, array, offset):
    """The address of element ``offset`` of a contiguous array."""
    signature = _pointer(array, types.intp)

    def codegen(context, builder, signature, arguments):
        struct = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.gep(struct.data, [arguments[1]])

    return signature, codegen
