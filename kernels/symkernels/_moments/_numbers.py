"""Arrays of numbers in three parts. They are stored with a first axis of length 3; `Parts` computes with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import array_api_compat as compat
import numpy as np

from .._arrays import Array, is_cupy, namespace
from .._numba import uses_loops
from ._parts import PARTS, Three, add, add_number, divide, multiply, multiply_number
from ._parts import rounded as to_float


def _run(name: str, function: Callable[..., Three], *operands: Any) -> Parts:
    """Run a function: on NumPy arrays a compiled one and on CuPy a kernel, which need one pass instead of seventy."""
    if isinstance(operands[0], (np.ndarray, np.float64)) and uses_loops("moments"):
        from . import _parts_compiled

        return Parts.of(getattr(_parts_compiled, name)(*operands))
    if is_cupy(operands[0]):
        from . import _parts_cuda

        return Parts.of(_parts_cuda.run(name, operands))
    return Parts(*function(*operands))


class Parts:
    """Arrays of numbers in three parts, with their arithmetic; operands may be float64 arrays or numbers."""

    __slots__ = ("_stored", "high", "low", "middle")

    def __init__(self, high: Array, middle: Array, low: Array, stored: Array | None = None) -> None:
        self.high, self.middle, self.low, self._stored = high, middle, low, stored

    @classmethod
    def of(cls, stored: Array) -> Parts:
        """Return a view of an array whose first axis has the parts."""
        return cls(stored[0, ...], stored[1, ...], stored[2, ...], stored)

    @classmethod
    def exactly(cls, values: Array) -> Parts:
        """Return float64 values as numbers in three parts."""
        zeros = namespace(values).zeros_like(values)
        return cls(values, zeros, zeros)

    @property
    def three(self) -> Three:
        return self.high, self.middle, self.low

    def stored(self) -> Array:
        """Return the parts in one array, along a first axis: that of which these are views, if there is one."""
        return self._stored if self._stored is not None else namespace(self.high).stack(list(self.three))

    def rounded(self) -> Array:
        """Return the float64 nearest to each number."""
        nearest, other, is_other = to_float(*self.three)
        if isinstance(nearest, float):
            return other if is_other else nearest
        return namespace(nearest).where(is_other, other, nearest)

    def each(self, function: Callable[[Array], Array]) -> Parts:
        """Return the numbers that a function which moves entries makes of every part."""
        return Parts(*(function(part) for part in self.three))

    def __neg__(self) -> Parts:
        return Parts(-self.high, -self.middle, -self.low)

    def __add__(self, other: Any) -> Parts:
        if isinstance(other, Parts):
            return _run("add", add, *self.three, *other.three)
        return _run("add_number", add_number, *self.three, other)

    def __sub__(self, other: Any) -> Parts:
        return self + -other

    def __mul__(self, other: Any) -> Parts:
        if isinstance(other, Parts):
            return _run("multiply", multiply, *self.three, *other.three)
        return _run("multiply_number", multiply_number, *self.three, other)

    __radd__ = __add__
    __rmul__ = __mul__

    def over(self, other: Parts) -> Parts:
        """Return the quotients; NaN where ``other`` is not positive."""
        xp = namespace(self.high)
        good = other.high > 0
        middle, low = xp.where(good, other.middle, 0.0), xp.where(good, other.low, 0.0)
        divisor = Parts(xp.where(good, other.high, 1.0), middle, low)
        quotient = _run("divide", divide, *self.three, *divisor.three)
        return quotient.each(lambda part: xp.where(good, part, xp.nan))


def minus_product(r: Parts, a: Parts, x: Parts) -> Parts:
    """Return r - a x for NumPy matrices."""
    if uses_loops("moments"):
        from . import _parts_compiled

        stored = np.array(r.stored(), order="C")
        _parts_compiled.minus_product(stored, np.ascontiguousarray(a.stored()), np.ascontiguousarray(x.stored()))
        return Parts.of(stored)
    for k in range(x.high.shape[0]):
        r = r - a.each(lambda part, k=k: part[:, k, None]) * x.each(lambda part, k=k: part[k, None, :])  # type: ignore[misc]
    return r


def widened(values: Array) -> Array:
    """Return float64 values as a stored array of numbers in three parts."""
    stored = namespace(values).zeros((PARTS, *values.shape), dtype=values.dtype, device=compat.device(values))
    stored[0, ...] = values
    return stored


def rounded(stored: Array) -> Array:
    """Return a stored array as float64."""
    return Parts.of(stored).rounded()
