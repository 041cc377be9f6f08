"""Compiled loops over rows whose products have no rounding errors. `_fast` calls them without the interpreter lock."""

from __future__ import annotations

import math

import numpy as np

from .._jit import compiled
from . import _parts_compiled as _parts_compiled  # without it these loops could not call the functions of `_parts`
from ._limits import MOST_EXACTLY, TINY
from ._parts import add, normalized, quick_two_sum, two_product, two_sum

# Rows that `add_exactly` takes at a time. The second part of a biased sum is smaller by a factor that leaves
# room for the errors of as many additions to the first.
_EXACT_BLOCK = 64
_SECOND = 2.0**-45
BIASED_UNIT = 2.0**-132  # bounds their error: 128 additions to a third part of 2^-90, and powers of 2 above the norms


@compiled
def learn_small_batch(X, shift, binary, S, T, Q, N, V, binaries, M3, M4, low, high, low_exact, high_exact, gross,
                      fineness, group, taken):  # fmt: skip
    """Add a few complete rows in place, without rounding errors of products, and set ``taken``.

    Do nothing if a value is missing, too large, nearly nothing or not 0/1. Without N, T has one column.
    """
    n, p = X.shape
    for r in range(n):
        for j in range(p):
            x = X[r, j]
            d = x - shift[j]
            if not np.isfinite(S[0, j, j] + n * d * d) or (binary[j] and x != 0.0 and x != 1.0):
                return
            if d != 0.0 and gross[j] + d * d <= TINY:
                return
    u, e, uneven = np.empty(p), np.empty(p), np.empty(p, np.int64)
    for r in range(n):
        n_uneven = 0
        for j in range(p):
            x = X[r, j]
            u[j], e[j] = two_sum(x, -shift[j])
            gross[j] += u[j] * u[j]
            fineness[j] = _finer(fineness[j], x)
            if e[j] != 0.0:
                uneven[n_uneven] = j
                n_uneven += 1
            if x <= low[j]:
                low[j], low_exact[j] = x, True
            if x >= high[j]:
                high[j], high_exact[j] = x, True
        for i in range(p):
            a, a_low = u[i], e[i]
            _add_multiple(a, u[i:], S[0, i, i:], S[1, i, i:], S[2, i, i:])
            if a_low != 0.0:
                _add_multiple(a_low, u[i:], S[0, i, i:], S[1, i, i:], S[2, i, i:])
            for k in range(n_uneven):
                j = uneven[k]
                if j >= i:
                    product, product_low = two_product(a, e[j])
                    _add_two(S, i, j, product, product_low + a_low * e[j])
            square, square_low, cross, cross_low = _squared(a, a_low)
            cube, cube_low, fourth, fourth_low = _powers(a, a_low)
            M3[0, i], M3[1, i], M3[2, i] = _plus_two(M3[0, i], M3[1, i], M3[2, i], cube, cube_low)
            M4[0, i], M4[1, i], M4[2, i] = _plus_two(M4[0, i], M4[1, i], M4[2, i], fourth, fourth_low)
            for k in range(len(binaries)):
                if u[binaries[k]] != 0.0:
                    _add_two(V, i, k, square, square_low)
                    _add_two(V, i, k, cross, cross_low)
            _add_to_all(a, a_low, T[0, i], T[1, i], T[2, i])
            if N.shape[1]:
                _add_to_all(square, square_low, Q[0, i], Q[1, i], Q[2, i])
                if cross != 0.0:
                    _add_to_all(cross, cross_low, Q[0, i], Q[1, i], Q[2, i])
                _add_to_all(1.0, 0.0, N[0, group[i]], N[1, group[i]], N[2, group[i]])
    taken[0] = True


@compiled
def _finer(fineness, x):
    """Return a power of 2, at least ``fineness``, that makes a whole number of x; inf if that is too large."""
    if x == 0.0 or fineness == math.inf:
        return fineness
    fineness = max(fineness, math.ldexp(1.0, -math.frexp(x)[1]))
    while x * fineness != np.floor(x * fineness):
        fineness *= 2.0
    return fineness


@compiled
def add_exactly(X, shift, S, T, V, binaries, M3, M4, low, high, group, gap_T, gap_Q, gap_N):
    """Add rows of up to `MOST_EXACTLY` columns, NaN where missing, to sums, without rounding errors of products.

    The sums are those of complete rows, and those of the rows where each group is missing.
    """
    n, p = X.shape
    # The work is in flat arrays, whose rows are a constant apart: LLVM sees that they do not overlap, and uses vectors.
    U, E = np.zeros(_EXACT_BLOCK * MOST_EXACTLY), np.zeros(MOST_EXACTLY)
    powers, sums = np.zeros(9 * MOST_EXACTLY), np.zeros(4 * MOST_EXACTLY)
    gaps = np.zeros((gap_N.shape[0], 6 * MOST_EXACTLY))
    largest, missing, uneven = np.empty(p), np.empty(p, np.int64), np.empty(p, np.int64)
    for start in range(0, n, _EXACT_BLOCK):
        for r in range(_EXACT_BLOCK):
            u = U[r * MOST_EXACTLY : r * MOST_EXACTLY + p]
            if start + r >= n:
                u[:] = 0.0
                continue
            n_missing = n_uneven = 0
            for j in range(p):
                x = X[start + r, j]
                if np.isnan(x):
                    u[j] = E[j] = 0.0
                    missing[n_missing] = group[j]
                    n_missing += 1
                    continue
                u[j], E[j] = two_sum(x, -shift[j])
                if E[j] != 0.0:
                    uneven[n_uneven] = j
                    n_uneven += 1
                low[j] = min(low[j], x)
                high[j] = max(high[j], x)
            _add_powers(u, E, powers)
            for k in range(n_missing):
                g = missing[k]
                _add_squares(u, E, gaps[g])
                for m in range(n_missing):
                    gap_N[g, missing[m]] += 1.0
            for k in range(len(binaries)):
                if u[binaries[k]] != 0.0:
                    for i in range(p):
                        square, square_low, cross, cross_low = _squared(u[i], E[i])
                        _add_two(V, i, k, square, square_low)
                        _add_two(V, i, k, cross, cross_low)
            for k in range(n_uneven):  # what the second numbers add to S
                j = uneven[k]
                for i in range(p):
                    product, product_low = two_product(E[j], u[i])
                    if i == j:
                        product, product_low = 2.0 * product, 2.0 * product_low
                    _add_two(S, min(i, j), max(i, j), product, product_low)
                for m in range(k + 1):
                    _add_two(S, uneven[m], j, E[j] * E[uneven[m]], 0.0)
        for j in range(p):
            # A power of 2 above the norm. The values are scaled, so that no square overflows or underflows.
            most = 0.0
            for r in range(_EXACT_BLOCK):
                most = max(most, abs(U[r * MOST_EXACTLY + j]))
            exponent = math.frexp(most)[1]
            scale, total = math.ldexp(1.0, min(-exponent, 1000)), 0.0
            for r in range(_EXACT_BLOCK):
                total += (U[r * MOST_EXACTLY + j] * scale) ** 2
            largest[j] = math.ldexp(1.0, math.frexp(1.001 * np.sqrt(total))[1] + exponent) if most > 0.0 else 0.0
        for i in range(p):
            if largest[i] == 0.0:
                continue
            for j in range(i, p):
                bias = 3.0 * largest[i] * largest[j]
                sums[j], sums[MOST_EXACTLY + j] = bias, bias * _SECOND
                sums[2 * MOST_EXACTLY + j], sums[3 * MOST_EXACTLY + j] = 0.0, bias
            for r in range(0, _EXACT_BLOCK * MOST_EXACTLY, 4 * MOST_EXACTLY):
                at = r + i
                a, b, c, d = U[at], U[at + MOST_EXACTLY], U[at + 2 * MOST_EXACTLY], U[at + 3 * MOST_EXACTLY]
                _add_four(a, b, c, d, U[at:], sums[i:], p - i)
            _add_biased(sums[i:], S[0, i, i:], S[1, i, i:], S[2, i, i:])
    for j in range(p):
        for k in range(3):
            T[k, j] += powers[k * MOST_EXACTLY + j]
            M3[k, j] += powers[(3 + k) * MOST_EXACTLY + j]
            M4[k, j] += powers[(6 + k) * MOST_EXACTLY + j]
            for g in range(gap_N.shape[0]):
                gap_T[k, g, j] += gaps[g, k * MOST_EXACTLY + j]
                gap_Q[k, g, j] += gaps[g, (3 + k) * MOST_EXACTLY + j]


@compiled
def _add_four(a, b, c, d, u, sums, n):
    """Add multiples of four rows to biased sums."""
    for j in range(n):
        s, t, r = sums[j], sums[j + MOST_EXACTLY], sums[j + 2 * MOST_EXACTLY]
        s, t, r = _biased(a, u[j], s, t, r)
        s, t, r = _biased(b, u[j + MOST_EXACTLY], s, t, r)
        s, t, r = _biased(c, u[j + 2 * MOST_EXACTLY], s, t, r)
        s, t, r = _biased(d, u[j + 3 * MOST_EXACTLY], s, t, r)
        sums[j], sums[j + MOST_EXACTLY], sums[j + 2 * MOST_EXACTLY] = s, t, r


@compiled
def _biased(a, b, high, middle, low):
    """Add a b to a sum in three parts of which the first two are so large that they stay in their binades.

    Then the rounding error of adding to them is exact in one subtraction (Rump, Ogita & Oishi 2008, "Accurate
    floating-point summation part I", section 3), and passes to the next part.
    """
    product, rest = two_product(a, b)
    s = high + product
    error = product - (s - high)
    t = middle + error
    low_error = error - (t - middle)
    t2 = t + rest
    return s, t2, low + (low_error + (rest - (t2 - t)))


@compiled
def _add_biased(sums, s0, s1, s2):
    """Add biased sums, less their biases, to numbers in three parts."""
    for j in range(len(s0)):
        bias = sums[j + 3 * MOST_EXACTLY]
        x, y, z = sums[j] - bias, sums[j + MOST_EXACTLY] - bias * _SECOND, sums[j + 2 * MOST_EXACTLY]
        x, y, z = normalized(x, y, z, 0.0)
        s0[j], s1[j], s2[j] = add(s0[j], s1[j], s2[j], x, y, z)


@compiled
def _squared(a, a_low):
    """Return (a + a_low)^2 in four numbers, of which only the last is rounded."""
    square, square_low = two_product(a, a)
    cross, cross_low = two_product(2.0 * a, a_low)
    return square, square_low, cross, cross_low + a_low * a_low


@compiled
def _powers(a, a_low):
    """Return (a + a_low)^3 and (a + a_low)^4 with 31 digits, each in two numbers."""
    square, square_low = two_product(a, a)
    b, b_low = quick_two_sum(square, square_low + 2.0 * a * a_low)
    cube, cube_low = two_product(b, a)
    fourth, fourth_low = two_product(b, b)
    return cube, cube_low + (b_low * a + b * a_low), fourth, fourth_low + 2.0 * b * b_low


@compiled
def _add_powers(u, e, sums):
    """Add a row and its third and fourth powers."""
    for i in range(len(u)):
        cube, cube_low, fourth, fourth_low = _powers(u[i], e[i])
        x, y, z = sums[i], sums[i + MOST_EXACTLY], sums[i + 2 * MOST_EXACTLY]
        x, y, z = _plus_two(x, y, z, u[i], e[i])
        sums[i], sums[i + MOST_EXACTLY], sums[i + 2 * MOST_EXACTLY] = x, y, z
        x, y, z = sums[i + 3 * MOST_EXACTLY], sums[i + 4 * MOST_EXACTLY], sums[i + 5 * MOST_EXACTLY]
        x, y, z = _plus_two(x, y, z, cube, cube_low)
        sums[i + 3 * MOST_EXACTLY], sums[i + 4 * MOST_EXACTLY], sums[i + 5 * MOST_EXACTLY] = x, y, z
        x, y, z = sums[i + 6 * MOST_EXACTLY], sums[i + 7 * MOST_EXACTLY], sums[i + 8 * MOST_EXACTLY]
        x, y, z = _plus_two(x, y, z, fourth, fourth_low)
        sums[i + 6 * MOST_EXACTLY], sums[i + 7 * MOST_EXACTLY], sums[i + 8 * MOST_EXACTLY] = x, y, z


@compiled
def _add_squares(u, e, sums):
    """Add a row and its squares."""
    for i in range(len(u)):
        x, y, z = sums[i], sums[i + MOST_EXACTLY], sums[i + 2 * MOST_EXACTLY]
        x, y, z = _plus_two(x, y, z, u[i], e[i])
        sums[i], sums[i + MOST_EXACTLY], sums[i + 2 * MOST_EXACTLY] = x, y, z
        square, square_low, cross, cross_low = _squared(u[i], e[i])
        x, y, z = sums[i + 3 * MOST_EXACTLY], sums[i + 4 * MOST_EXACTLY], sums[i + 5 * MOST_EXACTLY]
        x, y, z = _plus_two(x, y, z, square, square_low)
        x, y, z = _plus_two(x, y, z, cross, cross_low)
        sums[i + 3 * MOST_EXACTLY], sums[i + 4 * MOST_EXACTLY], sums[i + 5 * MOST_EXACTLY] = x, y, z


@compiled
def _add_multiple(a, u, s0, s1, s2):
    """Add a u to some numbers, without a rounding error of the product."""
    for j in range(len(u)):
        high, low = two_product(a, u[j])
        s0[j], s1[j], s2[j] = _plus_two(s0[j], s1[j], s2[j], high, low)


@compiled
def _add_to_all(a, a_low, s0, s1, s2):
    """Add a number in two parts to each of some numbers."""
    for j in range(len(s0)):
        s0[j], s1[j], s2[j] = _plus_two(s0[j], s1[j], s2[j], a, a_low)


@compiled
def _add_all(high, low, s0, s1, s2):
    """Add numbers in two parts to others in three."""
    for j in range(len(s0)):
        s0[j], s1[j], s2[j] = _plus_two(s0[j], s1[j], s2[j], high[j], low[j])


@compiled
def _add_two(A, i, j, high, low):
    A[0, i, j], A[1, i, j], A[2, i, j] = _plus_two(A[0, i, j], A[1, i, j], A[2, i, j], high, low)


@compiled
def _plus_two(a0, a1, a2, high, low):
    """Add a number in two parts to one in three."""
    a, t = two_sum(a0, high)
    b, u = two_sum(a1, t)
    b, v = two_sum(b, low)
    a, b = quick_two_sum(a, b)
    b, c = quick_two_sum(b, a2 + (u + v))
    return a, b, c


@compiled
def add_members(X, indptr, members, start, stop, present, shift, weights, values, squares):
    """Add rows ``start:stop`` to the sums of each of their members, in three parts: values about a shift, and squares.

    Add the groups that are ``present`` to ``weights``, one a column; without any, each row counts in every column.
    """
    d, counted = X.shape[1], present.shape[0] > 0
    u, e = np.empty(d), np.empty(d)
    square, square_low, cross, cross_low = np.empty(d), np.empty(d), np.empty(d), np.empty(d)
    for r in range(start, stop):
        if indptr[r] == indptr[r + 1]:
            continue
        uneven = False
        for j in range(d):
            x = X[r, j]
            a, a_low = two_sum(x, -shift[j])
            missing = np.isnan(x)
            u[j], e[j] = 0.0 if missing else a, 0.0 if missing else a_low
            square[j], square_low[j], cross[j], cross_low[j] = _squared(u[j], e[j])
            uneven |= e[j] != 0.0
        for at in range(indptr[r], indptr[r + 1]):
            k = members[at]
            for g in range(weights.shape[1]):
                weights[k, g] += present[r, g] if counted else 1.0
            if d < 8:  # too few for vectors
                for j in range(d):
                    _add_two(values, k, j, u[j], e[j])
                    _add_two(squares, k, j, square[j], square_low[j])
            else:
                _add_all(u, e, values[0, k], values[1, k], values[2, k])
                _add_all(square, square_low, squares[0, k], squares[1, k], squares[2, k])
            if uneven:
                _add_all(cross, cross_low, squares[0, k], squares[1, k], squares[2, k])


@compiled
def count_pairs(indptr, members, start, stop, size, counts):
    """Count in how many of some rows two members are 1: ``counts`` has a cell for each pair of ``size`` of them."""
    for r in range(start, stop):
        for i in range(indptr[r], indptr[r + 1]):
            for j in range(indptr[r], i):
                a, b = members[i], members[j]
                counts[min(a, b) * size + max(a, b)] += 1.0
