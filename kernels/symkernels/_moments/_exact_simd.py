"""Register-blocked inner loops of sums without rounding errors, on panels as in `_simd`.

A sum begins at a *bias*: 1.5 times a power of 2, at least twice what the sum can become. So it never leaves its binade,
the rounding error of adding a product is exact in one subtraction and one fused multiply-add, and a second sum takes
it (Rump, Ogita & Oishi 2008, "Accurate floating-point summation part I", section 3). The second sum is rounded.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .._vectors import F64, cells, i64, load_first
from ._simd import LANES

LOW, HIGH, SQUARES, LARGEST, UNEVEN = range(5)  # rows of what `exact_strip_*` finds

_pointer = F64.pointer
_bytes = types.CPointer(types.uint8)


def _fma(builder: ir.IRBuilder, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
    return builder.call(F64.function(builder, "fma", 3), [a, b, c])


def _magnitude(builder: ir.IRBuilder, a: ir.Value) -> ir.Value:
    return builder.call(F64.function(builder, "fabs", 1), [a])


def _two_sum(builder: ir.IRBuilder, a: ir.Value, b: ir.Value) -> tuple[ir.Value, ir.Value]:
    s = builder.fadd(a, b)
    t = builder.fsub(s, a)
    return s, builder.fadd(builder.fsub(a, builder.fsub(s, t)), builder.fsub(b, t))


def _quick_two_sum(builder: ir.IRBuilder, a: ir.Value, b: ir.Value) -> tuple[ir.Value, ir.Value]:
    s = builder.fadd(a, b)
    return s, builder.fsub(b, builder.fsub(s, a))


def _add_to_parts(builder: ir.IRBuilder, place: ir.Value, part: ir.Value, high: ir.Value, low: ir.Value) -> None:
    """Add a number in two parts to one in three, whose parts are ``part`` numbers apart."""
    places = [F64.at(builder, builder.gep(place, [builder.mul(part, i64(k))]), i64(0)) for k in range(3)]
    a0, a1, a2 = (builder.load(address, align=8) for address in places)
    a, t = _two_sum(builder, a0, high)
    b, u = _two_sum(builder, a1, t)
    b, v = _two_sum(builder, b, low)
    a, b = _quick_two_sum(builder, a, b)
    b, c = _quick_two_sum(builder, b, builder.fadd(a2, builder.fadd(u, v)))
    for address, value in zip(places, (a, b, c), strict=True):
        builder.store(value, address, align=8)


def _add_product(builder: ir.IRBuilder, a: ir.Value, b: ir.Value, high: Any, low: Any) -> None:
    """Add a b to a biased sum and its rounding error to the sum of these."""
    before = builder.load(high)
    after = _fma(builder, a, b, before)
    builder.store(after, high)
    error = _fma(builder, a, b, builder.fsub(before, after))
    builder.store(builder.fadd(builder.load(low), error), low)


def _add_number(builder: ir.IRBuilder, a: ir.Value, high: Any, low: Any) -> None:
    before = builder.load(high)
    after = builder.fadd(before, a)
    builder.store(after, high)
    error = builder.fsub(a, builder.fsub(after, before))
    builder.store(builder.fadd(builder.load(low), error), low)


def _make_strip(masked: bool) -> Any:
    @intrinsic
    def strip(typingctx, x, x_stride, u, rows, shift, found, stride, gaps, columns):
        """Write X - shift to a panel, 0 where X is NaN, and a bit for each such lane to ``gaps``.

        ``found`` gets minimum and maximum of X, the sum of squares and the largest magnitude of the panel, and the
        largest rounding error of the subtraction. A masked strip reads only the first ``columns`` of its vector.
        """
        signature = types.void(
            _pointer, types.intp, _pointer, types.intp, _pointer, _pointer, types.intp, _bytes, types.intp
        )

        def codegen(context, builder, signature, arguments):
            x, x_stride, u, rows, shift, found, stride, gaps, columns = arguments

            def load_x(place: ir.Value) -> ir.Value:
                return load_first(builder, place, columns) if masked else builder.load(place, align=8)

            places = [F64.at(builder, found, builder.mul(stride, i64(k))) for k in range(5)]
            ((low, high, squares, largest, uneven),) = cells(builder, F64.zero, 1, 5)
            builder.store(builder.load(places[LOW], align=8), low)
            builder.store(builder.load(places[HIGH], align=8), high)
            c = builder.load(F64.at(builder, shift, i64(0)), align=8)
            with cgutils.for_range(builder, rows) as loop:
                value = load_x(F64.at(builder, builder.gep(x, [builder.mul(loop.index, x_stride)]), i64(0)))
                missing = builder.fcmp_unordered("uno", value, value)
                bits = builder.bitcast(missing, ir.IntType(LANES))
                byte = bits if LANES == 8 else builder.zext(bits, ir.IntType(8))
                builder.store(byte, builder.gep(gaps, [loop.index]))
                shifted, error = _two_sum(builder, value, builder.fneg(c))
                shifted = builder.select(missing, F64.zero, shifted)
                builder.store(shifted, F64.at(builder, u, builder.mul(loop.index, i64(LANES))), align=8)
                builder.store(_fma(builder, shifted, shifted, builder.load(squares)), squares)
                # A comparison with NaN is false, so NaN is never found.
                for cell, sign, candidate in (
                    (low, "<", value),
                    (high, ">", value),
                    (largest, ">", _magnitude(builder, shifted)),
                    (uneven, ">", _magnitude(builder, error)),
                ):
                    old = builder.load(cell)
                    builder.store(builder.select(builder.fcmp_ordered(sign, candidate, old), candidate, old), cell)
            for place, cell in zip(places, (low, high, squares, largest, uneven), strict=True):
                builder.store(builder.load(cell), place, align=8)
            return context.get_dummy_value()

        return signature, codegen

    return strip


@intrinsic
def exact_tile(typingctx, a, b, rows, left, right, c, stride, part):
    """Add A.T @ B of two panels to numbers in three parts, which are ``part`` numbers apart.

    The biases are products of ``left`` and ``right``, one for each column of the panels.
    """
    signature = types.void(_pointer, _pointer, types.intp, _pointer, _pointer, _pointer, types.intp, types.intp)

    def codegen(context, builder, signature, arguments):
        a, b, rows, left, right, c, stride, part = arguments
        sums = cells(builder, F64.zero, LANES, 2)
        right_bias = builder.load(F64.at(builder, right, i64(0)), align=8)
        biases = []
        for m, (high, _) in enumerate(sums):
            left_bias = F64.splat(builder, builder.load(builder.gep(left, [i64(m)])))
            biases.append(builder.fmul(left_bias, right_bias))
            builder.store(biases[m], high)
        with cgutils.for_range(builder, rows) as loop:
            offset = builder.mul(loop.index, i64(LANES))
            row = builder.gep(a, [offset])
            other = builder.load(F64.at(builder, b, offset), align=8)
            for m, (high, low) in enumerate(sums):
                one = F64.splat(builder, builder.load(builder.gep(row, [i64(m)])))
                _add_product(builder, one, other, high, low)
        for m, (high, low) in enumerate(sums):
            place = builder.gep(c, [builder.mul(stride, i64(m))])
            _add_to_parts(builder, place, part, builder.fsub(builder.load(high), biases[m]), builder.load(low))
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def exact_powers(typingctx, u, rows, biases, sums, stride, part):
    """Add the first, third and fourth powers of a panel to three rows of numbers in three parts.

    ``stride`` is the distance of two rows of ``biases`` and of ``sums``.
    """
    signature = types.void(_pointer, types.intp, _pointer, _pointer, types.intp, types.intp)

    def codegen(context, builder, signature, arguments):
        u, rows, biases, sums, stride, part = arguments
        rows_of = [builder.mul(stride, i64(k)) for k in range(3)]
        bias = [builder.load(F64.at(builder, biases, offset), align=8) for offset in rows_of]
        (first, third, fourth) = found = cells(builder, F64.zero, 3, 2)
        for (high, _), start in zip(found, bias, strict=True):
            builder.store(start, high)
        with cgutils.for_range(builder, rows) as loop:
            value = builder.load(F64.at(builder, u, builder.mul(loop.index, i64(LANES))), align=8)
            square = builder.fmul(value, value)
            rest = _fma(builder, value, value, builder.fneg(square))
            _add_number(builder, value, *first)
            _add_product(builder, square, value, *third)
            builder.store(_fma(builder, rest, value, builder.load(third[1])), third[1])
            _add_product(builder, square, square, *fourth)
            twice = builder.fadd(square, square)
            builder.store(_fma(builder, rest, twice, builder.load(fourth[1])), fourth[1])
        for (high, low), start, offset in zip(found, bias, rows_of, strict=True):
            value = builder.fsub(builder.load(high), start)
            _add_to_parts(builder, builder.gep(sums, [offset]), part, value, builder.load(low))
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def exact_squares(typingctx, u, rows, square, rest):
    """Write the squares of a panel, and their rounding errors."""
    signature = types.void(_pointer, types.intp, _pointer, _pointer)

    def codegen(context, builder, signature, arguments):
        u, rows, square, rest = arguments
        with cgutils.for_range(builder, rows) as loop:
            offset = builder.mul(loop.index, i64(LANES))
            value = builder.load(F64.at(builder, u, offset), align=8)
            product = builder.fmul(value, value)
            builder.store(product, F64.at(builder, square, offset), align=8)
            error = _fma(builder, value, value, builder.fneg(product))
            builder.store(error, F64.at(builder, rest, offset), align=8)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def exact_gather(typingctx, u, chosen, count, biases, stride, total, square, part):
    """Add the chosen rows of a panel, and their squares, to numbers in three parts. The squares' bias comes first."""
    signature = types.void(
        _pointer, types.CPointer(types.int32), types.intp, _pointer, types.intp, _pointer, _pointer, types.intp
    )

    def codegen(context, builder, signature, arguments):
        u, chosen, count, biases, stride, total, square, part = arguments
        bias = [builder.load(F64.at(builder, biases, builder.mul(stride, i64(k))), align=8) for k in range(2)]
        squares, values = found = cells(builder, F64.zero, 2, 2)
        for (high, _), start in zip(found, bias, strict=True):
            builder.store(start, high)
        with cgutils.for_range(builder, count) as loop:
            row = builder.sext(builder.load(builder.gep(chosen, [loop.index])), i64)
            value = builder.load(F64.at(builder, u, builder.mul(row, i64(LANES))), align=8)
            _add_number(builder, value, *values)
            _add_product(builder, value, value, *squares)
        for (high, low), start, place in zip(found, bias, (square, total), strict=True):
            _add_to_parts(builder, place, part, builder.fsub(builder.load(high), start), builder.load(low))
        return context.get_dummy_value()

    return signature, codegen


exact_strip, exact_strip_tail = _make_strip(False), _make_strip(True)
