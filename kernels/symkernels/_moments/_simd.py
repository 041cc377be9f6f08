"""Register-blocked inner loops, in LLVM's vector types: no loop of Numba's own keeps such blocks in registers.

Shifted rows are kept as *panels*: U[v, r] holds the `LANES` values of row r in the v-th vector of columns, so that
every loop here walks through memory in order. `tile` adds a small block of U.T @ U to C, an outer product a row (Goto &
van de Geijn 2008, section 4); `strip` reads some columns of X once and leaves their panels, power sums, minima and
maxima; `fill` finds a panel's gaps and
`gather` sums chosen rows of it. The lanes are as wide as the host's vectors.
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
WIDE = 3 if _AVX512 else 2  # vectors in a wide strip, which takes six registers for each
VECTORS = 3  # vectors of C's columns in the widest tile: 8 x 3 of AVX-512's 32 registers, 4 x 3 of AVX2's 16

_f64, _i32, _i64 = ir.DoubleType(), ir.IntType(32), ir.IntType(64)
_vector = ir.VectorType(_f64, LANES)
_zero = ir.Constant(_vector, [0.0] * LANES)
_pointer = types.CPointer(types.float64)
_LINE = 8  # numbers in a cache line of 64 bytes


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
    def tile(typingctx, a, b, panel, rows, c, c_stride, ahead):
        """C[:height, :vectors*LANES] += A.T @ B over some rows: lanes of one panel by the lanes of several panels.

        Panels are ``panel`` numbers apart. A cache line a row is fetched from ``ahead``: what the next block will read.
        """
        signature = types.void(_pointer, _pointer, types.intp, types.intp, _pointer, types.intp, _pointer)

        def codegen(context, builder, signature, arguments):
            a, b, panel, rows, c, c_stride, ahead = arguments
            fma = _declare(builder, f"llvm.fmuladd.v{LANES}f64", _vector, _vector, _vector, _vector)
            byte_pointer = ir.IntType(8).as_pointer()
            prefetch = _declare(builder, "llvm.prefetch.p0", ir.VoidType(), byte_pointer, _i32, _i32, _i32)
            sums = [[cgutils.alloca_once(builder, _vector) for _ in range(vectors)] for _ in range(height)]
            for row in sums:
                for cell in row:
                    builder.store(_zero, cell)
            panels = [builder.gep(b, [builder.mul(panel, _i64(v))]) for v in range(vectors)]
            with cgutils.for_range(builder, rows) as loop:
                offset = builder.mul(loop.index, _i64(LANES))
                a_row = builder.gep(a, [offset])
                line = builder.gep(ahead, [builder.mul(loop.index, _i64(_LINE))])
                builder.call(prefetch, [builder.bitcast(line, byte_pointer), _i32(0), _i32(2), _i32(1)])
                right = [builder.load(_vector_at(builder, panel, offset), align=8) for panel in panels]
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
    def strip(typingctx, x, x_stride, u, panel, rows, shift, sums, sums_stride, columns):
        """U = X - shift, and to the rows of ``sums``: sum, third and fourth powers' sums of U, minimum, maximum of X.

        A masked strip reads only the first ``columns`` of its vector, so that nothing beyond X's end is touched.
        """
        signature = types.void(
            _pointer, types.intp, _pointer, types.intp, types.intp, _pointer, _pointer, types.intp, types.intp
        )

        def codegen(context, builder, signature, arguments):
            x, x_stride, u, panel, rows, shift, sums, sums_stride, columns = arguments
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
                return builder.call(load, [place, _i32(8), inside, _zero])

            def place_of(quantity: int, v: int) -> ir.Value:
                row = builder.gep(sums, [builder.mul(sums_stride, _i64(quantity))])
                return _vector_at(builder, row, _i64(v * LANES))

            cells = [[cgutils.alloca_once(builder, _vector) for _ in range(5)] for _ in range(vectors)]
            shifts = [builder.load(_vector_at(builder, shift, _i64(v * LANES)), align=8) for v in range(vectors)]
            panels = [builder.gep(u, [builder.mul(panel, _i64(v))]) for v in range(vectors)]
            for v in range(vectors):
                for quantity, cell in enumerate(cells[v]):
                    builder.store(builder.load(place_of(quantity, v), align=8), cell)
            with cgutils.for_range(builder, rows) as loop:
                x_row = builder.gep(x, [builder.mul(loop.index, x_stride)])
                offset = builder.mul(loop.index, _i64(LANES))
                for v in range(vectors):
                    total, third, fourth, low, high = cells[v]
                    value = load_x(_vector_at(builder, x_row, _i64(v * LANES)))
                    shifted = builder.fsub(value, shifts[v])
                    builder.store(shifted, _vector_at(builder, panels[v], offset), align=8)
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


@intrinsic
def fill(typingctx, u, rows, gaps, sums, sums_stride):
    """Put 0 where a panel is NaN, with a bit for each such lane in ``gaps``, and sum its odd and fourth powers."""
    signature = types.void(_pointer, types.intp, types.CPointer(types.uint8), _pointer, types.intp)

    def codegen(context, builder, signature, arguments):
        u, rows, gaps, sums, sums_stride = arguments
        fma = _declare(builder, f"llvm.fmuladd.v{LANES}f64", _vector, _vector, _vector, _vector)
        cells = [cgutils.alloca_once(builder, _vector) for _ in range(3)]
        for cell in cells:
            builder.store(_zero, cell)
        with cgutils.for_range(builder, rows) as loop:
            place = _vector_at(builder, u, builder.mul(loop.index, _i64(LANES)))
            value = builder.load(place, align=8)
            missing = builder.fcmp_unordered("uno", value, value)
            bits = builder.bitcast(missing, ir.IntType(LANES))
            byte = bits if LANES == 8 else builder.zext(bits, ir.IntType(8))
            builder.store(byte, builder.gep(gaps, [loop.index]))
            value = builder.select(missing, _zero, value)
            builder.store(value, place, align=8)
            square = builder.fmul(value, value)
            builder.store(builder.fadd(builder.load(cells[0]), value), cells[0])
            builder.store(builder.call(fma, [square, value, builder.load(cells[1])]), cells[1])
            builder.store(builder.call(fma, [square, square, builder.load(cells[2])]), cells[2])
        for quantity, cell in enumerate(cells):
            row = builder.gep(sums, [builder.mul(sums_stride, _i64(quantity))])
            builder.store(builder.load(cell), _vector_at(builder, row, _i64(0)), align=8)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def gather(typingctx, u, chosen, count, total, square):
    """Add the chosen rows of a panel to ``total`` and their squares to ``square``."""
    signature = types.void(_pointer, types.CPointer(types.int32), types.intp, _pointer, _pointer)

    def codegen(context, builder, signature, arguments):
        u, chosen, count, total, square = arguments
        fma = _declare(builder, f"llvm.fmuladd.v{LANES}f64", _vector, _vector, _vector, _vector)
        cells = [cgutils.alloca_once(builder, _vector) for _ in range(2)]
        places = [_vector_at(builder, target, _i64(0)) for target in (total, square)]
        for cell, place in zip(cells, places, strict=True):
            builder.store(builder.load(place, align=8), cell)
        with cgutils.for_range(builder, count) as loop:
            row = builder.sext(builder.load(builder.gep(chosen, [loop.index])), _i64)
            value = builder.load(_vector_at(builder, u, builder.mul(row, _i64(LANES))), align=8)
            builder.store(builder.fadd(builder.load(cells[0]), value), cells[0])
            builder.store(builder.call(fma, [value, value, builder.load(cells[1])]), cells[1])
        for cell, place in zip(cells, places, strict=True):
            builder.store(builder.load(cell), place, align=8)
        return context.get_dummy_value()

    return signature, codegen


tile_1, tile_2, tile_3 = (_make_tile(LANES, vectors) for vectors in (1, 2, 3))
low_tile_1, low_tile_3 = (_make_tile(LOW_TILE, vectors) for vectors in (1, 3))
strip_1, strip_wide, strip_tail = _make_strip(1, False), _make_strip(WIDE, False), _make_strip(1, True)


@intrinsic
def pointer_to(typingctx, array, offset):
    """The address of element ``offset`` of a contiguous array."""
    signature = types.CPointer(array.dtype)(array, types.intp)

    def codegen(context, builder, signature, arguments):
        struct = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.gep(struct.data, [arguments[1]])

    return signature, codegen
