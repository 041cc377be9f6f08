"""Register-blocked distances of rows to centers, for either precision.

Rows are kept as *panels*: U[v, j] holds column j of the v-th vector of `lanes` rows. Centers are kept as *tiles*:
column j of `height` centers side by side. A block of `height` centers by some vectors of rows then sits in registers
while the columns go by, an outer product each (Goto & van de Geijn 2008, section 4), and is reduced to the nearest
center before it leaves them: no array of rows by centers exists. `benchmarks/bench_vectors.py` compares these loops
with BLAS and with plain compiled loops.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .._vectors import AVX512, F32, F64, LINE, add_squared_differences, cells, i32, i64, prefetch, real_of

VECTORS = 4  # of rows, side by side
AHEAD = 2  # groups of rows by which memory is fetched in advance: measured, twice as fast as without
HEIGHTS = (4, 5, 6) if AVX512 else (1, 2, 3)  # centers in a tile: up to 24 of the 32 registers are sums, or 12 of 16


def _make_nearest(height: int, second: bool) -> Any:
    @intrinsic
    def nearest(typingctx, u, panel, d, centers, bias, tiles, best, runner_up, labels):
        """For the rows of `VECTORS` panels the highest x.c - |c|^2/2, and the center that has it: the first on a tie.

        ``bias`` has -|c|^2/2, and -inf for the padding of the last tile.
        """
        signature = types.void(u, types.intp, types.intp, u, u, types.intp, u, u, types.CPointer(types.int32))
        real = real_of(u)

        def codegen(context, builder, signature, arguments):
            u, panel, d, centers, bias, tiles, best, runner_up, labels = arguments
            lowest = ir.Constant(real.vector, [ir.Constant(real.scalar, float("-inf"))] * real.lanes)
            tops, seconds = cells(builder, lowest, 2, VECTORS)
            (indices,) = cells(builder, real.zero, 1, VECTORS)
            sums = [[cgutils.alloca_once(builder, real.vector) for _ in range(VECTORS)] for _ in range(height)]
            panels = [builder.gep(u, [builder.mul(panel, i64(v))]) for v in range(VECTORS)]
            with cgutils.for_range(builder, tiles) as tile:
                first = builder.mul(tile.index, i64(height))
                for m, row in enumerate(sums):
                    start = real.splat(builder, builder.load(builder.gep(bias, [builder.add(first, i64(m))])))
                    for cell in row:
                        builder.store(start, cell)
                columns = builder.gep(centers, [builder.mul(first, d)])
                # Only the first tile fetches new memory: one line a column, of the panels after the next ones.
                in_first = builder.icmp_signed("==", tile.index, i64(0))
                ahead = builder.select(in_first, builder.mul(panel, i64(VECTORS * AHEAD)), i64(0))
                with cgutils.for_range(builder, d) as loop:
                    offset = builder.mul(loop.index, i64(real.lanes))
                    for each in panels:
                        prefetch(builder, builder.gep(each, [builder.add(offset, ahead)]))
                    right = [real.load(builder, each, offset) for each in panels]
                    column = builder.gep(columns, [builder.mul(loop.index, i64(height))])
                    for m, row in enumerate(sums):
                        left = real.splat(builder, builder.load(builder.gep(column, [i64(m)])))
                        for cell, vector in zip(row, right, strict=True):
                            builder.store(real.fma(builder, left, vector, builder.load(cell)), cell)
                for m, row in enumerate(sums):
                    index = builder.sitofp(builder.add(first, i64(m)), real.scalar)
                    index = real.splat(builder, index)
                    for v, cell in enumerate(row):
                        score, top = builder.load(cell), builder.load(tops[v])
                        higher = builder.fcmp_ordered(">", score, top)
                        if second:
                            lower = builder.select(higher, top, score)
                            runner = builder.load(seconds[v])
                            nearer = builder.fcmp_ordered(">", lower, runner)
                            builder.store(builder.select(nearer, lower, runner), seconds[v])
                        builder.store(builder.select(higher, score, top), tops[v])
                        builder.store(builder.select(higher, index, builder.load(indices[v])), indices[v])
            for v in range(VECTORS):
                place = i64(v * real.lanes)
                real.store(builder, builder.load(tops[v]), best, place)
                integers = builder.fptosi(builder.load(indices[v]), ir.VectorType(i32, real.lanes))
                builder.store(
                    integers, builder.bitcast(builder.gep(labels, [place]), integers.type.as_pointer()), align=4
                )
                if second:
                    real.store(builder, builder.load(seconds[v]), runner_up, place)
            return context.get_dummy_value()

        return signature, codegen

    return nearest


def _make_seeding(height: int, weighted: bool, keep: bool) -> Any:
    @intrinsic
    def seeding(typingctx, u, panel, d, centers, closest, weight, totals):
        """Sums of the nearest squared distances of `VECTORS` panels that choosing each center of a tile would leave.

        Distances are taken by differences, so that equal rows are at 0. To each of ``totals``, a vector of float64 a
        center, the weighted sums of min(closest, distance) are added. If ``keep``, that minimum replaces ``closest``.
        """
        real = real_of(u)
        signature = types.void(u, types.intp, types.intp, u, u, F64.pointer, F64.pointer)
        wide = ir.VectorType(F64.scalar, real.lanes)

        def codegen(context, builder, signature, arguments):
            u, panel, d, centers, closest, weight, totals = arguments
            sums = cells(builder, real.zero, height, VECTORS)
            panels = [builder.gep(u, [builder.mul(panel, i64(v))]) for v in range(VECTORS)]
            ahead = builder.mul(panel, i64(VECTORS * AHEAD))
            with cgutils.for_range(builder, d) as loop:
                offset = builder.mul(loop.index, i64(real.lanes))
                for each in panels:
                    prefetch(builder, builder.gep(each, [builder.add(offset, ahead)]))
                right = [real.load(builder, each, offset) for each in panels]
                column = builder.gep(centers, [builder.mul(loop.index, i64(height))])
                left = [builder.gep(column, [i64(m)]) for m in range(height)]
                add_squared_differences(builder, real, sums, left, right)

            def wide_at(pointer: ir.Value, place: int) -> ir.Value:
                return builder.bitcast(builder.gep(pointer, [i64(place)]), wide.as_pointer())

            for m, row in enumerate(sums):
                total = builder.load(wide_at(totals, m * real.lanes), align=8)
                for v, cell in enumerate(row):
                    before, square = real.load(builder, closest, i64(v * real.lanes)), builder.load(cell)
                    square = builder.select(builder.fcmp_ordered("<", square, before), square, before)
                    if keep:
                        real.store(builder, square, closest, i64(v * real.lanes))
                    share = builder.fpext(square, wide) if real is F32 else square
                    if weighted:
                        share = builder.fmul(share, builder.load(wide_at(weight, v * real.lanes), align=8))
                    total = builder.fadd(total, share)
                builder.store(total, wide_at(totals, m * real.lanes), align=8)
            return context.get_dummy_value()

        return signature, codegen

    return seeding


@intrinsic
def fetch(typingctx, row, d):
    """Begin to fetch a row of d numbers."""
    real = real_of(row)

    def codegen(context, builder, signature, arguments):
        row, d = arguments
        numbers = LINE // real.size
        lines = builder.sdiv(builder.add(d, i64(numbers - 1)), i64(numbers))
        with cgutils.for_range(builder, lines) as line:
            prefetch(builder, builder.gep(row, [builder.mul(line.index, i64(numbers))]))
        return context.get_dummy_value()

    return types.void(row, types.intp), codegen


nearest_low, nearest_middle, nearest_high = (_make_nearest(height, False) for height in HEIGHTS)
two_low, two_middle, two_high = (_make_nearest(height, True) for height in HEIGHTS)
CANDIDATES = 2  # in a tile of `potential`
potential, potential_weighted = (_make_seeding(CANDIDATES, weighted, False) for weighted in (False, True))
take_row, take_row_weighted = (_make_seeding(1, weighted, True) for weighted in (False, True))
