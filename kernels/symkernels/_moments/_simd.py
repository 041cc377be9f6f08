"""Register-blocked inner loops. They use LLVM's vectors, as Numba does not keep such blocks in registers by itself.

Shifted rows are stored as *panels*: U[v, r] holds the `LANES` values of row r in the v-th vector of columns, so that
every loop reads memory in order. `tile` adds a small block of U.T @ U to C, one outer product for each row (Goto & van
de Geijn 2008, section 4). `strip` reads some columns of X once and computes their panels, power sums, minima and
maxima. `fill` finds the missing values of a panel. `gather` sums chosen rows of a panel.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .._vectors import AVX512, F64, LINE, add_products, cells, i64, load_first, prefetch

LANES = F64.lanes  # float64 values in a vector, and rows of C in a tile
LOW_TILE = 2  # rows of C in a low tile
WIDE = 3 if AVX512 else 2  # vectors in a wide strip, which takes six registers for each
VECTORS = 3  # vectors of C's columns in the widest tile: 8 x 3 of AVX-512's 32 registers, 4 x 3 of AVX2's 16

_pointer = F64.pointer
_NUMBERS = LINE // F64.size  # in a cache line


def _make_tile(height: int, vectors: int) -> Any:
    @intrinsic
    def tile(typingctx, a, b, panel, rows, c, c_stride, ahead):
        """Add A.T @ B over some rows to C[:height, :vectors*LANES]: lanes of one panel by the lanes of several panels.

        Panels are ``panel`` numbers apart. For each row, one cache line from ``ahead`` on is prefetched: the next
        block.
        """
        signature = types.void(_pointer, _pointer, types.intp, types.intp, _pointer, types.intp, _pointer)

        def codegen(context, builder, signature, arguments):
            a, b, panel, rows, c, c_stride, ahead = arguments
            sums = cells(builder, F64.zero, height, vectors)
            panels = [builder.gep(b, [builder.mul(panel, i64(v))]) for v in range(vectors)]
            with cgutils.for_range(builder, rows) as loop:
                offset = builder.mul(loop.index, i64(LANES))
                a_row = builder.gep(a, [offset])
                prefetch(builder, builder.gep(ahead, [builder.mul(loop.index, i64(_NUMBERS))]))
                right = [builder.load(F64.at(builder, panel, offset), align=8) for panel in panels]
                add_products(builder, F64, sums, [builder.gep(a_row, [i64(m)]) for m in range(height)], right)
            for m, row in enumerate(sums):
                c_row = builder.gep(c, [builder.mul(c_stride, i64(m))])
                for v, cell in enumerate(row):
                    place = F64.at(builder, c_row, i64(v * LANES))
                    builder.store(builder.fadd(builder.load(place, align=8), builder.load(cell)), place, align=8)
            return context.get_dummy_value()

        return signature, codegen

    return tile


def _make_strip(vectors: int, masked: bool) -> Any:
    @intrinsic
    def strip(typingctx, x, x_stride, u, panel, rows, shift, sums, sums_stride, columns):
        """Write X - shift to U; update the rows of ``sums``: sums of U, U^3 and U^4, minimum and maximum of X.

        A masked strip reads only the first ``columns`` of its vector, so that it reads nothing after the end of X.
        """
        signature = types.void(
            _pointer, types.intp, _pointer, types.intp, types.intp, _pointer, _pointer, types.intp, types.intp
        )

        def codegen(context, builder, signature, arguments):
            x, x_stride, u, panel, rows, shift, sums, sums_stride, columns = arguments

            def load_x(place: ir.Value) -> ir.Value:
                return load_first(builder, place, columns) if masked else builder.load(place, align=8)

            def place_of(quantity: int, v: int) -> ir.Value:
                row = builder.gep(sums, [builder.mul(sums_stride, i64(quantity))])
                return F64.at(builder, row, i64(v * LANES))

            found = cells(builder, F64.zero, vectors, 5)
            shifts = [builder.load(F64.at(builder, shift, i64(v * LANES)), align=8) for v in range(vectors)]
            panels = [builder.gep(u, [builder.mul(panel, i64(v))]) for v in range(vectors)]
            for v in range(vectors):
                for quantity, cell in enumerate(found[v]):
                    builder.store(builder.load(place_of(quantity, v), align=8), cell)
            with cgutils.for_range(builder, rows) as loop:
                x_row = builder.gep(x, [builder.mul(loop.index, x_stride)])
                offset = builder.mul(loop.index, i64(LANES))
                for v in range(vectors):
                    total, third, fourth, low, high = found[v]
                    value = load_x(F64.at(builder, x_row, i64(v * LANES)))
                    shifted = builder.fsub(value, shifts[v])
                    builder.store(shifted, F64.at(builder, panels[v], offset), align=8)
                    square = builder.fmul(shifted, shifted)
                    builder.store(builder.fadd(builder.load(total), shifted), total)
                    builder.store(F64.fma(builder, square, shifted, builder.load(third)), third)
                    builder.store(F64.fma(builder, square, square, builder.load(fourth)), fourth)
                    # A comparison with NaN is false, so NaN never becomes a minimum or maximum.
                    least, most = builder.load(low), builder.load(high)
                    builder.store(builder.select(builder.fcmp_ordered("<", value, least), value, least), low)
                    builder.store(builder.select(builder.fcmp_ordered(">", value, most), value, most), high)
            for v in range(vectors):
                for quantity, cell in enumerate(found[v]):
                    builder.store(builder.load(cell), place_of(quantity, v), align=8)
            return context.get_dummy_value()

        return signature, codegen

    return strip


@intrinsic
def fill(typingctx, u, rows, gaps, sums, sums_stride):
    """Put 0 where a panel is NaN, set a bit for each such lane in ``gaps``, and sum U, U^3 and U^4 of the panel."""
    signature = types.void(_pointer, types.intp, types.CPointer(types.uint8), _pointer, types.intp)

    def codegen(context, builder, signature, arguments):
        u, rows, gaps, sums, sums_stride = arguments
        ((total, third, fourth),) = cells(builder, F64.zero, 1, 3)
        with cgutils.for_range(builder, rows) as loop:
            place = F64.at(builder, u, builder.mul(loop.index, i64(LANES)))
            value = builder.load(place, align=8)
            missing = builder.fcmp_unordered("uno", value, value)
            bits = builder.bitcast(missing, ir.IntType(LANES))
            byte = bits if LANES == 8 else builder.zext(bits, ir.IntType(8))
            builder.store(byte, builder.gep(gaps, [loop.index]))
            value = builder.select(missing, F64.zero, value)
            builder.store(value, place, align=8)
            square = builder.fmul(value, value)
            builder.store(builder.fadd(builder.load(total), value), total)
            builder.store(F64.fma(builder, square, value, builder.load(third)), third)
            builder.store(F64.fma(builder, square, square, builder.load(fourth)), fourth)
        for quantity, cell in enumerate((total, third, fourth)):
            row = builder.gep(sums, [builder.mul(sums_stride, i64(quantity))])
            builder.store(builder.load(cell), F64.at(builder, row, i64(0)), align=8)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def gather(typingctx, u, chosen, count, total, square):
    """Add the chosen rows of a panel to ``total`` and their squares to ``square``."""
    signature = types.void(_pointer, types.CPointer(types.int32), types.intp, _pointer, _pointer)

    def codegen(context, builder, signature, arguments):
        u, chosen, count, total, square = arguments
        places = [F64.at(builder, target, i64(0)) for target in (total, square)]
        (found,) = cells(builder, F64.zero, 1, 2)
        for cell, place in zip(found, places, strict=True):
            builder.store(builder.load(place, align=8), cell)
        with cgutils.for_range(builder, count) as loop:
            row = builder.sext(builder.load(builder.gep(chosen, [loop.index])), i64)
            value = builder.load(F64.at(builder, u, builder.mul(row, i64(LANES))), align=8)
            builder.store(builder.fadd(builder.load(found[0]), value), found[0])
            builder.store(F64.fma(builder, value, value, builder.load(found[1])), found[1])
        for cell, place in zip(found, places, strict=True):
            builder.store(builder.load(cell), place, align=8)
        return context.get_dummy_value()

    return signature, codegen


tile_1, tile_2, tile_3 = (_make_tile(LANES, vectors) for vectors in (1, 2, 3))
low_tile_1, low_tile_3 = (_make_tile(LOW_TILE, vectors) for vectors in (1, 3))
strip_1, strip_wide, strip_tail = _make_strip(1, False), _make_strip(WIDE, False), _make_strip(1, True)
