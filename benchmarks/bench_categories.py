"""Categories: learning rows with members, against pandas' groupby; and what many members cost.

python benchmarks/bench_categories.py [--quick] [--json FILE]
"""

from __future__ import annotations

import time
from collections.abc import Callable

import _harness as harness
import numpy as np
import pandas as pd
from _harness import Case, Timing

from symkernels import Moments, SparseRows

NUMBERS = 20
MOST_BYTES = 200e6


def rows_of(rng: np.random.Generator, n: int, sizes: list[int]) -> tuple[Moments, np.ndarray, SparseRows, np.ndarray]:
    """Return a new state with categories of these sizes, and n rows: numbers, members, and these as codes."""
    m = Moments(NUMBERS)
    groups, members = zip(*(m.extend_sparse(size) for size in sizes), strict=True)
    codes = np.column_stack([rng.integers(0, size, n) for size in sizes])
    indices = np.column_stack([numbers[codes[:, k]] for k, numbers in enumerate(members)])
    indptr = np.arange(n + 1) * len(sizes)
    return m, rng.normal(size=(n, NUMBERS)), SparseRows(indptr, indices.reshape(-1), None, np.array(groups)), codes


def learning(m: Moments, X: np.ndarray, sparse: SparseRows | None) -> Callable[[], object]:
    return lambda: m.learn(X, sparse=sparse)


def main() -> None:
    options = harness.arguments("Categories")
    rng = np.random.default_rng(options.seed)
    report = harness.Report("categories", options)
    n = 2_000 if options.quick else 20_000
    with harness.threads(options.threads):
        for sizes in [[5], [10, 100, 1_000]]:
            m, X, sparse, codes = rows_of(rng, n, sizes)
            m.learn(X, sparse=sparse)
            frame = pd.DataFrame(X)
            keys = [pd.Series(codes[:, k]) for k in range(len(sizes))]
            right = frame.groupby(keys[0]).var(ddof=0).to_numpy()[0]
            found = m.condition(NUMBERS).var[:NUMBERS]
            harness.require(np.allclose(found, right, rtol=1e-9), "another variance of a group")
            alone = Moments(NUMBERS).learn(X)
            while alone.n_rows < 1_000_000 and not options.quick:  # a state that sums in float64
                alone.learn(X)
            timings = harness.interleave(
                {
                    "ours": Case(learning(m, X, sparse)),
                    "numbers alone": Case(learning(alone, X, None)),
                    "pandas": Case(
                        lambda frame=frame, keys=keys: [frame.groupby(k).agg(["mean", "var"]) for k in keys]
                    ),
                },
                repeats=options.repeats,
            )
            name = f"{n:,} rows, {NUMBERS} numbers, categories of {', '.join(f'{size:,}' for size in sizes)}"
            report.add(name, timings, ours="ours", peer="pandas", target="<= 1")
        for size in [2_000] if options.quick else [6_000, 50_000]:
            m, X, sparse, _ = rows_of(rng, 10 * size // 4, [size])
            begin = time.perf_counter()
            m.learn(X, sparse=sparse)
            print(f"{len(X):,} rows of a category of {size:,}: {harness.duration(time.perf_counter() - begin)}")
            bytes_ = sum(array.nbytes for array in m.arrays().values())
            harness.require(bytes_ <= MOST_BYTES, f"{bytes_ / 1e6:.0f} MB")
            print(f"its state: {bytes_ / 1e6:.0f} MB of {MOST_BYTES / 1e6:.0f}")
            ten = SparseRows(np.arange(11), sparse.indices[:10], None, sparse.groups)
            timings = harness.interleave({"ours": Case(learning(m, X[:10], ten))}, repeats=options.repeats)
            timings["10 ms"] = Timing("10 ms", (0.01,))
            report.add(f"ten more rows, a category of {size:,}", timings, ours="ours", peer="10 ms", target="<= 1")
    report.finish()


if __name__ == "__main__":
    main()
