"""Lloyd's algorithm beside scikit-learn, oneDAL and FAISS, and beside the floor of the machine.

    python benchmarks/bench_kmeans.py [--quick] [--json FILE]

All candidates get the same rows of the same precision, start from the same centres (k rows drawn by the seed) and make
the same number of iterations; before anything is timed it is checked that they did, that each row is with its nearest
centre, and that their WSSSEs, recomputed here by differences in float64, agree. What is timed for us is `kmeans` as
users call it: checks, means, iterations, final labels and WSSSE. The floor is 2 n d k operations an iteration at the
GEMM rate of that precision, or the time of reading the rows once, whichever is longer, both timed in the same rounds.

The rows are normal blobs that overlap, three for each cluster; "no structure" is one normal cloud, where bounds that
save distances help least.
"""

from __future__ import annotations

import sys

import _clusters as clusters
import _harness as harness
import numpy as np
from _clusters import Fit, Peer

from symkernels import kmeans

ITERATIONS = 20
FIXED = [(1_000_000, 16, 10, 1.5), (100_000, 64, 100, 1.2)]
FIXED_QUICK = [(20_000, 16, 10, 1.5), (5_000, 64, 100, 1.2)]
TO_THE_END = (100_000, 16, 20)
TO_THE_END_QUICK = (10_000, 16, 20)
PRECISIONS = ("float32", "float64")
AGREE = {"float32": 2e-4, "float64": 1e-9}  # of the WSSSE: rounding moves a row, the row the next centres, and so on


def ours(X: np.ndarray, start: np.ndarray, iterations: int, tol: float) -> Fit:
    result = kmeans(X, len(start), init=start, max_iter=iterations, tol=tol)
    return Fit(result.centers, result.labels, result.n_iter)


def checked(
    X: np.ndarray, start: np.ndarray, iterations: int, tol: float, peers: dict[str, Peer], *, exactly: bool
) -> dict[str, tuple[int, float]]:
    """Iterations and WSSSE of every candidate; stops where they disagree."""
    fits = {"ours": ours(X, start, iterations, tol)}
    fits |= {name: peer.fit(X.copy(), start, iterations, tol) for name, peer in peers.items()}
    found = {name: (fit.n_iter, clusters.wssse(X, fit)) for name, fit in fits.items()}
    n_iter, expected = found["ours"]
    if exactly:
        harness.require(n_iter == iterations, f"ours stopped after {n_iter} of {iterations} iterations")
    for name, (count, value) in found.items():
        same = count == n_iter or (not exactly and X.dtype == np.float32)  # float32 may end a few iterations apart
        harness.require(same, f"{name} made {count} iterations, ours {n_iter}")
        harness.require(abs(value / expected - 1) <= AGREE[X.dtype.name], f"{name}: WSSSE {value}, ours {expected}")
    return found


def usable(names: tuple[str, ...], threads: int) -> tuple[dict[str, Peer], dict[str, str]]:
    """The peers of these names that are installed, and why the others are not there."""
    chosen = {name: peer for name, peer in clusters.peers(threads).items() if name in names}
    here = {name: peer for name, peer in chosen.items() if peer.missing is None}
    return here, {name: peer.missing for name, peer in chosen.items() if peer.missing is not None}


def fixed(report: harness.Report, n: int, d: int, k: int, dtype: str, factor: float | None) -> None:
    """Twenty iterations. Without a ``factor`` to reach: on rows without structure."""
    options = report.options
    names = ("scikit-learn Lloyd", "oneDAL", "FAISS")
    X = clusters.blobs(n, d, k, options.seed, dtype, spread=0.0 if factor is None else clusters.SPREAD)
    start = clusters.start_of(X, k, options.seed)
    here, absent = usable(names, options.threads)
    if dtype != "float32" and here.pop("FAISS", None):
        absent["FAISS"] = "computes in float32 only"
    found = checked(X, start, ITERATIONS, 0.0, here, exactly=True)
    size = 512 if options.quick else 2_048
    cases = {"ours": clusters.case(Peer(ours, ""), X, start, ITERATIONS, 0.0)}
    cases |= clusters.floor_cases(X, size)
    cases |= {name: clusters.case(peer, X, start, ITERATIONS, 0.0) for name, peer in here.items()}
    timings = clusters.compare(cases, absent, repeats=options.repeats)
    floor = timings["floor"] = clusters.floor_of(timings, size, n, d, k, ITERATIONS)
    share = (floor.median or np.nan) / (timings["ours"].median or np.nan)
    notes = {name: peer.note for name, peer in here.items()}
    notes |= {"ours": f"{share:.0%} of the floor", "floor": "max of 2 n d k at the GEMM rate, reading once; 20 times"}
    structure = ", no structure" if factor is None else ""
    report.add(
        f"Lloyd {n:,} x {d}, k = {k}, {ITERATIONS} iterations, {dtype}{structure}",
        timings,
        ours="ours",
        peer=clusters.fastest(timings, list(names)),
        target="" if factor is None else f"<= {1 / factor:.4g}",
        notes=notes,
        **{"n": n, "d": d, "k": k, "dtype": dtype, "iterations": ITERATIONS, "share_of_floor": share},
        wssse={name: value for name, (_, value) in found.items()},
    )


def to_the_end(report: harness.Report, n: int, d: int, k: int, dtype: str, tol: float) -> None:
    """Until the stopping rule of scikit-learn holds; ``tol`` 0: until no label changes."""
    options = report.options
    X = clusters.blobs(n, d, k, options.seed, dtype)
    start = clusters.start_of(X, k, options.seed)
    names = ("scikit-learn Lloyd", "scikit-learn Elkan")
    here, absent = usable(names, options.threads)
    most = 2_000
    found = checked(X, start, most, tol, here, exactly=False)
    harness.require(ITERATIONS < found["ours"][0] < most, f"{found['ours'][0]} iterations do not test convergence")
    cases = {"ours": clusters.case(Peer(ours, ""), X, start, most, tol)}
    cases |= {name: clusters.case(peer, X, start, most, tol) for name, peer in here.items()}
    timings = clusters.compare(cases, absent, repeats=options.repeats)
    notes = {name: f"{count} iterations" for name, (count, _) in found.items()}
    report.add(
        f"to convergence {n:,} x {d}, k = {k}, tol = {tol:g}, {dtype}",
        timings,
        ours="ours",
        peer=clusters.fastest(timings, list(names)),
        target="<= 0.5",
        notes=notes,
        **{"n": n, "d": d, "k": k, "dtype": dtype, "tol": tol},
        n_iter={name: count for name, (count, _) in found.items()},
        wssse={name: value for name, (_, value) in found.items()},
    )


def main() -> int:
    options = harness.arguments("Lloyd's algorithm beside scikit-learn, oneDAL and FAISS")
    with harness.threads(options.threads):
        report = harness.Report("kmeans", options)
        for n, d, k, factor in FIXED_QUICK if options.quick else FIXED:
            for dtype in PRECISIONS:
                fixed(report, n, d, k, dtype, factor)
        for n, d, k, _ in FIXED_QUICK if options.quick else FIXED:
            for dtype in PRECISIONS:
                fixed(report, n, d, k, dtype, None)
        for tol in (1e-4, 0.0):
            for dtype in PRECISIONS:
                to_the_end(report, *(TO_THE_END_QUICK if options.quick else TO_THE_END), dtype, tol)
        report.finish()
    return 0


if __name__ == "__main__":
    sys.exit(main())
