"""Compiled loops over rows for NumPy: blocks that stay in cache, without the interpreter lock. Wrapped by `_fast`."""

from __future__ import annotations

import numpy as np
from numba import njit

from ._simd import (
    LANES,
    LOW_TILE,
    VECTORS,
    low_tile_1,
    low_tile_3,
    pointer_to,
    strip_1,
    strip_3,
    strip_tail,
    tile_1,
    tile_2,
    tile_3,
)

BLOCK = 64  # rows: X, U and a panel of C stay in the first two caches

# Rows of the arrays that `strip_*` fill.
TOTAL, THIRD, FOURTH, LOW, HIGH = range(5)


@njit(nogil=True, cache=True)
def _add_tile(A, i, B, j, vectors, rows, C, line):
    """One tile of C += A[:rows].T @ B[:rows], i and j in vectors, while memory is fetched from ``line``."""
    a, b = pointer_to(A, i * LANES), pointer_to(B, j * LANES)
    c = pointer_to(C, i * LANES * C.shape[1] + j * LANES)
    if vectors == 3:
        tile_3(a, A.shape[1], b, B.shape[1], rows, c, C.shape[1], line)
    elif vectors == 2:
        tile_2(a, A.shape[1], b, B.shape[1], rows, c, C.shape[1], line)
    else:
        tile_1(a, A.shape[1], b, B.shape[1], rows, c, C.shape[1], line)


@njit(nogil=True, cache=True)
def _add_product(A, B, rows, C):
    """C += A[:rows].T @ B[:rows]."""
    right = B.shape[1] // LANES
    for j in range(0, right, VECTORS):
        for i in range(A.shape[1] // LANES):
            _add_tile(A, i, B, j, min(VECTORS, right - j), rows, C, pointer_to(B, 0))


@njit(nogil=True, cache=True)
def _add_gram(U, rows, p, C, X, ahead, end):
    """The upper triangle of C += U[:rows].T @ U[:rows], while ``X`` is fetched from ``ahead`` on.

    The columns of a last vector that is less than half full are left as rows of the lower triangle: a few rows of
    scalars times whole vectors cost less than a vector that is mostly padding.
    """
    vectors = U.shape[1] // LANES
    tail = tail_columns(p)
    if tail:
        vectors -= 1
    widest = VECTORS if vectors > 10 else 2
    j = 0
    while j < vectors:
        width = (vectors - j) % widest  # the narrow group first, where the triangle is low
        if width == 0:
            width = widest
        for i in range(j + width):
            first = max(i, j)  # on the diagonal only from the diagonal on
            _add_tile(U, i, U, first, j + width - first, rows, C, pointer_to(X, ahead))
            if ahead < end:
                ahead += rows * 8
        j += width
    for m in range(0, tail, LOW_TILE):
        row = p - tail + m
        a, none = pointer_to(U, row), pointer_to(U, 0)
        for j in range(0, vectors + 1, 3):
            b, c = pointer_to(U, j * LANES), pointer_to(C, row * C.shape[1] + j * LANES)
            if j + 3 <= vectors + 1:
                low_tile_3(a, U.shape[1], b, U.shape[1], rows, c, C.shape[1], none)
            else:
                for k in range(j, vectors + 1):
                    b, c = pointer_to(U, k * LANES), pointer_to(C, row * C.shape[1] + k * LANES)
                    low_tile_1(a, U.shape[1], b, U.shape[1], rows, c, C.shape[1], none)


@njit(cache=True)
def tail_columns(p):
    """How many columns at the end `_add_gram` leaves as rows of the lower triangle."""
    tail = p % LANES
    return tail if 0 < tail <= LANES // 2 else 0


@njit(nogil=True, cache=True)
def _shift_and_sum(X, row, rows, shift, U, block):
    """U = X - shift for some rows of X, and their column sums in ``block``."""
    p = X.shape[1]
    block[:LOW] = 0.0
    j = 0
    while j + 3 * LANES <= p:
        strip_3(pointer_to(X, row * p + j), p, pointer_to(U, j), U.shape[1], rows,
                pointer_to(shift, j), pointer_to(block, j), block.shape[1], 0)  # fmt: skip
        j += 3 * LANES
    while j + LANES <= p:
        strip_1(pointer_to(X, row * p + j), p, pointer_to(U, j), U.shape[1], rows,
                pointer_to(shift, j), pointer_to(block, j), block.shape[1], 0)  # fmt: skip
        j += LANES
    if j < p:
        strip_tail(pointer_to(X, row * p + j), p, pointer_to(U, j), U.shape[1], rows,
                   pointer_to(shift, j), pointer_to(block, j), block.shape[1], p - j)  # fmt: skip


@njit(nogil=True, cache=True)
def _find_gaps(U, rows, p, gap_rows, gap_count):
    """List the rows where each column is NaN, and put 0 there."""
    gap_count[:] = 0
    for r in range(rows):
        for j in range(p):
            if np.isnan(U[r, j]):
                U[r, j] = 0.0
                gap_rows[j, gap_count[j]] = r
                gap_count[j] += 1


@njit(nogil=True, cache=True)
def _sum_again(U, rows, p, block):
    block[:LOW] = 0.0
    for r in range(rows):
        for j in range(p):
            u = U[r, j]
            q = u * u
            block[TOTAL, j] += u
            block[THIRD, j] += q * u
            block[FOURTH, j] += q * q


@njit(nogil=True, cache=True)
def _add_row(u, p, total, square):
    for i in range(p):
        total[i] += u[i]
        square[i] += u[i] * u[i]


@njit(nogil=True, cache=True)
def _add_two_rows(u, v, p, total, square):
    for i in range(p):
        total[i] += u[i] + v[i]
        square[i] += u[i] * u[i] + v[i] * v[i]


@njit(nogil=True, cache=True)
def _sum_gaps(U, p, group, gap_rows, gap_count, gap_T, gap_Q, gap_N, missing_in_row):
    """What the complete sums hold too much of: sums over the rows where a group is missing, and how many they are."""
    missing_in_row[:, 0] = 0
    for j in range(p):
        g, count = group[j], gap_count[j]
        k = 0
        while k + 2 <= count:
            _add_two_rows(U[gap_rows[j, k]], U[gap_rows[j, k + 1]], p, gap_T[g], gap_Q[g])
            k += 2
        if k < count:
            _add_row(U[gap_rows[j, k]], p, gap_T[g], gap_Q[g])
        for k in range(count):
            row = missing_in_row[gap_rows[j, k]]
            row[0] += 1
            row[row[0]] = g
            for m in range(1, row[0] + 1):
                gap_N[g, row[m]] += 1.0
                if row[m] != g:
                    gap_N[row[m], g] += 1.0


@njit(nogil=True, cache=True)
def _add_sparse(U, rows, p, first, indptr, members, missing, groups, S_sparse, V_sparse, S_members, any_gap,
                missing_in_row, gap_T, gap_Q, gap_N):  # fmt: skip
    """Sums of dense attributes over the rows where a sparse one is 1, and counts of sparse ones that are 1 together."""
    for r in range(rows):
        start, stop = indptr[first + r], indptr[first + r + 1]
        for a in range(start, stop):
            k = members[a]
            _add_row(U[r], p, S_sparse[k], V_sparse[k])
            for b in range(start, stop):
                S_members[k, members[b]] += 1.0
        if not any_gap:
            continue
        row = missing_in_row[r]
        for h in range(len(groups)):
            if missing[first + r, h]:
                g = groups[h]
                _add_row(U[r], p, gap_T[g], gap_Q[g])
                row[0] += 1
                row[row[0]] = g
                for m in range(1, row[0] + 1):
                    gap_N[g, row[m]] += 1.0
                    if row[m] != g:
                        gap_N[row[m], g] += 1.0
        for m in range(1, row[0] + 1):
            for a in range(start, stop):
                gap_T[row[m], p + members[a]] += 1.0
                gap_Q[row[m], p + members[a]] += 1.0


@njit(nogil=True, cache=True)
def _pick_binaries(U, rows, binaries, B):
    """Copy the 0/1 columns, with 0 for what is missing; False if one holds another value."""
    good = True
    for r in range(rows):
        for b in range(len(binaries)):
            x = U[r, binaries[b]]
            good &= (x == 0.0) | (x == 1.0)
            B[r, b] = x
    return good


@njit(nogil=True, cache=True)
def _square(U, rows, squares):
    for r in range(rows):
        for j in range(U.shape[1]):
            squares[r, j] = U[r, j] * U[r, j]


@njit(nogil=True, cache=True)
def add_rows(X, start, stop, shift, U, block, totals, S, product, binaries, B, squares, V, group, gap_rows, gap_count,
             gap_T, gap_Q, gap_N, missing_in_row, sparse_missing, indptr, members, missing, groups, S_sparse, V_sparse,
             S_members):  # fmt: skip
    """Add rows ``start:stop`` of X to the sums. Returns the row at which it stopped, or -1 at a value that is not 0/1.

    It stops early where a value is missing while ``gap_T`` is empty: the caller makes room and calls again.
    """
    p = X.shape[1]
    row = start
    while row < stop:
        rows = min(U.shape[0], stop - row)
        _shift_and_sum(X, row, rows, shift, U, block)
        gaps = False
        for j in range(p):
            if np.isnan(block[TOTAL, j]):
                gaps = True
        any_gap = gaps or sparse_missing
        if any_gap and gap_T.shape[0] == 0:
            return row
        if gaps:
            _find_gaps(U, rows, p, gap_rows, gap_count)
            _sum_again(U, rows, p, block)
        if any_gap:
            if not gaps:
                gap_count[:] = 0
            _sum_gaps(U, p, group, gap_rows, gap_count, gap_T, gap_Q, gap_N, missing_in_row)
        for q in range(LOW):
            for j in range(p):
                totals[q, j] += block[q, j]
        ahead = (row + rows) * p
        if product:
            _add_gram(U, rows, p, S, X, ahead, min(ahead + U.shape[0] * p, X.size))
        if len(binaries):
            if not _pick_binaries(U, rows, binaries, B):
                return -1
            _square(U, rows, squares)
            _add_product(squares, B, rows, V)
        if S_sparse.shape[0] or len(groups):
            _add_sparse(U, rows, p, row, indptr, members, missing, groups, S_sparse, V_sparse, S_members, any_gap,
                        missing_in_row, gap_T, gap_Q, gap_N)  # fmt: skip
        row += rows
    return row


@njit(nogil=True, cache=True)
def absorb(n_groups, S, totals, block, V, S2, totals2, block2, V2, gap_T, gap_Q, gap_N, gap_T2, gap_Q2, gap_N2):
    """Add a second accumulator to a first one and clear it."""
    for i in range(S.shape[0]):
        for j in range(S.shape[1]):
            S[i, j] += S2[i, j]
            S2[i, j] = 0.0
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


@njit(nogil=True, cache=True)
def is_good(n, p, totals, block, S, gap_N, group, binary, far):
    """Whether the sums are finite and none of them lies ``far`` standard deviations from its shift."""
    for j in range(p):
        if not np.isfinite(S[j, j]):
            return False
        count = n - gap_N[group[j], group[j]] if gap_N.shape[0] else n
        t = totals[TOTAL, j]
        if not binary[j] and block[LOW, j] < block[HIGH, j] and t * t > far * far * (count * S[j, j] - t * t):
            return False
    return True


@njit(nogil=True, cache=True)
def commit(n, p, tail, totals, block, acc_S, acc_V, gap_T, gap_Q, gap_N, group, S, T, Q, N, V, M3, M4, low, high,
           low_exact, high_exact, gross):  # fmt: skip
    """Add an accumulator of n dense rows to a state (without N: T has one column), and clear it."""
    gaps, counted = gap_T.shape[0] > 0, N.shape[0] > 0
    for i in range(p):
        square = acc_S[i, i]
        t = totals[TOTAL, i]
        if counted:
            for g in range(T.shape[1]):
                T[i, g] += t - gap_T[g, i] if gaps else t
                Q[i, g] += square - gap_Q[g, i] if gaps else square
        else:
            T[i, 0] += t
        gross[i] += square
        M3[i] += totals[THIRD, i]
        M4[i] += totals[FOURTH, i]
        if block[LOW, i] <= low[i]:
            low[i], low_exact[i] = block[LOW, i], True
        if block[HIGH, i] >= high[i]:
            high[i], high_exact[i] = block[HIGH, i], True
        for b in range(V.shape[1]):
            V[i, b] += acc_V[i, b]
        whole = p - tail if i < p - tail else p
        for j in range(i, whole):
            S[i, j] += acc_S[i, j]
        for j in range(whole, p):
            S[i, j] += acc_S[j, i]
    if counted:
        for g in range(N.shape[0]):
            for h in range(N.shape[0]):
                N[g, h] += n - gap_N[g, g] - gap_N[h, h] + gap_N[g, h] if gaps else n
    acc_S[:] = 0.0
    acc_V[:] = 0.0
    totals[:] = 0.0
    block[LOW] = np.inf
    block[HIGH] = -np.inf
    gap_T[:] = 0.0
    gap_Q[:] = 0.0
    gap_N[:] = 0.0


@njit(nogil=True, cache=True)
def mirrored_covariance(S, T, n, divisor):
    """(P, P) covariance of complete sums, from the upper triangle of S, both triangles filled."""
    P = S.shape[0]
    C = np.empty((P, P))
    edge = 32
    for bi in range(0, P, edge):
        for bj in range(bi, P, edge):
            for i in range(bi, min(bi + edge, P)):
                ti = T[i] / n
                for j in range(max(bj, i), min(bj + edge, P)):
                    C[i, j] = (S[i, j] - ti * T[j]) / divisor
            for j in range(bj, min(bj + edge, P)):
                for i in range(bi, min(bi + edge, j)):
                    C[j, i] = C[i, j]
    return C


@njit(nogil=True, cache=True)
def learn_few(X, shift, binary, S, T, has_gaps, Q, V, binaries, M3, M4, low, high,
              low_exact, high_exact, gross):  # fmt: skip
    """Add a few complete rows in place; without effect and False if a value is NaN, infinite or not 0/1.

    For a handful of rows one pass over the triangle costs less than an accumulator of their own would.
    """
    n, p = X.shape
    for r in range(n):
        for j in range(p):
            x = X[r, j]
            if not np.isfinite(x) or (binary[j] and x != 0.0 and x != 1.0):
                return False
    u = np.empty(p)
    for r in range(n):
        for j in range(p):
            x = X[r, j]
            u[j] = x - shift[j]
            if x <= low[j]:
                low[j], low_exact[j] = x, True
            if x >= high[j]:
                high[j], high_exact[j] = x, True
        for i in range(p):
            a = u[i]
            square = u[i] * u[i]
            gross[i] += square
            M3[i] += a * square
            M4[i] += square * square
            for j in range(i, p):
                S[i, j] += a * u[j]
            for b in range(len(binaries)):
                V[i, b] += square * u[binaries[b]]
            if has_gaps:
                for g in range(T.shape[1]):
                    T[i, g] += a
                    Q[i, g] += square
            else:
                T[i, 0] += a
    return True
