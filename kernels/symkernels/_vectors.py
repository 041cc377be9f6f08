"""LLVM's vectors for Numba intrinsics: the parts of loops that keep blocks of numbers in registers.

A vector is as wide as the registers of the host: 64 bytes with AVX-512, else 32.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ._jit import compiled

AVX512 = bool(llvm.get_host_cpu_features().get("avx512f", False))
FUSED = bool(llvm.get_host_cpu_features().get("fma", platform.machine() == "aarch64"))  # multiply-add
LINE = 64  # bytes in a cache line

i1, i32, i64 = ir.IntType(1), ir.IntType(32), ir.IntType(64)


class Real:
    """A floating-point type and its vector.

    Attributes
    ----------
    size : int
        Bytes of a number.
    lanes : int
        Numbers in a vector.
    scalar, vector : llvmlite.ir.Type
    pointer : numba type
        Type of an address of such numbers, for signatures.
    zero : llvmlite.ir.Constant
        A vector of zeros.
    """

    def __init__(self, scalar: ir.Type, numba_type: Any, size: int) -> None:
        self.size = size
        self.lanes = (64 if AVX512 else 32) // size
        self.scalar = scalar
        self.vector = ir.VectorType(scalar, self.lanes)
        self.pointer = types.CPointer(numba_type)
        self.zero = ir.Constant(self.vector, [0.0] * self.lanes)
        self._suffix = f"v{self.lanes}f{8 * size}"

    def fma(self, builder: ir.IRBuilder, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
        """Return a b + c of vectors, as one fused operation."""
        return builder.call(self.function(builder, "fmuladd", 3), [a, b, c])

    def function(self, builder: ir.IRBuilder, name: str, arguments: int) -> Any:
        """Return LLVM's intrinsic ``name`` from ``arguments`` vectors to a vector."""
        return declare(builder, f"llvm.{name}.{self._suffix}", self.vector, *[self.vector] * arguments)

    def splat(self, builder: ir.IRBuilder, scalar: ir.Value) -> ir.Value:
        """Return a vector whose lanes are all ``scalar``, of any type."""
        empty = ir.Constant(ir.VectorType(scalar.type, self.lanes), ir.Undefined)
        one = builder.insert_element(empty, scalar, i32(0))
        return builder.shuffle_vector(one, empty, ir.Constant(ir.VectorType(i32, self.lanes), [0] * self.lanes))

    def at(self, builder: ir.IRBuilder, pointer: ir.Value, offset: ir.Value) -> ir.Value:
        """Return the address of the vector that begins ``offset`` numbers after ``pointer``."""
        return builder.bitcast(builder.gep(pointer, [offset]), self.vector.as_pointer())

    def load(self, builder: ir.IRBuilder, pointer: ir.Value, offset: ir.Value) -> ir.Value:
        """Load the vector that begins ``offset`` numbers after ``pointer``."""
        return builder.load(self.at(builder, pointer, offset), align=self.size)

    def store(self, builder: ir.IRBuilder, value: ir.Value, pointer: ir.Value, offset: ir.Value) -> None:
        """Store a vector ``offset`` numbers after ``pointer``."""
        builder.store(value, self.at(builder, pointer, offset), align=self.size)


F64 = Real(ir.DoubleType(), types.float64, 8)
F32 = Real(ir.FloatType(), types.float32, 4)


def real_of(pointer: Any) -> Real:
    """Return the `Real` of a Numba pointer type, so that one intrinsic works for both precisions."""
    return F32 if pointer == F32.pointer else F64


def declare(builder: ir.IRBuilder, name: str, result: ir.Type, *arguments: ir.Type) -> Any:
    """Return a function of LLVM, declared in the module."""
    return cgutils.get_or_insert_function(builder.module, ir.FunctionType(result, arguments), name)


def cells(builder: ir.IRBuilder, start: ir.Value, rows: int, columns: int) -> list[list[Any]]:
    """Make ``rows`` by ``columns`` variables that hold ``start``. LLVM keeps them in registers while these suffice."""
    made = [[cgutils.alloca_once(builder, start.type) for _ in range(columns)] for _ in range(rows)]
    for row in made:
        for cell in row:
            builder.store(start, cell)
    return made


def add_products(
    builder: ir.IRBuilder, real: Real, sums: list[list[Any]], left: Sequence[ir.Value], right: Sequence[ir.Value]
) -> None:
    """Add left[m] * right[v] to the cell sums[m][v]. ``left`` are addresses of numbers, ``right`` vectors."""
    for address, row in zip(left, sums, strict=True):
        splat = real.splat(builder, builder.load(address))
        for vector, cell in zip(right, row, strict=True):
            builder.store(real.fma(builder, splat, vector, builder.load(cell)), cell)


def add_squared_differences(
    builder: ir.IRBuilder, real: Real, sums: list[list[Any]], left: Sequence[ir.Value], right: Sequence[ir.Value]
) -> None:
    """Add (right[v] - left[m])^2 to the cell sums[m][v]. ``left`` are addresses of numbers, ``right`` vectors."""
    for address, row in zip(left, sums, strict=True):
        splat = real.splat(builder, builder.load(address))
        for vector, cell in zip(right, row, strict=True):
            difference = builder.fsub(vector, splat)
            builder.store(real.fma(builder, difference, difference, builder.load(cell)), cell)


def load_first(builder: ir.IRBuilder, place: ir.Value, count: ir.Value) -> ir.Value:
    """Load the first ``count`` float64 values of a vector, and read no other memory; the rest are 0."""
    bits = ir.VectorType(i1, F64.lanes)
    name = f"llvm.masked.load.v{F64.lanes}f64.p0"
    load = declare(builder, name, F64.vector, F64.vector.as_pointer(), i32, bits, F64.vector)
    lane = ir.Constant(ir.VectorType(i64, F64.lanes), list(range(F64.lanes)))
    inside = builder.icmp_signed("<", lane, F64.splat(builder, count))
    return builder.call(load, [place, i32(8), inside, F64.zero])


def prefetch(builder: ir.IRBuilder, pointer: ir.Value) -> None:
    """Fetch the cache line at ``pointer`` for reading, into the second-level cache."""
    byte_pointer = ir.IntType(8).as_pointer()
    function = declare(builder, "llvm.prefetch.p0", ir.VoidType(), byte_pointer, i32, i32, i32)
    builder.call(function, [builder.bitcast(pointer, byte_pointer), i32(0), i32(2), i32(1)])


@intrinsic
def pointer_to(typingctx, array, offset):
    """Return the address of element ``offset`` of a contiguous array."""
    signature = types.CPointer(array.dtype)(array, types.intp)

    def codegen(context, builder, signature, arguments):
        struct = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.gep(struct.data, [arguments[1]])

    return signature, codegen


@intrinsic
def fused_multiply_add(typingctx, a, b, c):
    """Return a b + c of float64 numbers, rounded once."""

    def codegen(context, builder, signature, arguments):
        real = F64.scalar
        return builder.call(declare(builder, "llvm.fma.f64", real, real, real, real), arguments)

    return types.float64(types.float64, types.float64, types.float64), codegen


@intrinsic
def _first(typingctx, pointer):
    real = real_of(pointer)
    signature = pointer.dtype(pointer)

    def codegen(context, builder, signature, arguments):
        return builder.extract_element(real.load(builder, arguments[0], i64(0)), i32(0))

    return signature, codegen


@compiled
def first_of(array):
    """Return the first number of an array, read through a vector: the test of `numba_works`."""
    return _first(pointer_to(array, 0))


def probe() -> Any:
    """Return an array for which `first_of` returns 1."""
    return np.ones(F64.lanes)
