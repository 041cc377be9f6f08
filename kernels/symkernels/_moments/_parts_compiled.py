"""The arithmetic of `_parts` in compiled loops, with the processor's fused multiply-add."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload, register_jitable

from .._jit import compiled
from .._vectors import fused_multiply_add
from . import _parts
from ._parts import PARTS

# Compiled code that calls a function of `_parts` gets a compiled one; a product's error takes one instruction.
for _function in _parts.FUNCTIONS:
    register_jitable(_function)


@overload(_parts.two_product)
def _two_product(a: Any, b: Any) -> Any:
    def product(a: Any, b: Any) -> Any:
        p = a * b
        return p, fused_multiply_add(a, b, -p)

    return product


# Any strides: operands are broadcast. One signature serves all of them.
_OPERAND = types.Array(types.float64, 2, "A", readonly=True)
_RESULT = types.Array(types.float64, 3, "C")


def _elementwise(operands: int) -> Callable[[Any], Callable[..., np.ndarray]]:
    """Turn a loop over 2-D operands, which writes its result, into a function of arrays of at most two axes."""

    def decorated(loop: Any) -> Callable[..., np.ndarray]:
        run = compiled(loop, types.void(*[_OPERAND] * operands, _RESULT), error_model="numpy")

        def function(*given: Any) -> np.ndarray:
            shape = given[0].shape
            if all(type(x) is np.ndarray and x.shape == shape for x in given):  # broadcasting takes 3 us an operand
                flat = (1,) * (2 - len(shape)) + shape
                arrays = [x.reshape(flat) for x in given]
            else:
                shape = np.broadcast_shapes(*(np.shape(x) for x in given))
                flat = (1,) * (2 - len(shape)) + shape
                arrays = [np.broadcast_to(np.asarray(x, np.float64), flat) for x in given]
            result = np.empty((PARTS, *flat))
            run(*arrays, result)
            return result.reshape(PARTS, *shape)

        return function

    return decorated


@_elementwise(6)
def add(a0: Any, a1: Any, a2: Any, b0: Any, b1: Any, b2: Any, c: Any) -> None:
    for i in range(c.shape[1]):
        for j in range(c.shape[2]):
            c[0, i, j], c[1, i, j], c[2, i, j] = _parts.add(a0[i, j], a1[i, j], a2[i, j], b0[i, j], b1[i, j], b2[i, j])


@_elementwise(4)
def add_number(a0: Any, a1: Any, a2: Any, b: Any, c: Any) -> None:
    for i in range(c.shape[1]):
        for j in range(c.shape[2]):
            c[0, i, j], c[1, i, j], c[2, i, j] = _parts.add_number(a0[i, j], a1[i, j], a2[i, j], b[i, j])


@_elementwise(6)
def multiply(a0: Any, a1: Any, a2: Any, b0: Any, b1: Any, b2: Any, c: Any) -> None:
    for i in range(c.shape[1]):
        for j in range(c.shape[2]):
            c[0, i, j], c[1, i, j], c[2, i, j] = _parts.multiply(
                a0[i, j], a1[i, j], a2[i, j], b0[i, j], b1[i, j], b2[i, j]
            )


@_elementwise(4)
def multiply_number(a0: Any, a1: Any, a2: Any, b: Any, c: Any) -> None:
    for i in range(c.shape[1]):
        for j in range(c.shape[2]):
            c[0, i, j], c[1, i, j], c[2, i, j] = _parts.multiply_number(a0[i, j], a1[i, j], a2[i, j], b[i, j])


@_elementwise(6)
def divide(a0: Any, a1: Any, a2: Any, b0: Any, b1: Any, b2: Any, c: Any) -> None:
    for i in range(c.shape[1]):
        for j in range(c.shape[2]):
            c[0, i, j], c[1, i, j], c[2, i, j] = _parts.divide(
                a0[i, j], a1[i, j], a2[i, j], b0[i, j], b1[i, j], b2[i, j]
            )


def _minus_product(r: Any, a: Any, x: Any) -> None:
    """Subtract a x from r, in place."""
    for i in range(r.shape[1]):
        for j in range(r.shape[2]):
            s0, s1, s2 = r[0, i, j], r[1, i, j], r[2, i, j]
            for k in range(x.shape[1]):
                p0, p1, p2 = _parts.multiply(a[0, i, k], a[1, i, k], a[2, i, k], -x[0, k, j], -x[1, k, j], -x[2, k, j])
                s0, s1, s2 = _parts.add(s0, s1, s2, p0, p1, p2)
            r[0, i, j], r[1, i, j], r[2, i, j] = s0, s1, s2


minus_product = compiled(_minus_product, types.void(_RESULT, _RESULT, _RESULT), error_model="numpy")
