"""Clusters of a stream beside scikit-learn's MiniBatchKMeans.

    python benchmarks/bench_streaming.py [--quick] [--json FILE]

Speed: `StreamingKMeans.learn` and `MiniBatchKMeans.partial_fit`, 100 clusters both, on the same batches of 10,000 rows,
each from an empty state. Quality: WSSSE over the raw rows of 10 final clusters, every row at its nearest center, in
units of what `kmeans` finds on the rows themselves (the best of three starts), mean and worst of three seeds:

- ours: `StreamingKMeans.kmeans(10, n_init=10)`; beside it what it says of its own WSSSE, and what micro-clusters that
  stay whole (``spread=1``) would give;
- MiniBatchKMeans(100), its centers reduced to 10 by weighted k-means (10 starts) with the counts as weights;
- MiniBatchKMeans(10) at once.

The benchmark stops if ours is worse than either on the rows that are timed, by more than single starts of k-means on
the rows themselves differ.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import _clusters as clusters
import _harness as harness
import numpy as np

from symkernels import StreamingKMeans, assign_clusters, kmeans

BATCH, M, K, D = 10_000, 100, 10, 16
SEEDS = (0, 1, 2)
EVEN = 0.0005  # on a million rows of a cloud without structure, starts of k-means end up 0.00025 apart
_IRIS = Path(__file__).parents[1] / "symjobs" / "datasets" / "data" / "iris.csv"


def streams(n: int, seed: int) -> Iterator[tuple[str, np.ndarray]]:
    """Rows that are easy, without structure, in a bad order, or of heavy tails."""
    rng = np.random.default_rng(seed)
    middles = 4 * rng.standard_normal((K, D))
    blobs = middles[rng.integers(0, K, n)] + rng.standard_normal((n, D))
    yield "blobs apart", blobs
    yield "blobs that overlap", clusters.blobs(n, D, K, seed)
    uniform = rng.random((n, D))
    yield "uniform", uniform
    yield "one normal cloud", rng.standard_normal((n, D))
    yield "drifting cloud", rng.standard_normal((n, D)) + np.linspace(0, 7.5, n)[:, None]
    yield "blobs, sorted", blobs[np.argsort(blobs[:, 0])]
    yield "uniform, sorted", uniform[np.argsort(uniform[:, 0])]
    yield "t, 2 degrees", rng.standard_t(2, (n, D))
    yield "uniform, 2 columns", rng.random((n, 2))
    iris = np.loadtxt(_IRIS, delimiter=",", skiprows=1, usecols=range(4))
    yield "iris, repeated", iris[rng.integers(0, len(iris), n)]


def ours(X: np.ndarray, seed: int = 0) -> StreamingKMeans:
    stream = StreamingKMeans(M, seed=seed)
    for start in range(0, len(X), BATCH):
        stream.learn(X[start : start + BATCH])
    return stream


def mini_batch(X: np.ndarray, count: int, seed: int = 0):
    from sklearn.cluster import MiniBatchKMeans

    model = MiniBatchKMeans(count, random_state=seed, n_init=1, batch_size=BATCH)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a batch has fewer distinct rows than clusters
        for start in range(0, len(X), BATCH):
            model.partial_fit(X[start : start + BATCH])
    return model


def raw(X: np.ndarray, centers: np.ndarray) -> float:
    return float(np.sum(assign_clusters(X, centers)[1]))


@dataclass(frozen=True)
class Quality:
    """WSSSE over that of k-means on the rows: of the rows at the centers, or as said; one for each seed."""

    ours: list[float]
    said: list[float]
    whole: list[float]
    reduced: list[float]
    direct: list[float]


def quality(X: np.ndarray, seeds: tuple[int, ...]) -> Quality:
    best = kmeans(X, K, n_init=3).wssse
    found = Quality([], [], [], [], [])
    for seed in seeds:
        stream = ours(X, seed)
        result = stream.kmeans(K, n_init=10, seed=seed)
        found.ours.append(raw(X, result.centers) / best)
        found.said.append(result.wssse / best)
        found.whole.append(raw(X, stream.kmeans(K, n_init=10, seed=seed, spread=1).centers) / best)
        many = mini_batch(X, M, seed)
        weight = many._counts
        few = kmeans(many.cluster_centers_, K, n_init=10, seed=seed, sample_weight=weight)
        found.reduced.append(raw(X, few.centers) / best)
        found.direct.append(raw(X, mini_batch(X, K, seed).cluster_centers_) / best)
    return found


def table_of_quality(n: int, seed: int) -> None:
    def cell(values: list[float]) -> str:
        return f"{np.mean(values):.4f} ({max(values):.4f})"

    rows = [("", "ours", "ours, as said", "ours, whole", "MiniBatch(100) to 10", "MiniBatch(10)")]
    for name, X in streams(n, seed):
        found = quality(np.ascontiguousarray(X), SEEDS)
        rows.append((name, *map(cell, (found.ours, found.said, found.whole, found.reduced, found.direct))))
    print(f"\nWSSSE of {K} clusters over that of k-means on the rows, {n:,} rows: mean (worst) of {len(SEEDS)} seeds")
    print(harness.table(rows))


def speed(report: harness.Report, n: int) -> None:
    quick, seed = report.options.quick, report.options.seed
    for name, X in (
        ("blobs that overlap", clusters.blobs(n, D, K, seed)),
        ("one normal cloud", np.random.default_rng(seed).standard_normal((n, D))),
    ):
        found = quality(X, (0,))
        if not quick:  # a few batches say nothing
            for peer in (found.reduced[0], found.direct[0]):
                message = f"{name}: WSSSE {found.ours[0]:.4f}, MiniBatchKMeans {peer:.4f}"
                harness.require(found.ours[0] <= peer + EVEN, message)
        for dtype in ("float64", "float32"):
            rows = X.astype(dtype)
            cases: dict[str, Callable[[], object]] = {
                "StreamingKMeans.learn": lambda rows=rows: ours(rows),
                "MiniBatchKMeans.partial_fit": lambda rows=rows: mini_batch(rows, M),
            }
            timings = harness.interleave(cases, repeats=report.options.repeats)
            report.add(
                f"{n:,} x {D} in batches of {BATCH:,}, {M} micro-clusters, {dtype}, {name}",
                timings,
                ours="StreamingKMeans.learn",
                peer="MiniBatchKMeans.partial_fit",
                target="<= 0.5",
                notes={
                    "StreamingKMeans.learn": f"WSSSE of {K} clusters / that on the rows: {found.ours[0]:.4f}",
                    "MiniBatchKMeans.partial_fit": f"{found.reduced[0]:.4f}; with {K}: {found.direct[0]:.4f}",
                },
                n=n,
                d=D,
                wssse={"ours": found.ours[0], "reduced": found.reduced[0], "direct": found.direct[0]},
            )


def main() -> int:
    options = harness.arguments("Clusters of a stream beside MiniBatchKMeans")
    if (why := clusters.missing("sklearn")) is not None:
        print(why)
        return 0
    with harness.threads(options.threads):
        report = harness.Report("streaming", options)
        speed(report, 30_000 if options.quick else 1_000_000)
        table_of_quality(20_000 if options.quick else 200_000, options.seed)
        report.finish()
    return 0


if __name__ == "__main__":
    sys.exit(main())
