"""Learning wide rows in one batch into a new state: against DSYRK and ``X.T @ X``, which compute products only.

python benchmarks/bench_wide_moments.py [--quick] [--json FILE]
"""

from __future__ import annotations

import _harness as harness
import numpy as np
from scipy.linalg.blas import dsyrk

from symkernels import Moments

# Rows, columns, and what is aimed at: a share of DSYRK's rate, or times the time of X.T @ X.
SIZES = [
    (50_000, 1_000, "DSYRK", 1 / 0.90),
    (20_000, 2_000, "DSYRK", 1 / 0.90),
    (20_000, 4_000, "DSYRK", 1 / 0.90),
    (300, 5_000, "X.T @ X", 1.0),
    (6_000, 10_000, "X.T @ X", 1.15),
]
QUICK = [(2_000, 300, "DSYRK", 1 / 0.90)]


def main() -> None:
    options = harness.arguments("Wide rows")
    rng = np.random.default_rng(options.seed)
    report = harness.Report("wide_moments", options)
    with harness.threads(options.threads):
        for n, p, peer, most in QUICK if options.quick else SIZES:
            X = rng.normal(size=(n, p))
            right = np.cov(X[:, :50].T, ddof=0)
            harness.require(np.allclose(Moments(p).learn(X).covariance()[:50, :50], right), "another covariance")
            timings = harness.interleave(
                {
                    "ours": lambda X=X: Moments(X.shape[1]).learn(X),
                    "DSYRK": lambda X=X: dsyrk(1.0, X.T),
                    "X.T @ X": lambda X=X: X.T @ X,
                },
                repeats=min(options.repeats, 2) if p >= 10_000 else options.repeats,
            )
            report.add(f"{n:,} x {p:,}", timings, ours="ours", peer=peer, target=f"<= {most:.4g}", n=n, p=p)
    report.finish()


if __name__ == "__main__":
    main()
