"""Register-blocked squares of projected rows.

Rows are stored as *panels*: U[v, j] holds column j of the v-th vector of `LANES` rows. The matrix W is stored as
*tiles*: row j of `height` columns side by side. A block of `height` columns by `VECTORS` panels stays in registers
while one outer product for each row of W is added to it (Goto & van de Geijn 2008, section 4). Then it is squared and
summed. So no array of projected rows is needed.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .._vectors import AVX512, F64, add_products, cells, i64

VECTORS = 4  # of rows, side by side
LANES = F64.lanes
HEIGHTS = (4, 5, 6) if AVX512 else (1, 2, 3)  # columns in a tile: up to 24 of the 32 registers are sums, or 12 of 16


def _make_squares(height: int) -> Any:
    @intrinsic
    def squares(typingctx, u, panel, d, tiles, count, sums):
        """Write the sums of squares over ``count`` tiles of columns, for `VECTORS` panels of ``panel`` numbers each."""
        pointer = F64.pointer
        signature = types.void(pointer, types.intp, types.intp, pointer, types.intp, pointer)

        def codegen(context, builder, signature, arguments):
            u, panel, d, tiles, count, sums = arguments
            (totals,) = cells(builder, F64.zero, 1, VECTORS)
            block = cells(builder, F64.zero, height, VECTORS)
            panels = [builder.gep(u, [builder.mul(panel, i64(v))]) for v in range(VECTORS)]
            with cgutils.for_range(builder, count) as tile:
                for row in block:
                    for cell in row:
                        builder.store(F64.zero, cell)
                columns = builder.gep(tiles, [builder.mul(builder.mul(tile.index, i64(height)), d)])
                with cgutils.for_range(builder, d) as loop:
                    offset = builder.mul(loop.index, i64(LANES))
                    right = [F64.load(builder, each, offset) for each in panels]
                    column = builder.gep(columns, [builder.mul(loop.index, i64(height))])
                    add_products(builder, F64, block, [builder.gep(column, [i64(m)]) for m in range(height)], right)
                for row in block:
                    for cell, total in zip(row, totals, strict=True):
                        value = builder.load(cell)
                        builder.store(F64.fma(builder, value, value, builder.load(total)), total)
            for v, total in enumerate(totals):
                F64.store(builder, builder.load(total), sums, i64(v * LANES))
            return context.get_dummy_value()

        return signature, codegen

    return squares


squares_low, squares_middle, squares_high = (_make_squares(height) for height in HEIGHTS)
