"""Register-blocked squares of projected rows.

Rows are kept as *panels*: U[v, j] holds column j of the v-th vector of `LANES` rows. What they are multiplied by is
kept as *tiles*: row j of `height` columns of W side by side. A block of `height` columns by `VECTORS` panels sits in
registers while the rows of W go by, an outer product each (Goto & van de Geijn 2008, section 4), and is squared and
added up before it leaves them: no array of projected rows exists.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .._vectors import AVX512, F64, i64

VECTORS = 4  # of rows, side by side
LANES = F64.lanes
HEIGHTS = (4, 5, 6) if AVX512 else (1, 2, 3)  # columns in a tile: up to 24 of the 32 registers are sums, or 12 of 16


def _make_squares(height: int) -> Any:
    @intrinsic
    def squares(typingctx, u, panel, d, tiles, count, sums):
        """The sums of squares of (count) tiles of columns, for `VECTORS` panels of ``panel`` numbers each."""
        pointer = F64.pointer
        signature = types.void(pointer, types.intp, types.intp, pointer, types.intp, pointer)

        def codegen(context, builder, signature, arguments):
            u, panel, d, tiles, count, sums = arguments
            totals = [cgutils.alloca_once(builder, F64.vector) for _ in range(VECTORS)]
            for cell in totals:
                builder.store(F64.zero, cell)
            block = [[cgutils.alloca_once(builder, F64.vector) for _ in range(VECTORS)] for _ in range(height)]
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
                    for m, row in enumerate(block):
                        left = F64.splat(builder, builder.load(builder.gep(column, [i64(m)])))
                        for cell, vector in zip(row, right, strict=True):
                            builder.store(F64.fma(builder, left, vector, builder.load(cell)), cell)
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
