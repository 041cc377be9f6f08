"""Sums of blocks of rows without rounding errors of products, as fast as vectors go. `_exactly` calls them.

Blocks with values that need more are left out: `_exact_loops` has three levels of sums where this has two.
"""

from __future__ import annotations

import numpy as np

from .._jit import compiled
from .._vectors import pointer_to
from ._exact_simd import (
    HIGH,
    LARGEST,
    LOW,
    SQUARES,
    UNEVEN,
    exact_gather,
    exact_powers,
    exact_squares,
    exact_strip,
    exact_strip_tail,
    exact_tile,
)
from ._simd import LANES

BLOCK = 64  # rows
# A block's sum of products of two columns errs by at most `PRODUCT_ERROR` times G H, powers of 2 above their norms. The
# first sum is rounded to units of 2^-51 G H. The m-th addition to the second sum errs by at most 2^-54 m of them, and
# what it adds by 2^-54: together (64 + 64 65 / 2) 2^-105 G H. A plain sum has a bias 8 times as large, and errs by at
# most the root of `PRODUCT_ERROR` G^2 times `TOTAL_ERROR`.
PRODUCT_ERROR = 2.0**-93.9
TOTAL_ERROR = 2.0**-87.9

_LEAST, _MOST = 2.0**-400, 2.0**400  # of values: squares of others may underflow or overflow
_SQUARE, _TOTAL, _THIRD, _FOURTH = range(4)  # rows of the biases


@compiled
def _strips(X, row, rows, shift, U, found, gaps):
    p, panel, stride = X.shape[1], U.shape[1] * LANES, found.shape[1]
    found[SQUARES:] = 0.0
    for v in range(U.shape[0]):
        x, u = pointer_to(X, row * p + v * LANES), pointer_to(U, v * panel)
        c, f = pointer_to(shift, v * LANES), pointer_to(found, v * LANES)
        if (v + 1) * LANES <= p:
            exact_strip(x, p, u, rows, c, f, stride, pointer_to(gaps, v * U.shape[1]), 0)
        else:
            exact_strip_tail(x, p, u, rows, c, f, stride, pointer_to(gaps, v * U.shape[1]), p - v * LANES)


@compiled
def _norms(found, limit, norm, biases):
    """Set powers of 2 above the norms, and the biases; return False if a column needs more than two levels."""
    good = True
    for j in range(len(limit)):
        most = found[LARGEST, j]
        good &= (most <= limit[j]) & (most < _MOST) & (found[UNEVEN, j] == 0.0) & ((most > _LEAST) | (most == 0.0))
    if not good:
        return False
    for j in range(len(limit)):
        # Rump (2009, "Ultimately fast accurate summation", algorithm 3.5): a power of 2 by rounding alone.
        q = (2.0**52 + 1.0) * (1.001 * np.sqrt(found[SQUARES, j]))
        norm[j] = 2.0 * abs(q - (1.0 - 2.0**-53) * q)
        biases[_SQUARE, j] = 3.0 * norm[j] * norm[j]
        biases[_TOTAL, j] = 24.0 * norm[j]
        biases[_THIRD, j] = 3.0 * norm[j] * norm[j] * norm[j]
        biases[_FOURTH, j] = 3.0 * norm[j] * norm[j] * norm[j] * norm[j]
    return True


@compiled
def _add_gaps(U, rows, p, group, gaps, missing, biases, gap_T, gap_Q, gap_N, chosen, missing_in_row):
    """Add up and count the rows where a group is missing."""
    panel, width, part = U.shape[1] * LANES, gap_T.shape[2], gap_T.shape[1] * gap_T.shape[2]
    missing_in_row[:, 0] = 0
    for j in range(p):
        v, lane = j // LANES, j % LANES
        if not missing[v]:
            continue
        count = 0
        for r in range(rows):
            if gaps[v, r] >> lane & 1:
                chosen[count] = r
                count += 1
        if count == 0:
            continue
        g = group[j]
        for w in range(U.shape[0]):
            at = g * width + w * LANES
            exact_gather(pointer_to(U, w * panel), pointer_to(chosen, 0), count, pointer_to(biases, w * LANES),
                         biases.shape[1], pointer_to(gap_T, at), pointer_to(gap_Q, at), part)  # fmt: skip
        for k in range(count):
            row = missing_in_row[chosen[k]]
            row[0] += 1
            row[row[0]] = g
            for m in range(1, row[0] + 1):
                gap_N[min(g, row[m]), max(g, row[m])] += 1.0


@compiled
def _add_given(U, rows, binaries, norm, H, L, B, ones, V, errors):
    """Add the sums of squares over the rows where each 0/1 column is 1."""
    panel, part = U.shape[1] * LANES, V.shape[1] * V.shape[2]
    for b in range(len(binaries)):
        v, lane = divmod(binaries[b], LANES)
        ones[b] = norm[binaries[b]]
        for r in range(rows):
            B[b // LANES, r, b % LANES] = U[v, r, lane]
    squares, rests = np.empty(len(norm)), np.empty(len(norm))
    for j in range(len(norm)):
        squares[j] = 3.0 * norm[j] * norm[j]
        rests[j] = squares[j] * 2.0**-52
        for b in range(len(binaries)):
            errors[j, b] += norm[j] * norm[j] * ones[b]
    for v in range(U.shape[0]):
        exact_squares(pointer_to(U, v * panel), rows, pointer_to(H, v * panel), pointer_to(L, v * panel))
        for w in range(B.shape[0]):
            b, right = pointer_to(B, w * panel), pointer_to(ones, w * LANES)
            c = pointer_to(V, v * LANES * V.shape[2] + w * LANES)
            exact_tile(pointer_to(H, v * panel), b, rows, pointer_to(squares, v * LANES), right, c, V.shape[2], part)
            exact_tile(pointer_to(L, v * panel), b, rows, pointer_to(rests, v * LANES), right, c, V.shape[2], part)


@compiled
def add_blocks(X, start, stop, shift, limit, group, binaries, U, found, gaps, S, sums, V, H, L, B, errors, V_errors,
               B_errors, gap_T, gap_Q, gap_N, left_out):  # fmt: skip
    """Add rows ``start:stop`` of X to the sums; return how many blocks were left out, whose first rows are listed.

    ``errors`` become sums of squared norms, ``V_errors`` and ``B_errors`` of norms of squares and of ones.
    """
    p, width, panel = X.shape[1], len(shift), U.shape[1] * LANES
    norm, third, biases, ones = np.zeros(width), np.zeros(width), np.zeros((4, width)), np.zeros(V.shape[2])
    low, high = np.full(width, np.inf), np.full(width, -np.inf)
    chosen, missing = np.zeros(BLOCK, np.int32), np.zeros(U.shape[0], np.bool_)
    missing_in_row = np.zeros((BLOCK, gap_N.shape[0] + 1), np.int32)
    n_out = 0
    for row in range(start, stop, BLOCK):
        rows = min(BLOCK, stop - row)
        found[LOW], found[HIGH] = low, high
        _strips(X, row, rows, shift, U, found, gaps)
        if not _norms(found, limit, norm, biases):
            left_out[n_out] = row
            n_out += 1
            continue
        low[:], high[:] = found[LOW], found[HIGH]
        for j in range(width):
            third[j] = 3.0 * norm[j]
            errors[j] += norm[j] * norm[j]
        any_gap = False
        for v in range(U.shape[0]):
            bits = 0
            for r in range(rows):
                bits |= gaps[v, r]
            missing[v] = bits != 0
            any_gap |= bits != 0
            exact_powers(pointer_to(U, v * panel), rows, pointer_to(biases, _TOTAL * width + v * LANES),
                         pointer_to(sums, v * LANES), width, 3 * width)  # fmt: skip
            a, left = pointer_to(U, v * panel), pointer_to(third, v * LANES)
            for w in range(v, U.shape[0]):
                c = pointer_to(S, v * LANES * width + w * LANES)
                exact_tile(a, pointer_to(U, w * panel), rows, left, pointer_to(norm, w * LANES), c, width, S[0].size)
        if any_gap:
            _add_gaps(U, rows, p, group, gaps, missing, biases, gap_T, gap_Q, gap_N, chosen, missing_in_row)
        if len(binaries):
            _add_given(U, rows, binaries, norm, H, L, B, ones, V, V_errors)
            for b in range(len(binaries)):
                B_errors[b] += ones[b]
    found[LOW], found[HIGH] = low, high
    return n_out
