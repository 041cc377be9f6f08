"""What sums in three parts cost: learning without rounding errors, missing values, few rows, answers.

    python benchmarks/bench_exact_sums.py [--quick] [--json FILE]

The floor of each row is the same work in float64 sums of complete rows, or NumPy's answer from the rows. To compare two
versions, run the script of this one with both, as in ``PYTHONPATH=other:other/kernels``: it uses the public names only.
"""

from __future__ import annotations

from collections.abc import Callable

import _harness as harness
import numpy as np
from _harness import Case

from symkernels import Moments

BATCH = 10_000


def learning(X: np.ndarray, m: Moments) -> Callable[[], None]:
    """Return a function that learns all rows in batches into a state that has learnt enough to sum in float64."""

    def run() -> None:
        for start in range(0, len(X), BATCH):
            m.learn(X[start : start + BATCH])

    while m.n_rows * X.shape[1] ** 2 <= 2e8:
        run()
    return run


def new(X: np.ndarray) -> Callable[[], None]:
    def run() -> None:
        m = Moments(X.shape[1])
        for start in range(0, len(X), BATCH):
            m.learn(X[start : start + BATCH])

    return run


def main() -> None:
    options = harness.arguments("What sums in three parts cost")
    rng = np.random.default_rng(options.seed)
    report = harness.Report("exact_sums", options)
    with harness.threads(options.threads):
        for n, p in [(20_000, 50)] if options.quick else [(200_000, 50), (50_000, 200)]:
            X = rng.normal(size=(n, p))
            gappy = np.where(rng.random(X.shape) < 0.05, np.nan, X)
            m = Moments(p).learn(X)
            harness.require(np.allclose(m.covariance(), np.cov(X.T, ddof=0), atol=1e-12), "another covariance")
            timings = harness.interleave(
                {
                    "float64": Case(learning(X, Moments(p))),
                    "missing": Case(learning(gappy, Moments(p))),
                    "new state": Case(new(X)),
                    "exact": Case(learning(X, Moments(p, exact=True))),
                    "exact, missing": Case(learning(gappy, Moments(p, exact=True))),
                },
                repeats=options.repeats,
            )
            size = f"{n:,} x {p}"
            report.add(f"{size}, 5 % missing", timings, ours="missing", peer="float64", target="<= 2.5")
            report.add(f"{size}, a new state", timings, ours="new state", peer="float64")
            report.add(f"{size}, exact=True", timings, ours="exact", peer="float64", target="<= 3.0")
            report.add(f"{size}, exact=True, 5 % missing", timings, ours="exact, missing", peer="missing")
        X = rng.normal(size=(2_000, 50))
        m = Moments(50).learn(X)
        row = X[:1]
        timings = harness.interleave(
            {
                "one row": Case(lambda: [m.learn(row) for _ in range(100)]),
                "outer": Case(lambda: [row.T @ row for _ in range(100)]),
            },
            repeats=options.repeats,
        )
        report.add("one row, p = 50, 100 times", timings, ours="one row", peer="outer")
        for p in [100] if options.quick else [300, 1_000]:
            X = rng.normal(size=(2_000, p))
            whole, gappy = Moments(p).learn(X), Moments(p).learn(np.where(rng.random(X.shape) < 0.05, np.nan, X))
            other = Moments(p).learn(X + 1)
            timings = harness.interleave(
                {
                    "covariance": Case(whole.covariance),
                    "pairwise": Case(gappy.correlation),
                    "reproducible": Case(lambda m=gappy: m.reproducible),
                    "merge": Case(lambda a=whole, b=other: a + b),
                    "numpy": Case(lambda X=X: np.cov(X.T)),
                },
                repeats=options.repeats,
            )
            report.add(f"covariance, p = {p:,}", timings, ours="covariance", peer="numpy")
            report.add(f"correlation with missing values, p = {p:,}", timings, ours="pairwise", peer="numpy")
            report.add(f"reproducible, with missing values, p = {p:,}", timings, ours="reproducible", peer="pairwise")
            report.add(f"merge of two states, p = {p:,}", timings, ours="merge", peer="numpy")
    report.finish()


if __name__ == "__main__":
    main()
