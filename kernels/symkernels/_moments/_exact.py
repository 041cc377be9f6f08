"""Sums of rows without any rounding of their products, for every array library.

Each column is cut into slices of few bits (Ozaki, Ogita, Oishi & Rump 2012, "Error-free transformations of matrix
multiplication by using fast routines of matrix multiplication and its applications", section 3). The product of two
slices is a matrix of whole numbers below 2^53, in some unit, so that it has no rounding error in whatever order a
library sums. The products are added as numbers in three parts.
"""

from __future__ import annotations

from dataclasses import dataclass

import array_api_compat as compat

from .._arrays import Array, namespace
from ._layout import Layout
from ._numbers import Parts
from ._parts import two_product
from ._rows import Incidence, presence
from ._sums import Sums

ROWS = 2048  # of a block: two slices of 21 bits have products of 42, and the sum of 2^11 of them has 53
_BITS = 21
_MOST = 16  # slices; what they drop of a column is less than 2^-340 of its largest value


@dataclass(frozen=True)
class _Slices:
    """A matrix as the sum of slices, times a power of two for each column."""

    slices: list[Array]
    scale: Array


def exact_sums(X: Array, weight: Array | None, sparse: Incidence | None, layout: Layout, *, joint: bool) -> Sums:
    """Return the sums of at most `ROWS` rows about a shift of their own; `UNIT` bounds their relative errors.

    ``layout`` has no sparse attributes; ``sparse`` says where their groups are missing.
    """
    xp, device = namespace(X), compat.device(X)
    X = xp.astype(X, xp.float64, copy=False)
    n, d = X.shape
    here = ~xp.isnan(X)
    shift = _shift(X, here, layout)
    seen = here if weight is None else here & (weight > 0)[:, None]  # a row of weight 0 does not count
    U = xp.where(seen, X - shift, 0.0)  # exact
    present = presence(here, sparse, layout)
    missing = not bool(xp.all(present))
    result = Sums.zeros(layout, shift, missing=missing, joint=joint)
    result.n_rows = n
    if n == 0:
        return result
    u, squares = [_sliced(U)], Parts(*two_product(U, U), xp.zeros_like(U))
    if weight is None:
        uw, mass = u, (float(n), 0.0, 0.0)
    else:
        w = weight[:, None]
        weighted = two_product(U, w)
        uw, squares = [_sliced(part) for part in weighted], squares * w
        total = _total(Parts.exactly(weight))
        mass = (float(total.high), float(total.middle), float(total.low))
    result.mass = mass
    every = [_sliced(part) for part in squares.three]
    result.S = _product(u, uw).stored()
    if missing:
        G = xp.astype(present, xp.float64)
        g = [_sliced(G)]
        result.T, result.Q = _product(uw, g).stored(), _product(every, g).stored()
        result.N = _product(g, g if weight is None else [_sliced(G * w)]).stored()
    elif weight is None:
        result.T = _total(Parts.exactly(U)).stored()
    else:
        result.T = _total(Parts(*weighted, xp.zeros_like(U))).stored()
    cubes = squares * U
    result.M3, result.M4 = _total(cubes).stored(), _total(cubes * U).stored()
    if len(layout.binaries):
        ones = xp.take(U, xp.asarray(layout.binaries, device=device), axis=1)
        result.V = _product(every, [_sliced(ones)]).stored()
    if joint:
        of_squares = [_sliced(part) for part in two_product(U, U)]
        result.D, result.F = _product(every, u).stored(), _product(every, of_squares).stored()
    if d:
        result.low = xp.min(xp.where(seen, X, xp.inf), axis=0)
        result.high = xp.max(xp.where(seen, X, -xp.inf), axis=0)
    return result


def _shift(X: Array, here: Array, layout: Layout) -> Array:
    """Return a shift for each column whose difference from every value is exact: a value near all of them, or 0.

    A difference of two numbers is exact if neither is more than twice the other (Sterbenz 1974).
    """
    xp = namespace(X)
    if not X.shape[0]:
        return xp.zeros((X.shape[1],), dtype=xp.float64, device=compat.device(X))
    low = xp.min(xp.where(here, X, xp.inf), axis=0)
    high = xp.max(xp.where(here, X, -xp.inf), axis=0)
    near = ((low > 0) & (high <= 2 * low)) | ((high < 0) & (low >= 2 * high))
    near = near & (low <= high) & ~xp.asarray(layout.binary[: layout.n_dense], device=compat.device(X))
    low, high = xp.where(near, low, 0.0), xp.where(near, high, 0.0)
    return low + (high - low) / 2


def _sliced(A: Array) -> _Slices:
    """Cut a matrix into slices whose entries are multiples of a small power of two, and at most 1."""
    xp = namespace(A)
    scale = _power_of_two_above(xp.max(xp.abs(A), axis=0))
    slices: list[Array] = []
    rest, unit = A / scale, 1.0
    while len(slices) < _MOST and bool(xp.any(rest != 0)):
        unit *= 2.0**-_BITS
        rounder = 1.5 * 2.0**52 * unit
        part = (rest + rounder) - rounder
        slices.append(part)
        rest = rest - part
        unit *= 0.5  # the rest is at most half a unit
    return _Slices(slices, scale)


def _power_of_two_above(x: Array) -> Array:
    """Return the smallest powers of two that are more than |x| / 2, at least; 1 for 0 and what is not finite."""
    xp = namespace(x)
    good = (x > 2.0**-1022) & (x < 2.0**960)
    x = xp.where(good, x, 0.75)
    # Rump (2009, "Ultimately fast accurate summation", algorithm 3.5): a power of two by rounding alone.
    q = (2.0**52 + 1.0) * x
    return 2.0 * xp.abs(q - (1.0 - 2.0**-53) * q)


def _product(a: list[_Slices], b: list[_Slices]) -> Parts:
    """Return A.T @ B of two matrices, each the sum of matrices in slices."""
    xp = namespace(a[0].scale)
    shape = (a[0].scale.shape[0], b[0].scale.shape[0])
    found = Parts.exactly(xp.zeros(shape, dtype=xp.float64, device=compat.device(a[0].scale)))
    for left in a:
        for right in b:
            total = Parts.exactly(xp.zeros_like(found.high))
            for i, one in enumerate(left.slices):
                rows = xp.matrix_transpose(one)
                for j, other in enumerate(right.slices):
                    if left is not right:
                        total = total + rows @ other
                    elif i <= j:
                        block = rows @ other
                        total = total + block
                        if i < j:
                            total = total + xp.matrix_transpose(block)
            scale = left.scale[:, None] * right.scale[None, :]
            found = found + Parts(*(part * scale for part in total.three))
    return found


def _total(rows: Parts) -> Parts:
    """Return the sum of all rows."""
    xp = namespace(rows.high)

    def some(first: int, last: int) -> Parts:
        return rows.each(lambda part: part[first:last, ...])

    n = rows.high.shape[0]
    while n > 1:
        half = n // 2
        total = some(0, half) + some(half, 2 * half)
        if n % 2:
            last = some(2 * half, n)
            total = Parts(*(xp.concat([one, other]) for one, other in zip(total.three, last.three, strict=True)))
        rows, n = total, n - half
    return rows.each(lambda part: part[0, ...])
