"""Register-blocked distances between rows, for either precision.

A *tile* is `VECTORS` vectors of rows side by side, column after column. A block of some other rows by one tile sits in
registers while the columns go by. Distances are taken by differences: a subtraction beside each multiplication, which
costs nothing on a core with separate units for additions, and rows that nearly coincide lose no digits.
`benchmarks/bench_vectors.py` compares these loops with BLAS and with plain compiled loops.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .._vectors import F32, F64, add_squared_differences, cells, i64, real_of

VECTORS = 2  # of rows in a tile
HEIGHT = 4  # rows in a block: more blocks' square roots overlap with other blocks' columns than with larger ones


def _make_distances(height: int) -> Any:
    @intrinsic
    def distances(typingctx, tile, rows, stride, d, blocks, resume, root, out):
        """Squared distances of a tile to some blocks of ``height`` rows, over ``d`` columns; (rows, tile) in ``out``.

        ``rows`` are ``stride`` numbers apart. ``resume`` adds to what is there; ``root`` leaves the square root.
        """
        real = real_of(tile)
        signature = types.void(tile, tile, types.intp, types.intp, types.intp, types.boolean, types.boolean, tile)

        def codegen(context, builder, signature, arguments):
            tile, rows, stride, d, blocks, resume, root, out = arguments
            width = VECTORS * real.lanes
            sums = cells(builder, real.zero, height, VECTORS)
            with cgutils.for_range(builder, blocks) as block:
                first = builder.mul(block.index, i64(height))
                starts = [builder.gep(rows, [builder.mul(builder.add(first, i64(m)), stride)]) for m in range(height)]
                place = builder.gep(out, [builder.mul(first, i64(width))])
                placed = [
                    (cell, i64(m * width + v * real.lanes)) for m, row in enumerate(sums) for v, cell in enumerate(row)
                ]
                with builder.if_else(resume) as (then, otherwise):
                    with then:
                        for cell, offset in placed:
                            builder.store(real.load(builder, place, offset), cell)
                    with otherwise:
                        for cell, _ in placed:
                            builder.store(real.zero, cell)
                with cgutils.for_range(builder, d) as loop:
                    column = builder.mul(loop.index, i64(width))
                    right = [real.load(builder, tile, builder.add(column, i64(v * real.lanes))) for v in range(VECTORS)]
                    left = [builder.gep(start, [loop.index]) for start in starts]
                    add_squared_differences(builder, real, sums, left, right)
                with builder.if_else(root) as (then, otherwise):
                    with then:
                        for cell, offset in placed:
                            distance = builder.call(real.function(builder, "sqrt", 1), [builder.load(cell)])
                            real.store(builder, distance, place, offset)
                    with otherwise:
                        for cell, offset in placed:
                            real.store(builder, builder.load(cell), place, offset)
            return context.get_dummy_value()

        return signature, codegen

    return distances


def _widened(builder: ir.IRBuilder, real: Any, value: ir.Value) -> ir.Value:
    """A vector as float64."""
    return value if real is F64 else builder.fpext(value, ir.VectorType(F64.scalar, real.lanes))


def _make_sum(vectors: int, weighted: bool) -> Any:
    @intrinsic
    def add_run(typingctx, rows, weight, count, resume, out):
        """Sum ``count`` rows of ``vectors`` vectors each, times the rows' weights, into one row of float64.

        ``resume`` adds to what is there. Float32 rows without weights are added up in float32, so there must be few.
        """
        real = real_of(rows)
        signature = types.void(rows, F64.pointer, types.intp, types.boolean, F64.pointer)

        def codegen(context, builder, signature, arguments):
            rows, weight, count, resume, out = arguments
            wide = ir.VectorType(F64.scalar, real.lanes)
            zero = ir.Constant(wide, [0.0] * real.lanes) if weighted else real.zero
            (sums,) = cells(builder, zero, 1, vectors)
            with cgutils.for_range(builder, count) as loop:
                place = builder.mul(loop.index, i64(vectors * real.lanes))
                if weighted:
                    factor = real.splat(builder, builder.load(builder.gep(weight, [loop.index])))
                for v, cell in enumerate(sums):
                    value = real.load(builder, rows, builder.add(place, i64(v * real.lanes)))
                    if weighted:
                        value = builder.fmul(_widened(builder, real, value), factor)
                    builder.store(builder.fadd(builder.load(cell), value), cell)
            totals = [builder.load(cell) if weighted else _widened(builder, real, builder.load(cell)) for cell in sums]
            targets = [
                builder.bitcast(builder.gep(out, [i64(v * real.lanes)]), wide.as_pointer()) for v in range(vectors)
            ]
            with builder.if_else(resume) as (then, otherwise):
                with then:
                    for total, target in zip(totals, targets, strict=True):
                        builder.store(builder.fadd(builder.load(target, align=8), total), target, align=8)
                with otherwise:
                    for total, target in zip(totals, targets, strict=True):
                        builder.store(total, target, align=8)
            return context.get_dummy_value()

        return signature, codegen

    return add_run


@intrinsic
def add_across(typingctx, distances, factors, count, out):
    """Add the distances of some rows to a tile, times the tile's ``factors``, to a vector for each of the rows."""
    real = real_of(distances)
    signature = types.void(distances, distances, types.intp, distances)

    def codegen(context, builder, signature, arguments):
        distances, factors, count, out = arguments
        weights = [real.load(builder, factors, i64(v * real.lanes)) for v in range(VECTORS)]
        with cgutils.for_range(builder, count) as loop:
            place = builder.mul(loop.index, i64(real.lanes))
            row = builder.mul(place, i64(VECTORS))
            total = real.load(builder, out, place)
            for v, weight in enumerate(weights):
                value = real.load(builder, distances, builder.add(row, i64(v * real.lanes)))
                total = real.fma(builder, value, weight, total)
            real.store(builder, total, out, place)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def lane_sum(typingctx, vector):
    """The sum of the numbers of one vector, in float64."""
    real = real_of(vector)
    signature = types.float64(vector)

    def codegen(context, builder, signature, arguments):
        value = _widened(builder, real, real.load(builder, arguments[0], i64(0)))
        lanes = real.lanes
        while lanes > 1:
            lanes //= 2
            low, high = (
                builder.shuffle_vector(
                    value, value, ir.Constant(ir.VectorType(ir.IntType(32), lanes), list(range(first, first + lanes)))
                )
                for first in (0, lanes)
            )
            value = builder.fadd(low, high)
        return builder.extract_element(value, ir.IntType(32)(0))

    return signature, codegen


distances_to_block, distances_to_row = _make_distances(HEIGHT), _make_distances(1)
add_run, add_run_weighted = _make_sum(VECTORS, False), _make_sum(VECTORS, True)
add_wide_run = _make_sum(VECTORS * F32.lanes // F64.lanes, False)  # of float64 sums of a tile of float32 rows
WIDTH_32, WIDTH_64 = VECTORS * F32.lanes, VECTORS * F64.lanes  # rows in a tile
