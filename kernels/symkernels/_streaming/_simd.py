"""Register-blocked squared distances of rows to centers, by differences.

Rows are kept as *panels*: U[v, j] holds column j of the v-th vector of `LANES` rows. Centers are kept as *tiles*:
column j of `HEIGHT` centers side by side. Differences cost twice the arithmetic of |x|^2 - 2 x.c + |c|^2, and lose
nothing where a stream has moved far from its beginning. `benchmarks/bench_vectors.py` compares these loops with BLAS
and with plain compiled loops.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .._vectors import AVX512, F64, add_squared_differences, cells, i64

LANES = F64.lanes
VECTORS = 4  # of rows, side by side
HEIGHT = 4 if AVX512 else 2  # centers in a tile: 16 of AVX-512's 32 registers are sums, 8 of AVX2's 16
ROWS = LANES * VECTORS  # in a group of panels

_pointer = F64.pointer


def _distances(builder: ir.IRBuilder, u: ir.Value, panel: ir.Value, d: ir.Value, columns: ir.Value) -> list[list[Any]]:
    """Cells that hold the squared distances of the panels to one tile of centers: a row of them for each center."""
    sums = cells(builder, F64.zero, HEIGHT, VECTORS)
    panels = [builder.gep(u, [builder.mul(panel, i64(v))]) for v in range(VECTORS)]
    with cgutils.for_range(builder, d) as loop:
        offset = builder.mul(loop.index, i64(LANES))
        right = [F64.load(builder, panel, offset) for panel in panels]
        column = builder.gep(columns, [builder.mul(loop.index, i64(HEIGHT))])
        left = [builder.gep(column, [i64(m)]) for m in range(HEIGHT)]
        add_squared_differences(builder, F64, sums, left, right)
    return sums


@intrinsic
def nearest(typingctx, u, panel, d, centers, tiles, best, labels):
    """The least squared distance of each row to any center, and whose it is; the lowest on a tie.

    ``labels`` are float64 too, so that they stay in registers of the same kind. Centres of infinity are padding.
    """
    signature = types.void(_pointer, types.intp, types.intp, _pointer, types.intp, _pointer, _pointer)

    def codegen(context, builder, signature, arguments):
        u, panel, d, centers, tiles, best, labels = arguments
        highest = ir.Constant(F64.vector, [ir.Constant(F64.scalar, float("inf"))] * LANES)
        (least,), (indices,) = cells(builder, highest, 1, VECTORS), cells(builder, F64.zero, 1, VECTORS)
        with cgutils.for_range(builder, tiles) as tile:
            first = builder.mul(tile.index, i64(HEIGHT))
            sums = _distances(builder, u, panel, d, builder.gep(centers, [builder.mul(first, d)]))
            for m, row in enumerate(sums):
                index = F64.splat(builder, builder.sitofp(builder.add(first, i64(m)), F64.scalar))
                for v, cell in enumerate(row):
                    distance, low = builder.load(cell), builder.load(least[v])
                    nearer = builder.fcmp_ordered("<", distance, low)
                    builder.store(builder.select(nearer, distance, low), least[v])
                    builder.store(builder.select(nearer, index, builder.load(indices[v])), indices[v])
        for v in range(VECTORS):
            F64.store(builder, builder.load(least[v]), best, i64(v * LANES))
            F64.store(builder, builder.load(indices[v]), labels, i64(v * LANES))
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def squares(typingctx, u, panel, d, centers, out, stride):
    """Squared distances of the panels to one tile of centers: a row of ``out``, ``stride`` long, for each center."""
    signature = types.void(_pointer, types.intp, types.intp, _pointer, _pointer, types.intp)

    def codegen(context, builder, signature, arguments):
        u, panel, d, centers, out, stride = arguments
        for m, row in enumerate(_distances(builder, u, panel, d, centers)):
            line = builder.gep(out, [builder.mul(stride, i64(m))])
            for v, cell in enumerate(row):
                F64.store(builder, builder.load(cell), line, i64(v * LANES))
        return context.get_dummy_value()

    return signature, codegen
