"""Compiled loops over rows, in blocks that stay in the cache. `_fast` calls them without the interpreter lock."""

from __future__ import annotations

import numpy as np

from .._column_loops import ROWS, write_rows
from .._jit import compiled
from .._vectors import pointer_to
from . import _parts_compiled as _parts_compiled  # without it these loops could not call the functions of `_parts`
from ._limits import LOSS, LOSS_OF_OLD
from ._parts import add, add_number, divide, multiply, rounded
from ._simd import (
    LANES,
    LOW_TILE,
    VECTORS,
    WIDE,
    fill,
    gather,
    low_tile_1,
    low_tile_3,
    strip_1,
    strip_tail,
    strip_wide,
    tile_1,
    tile_2,
    tile_3,
)

_HELD = 2**15  # numbers of U that stay in the second cache

# Rows of the arrays that `strip_*` fill.
TOTAL, THIRD, FOURTH, LOW, HIGH = range(5)


def block_rows(p: int) -> int:
    """Return how many rows of p columns are summed at a time.

    Three panels of U stay in the first cache with 128 rows. But each block reads and writes S: where S does not stay in
    a cache, larger blocks do that less often. They stay in the last cache.
    """
    return 128 if p < 300 else min(512, max(256, 2**20 // p // 64 * 64))


def column_rows(p: int) -> int:
    """Return how many rows of p columns are gathered at a time: whole blocks, which stay in the second cache."""
    rows = block_rows(p)
    return max(rows, min(ROWS, _HELD // p // rows * rows))


@compiled
def _add_tile(A, i, B, j, vectors, rows, C, line):
    """Add one tile of A.T @ B to C: panel i of A by panels of B from j on; prefetch memory from ``line`` on."""
    panel = A.shape[1] * LANES
    a, b = pointer_to(A, i * panel), pointer_to(B, j * panel)
    c = pointer_to(C, i * LANES * C.shape[1] + j * LANES)
    if vectors == 3:
        tile_3(a, b, panel, rows, c, C.shape[1], line)
    elif vectors == 2:
        tile_2(a, b, panel, rows, c, C.shape[1], line)
    else:
        tile_1(a, b, panel, rows, c, C.shape[1], line)


@compiled
def _add_product(A, B, rows, C):
    """C += A.T @ B, both as panels."""
    for j in range(0, B.shape[0], VECTORS):
        for i in range(A.shape[0]):
            _add_tile(A, i, B, j, min(VECTORS, B.shape[0] - j), rows, C, pointer_to(B, 0))


@compiled
def _add_gram(U, rows, p, C, X, ahead, end):
    """Add the upper triangle of U.T @ U to C, and prefetch ``X`` from ``ahead`` on.

    If the last panel is at most half full, its columns are added as rows of the lower triangle instead: a few rows of
    scalars times whole vectors cost less than vectors that are mostly padding.
    """
    panels, panel = U.shape[0], U.shape[1] * LANES
    tail = tail_columns(p)
    squares = panels - 1 if tail else panels
    some = max(_HELD // panel, 1)
    for start in range(0, squares, some):  # these panels stay in the second cache while all others pass
        j = 0
        while j < squares:
            width = (squares - j) % VECTORS  # the narrow group first, where the triangle is low
            if width == 0:
                width = VECTORS
            for i in range(start, min(start + some, j + width)):
                first = max(i, j)  # on the diagonal only from the diagonal on
                _add_tile(U, i, U, first, j + width - first, rows, C, pointer_to(X, ahead))
                if ahead < end:
                    ahead += rows * 8
            j += width
    none = pointer_to(U, 0)
    for m in range(0, tail, LOW_TILE):
        row = p - tail + m
        a = pointer_to(U, (panels - 1) * panel + m)
        for j in range(0, panels, 3):
            if j + 3 <= panels:
                b, c = pointer_to(U, j * panel), pointer_to(C, row * C.shape[1] + j * LANES)
                low_tile_3(a, b, panel, rows, c, C.shape[1], none)
            else:
                for k in range(j, panels):
                    b, c = pointer_to(U, k * panel), pointer_to(C, row * C.shape[1] + k * LANES)
                    low_tile_1(a, b, panel, rows, c, C.shape[1], none)


@compiled
def tail_columns(p):
    """Return how many columns at the end `_add_gram` keeps as rows of the lower triangle."""
    tail = p % LANES
    return tail if 0 < tail <= LANES // 2 else 0


@compiled
def _shift_and_sum(X, row, rows, shift, U, block):
    """Write X - shift to U for some rows of X, and their column sums to ``block``."""
    p, panel, stride = X.shape[1], U.shape[1] * LANES, block.shape[1]
    block[:LOW] = 0.0
    v = 0
    while (v + WIDE) * LANES <= p:
        x, u = pointer_to(X, row * p + v * LANES), pointer_to(U, v * panel)
        strip_wide(x, p, u, panel, rows, pointer_to(shift, v * LANES), pointer_to(block, v * LANES), stride, 0)
        v += WIDE
    while (v + 1) * LANES <= p:
        x, u = pointer_to(X, row * p + v * LANES), pointer_to(U, v * panel)
        strip_1(x, p, u, panel, rows, pointer_to(shift, v * LANES), pointer_to(block, v * LANES), stride, 0)
        v += 1
    if v * LANES < p:
        x, u = pointer_to(X, row * p + v * LANES), pointer_to(U, v * panel)
        left = p - v * LANES
        strip_tail(x, p, u, panel, rows, pointer_to(shift, v * LANES), pointer_to(block, v * LANES), stride, left)


@compiled
def _fill_gaps(U, rows, block, bits, gap_rows, gap_count):
    """List the rows where each column is NaN, put 0 there, and sum the columns of those panels again."""
    panel = U.shape[1] * LANES
    gap_count[:] = 0
    for v in range(U.shape[0]):
        if not np.isnan(block[TOTAL, v * LANES : (v + 1) * LANES]).any():
            continue
        fill(pointer_to(U, v * panel), rows, pointer_to(bits, 0), pointer_to(block, v * LANES), block.shape[1])
        for r in range(rows):
            if bits[r]:
                for lane in range(LANES):
                    if bits[r] >> lane & 1:
                        j = v * LANES + lane
                        gap_rows[j, gap_count[j]] = r
                        gap_count[j] += 1


@compiled
def _sum_gaps(U, p, group, gap_rows, gap_count, gap_T, gap_Q, gap_N, missing_in_row):
    """Add up and count the rows where a group is missing. The sums of complete rows minus these are the wanted sums."""
    panel, width, block = U.shape[1] * LANES, gap_T.shape[1], gap_rows.shape[1]
    missing_in_row[:, 0] = 0
    for j in range(p):
        g, count = group[j], gap_count[j]
        if count == 0:
            continue
        for v in range(U.shape[0]):
            at = g * width + v * LANES
            gather(pointer_to(U, v * panel), pointer_to(gap_rows, j * block), count,
                   pointer_to(gap_T, at), pointer_to(gap_Q, at))  # fmt: skip
        for k in range(count):
            _count_missing(g, missing_in_row[gap_rows[j, k]], gap_N)


@compiled
def _count_missing(g, row, gap_N):
    """Add group g to the groups missing in a row, and count it with each of them, in the upper triangle."""
    row[0] += 1
    row[row[0]] = g
    for m in range(1, row[0] + 1):
        gap_N[min(g, row[m]), max(g, row[m])] += 1.0


@compiled
def _add_row(U, r, total, square):
    for v in range(U.shape[0]):
        for lane in range(LANES):
            u = U[v, r, lane]
            total[v * LANES + lane] += u
            square[v * LANES + lane] += u * u


@compiled
def _sum_missing_groups(U, rows, first, missing, groups, missing_in_row, gap_T, gap_Q, gap_N):
    """Sum dense attributes over the rows where a sparse group is missing."""
    for r in range(rows):
        for h in range(len(groups)):
            if missing[first + r, h]:
                _add_row(U, r, gap_T[groups[h]], gap_Q[groups[h]])
                _count_missing(groups[h], missing_in_row[r], gap_N)


@compiled
def _pick_binaries(U, rows, binaries, B):
    """Copy the 0/1 columns, with 0 for missing values; return False if one holds a value other than 0 and 1."""
    good = True
    for b in range(len(binaries)):
        v, lane = divmod(binaries[b], LANES)
        for r in range(rows):
            x = U[v, r, lane]
            good &= (x == 0.0) | (x == 1.0)
            B[b // LANES, r, b % LANES] = x
    return good


@compiled
def _square(U, rows, squares):
    for v in range(U.shape[0]):
        for r in range(rows):
            for lane in range(LANES):
                squares[v, r, lane] = U[v, r, lane] * U[v, r, lane]


@compiled
def add_rows(X, start, stop, shift, U, block, totals, S, binaries, B, squares, V, group, bits, gap_rows, gap_count,
             gap_T, gap_Q, gap_N, missing_in_row, sparse_missing, missing, groups):  # fmt: skip
    """Add rows ``start:stop`` of X to the sums. Return the row at which it stopped, or -1 if a value is not 0/1.

    It stops early if a value is missing and ``gap_T`` is empty: the caller allocates it and calls again.
    """
    p = X.shape[1]
    row = start
    while row < stop:
        rows = min(U.shape[1], stop - row)
        _shift_and_sum(X, row, rows, shift, U, block)
        gaps = False
        for j in range(p):
            gaps |= np.isnan(block[TOTAL, j])
        any_gap = gaps or sparse_missing
        if any_gap:
            if gap_T.shape[0] == 0:
                return row
            if gaps:
                _fill_gaps(U, rows, block, bits, gap_rows, gap_count)
            else:
                gap_count[:] = 0
            _sum_gaps(U, p, group, gap_rows, gap_count, gap_T, gap_Q, gap_N, missing_in_row)
        for q in range(LOW):
            for j in range(p):
                totals[q, j] += block[q, j]
        ahead = (row + rows) * p
        _add_gram(U, rows, p, S, X, ahead, min(ahead + U.shape[1] * p, X.size))
        if len(binaries):
            if not _pick_binaries(U, rows, binaries, B):
                return -1
            _square(U, rows, squares)
            _add_product(squares, B, rows, V)
        if sparse_missing:
            _sum_missing_groups(U, rows, row, missing, groups, missing_in_row, gap_T, gap_Q, gap_N)
        row += rows
    return row


@compiled
def add_columns(addresses, strides, kinds, start, stop, numbers, X, shift, U, block, totals, S, binaries, B, squares, V,
                group, bits, gap_rows, gap_count, gap_T, gap_Q, gap_N, missing_in_row, sparse_missing, missing,
                groups):  # fmt: skip
    """Do the same as `add_rows` with rows whose columns are arrays of their own; X is a buffer for some of them."""
    row = start
    while row < stop:
        rows = min(X.shape[0], stop - row)
        write_rows(addresses, strides, kinds, row, row + rows, numbers, X)
        done = add_rows(
            X, 0, rows, shift, U, block, totals, S, binaries, B, squares, V, group, bits, gap_rows, gap_count, gap_T,
            gap_Q, gap_N, missing_in_row, sparse_missing, missing, groups,
        )  # fmt: skip
        if done < 0:
            return done
        row += done
        if done < rows:
            return row
    return row


@compiled
def absorb(totals, block, V, totals2, block2, V2, gap_T, gap_Q, gap_N, gap_T2, gap_Q2, gap_N2):
    """Add the sums of a second accumulator, except S, to a first one, and clear them."""
    totals += totals2
    totals2[:] = 0.0
    V += V2
    V2[:] = 0.0
    for j in range(block.shape[1]):
        block[LOW, j] = min(block[LOW, j], block2[LOW, j])
        block[HIGH, j] = max(block[HIGH, j], block2[HIGH, j])
    block2[LOW] = np.inf
    block2[HIGH] = -np.inf
    if gap_T2.shape[0]:
        gap_T += gap_T2
        gap_Q += gap_Q2
        gap_N += gap_N2
        gap_T2[:] = 0.0
        gap_Q2[:] = 0.0
        gap_N2[:] = 0.0


@compiled
def _add_numbers(x, s0, s1, s2):
    """Add float64 numbers to numbers in three parts."""
    for j in range(len(x)):
        s0[j], s1[j], s2[j] = add_number(s0[j], s1[j], s2[j], x[j])


@compiled
def _three(A, i, j):
    return A[0, i, j], A[1, i, j], A[2, i, j]


@compiled
def _add_to(A, i, j, x):
    A[0, i, j], A[1, i, j], A[2, i, j] = add_number(A[0, i, j], A[1, i, j], A[2, i, j], x)


@compiled
def _spread(t, q, n):
    """Return the sum of squared deviations from the mean: first in float64, then in parts if that would cancel."""
    if n <= 1.0:
        return 0.0
    around = t[0] * (t[0] / n)
    if q[0] - around > 2.0**-10 * q[0]:
        return q[0] - around
    m0, m1, m2 = divide(t[0], t[1], t[2], n, 0.0, 0.0)
    m0, m1, m2 = multiply(m0, m1, m2, -t[0], -t[1], -t[2])
    return add(q[0], q[1], q[2], m0, m1, m2)[0]


@compiled
def _costs_digits(n_new, t_new, q_new, squares, n_old, t_old, q_old):
    """Whether summing new rows in float64 has an error that matters: beside all the rows, or beside the old ones alone.

    ``squares`` is the sum from which rounding errors come; it has the squares of rows that do not count, too.
    """
    n = n_old + n_new
    if squares == 0.0 or n_new == 0.0 or n <= 1.0:
        return False
    # Mostly the new rows and the old ones alone, in float64, show that no digit is lost: adding rows lowers no spread.
    new_mean, old_mean = t_new / n_new, t_old[0] / n_old if n_old > 0.0 else 0.0
    new_spread, old_spread = q_new - t_new * new_mean, q_old[0] - t_old[0] * old_mean
    most = 2.0 * squares + max(new_mean * new_mean, old_mean * old_mean) * n_new  # is more than `error` below
    certain = new_spread > 2.0**-10 * q_new and old_spread > 2.0**-10 * q_old[0]
    if certain and most <= LOSS * new_spread and most * n_old <= LOSS_OF_OLD * n_new * old_spread:
        return False
    t = add_number(t_old[0], t_old[1], t_old[2], t_new)
    q = add_number(q_old[0], q_old[1], q_old[2], q_new)
    away = abs(t[0] / n)
    error = squares + 2.0 * away * np.sqrt(squares * n_new)
    before = _spread(t_old, q_old, n_old)
    return error > LOSS * _spread(t, q, n) or (before > 0.0 and error * n_old > LOSS_OF_OLD * max(n_new, 1.0) * before)


@compiled
def can_commit(n, p, totals, block, diagonal, gap_T, gap_Q, gap_N, group, binary, S, T, Q, N, mass, binaries, A, B,
               acc_V, V, tail):  # fmt: skip
    """Whether the state's sums stay finite, and no variance loses digits, not even over some of the rows."""
    gaps, complete = gap_T.shape[0] > 0, N.shape[1] == 0
    for i in range(p):
        if not np.isfinite(diagonal[i] + S[0, i, i]):
            return False
        if binary[i]:
            continue
        t, square = totals[TOTAL, i], diagonal[i]
        if complete:
            if _costs_digits(n, t, square, square, mass[0], _three(T, i, 0), _three(S, i, i)):
                return False
        else:
            own = group[i]
            for g in range(T.shape[2]):
                count, total, squares = float(n), t, square
                if gaps:
                    count += gap_N[min(own, g), max(own, g)] - gap_N[own, own] - gap_N[g, g]
                    total, squares = t - gap_T[g, i], square - gap_Q[g, i]
                if _costs_digits(count, total, squares, square, N[0, own, g], _three(T, i, g), _three(Q, i, g)):
                    return False
        for b in range(len(binaries)):
            j = binaries[b]
            low, high = min(i, j), max(i, j)
            row, column = (high, low) if low < p - tail <= high else (low, high)  # as in `_add_gram`
            total = A[row, column] + (B[row, column] if B.shape[0] else 0.0)
            own = group[i]
            count = totals[TOTAL, j] - (gap_T[own, j] if gaps else 0.0)
            old = T[0, j, 0] if complete else T[0, j, own]
            square = acc_V[i, b]
            if _costs_digits(count, total, square, square, old, _three(S, low, high), _three(V, i, b)):
                return False
    return True


@compiled
def commit_square(start, stop, p, tail, A, B, S, new):
    """Write S + A + B to ``new`` for some rows of the upper triangle, and clear A and B. B may be empty."""
    for i in range(start, stop):
        first = i if i < p - tail else 0
        if B.shape[0]:
            for j in range(first, A.shape[1]):
                A[i, j] += B[i, j]
                B[i, j] = 0.0
        if i < p - tail:
            for j in range(i, p - tail):
                new[0, i, j], new[1, i, j], new[2, i, j] = add_number(S[0, i, j], S[1, i, j], S[2, i, j], A[i, j])
        else:  # kept as a row of the lower triangle: see `_add_gram`
            for j in range(p - tail):
                new[0, j, i], new[1, j, i], new[2, j, i] = add_number(S[0, j, i], S[1, j, i], S[2, j, i], A[i, j])
            for j in range(i, p):
                new[0, i, j], new[1, i, j], new[2, i, j] = add_number(S[0, i, j], S[1, i, j], S[2, i, j], A[i, j])
        A[i, first:] = 0.0


@compiled
def commit(n, p, totals, block, diagonal, acc_V, gap_T, gap_Q, gap_N, group, T, Q, N, V, V_error, B_error, M3, M4, low,
           high, low_exact, high_exact, gross, Q_error, N_error, binaries, unit):  # fmt: skip
    """Add the sums of n dense rows, except S, to a state, and clear them. Without N, T has one column.

    ``unit`` bounds the error of a sum of squares, relative to the squares of all rows.
    """
    gaps, counted = gap_T.shape[0] > 0, N.shape[1] > 0
    totals_of, squares_of = np.empty(N.shape[1]), np.empty(N.shape[1])
    for b in range(len(binaries)):
        B_error[b] += unit * totals[TOTAL, binaries[b]]
    for i in range(p):
        square = diagonal[i]
        t = totals[TOTAL, i]
        own = group[i]
        if counted:
            for g in range(T.shape[2]):
                count = n - gap_N[own, own] - gap_N[g, g] + gap_N[min(own, g), max(own, g)] if gaps else float(n)
                if count == 0.0:  # no rows, no sums: not even rounding errors
                    totals_of[g] = squares_of[g] = 0.0
                    continue
                totals_of[g] = t - gap_T[g, i] if gaps else t
                squares_of[g] = square - gap_Q[g, i] if gaps else square
                Q_error[i, g] += unit * square * n / count  # as `Sums.note_errors` explains
            _add_numbers(totals_of, T[0, i], T[1, i], T[2, i])
            _add_numbers(squares_of, Q[0, i], Q[1, i], Q[2, i])
        else:
            _add_to(T, i, 0, t)
            Q_error[i, 0] += unit * square
        gross[i] += square
        M3[0, i], M3[1, i], M3[2, i] = add_number(M3[0, i], M3[1, i], M3[2, i], totals[THIRD, i])
        M4[0, i], M4[1, i], M4[2, i] = add_number(M4[0, i], M4[1, i], M4[2, i], totals[FOURTH, i])
        if block[LOW, i] <= low[i]:
            low[i], low_exact[i] = block[LOW, i], True
        if block[HIGH, i] >= high[i]:
            high[i], high_exact[i] = block[HIGH, i], True
        for b in range(V.shape[2]):
            _add_to(V, i, b, acc_V[i, b])
            V_error[i, b] += unit * acc_V[i, b]
    if counted:
        for g in range(N.shape[1]):
            for h in range(N.shape[1]):
                count = n - gap_N[g, g] - gap_N[h, h] + gap_N[min(g, h), max(g, h)] if gaps else float(n)
                totals_of[h] = count
                N_error[g, h] += unit * n if count > 0.0 else 0.0
            _add_numbers(totals_of, N[0, g], N[1, g], N[2, g])
    else:
        N_error[0, 0] += unit * n
    acc_V[:] = 0.0
    totals[:] = 0.0
    block[LOW] = np.inf
    block[HIGH] = -np.inf
    gap_T[:] = 0.0
    gap_Q[:] = 0.0
    gap_N[:] = 0.0


@compiled
def _write(A, B, at):
    """Replace ``A[:, at]`` by B."""
    for i in range(B.shape[0]):
        for k in range(len(at)):
            for j in range(B.shape[2]):
                A[i, at[k], j] = B[i, k, j]


@compiled
def write_columns(A1, B1, at1, A2, B2, at2, A3, B3, at3, A4, B4, at4, A5, B5, at5):
    """Replace some columns of five arrays."""
    _write(A1, B1, at1)
    _write(A2, B2, at2)
    _write(A3, B3, at3)
    _write(A4, B4, at4)
    _write(A5, B5, at5)


EDGE = 32  # of a block of `mirrored_deviations`


@compiled
def mirrored_deviations(start, stop, S, T, count, scale, left, right, C):
    """Write `cross_deviations` over the count, divided by a number of each row times one of each column, to C (P, P).

    From row ``start``, a multiple of `EDGE`, to ``stop``: from the diagonal on, and the mirror image.
    """
    P = S.shape[1]
    c0, c1, c2 = count[0], count[1], count[2]  # LLVM does not see that C is none of the arrays: without vectors
    edge = EDGE
    for bi in range(start, stop, edge):
        for bj in range(bi, P, edge):
            for i in range(bi, min(bi + edge, stop)):
                t0, t1, t2 = -scale * T[0, i], -scale * T[1, i], -scale * T[2, i]
                for j in range(max(bj, i), min(bj + edge, P)):
                    s0, s1, s2 = multiply(S[0, i, j], S[1, i, j], S[2, i, j], c0, c1, c2)
                    m0, m1, m2 = multiply(t0, t1, t2, T[0, j], T[1, j], T[2, j])
                    s = add(s0, s1, s2, m0, m1, m2)
                    nearest, other, is_other = rounded(s[0], s[1], s[2])
                    C[i, j] = (other if is_other else nearest) / c0
                row = left[i]
                for j in range(max(bj, i), min(bj + edge, P)):
                    C[i, j] /= row * right[j]
            for j in range(bj, min(bj + edge, P)):
                for i in range(bi, min(bi + edge, j, stop)):
                    C[j, i] = C[i, j]
