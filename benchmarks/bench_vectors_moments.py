"""What the hand-written vector loops buy: moments, projected rows and look-ups beside BLAS and plain compiled loops.

    python benchmarks/bench_vectors_moments.py [--quick] [--json FILE]

`bench_vectors.py` does the same for k-means, micro-clusters and silhouettes, and says what the three columns are. Here
they are, on one thread:

- *ours*: the loops of `_moments/_simd.py`, `_scores/_projected_simd.py` and `_scores/_table_simd.py`;
- *BLAS*: matrix products in tiles that stay in the cache, and NumPy for the rest; ``searchsorted`` for look-ups;
- *a plain loop*: Numba, with the innermost loop over contiguous numbers, so that LLVM turns it into vectors by itself.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import _harness as harness
import numpy as np
from bench_vectors import TILE_BYTES, add, plain

from symkernels import LookupTable, LookupTables, projected_squares
from symkernels._moments import _fast
from symkernels._moments._layout import Layout

ROWS = 128  # of a block of the plain loop: they stay in the cache


# --- moments: products, power sums, minimum and maximum of complete rows ----------------------------------------------


@plain
def moments_plain(X, shift, S, totals, low, high):
    """Upper triangle of S; ``totals`` are the sums of first, third and fourth powers."""
    n, p = X.shape
    U = np.empty((ROWS, p))
    for start in range(0, n, ROWS):
        rows = min(ROWS, n - start)
        for r in range(rows):
            for j in range(p):
                x = X[start + r, j]
                u = x - shift[j]
                U[r, j] = u
                totals[0, j] += u
                totals[1, j] += u * u * u
                totals[2, j] += (u * u) * (u * u)
                low[j] = x if x < low[j] else low[j]
                high[j] = x if x > high[j] else high[j]
        for i in range(p):
            for r in range(rows):
                a = U[r, i]
                for j in range(i, p):
                    S[i, j] += a * U[r, j]


def moments_blas(
    X: np.ndarray, shift: np.ndarray, S: np.ndarray, totals: np.ndarray, low: np.ndarray, high: np.ndarray
) -> None:
    step = max(64, TILE_BYTES // (X.shape[1] * X.itemsize))
    for start in range(0, len(X), step):
        tile = X[start : start + step]
        np.minimum(low, tile.min(axis=0), out=low)
        np.maximum(high, tile.max(axis=0), out=high)
        U = tile - shift
        S += U.T @ U
        squares = U * U
        totals[0] += U.sum(axis=0)
        totals[1] += np.einsum("ij,ij->j", squares, U)
        totals[2] += np.einsum("ij,ij->j", squares, squares)


def moments(report: harness.Report, n: int, p: int) -> None:
    X = np.random.default_rng(report.options.seed).standard_normal((n, p)) + 3
    layout, shift = Layout().with_dense(np.zeros(p, bool)), X[0].copy()

    def by(body: Callable[..., None]) -> Callable[[], tuple[np.ndarray, ...]]:
        def run() -> tuple[np.ndarray, ...]:
            found = np.zeros((p, p)), np.zeros((3, p)), np.full(p, np.inf), np.full(p, -np.inf)
            body(X, shift, *found)
            return found

        return run

    cases = {"BLAS": by(moments_blas), "a plain loop": by(moments_plain)}
    expected = _fast.sum_rows(X, None, layout, shift)
    for name, case in cases.items():
        S, totals, low, high = case()
        same = np.allclose(np.triu(S), np.triu(expected.S[0])) and np.allclose(totals[2], expected.M4[0])
        same = same and np.array_equal(low, expected.low) and np.array_equal(high, expected.high)
        harness.require(same, f"sums differ from those of {name}")
    timings = harness.interleave(
        {"ours": lambda: _fast.sum_rows(X, None, layout, shift), **cases}, repeats=report.options.repeats
    )
    add(report, f"moments of {n:,} x {p}, float64", timings, n=n, p=p)


# --- moments with missing values: sums over the rows where both attributes are present --------------------------------


@plain
def gaps_plain(X, shift, S, T, Q, N):
    n, p = X.shape
    u, here = np.empty(p), np.empty(p)
    for r in range(n):
        for j in range(p):
            x = X[r, j]
            present = x == x
            here[j] = 1.0 if present else 0.0
            u[j] = x - shift[j] if present else 0.0
        for i in range(p):
            a, square, one = u[i], u[i] * u[i], here[i]
            for j in range(p):
                S[i, j] += a * u[j]
                T[i, j] += a * here[j]
                Q[i, j] += square * here[j]
                N[i, j] += one * here[j]


def gaps_blas(X: np.ndarray, shift: np.ndarray, S: np.ndarray, T: np.ndarray, Q: np.ndarray, N: np.ndarray) -> None:
    step = max(64, TILE_BYTES // (X.shape[1] * X.itemsize))
    for start in range(0, len(X), step):
        tile = X[start : start + step]
        here = ~np.isnan(tile)
        U, G = np.where(here, tile - shift, 0.0), here.astype(float)
        S += U.T @ U
        T += U.T @ G
        Q += (U * U).T @ G
        N += G.T @ G


def gaps(report: harness.Report, n: int, p: int) -> None:
    rng = np.random.default_rng(report.options.seed)
    X = np.where(rng.random((n, p)) < 0.05, np.nan, rng.standard_normal((n, p)) + 3)
    layout, shift = Layout().with_dense(np.zeros(p, bool)), np.full(p, 3.0)

    def by(body: Callable[..., None]) -> Callable[[], np.ndarray]:
        def run() -> np.ndarray:
            found = np.zeros((4, p, p))
            body(X, shift, *found)
            return found

        return run

    cases = {"BLAS": by(gaps_blas), "a plain loop": by(gaps_plain)}
    expected = _fast.sum_rows(X, None, layout, shift)
    for name, case in cases.items():
        S, T, Q, N = case()
        same = np.allclose(np.triu(S), np.triu(expected.S[0]), atol=1e-6) and np.array_equal(N, expected.N[0])
        same = same and np.allclose(T, expected.T[0], atol=1e-6) and np.allclose(Q, expected.Q[0], atol=1e-6)
        harness.require(same, f"sums with missing values differ from those of {name}")
    timings = harness.interleave(
        {"ours": lambda: _fast.sum_rows(X, None, layout, shift), **cases}, repeats=report.options.repeats
    )
    add(report, f"moments of {n:,} x {p} with 5% missing, float64", timings, n=n, p=p)


# --- scores: squares of projected rows --------------------------------------------------------------------------------


@plain
def projected_plain(X, shift, W, split, first, second):
    n, p = X.shape
    q = W.shape[1]
    y = np.empty(q)
    for r in range(n):
        y[:] = 0.0
        for i in range(p):
            u = X[r, i] - shift[i]
            for j in range(q):
                y[j] += u * W[i, j]
        total = 0.0
        for j in range(split):
            total += y[j] * y[j]
        first[r] = total
        total = 0.0
        for j in range(split, q):
            total += y[j] * y[j]
        second[r] = total


def projected_blas(
    X: np.ndarray, shift: np.ndarray, W: np.ndarray, split: int, first: np.ndarray, second: np.ndarray
) -> None:
    step = max(64, TILE_BYTES // (W.shape[1] * X.itemsize))
    for start in range(0, len(X), step):
        stop = start + step
        Y = (X[start:stop] - shift) @ W
        np.einsum("ij,ij->i", Y[:, :split], Y[:, :split], out=first[start:stop])
        np.einsum("ij,ij->i", Y[:, split:], Y[:, split:], out=second[start:stop])


def projected(report: harness.Report, n: int, p: int) -> None:
    rng = np.random.default_rng(report.options.seed)
    X, shift, W = rng.standard_normal((n, p)), rng.standard_normal(p), rng.standard_normal((p, p))
    split, out = p // 4, np.empty((2, n))
    cases: dict[str, Callable[[], object]] = {
        "ours": lambda: projected_squares(X, shift, W, split),
        "BLAS": lambda: projected_blas(X, shift, W, split, *out),
        "a plain loop": lambda: projected_plain(X, shift, W, split, *out),
    }
    expected = np.array(projected_squares(X, shift, W, split))
    for name in ("BLAS", "a plain loop"):
        cases[name]()
        harness.require(np.allclose(out, expected), f"squares differ from those of {name}")
    timings = harness.interleave(cases, repeats=report.options.repeats)
    add(report, f"projected squares of {n:,} x {p}, float64", timings, n=n, p=p)


# --- scores: sums of look-up tables -----------------------------------------------------------------------------------


@plain
def tables_plain(X, knots, low, high, out):
    """Piecewise linear functions without jumps, whose value at a knot is the limit on its left."""
    n, p = X.shape
    m = knots.shape[1]
    for r in range(n):
        total = 0.0
        for j in range(p):
            x = X[r, j]
            begin, end = 0, m
            while begin < end:
                middle = (begin + end) // 2
                if knots[j, middle] < x:
                    begin = middle + 1
                else:
                    end = middle
            if 0 < begin < m:
                left = knots[j, begin - 1]
                share = (x - left) / (knots[j, begin] - left)
                total += low[j, begin] + (high[j, begin] - low[j, begin]) * share
            else:
                total += low[j, begin]
        out[r] = total


def tables_numpy(X: np.ndarray, knots: np.ndarray, low: np.ndarray, high: np.ndarray, out: np.ndarray) -> None:
    out[:] = 0.0
    m = knots.shape[1]
    for j in range(X.shape[1]):
        x = X[:, j]
        i = np.searchsorted(knots[j], x)
        right, left = np.minimum(i, m - 1), np.maximum(i - 1, 0)
        gap = np.where((i > 0) & (i < m), knots[j, right] - knots[j, left], 1.0)
        out += low[j, i] + (high[j, i] - low[j, i]) * ((x - knots[j, left]) / gap)


def tables(report: harness.Report, n: int, p: int, m: int) -> None:
    rng = np.random.default_rng(report.options.seed)
    X = rng.standard_normal((n, p))
    knots = np.sort(rng.standard_normal((p, m)), axis=1)
    at = np.sort(rng.random((p, m)), axis=1)
    low, high = np.hstack([at[:, :1], at]), np.hstack([at, at[:, -1:]])
    ready = LookupTables([LookupTable(knots[j], at[j : j + 1], low[j : j + 1], high[j : j + 1]) for j in range(p)])
    out = np.empty(n)
    cases: dict[str, Callable[[], object]] = {
        "ours": lambda: ready.sums(X),
        "BLAS": lambda: tables_numpy(X, knots, low, high, out),
        "a plain loop": lambda: tables_plain(X, knots, low, high, out),
    }
    expected = ready.sums(X)[0]
    for name in ("BLAS", "a plain loop"):
        cases[name]()
        harness.require(np.allclose(out, expected), f"sums of look-up tables differ from those of {name}")
    timings = harness.interleave(cases, repeats=report.options.repeats)
    add(report, f"look-ups of {n:,} x {p} among {m:,} knots ('BLAS' is searchsorted)", timings, n=n, p=p, m=m)


def main() -> int:
    options = harness.arguments("Hand-written vector loops of moments and scores beside BLAS and plain compiled loops")
    options.threads = 1
    with harness.threads(options.threads):
        report = harness.Report("vectors, moments and scores", options)
        for n, p in ((2_000, 50), (1_000, 200)) if options.quick else ((200_000, 50), (50_000, 200)):
            moments(report, n, p)
            gaps(report, n // 2, p)
        for n, p in ((5_000, 50),) if options.quick else ((500_000, 50), (500_000, 10)):
            projected(report, n, p)
        for m in (50,) if options.quick else (50, 1_000):
            tables(report, 5_000 if options.quick else 500_000, 10, m)
        report.finish()
    return 0


if __name__ == "__main__":
    sys.exit(main())
