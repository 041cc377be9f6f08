"""Learning rows into moments: against the machine's DSYRK rate and against everything else that can be fed in batches.

    python benchmarks/bench_moments.py [--quick] [--json FILE] [--before REVISION]

What is timed for us is `Moments.learn` as users call it: shift, sums, third and fourth powers, minimum, maximum, the
check for missing and infinite values and all bookkeeping included. The floor is the DSYRK rate of a large square case
in the same round-robin, counting n p^2 operations. With ``--before``, an earlier version runs in turn with this one, in
the same process; nothing else does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import _harness as harness
import numpy as np
from _harness import Case, Timing

from symkernels import Moments

BATCH = 10_000
SIZES = [(50_000, 1_000, 0.90), (200_000, 200, 0.65), (1_000_000, 50, 0.40)]
QUICK = [(2_000, 200, 0.90), (5_000, 50, 0.65)]
MISSING = [(100_000, 50), (20_000, 200)]
MISSING_QUICK = [(2_000, 50)]


def batches(X: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(X), BATCH):
        yield X[start : start + BATCH]


def ours(X: np.ndarray, kind: Any = Moments) -> Moments:
    m = kind(X.shape[1])
    for batch in batches(X):
        m.learn(batch)
    return m


def no_centring(X: np.ndarray) -> np.ndarray:
    S, T = np.zeros((X.shape[1], X.shape[1])), np.zeros(X.shape[1])
    for batch in batches(X):
        S += batch.T @ batch
        T += batch.sum(axis=0)
    return S / len(X) - np.outer(T / len(X), T / len(X))


def onedal(X: np.ndarray) -> np.ndarray:
    from sklearnex.covariance import IncrementalEmpiricalCovariance

    model = IncrementalEmpiricalCovariance(batch_size=BATCH)
    for batch in batches(X):
        model.partial_fit(batch)
    return model.covariance_


def incremental_pca(X: np.ndarray) -> np.ndarray:
    from sklearn.decomposition import IncrementalPCA

    model = IncrementalPCA(batch_size=BATCH)
    for batch in batches(X):
        model.partial_fit(batch)
    return model.explained_variance_


def batchstats(X: np.ndarray) -> np.ndarray:
    import batchstats as library

    model = library.BatchCov()
    for batch in batches(X):
        model.update_batch(batch)
    return model()


def river(X: np.ndarray) -> object:
    from river.covariance import EmpiricalCovariance

    model = EmpiricalCovariance()
    for row in X:
        model.update(dict(enumerate(row.tolist())))
    return model


def scaled(timing: Timing, factor: float, name: str) -> Timing:
    """The time of the same work ``factor`` times over."""
    return Timing(name, tuple(t * factor for t in timing.times), timing.error)


def one_size(report: harness.Report, n: int, p: int, share: float, rng: np.random.Generator) -> None:
    options = report.options
    X = rng.standard_normal((n, p))
    expected = np.cov(X.T, ddof=0)
    harness.require(np.allclose(ours(X).covariance(), expected, atol=1e-11), f"covariance at {n} x {p}")
    title = f"learn {n:,} x {p:,} in batches of {BATCH:,}"
    dsyrk, flops = harness.dsyrk(512 if options.quick else 4096)
    # Alone with the floor first: peers between the two would put minutes between what is compared.
    times = harness.interleave({"ours": lambda: ours(X), "dsyrk": dsyrk}, repeats=2 * options.repeats)
    work = n * p * p
    floor = scaled(times.pop("dsyrk"), work / flops, "floor: DSYRK")
    rate = work / (floor.median or np.nan)
    reached = work / (times["ours"].median or np.nan)
    notes = {"ours": f"{reached / 1e9:.0f} GF/s: {reached / rate:.0%} of {rate / 1e9:.0f}"}
    times["floor: DSYRK"] = floor
    report.add(title, times, ours="ours", peer="floor: DSYRK", target=f"<= {1 / share:.4g}", notes=notes, n=n, p=p)
    few = max(1, 50_000 // p**2)
    cases: dict[str, Callable[[], object] | Case] = {
        "ours": lambda: ours(X),
        "X.T @ X, no centring": lambda: no_centring(X),
        "oneDAL": lambda: onedal(X),
        "batchstats": lambda: batchstats(X),
        "numpy.cov": lambda: np.cov(X.T),
        "IncrementalPCA": lambda: incremental_pca(X),
        "river, few rows": lambda: river(X[:few]),
    }
    times = harness.interleave(cases, repeats=options.repeats, once_over=5.0)
    times["river"] = scaled(times.pop("river, few rows"), n / few, "river")
    fastest = min(
        ("oneDAL", "batchstats", "numpy.cov", "IncrementalPCA"), key=lambda name: times[name].median or np.inf
    )
    notes = {"river": f"extrapolated from {few} rows"}
    report.add(f"{title}: peers", times, ours="ours", peer=fastest, target="<= 1", notes=notes, n=n, p=p)


def offsets(report: harness.Report, rng: np.random.Generator) -> None:
    """How exact the peers' covariances are where columns sit on an offset: printed, not timed."""
    X = rng.standard_normal((20_000, 10))
    rows = [("offset", "ours", "no centring", "oneDAL", "batchstats", "")]
    for offset in (0.0, 1e3, 1e6, 1e8):
        Y = X + offset
        exact = Y - offset
        truth = np.cov(exact.T, ddof=0)
        errors = [np.abs(f - truth).max() for f in (ours(Y).covariance(), no_centring(Y))]
        for peer, library in ((onedal, "sklearnex"), (batchstats, "batchstats")):
            here = find_spec(library) is not None
            errors.append(np.abs(np.asarray(peer(Y)) - truth).max() if here else np.nan)  # nan: not installed
        rows.append((f"{offset:g}", *(f"{e:.0e}" for e in errors), ""))
    print("\nlargest error of a covariance of unit-variance columns on an offset")
    print(harness.table(rows))
    del report


def missing(report: harness.Report, n: int, p: int, rng: np.random.Generator) -> None:
    import pandas as pd

    X = rng.standard_normal((n, p))
    gappy = np.where(rng.random((n, p)) < 0.05, np.nan, X)
    frame = pd.DataFrame(gappy)
    harness.require(np.allclose(ours(gappy).covariance(1), frame.cov().to_numpy(), atol=1e-10), "pairwise covariance")

    def masked(A: np.ndarray) -> None:
        here = ~np.isnan(A)
        F, M = np.where(here, A, 0.0), here.astype(float)
        for left, right in ((F, F), (F, M), (F * F, M), (M, M)):
            left.T @ right

    times = harness.interleave(
        {
            "ours": lambda: ours(gappy),
            "ours, complete": lambda: ours(X),
            "masked products in NumPy": lambda: masked(gappy),
            "pandas DataFrame.cov": frame.cov,
        },
        repeats=report.options.repeats,
    )
    title = f"learn {n:,} x {p:,} with 5% missing"
    report.add(title, times, ours="ours", peer="ours, complete", target="<= 3", n=n, p=p)
    report.add(f"{title}, pandas", times, ours="ours", peer="pandas DataFrame.cov", target="<= 0.1", n=n, p=p)


def single_rows(report: harness.Report, rng: np.random.Generator) -> None:
    p, count = 50, 200 if report.options.quick else 5_000
    X = rng.standard_normal((count, p))
    rows = [X[i : i + 1].copy() for i in range(count)]
    state = Moments(p).learn(X)

    def learn() -> None:
        for row in rows:
            state.learn(row)

    times = harness.interleave({"ours": learn, "at once": lambda: state.learn(X)}, repeats=report.options.repeats)
    times["20 us a row"] = Timing("20 us a row", (20e-6 * count,))
    notes = {name: f"{(t.median or 0) / count * 1e6:.2g} us a row" for name, t in times.items()}
    report.add("one row at a time, p = 50", times, ours="ours", peer="20 us a row", target="<= 1", notes=notes, p=p)


def against(report: harness.Report, before: Any, rng: np.random.Generator) -> None:
    """This version and an earlier one in turn: states that have learnt enough to sum in float64, and answers."""
    kinds = {"ours": Moments, "before": before.Moments}

    def interleaved(title: str, cases: Callable[[Any], Callable[[], object]], target: str = "<= 1.1") -> None:
        times = harness.interleave({name: cases(kind) for name, kind in kinds.items()}, repeats=report.options.repeats)
        report.add(title, times, ours="ours", peer="before", target=target)

    def learning(X: np.ndarray) -> Callable[[Any], Callable[[], object]]:
        def case(kind: Any) -> Callable[[], object]:
            m = kind(X.shape[1])
            while m.n_rows * X.shape[1] ** 2 <= 2e8:
                m.learn(X)

            def run() -> None:
                for batch in batches(X):
                    m.learn(batch)

            return run

        return case

    sizes = [(5_000, 50)] if report.options.quick else [(200_000, 50), (50_000, 200)]
    for n, p in sizes:
        X = rng.standard_normal((n, p))
        gappy = np.where(rng.random((n, p)) < 0.05, np.nan, X)
        interleaved(f"learn {n:,} x {p}, complete rows", learning(X))
        interleaved(f"learn {n:,} x {p}, 5 % missing", learning(gappy))
    row = rng.standard_normal((1, 50))

    def one_row(kind: Any) -> Callable[[], object]:
        m = kind(50).learn(rng.standard_normal((100, 50)))
        return lambda: [m.learn(row) for _ in range(1_000)]

    interleaved("one row at a time, p = 50", one_row, target="")
    interleaved("covariance, p = 300", lambda kind: kind(300).learn(rng.standard_normal((2_000, 300))).covariance, "")


def main() -> None:
    parser = harness.parser(__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--before", metavar="REVISION", help="compare with an earlier version only")
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    with harness.threads(options.threads):
        report = harness.Report("moments", options)
        if options.before:
            with harness.earlier_kernels(options.before) as before:
                against(report, before, rng)
            report.finish()
            return
        for n, p, share in QUICK if options.quick else SIZES:
            one_size(report, n, p, share, rng)
        for n, p in MISSING_QUICK if options.quick else MISSING:
            missing(report, n, p, rng)
        single_rows(report, rng)
        offsets(report, rng)
        report.finish()


if __name__ == "__main__":
    main()
