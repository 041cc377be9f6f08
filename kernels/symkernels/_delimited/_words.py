"""Operations on 64-bit words that Numba has no functions for."""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_i1, _i64, _i128 = ir.IntType(1), ir.IntType(64), ir.IntType(128)


@intrinsic
def word_at(typingctx, pointer, offset):
    """Return the eight bytes at an offset, the first one as the lowest."""
    signature = types.uint64(pointer, types.intp)

    def codegen(context, builder, signature, arguments):
        place = builder.gep(arguments[0], [arguments[1]])
        return builder.load(builder.bitcast(place, _i64.as_pointer()), align=1)

    return signature, codegen


@intrinsic
def high_product(typingctx, a, b):
    """Return the upper 64 bits of the product of two words."""
    signature = types.uint64(types.uint64, types.uint64)

    def codegen(context, builder, signature, arguments):
        wide = [builder.zext(argument, _i128) for argument in arguments]
        return builder.trunc(builder.lshr(builder.mul(*wide), ir.Constant(_i128, 64)), _i64)

    return signature, codegen


@intrinsic
def leading_zeros(typingctx, word):
    """Return how many of the upper bits of a word are 0."""
    signature = types.int64(types.uint64)

    def codegen(context, builder, signature, arguments):
        return builder.ctlz(arguments[0], ir.Constant(_i1, 0))

    return signature, codegen


@intrinsic
def trailing_zeros(typingctx, word):
    """Return how many of the lower bits of a word are 0: 64 for 0."""
    signature = types.int64(types.uint64)

    def codegen(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.Constant(_i1, 0))

    return signature, codegen


@intrinsic
def float_of_bits(typingctx, word):
    """Return the float64 that has these bits."""
    signature = types.float64(types.uint64)

    def codegen(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.DoubleType())

    return signature, codegen
