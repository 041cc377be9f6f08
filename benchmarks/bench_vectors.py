"""What the hand-written vector loops buy: k-means, micro-clusters and silhouettes beside BLAS and plain compiled loops.

    python benchmarks/bench_vectors.py [--quick] [--json FILE]

Every case does the same work three times, on one thread, after the rows are in the layout that it wants:

- *ours*: the register-blocked loops of `_kmeans/_simd.py`, `_streaming/_simd.py` and `_silhouette/_simd.py`;
- *BLAS*: a matrix product for |x|^2 - 2 x.c + |c|^2, in tiles that stay in the cache, and NumPy for the rest;
- *a plain loop*: Numba, with the innermost loop over contiguous numbers, so that LLVM turns it into vectors by itself.

A file of vector loops stays while ours / the better of the two is well below 1.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import _harness as harness
import numpy as np
from numba import njit

from symkernels import silhouette_samples
from symkernels._jit import compiled
from symkernels._kmeans import _loops as kmeans_loops
from symkernels._kmeans._passes import Tiles
from symkernels._kmeans._simd import VECTORS
from symkernels._streaming import _loops as stream_loops
from symkernels._streaming._compiled import _tiled
from symkernels._vectors import pointer_to

TILE_BYTES = 2**20  # of a matrix product's result
BLOCK = 1024  # numbers that a plain loop goes over again and again: they stay in the first cache
plain = njit(nogil=True, fastmath={"reassoc", "contract", "nsz"})


def rows_of(n: int, d: int, k: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 4 * rng.standard_normal((k, d))[rng.integers(0, k, n)] + rng.standard_normal((n, d))


# --- k-means: the nearest center of every row -------------------------------------------------------------------------


@compiled
def nearest_ours(U, tiles, bias, best, labels):
    d, lanes = U.shape[1], U.shape[2]
    group = VECTORS * lanes
    for v in range(0, len(U), VECTORS):
        here = labels[v * lanes : v * lanes + group]
        kmeans_loops._nearest(pointer_to(U, v * d * lanes), d * lanes, d, tiles, bias, best, here)


@plain
def nearest_plain(X, C, bias, labels):
    """The centers are (d, k): the innermost loop is over them."""
    k = len(bias)
    scores = np.empty_like(bias)
    for i in range(len(X)):
        for c in range(k):
            scores[c] = bias[c]
        for j in range(X.shape[1]):
            x = X[i, j]
            for c in range(k):
                scores[c] += x * C[j, c]
        best = 0
        for c in range(1, k):
            if scores[c] > scores[best]:
                best = c
        labels[i] = best


def nearest_blas(X: np.ndarray, C: np.ndarray, bias: np.ndarray, labels: np.ndarray) -> None:
    step = max(64, TILE_BYTES // (len(bias) * X.itemsize))
    for start in range(0, len(X), step):
        scores = X[start : start + step] @ C
        scores += bias
        np.argmax(scores, axis=1, out=labels[start : start + step])


def kmeans(report: harness.Report, n: int, d: int, k: int, dtype: str) -> None:
    X = rows_of(n, d, k, report.options.seed)
    centers = X[:k].copy()
    X = X.astype(dtype)
    tiles, bias, _ = Tiles(centers, X.dtype).packed
    lanes = kmeans_loops.lanes_of(X)
    groups = -(-n // (VECTORS * lanes))
    U = np.zeros((groups * VECTORS, d, lanes), X.dtype)
    zeros = np.zeros(d)
    kmeans_loops.pack(X, 0, n, zeros, np.empty(0), U, zeros.copy(), zeros.copy())
    best = np.empty(VECTORS * lanes, X.dtype)
    ours = np.empty(groups * VECTORS * lanes, np.int32)
    C = np.ascontiguousarray(centers.T.astype(dtype))
    own_bias = bias[:k].copy()
    blas, loop = np.empty(n, np.intp), np.empty(n, np.int32)
    cases: dict[str, Callable[[], object]] = {
        "ours": lambda: nearest_ours(U, tiles, bias, best, ours),
        "BLAS": lambda: nearest_blas(X, C, own_bias, blas),
        "a plain loop": lambda: nearest_plain(X, C, own_bias, loop),
    }
    for case in cases.values():
        case()
    for name, labels in (("BLAS", blas), ("a plain loop", loop)):
        harness.require(float(np.mean(labels == ours[:n])) > 0.999, f"labels of k-means differ from those of {name}")
    timings = harness.interleave(cases, repeats=report.options.repeats)
    add(report, f"k-means: labels of {n:,} x {d}, k = {k}, {dtype}", timings, n=n, d=d, k=k)


# --- micro-clusters: the nearest center and how far it is, by differences ---------------------------------------------


@plain
def squares_plain(X, C, best, labels):
    k = C.shape[1]
    squares = np.empty(k)
    for i in range(len(X)):
        squares[:] = 0.0
        for j in range(X.shape[1]):
            x = X[i, j]
            for c in range(k):
                difference = C[j, c] - x
                squares[c] += difference * difference
        nearest = 0
        for c in range(1, k):
            if squares[c] < squares[nearest]:
                nearest = c
        best[i], labels[i] = squares[nearest], nearest


def squares_blas(X: np.ndarray, centers: np.ndarray, best: np.ndarray, labels: np.ndarray) -> None:
    """Labels by a matrix product; how far the nearest center is by differences, as a product loses digits."""
    half = -0.5 * np.einsum("ij,ij->i", centers, centers)
    nearest_blas(X, np.ascontiguousarray(centers.T), half, labels)
    difference = X - centers[labels]
    np.einsum("ij,ij->i", difference, difference, out=best)


def micro_clusters(report: harness.Report, n: int, d: int, m: int) -> None:
    X = rows_of(n, d, m, report.options.seed)
    centers = X[:m].copy()
    rows = stream_loops.ROWS
    groups = -(-n // rows)
    U = np.empty((groups, stream_loops.VECTORS, d, stream_loops.LANES))
    stream_loops.pack(X, 0, groups, np.zeros(d), np.ones(d), U)
    tiles, C = _tiled(centers), np.ascontiguousarray(centers.T)
    found = {
        "ours": (np.empty(groups * rows), np.empty(groups * rows, np.int64)),
        "BLAS": (np.empty(n), np.empty(n, np.intp)),
        "a plain loop": (np.empty(n), np.empty(n, np.int64)),
    }
    cases: dict[str, Callable[[], object]] = {
        "ours": lambda: stream_loops.assign(U, 0, groups, tiles, *found["ours"]),
        "BLAS": lambda: squares_blas(X, centers, *found["BLAS"]),
        "a plain loop": lambda: squares_plain(X, C, *found["a plain loop"]),
    }
    for name, case in cases.items():
        case()
        close = np.allclose(found[name][0][:n], found["ours"][0][:n], rtol=1e-9, atol=1e-12)
        harness.require(close, f"distances to micro-clusters differ from those of {name}")
    timings = harness.interleave(cases, repeats=report.options.repeats)
    add(report, f"micro-clusters: nearest of {m} for {n:,} x {d}, float64", timings, n=n, d=d, m=m)


# --- silhouettes: sums of distances to every cluster ------------------------------------------------------------------


@plain
def distances_plain(X, labels, sums):
    """Each pair once. The rows are (d, n): the innermost loop is over them."""
    d, n = X.shape
    held = np.empty(BLOCK, X.dtype)
    for start in range(0, n, BLOCK):
        stop = min(start + BLOCK, n)
        for i in range(stop):
            first = max(start, i + 1)
            held[first - start : stop - start] = 0.0
            for j in range(d):
                x = X[j, i]
                for other in range(first, stop):
                    difference = X[j, other] - x
                    held[other - start] += difference * difference
            for other in range(first, stop):
                distance = np.sqrt(held[other - start])
                sums[i, labels[other]] += distance
                sums[other, labels[i]] += distance


def distances_blas(X: np.ndarray, members: np.ndarray, sums: np.ndarray) -> None:
    squares = np.einsum("ij,ij->i", X, X)
    step = max(16, TILE_BYTES // (len(X) * X.itemsize))
    for start in range(0, len(X), step):
        tile = X[start : start + step] @ X.T
        tile *= -2.0
        tile += squares[start : start + step, None]
        tile += squares
        np.maximum(tile, 0.0, out=tile)
        np.sqrt(tile, out=tile)
        sums[start : start + step] = tile @ members


def scores(sums: np.ndarray, labels: np.ndarray, counts: np.ndarray) -> np.ndarray:
    own = np.arange(len(labels)), labels
    a = sums[own] / (counts[labels] - 1)
    means = sums / counts
    means[own] = np.inf
    b = means.min(axis=1)
    return (b - a) / np.maximum(a, b)


def silhouettes(report: harness.Report, n: int, d: int, k: int, dtype: str) -> None:
    X = rows_of(n, d, k, report.options.seed).astype(dtype)
    labels = np.argmin(((X[:, None, :] - X[:k]) ** 2).sum(axis=2), axis=1).astype(np.int32)
    counts = np.bincount(labels, minlength=k)
    harness.require(int(counts.min()) > 1, "every cluster has rows")
    members = np.eye(k, dtype=X.dtype)[labels]
    across = np.ascontiguousarray(X.T)

    def blas() -> np.ndarray:
        sums = np.empty((n, k), X.dtype)
        distances_blas(X, members, sums)
        return scores(sums, labels, counts)

    def loop() -> np.ndarray:
        sums = np.zeros((n, k))
        distances_plain(across, labels, sums)
        return scores(sums, labels, counts)

    cases: dict[str, Callable[[], object]] = {
        "ours": lambda: silhouette_samples(X, labels),
        "BLAS": blas,
        "a plain loop": loop,
    }
    expected = silhouette_samples(X, labels)
    for name, case in cases.items():
        apart = float(np.abs(case() - expected).max())
        harness.require(apart < (1e-6 if dtype == "float64" else 1e-2), f"silhouettes are {apart:.1e} from {name}")
    timings = harness.interleave(cases, repeats=report.options.repeats)
    add(report, f"silhouettes of {n:,} x {d}, k = {k}, {dtype}", timings, n=n, d=d, k=k)


def add(report: harness.Report, title: str, timings: dict[str, harness.Timing], **facts: object) -> None:
    """One section beside the better of the two others."""
    others = [name for name in ("BLAS", "a plain loop") if timings[name].median is not None]
    peer = min(others, key=lambda name: timings[name].median or 0.0)
    report.add(title, timings, ours="ours", peer=peer, target="<= 0.8", **facts)


def main() -> int:
    options = harness.arguments("Hand-written vector loops beside BLAS and plain compiled loops")
    options.threads = 1
    with harness.threads(options.threads):
        report = harness.Report("vectors", options)
        n = 20_000 if options.quick else 500_000
        for dtype in ("float64", "float32"):
            for d, k in ((16, 10), (64, 64)):
                kmeans(report, n, d, k, dtype)
        micro_clusters(report, min(n, 10_000), 16, 100)
        n = 2_000 if options.quick else 20_000
        for dtype in ("float64", "float32"):
            silhouettes(report, n, 16, 10, dtype)
        report.finish()
    return 0


if __name__ == "__main__":
    sys.exit(main())
