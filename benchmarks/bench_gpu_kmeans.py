"""Lloyd's algorithm on a GPU beside flash-kmeans, and as a share of the card's float32 peak.

    make gpu        or: PYTHONPATH=.:kernels python benchmarks/bench_gpu_kmeans.py [--quick] [--json FILE]

The peak is what CuPy's SGEMM reaches on this card in the same rounds, without TF32. An iteration is 2 n k d operations;
the table's note says what share of the peak they make, checks, sums, final labels and WSSSE included. The labels of a
sample are compared with distances by differences in float64 before anything is timed. flash-kmeans gets the same rows
and the same start where it and PyTorch can be imported; its float32 product may go through TF32 tensor cores.
"""

from __future__ import annotations

import sys
from typing import Any

import _harness as harness

ITERATIONS = 10
SIZE = (8_388_608, 128, 1024)
QUICK = (262_144, 128, 256)


def card() -> Any:
    """CuPy, or None with the reason on the terminal."""
    try:
        import cupy
    except ImportError:
        print("NOT MEASURED: CuPy is not installed (pip install 'symjobs[gpu]')")
        return None
    try:
        if cupy.cuda.runtime.getDeviceCount() > 0:
            return cupy
    except cupy.cuda.runtime.CUDARuntimeError as error:
        print(f"NOT MEASURED: no CUDA device ({error})")
        return None
    print("NOT MEASURED: no CUDA device")
    return None


def flash_kmeans(X: Any, start: Any) -> Any:
    """flash-kmeans on the same memory, or None with the reason on the terminal."""
    try:
        import torch
        from flash_kmeans import batch_kmeans_Euclid
    except ImportError as error:
        print(f"flash-kmeans is left out: {error} (pip install flash-kmeans)")
        return None
    rows, centers = torch.from_dlpack(X)[None], torch.from_dlpack(start.astype(X.dtype))[None]

    def run() -> object:
        # It moves the centers it is given in place in some versions.
        return batch_kmeans_Euclid(
            rows, len(start), max_iters=ITERATIONS, tol=0.0, init_centroids=centers.clone(), verbose=False
        )

    return run


def check(cupy: Any, X: Any, result: Any) -> None:
    """Every row of a sample is with its nearest center, to rounding; labels and WSSSE are of the same moment."""
    sample = cupy.arange(0, len(X), max(1, len(X) // 1000))
    rows = X[sample].astype(cupy.float64)
    squares = cupy.stack([((result.centers - row) ** 2).sum(axis=1) for row in rows])
    chosen = squares[cupy.arange(len(sample)), result.labels[sample]]
    harness.require(
        bool((chosen <= squares.min(axis=1) * (1 + 1e-4)).all()), "a label is not that of the nearest center"
    )
    wssse = 0.0
    for part in range(0, len(X), 2**20):
        Z = X[part : part + 2**20].astype(cupy.float64) - result.centers[result.labels[part : part + 2**20]]
        wssse += float((Z * Z).sum())
    harness.require(abs(wssse / result.wssse - 1) < 1e-10, f"WSSSE {result.wssse}, recomputed {wssse}")


def main() -> int:
    options = harness.arguments("k-means on a GPU")
    cupy = card()
    if cupy is None:
        return 0
    from symkernels import kmeans

    n, d, k = QUICK if options.quick else SIZE
    rng = cupy.random.default_rng(options.seed)
    X = rng.standard_normal((n, d), dtype=cupy.float32)
    start = X[rng.permutation(n)[:k]].astype(cupy.float64)

    def ours() -> Any:
        return kmeans(X, k, init=start, max_iter=ITERATIONS, tol=0.0)

    result = ours()
    harness.require(result.n_iter == ITERATIONS, f"stopped after {result.n_iter} of {ITERATIONS} iterations")
    check(cupy, X, result)
    size = 8192
    A, B = (rng.standard_normal((size, size), dtype=cupy.float32) for _ in range(2))
    cases: dict[str, Any] = {"ours": ours, "SGEMM": lambda: cupy.matmul(A, B)}
    flash = flash_kmeans(X, start)
    if flash is not None:
        cases["flash-kmeans"] = flash
    timings = harness.interleave(cases, repeats=options.repeats, synchronize=cupy.cuda.Device().synchronize)
    report = harness.Report("gpu_kmeans", options)
    notes = {}
    if timings["ours"].median and timings["SGEMM"].best:
        peak = 2 * size**3 / timings["SGEMM"].best
        # The labels of the last centers are one assignment more.
        rate = 2.0 * n * k * d * (ITERATIONS + 1) / timings["ours"].median
        notes = {"ours": f"{rate / 1e12:.1f} TF/s, {rate / peak:.0%} of SGEMM", "SGEMM": f"{peak / 1e12:.1f} TF/s"}
    report.add(
        f"Lloyd, {n:,} x {d}, k = {k:,}, {ITERATIONS} iterations, float32",
        timings,
        ours="ours",
        peer="flash-kmeans" if flash is not None else None,
        target="<= 1" if flash is not None else "",
        notes=notes,
        n=n,
        d=d,
        k=k,
        card=str(cupy.cuda.runtime.getDeviceProperties(0)["name"]),
    )
    report.finish()
    return 0


if __name__ == "__main__":
    sys.exit(main())
