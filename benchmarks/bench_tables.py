"""Learning tables of every library through a project, beside the kernel on the same rows as one array.

python benchmarks/bench_tables.py [--quick] [--json FILE]
"""

from __future__ import annotations

import _harness as harness
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from _harness import Case
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

import symjobs as sj
from symkernels import Moments, pca

P = 50
NAMES = [f"x{i}" for i in range(P)]


def mixed(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return the frame with 10 integer, 10 boolean and 10 nullable columns, of which 5% are missing."""
    n, changed = len(frame), {}
    for i in range(10):
        changed[NAMES[i]] = rng.integers(0, 100, n)
        changed[NAMES[10 + i]] = rng.random(n) < 0.5
        values = frame[NAMES[20 + i]].to_numpy().copy()
        values[rng.random(n) < 0.05] = np.nan
        changed[NAMES[20 + i]] = pd.array(values, dtype="Float64")
    return frame.assign(**changed)


def main() -> None:
    options = harness.arguments("Tables")
    report = harness.Report("tables", options)
    rng = np.random.default_rng(options.seed)
    n = 50_000 if options.quick else 1_000_000
    X = rng.normal(size=(n, P))
    frame = pd.DataFrame({name: X[:, j].copy() for j, name in enumerate(NAMES)})
    other = mixed(frame, rng)
    Y = other.to_numpy(dtype=float, na_value=np.nan)
    tables = {
        "array and names": (X, NAMES),
        "pandas": frame,
        "Polars": pl.from_pandas(frame),
        "Arrow": pa.Table.from_pandas(frame, preserve_index=False),
    }
    with harness.threads(options.threads):
        right = Moments(P).learn(X).covariance()
        for name, table in tables.items():
            found = sj.Project("t").learn(table).snapshot().moments.covariance()
            harness.require(np.allclose(found, right, rtol=1e-10, atol=1e-12), f"{name}: another covariance")
        cases = {"Moments.learn": Case(lambda: Moments(P).learn(X))}
        cases |= {name: Case(lambda table=table: sj.Project("t").learn(table)) for name, table in tables.items()}
        timings = harness.interleave(cases, repeats=options.repeats)
        for name in tables:
            title = f"Project.learn, {name}, {n:,} x {P} float64"
            report.add(title, timings, ours=name, peer="Moments.learn", target="<= 1.5")
        timings = harness.interleave(
            {
                "pandas, mixed": Case(lambda: sj.Project("t").learn(other)),
                "Moments.learn": Case(lambda: Moments(P).learn(Y)),
            },
            repeats=options.repeats,
        )
        title = "the same with 10 integer, 10 boolean and 10 nullable columns, 5% missing"
        report.add(title, timings, ours="pandas, mixed", peer="Moments.learn", target="<= 2")

        def ours() -> object:
            return pca(sj.Project("t").learn(frame).snapshot().moments.correlation())

        def peer() -> object:
            return PCA(svd_solver="covariance_eigh").fit(StandardScaler().fit_transform(frame))

        timings = harness.interleave({"ours": Case(ours), "scikit-learn": Case(peer)}, repeats=options.repeats)
        report.add("a pandas frame to PCA", timings, ours="ours", peer="scikit-learn", target="<= 0.5")

        m = n // 2
        keys = pd.DataFrame({"a": rng.integers(0, 1000, m).astype(str), "b": rng.integers(0, 20, m).astype(str)})
        grouped = keys.astype("category").assign(x=rng.normal(size=m), y=rng.normal(size=m))
        timings = harness.interleave(
            {
                "ours": Case(lambda: sj.Project("t").learn(grouped)),
                "pandas groupby": Case(lambda: grouped.groupby("a", observed=True)[["x", "y"]].mean()),
            },
            repeats=options.repeats,
        )
        report.add(
            f"{m:,} rows, categories of 1,000 and 20 values, 2 numbers",
            timings,
            ours="ours",
            peer="pandas groupby",
            target="<= 1",
        )
    report.finish()


if __name__ == "__main__":
    main()
