"""Silhouettes, and sweeps over k with silhouettes, beside scikit-learn and Spark.

    python benchmarks/bench_silhouette.py [--quick] [--no-spark] [--json FILE]

*Exact silhouette*: one labelling into 10 clusters. Peak memory is that of a process of its own for each candidate: the
kernel's high-water mark of resident memory (VmHWM, set anew by /proc/self/clear_refs once the rows, the libraries and
the compiled loops are there) less what was resident then. Linux only.

*A sample*: a sweep with silhouettes of 20,000 random rows, each beside all rows, and the same sweep without.

*Sweeps*: every k from 2 to 20, one start each (k-means++, greedy in ours and in scikit-learn; k-means|| in Spark), at
most 300 iterations and a tolerance of 1e-4 beside scikit-learn, at most 20 and 1e-4 beside Spark (its defaults).
scikit-learn's tolerance is ours (squared movement of all centres over the mean variance); Spark stops when no centre
moves farther than its tolerance, so it may make more iterations than ours: both numbers are in the table. Data of Spark
is cached, in as many partitions as threads; its session, loading and one warm-up fit and evaluation are left out. It
finds a native BLAS only where there is a libblas.so.3, and else uses its own of Java's vectors; it says so itself.
"""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import _clusters as clusters
import _harness as harness
import numpy as np
from _clusters import Fit

from symkernels import kmeans, kmeans_sweep, silhouette_samples, silhouette_score

MIB = 2**20
KS = range(2, 21)
D, K = 16, 10
BUDGET = 64 * MIB
SAMPLE = 20_000  # rows, as OptimizedKmeansJob takes
EXACT = [("float64", 6.0), ("float32", 10.0)]
CLOSE = {"float64": 1e-8, "float32": 1e-4}  # scikit-learn's expanded form in that precision is the worse of the two


def main() -> int:
    parser = harness.parser("silhouettes and sweeps beside scikit-learn and Spark")
    parser.add_argument("--no-spark", action="store_true", help="leave Spark out, which takes a minute")
    options = parser.parse_args()
    with harness.threads(options.threads):
        report = harness.Report("silhouette", options)
        for dtype, factor in EXACT:
            exact(report, 4_000 if options.quick else 40_000, dtype, factor)
        sampled(report, 45_000 if options.quick else 1_000_000)
        sweep_beside_scikit_learn(report, 2_000 if options.quick else 20_000)
        sweep_beside_spark(report, 2_000 if options.quick else 100_000)
        report.finish()
    return 0


def sampled(report: harness.Report, n: int) -> None:
    """A sweep with silhouettes of a sample, beside one without silhouettes: the same runs of k-means."""
    X, ks, errors = clusters.blobs(n, D, K, report.options.seed), range(2, 11), []

    def with_silhouettes() -> None:
        errors.append(kmeans_sweep(X, ks, silhouette_sample=SAMPLE).silhouette_error.max())

    cases = {"ours": with_silhouettes, "k-means alone": lambda: kmeans_sweep(X, ks, metric=None)}
    timings = clusters.compare(cases, {}, repeats=report.options.repeats, once_over=30.0)
    report.add(
        f"k-means of {n:,} x {D}, k = 2..10, with silhouettes of {SAMPLE:,} random rows",
        timings,
        ours="ours",
        peer="k-means alone",
        target="<= 3",  # twice the time of the runs, and the runs
        notes={"ours": f"largest standard error {max(errors):.2g}, target <= 0.002"},
    )


def exact(report: harness.Report, n: int, dtype: str, factor: float) -> None:
    """The mean silhouette of one labelling, and the memory it takes."""
    X = clusters.blobs(n, D, K, report.options.seed, dtype)
    X -= X.mean(axis=0)
    labels = kmeans(X, K, seed=report.options.seed).labels
    few = slice(0, min(n, 2_000))
    direct = _by_definition(X[few].astype(np.float64), labels[few])
    found = silhouette_samples(X[few], labels[few])
    harness.require(np.abs(found - direct).max() < (1e-12 if dtype == "float64" else 1e-5), "silhouettes by definition")

    cases: dict[str, Callable[[], object]] = {"ours": lambda: silhouette_score(X, labels)}
    name = "scikit-learn"
    absent = _absent("sklearn", name)
    if name not in absent:
        from sklearn.metrics import silhouette_score as theirs

        cases[name] = lambda: theirs(X, labels)
        apart = abs(float(theirs(X, labels)) - silhouette_score(X, labels))
        harness.require(apart < CLOSE[dtype], f"the mean silhouette is {apart:.1e} from scikit-learn's")
    peaks = {case: _peak(case, n, dtype, report.options.seed) for case in cases}
    timings = clusters.compare(cases, absent, repeats=report.options.repeats, once_over=30.0)
    notes = dict.fromkeys(cases, "peak not measured: no /proc")
    notes |= {case: f"peak {peak / MIB:,.0f} MiB beside the rows" for case, peak in peaks.items() if peak is not None}
    mine = peaks["ours"]
    if mine is not None:
        notes["ours"] += f", target <= {BUDGET / MIB:.0f} MiB: {'met' if mine <= BUDGET else 'MISSED'}"
    report.add(
        f"exact silhouette {n:,} x {D}, k = {K}, {dtype}",
        timings,
        ours="ours",
        peer=name,
        target=f"<= {1 / factor:.4g}",
        notes=notes,
        **{"n": n, "d": D, "k": K, "dtype": dtype, "peak_bytes": peaks, "peak_target_bytes": BUDGET},
    )


def _by_definition(X: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Rousseeuw's formula row by row, with distances by differences."""
    result = np.zeros(len(X))
    own = np.bincount(labels)[labels]
    for i, row in enumerate(X):
        sums = np.bincount(labels, np.sqrt(np.sum((X - row) ** 2, axis=1)))
        counts = np.bincount(labels).astype(np.float64)
        counts[labels[i]] -= 1
        with np.errstate(invalid="ignore"):
            means = sums / counts
        a, b = means[labels[i]], np.nanmin(np.delete(means, labels[i]))
        result[i] = 0.0 if own[i] == 1 else (b - a) / max(a, b)
    return result


_PEAK = """
import sys
name, n, dtype, seed, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), sys.argv[5]
sys.path.insert(0, folder)
import _clusters as clusters
from symkernels import kmeans
if name == "ours":
    from symkernels import silhouette_score
else:
    from sklearn.metrics import silhouette_score
X = clusters.blobs(n, 16, 10, seed, dtype)
X -= X.mean(axis=0)
labels = kmeans(X, 10, seed=seed).labels
silhouette_score(X[:1000].copy(), labels[:1000])  # libraries, threads and compiled loops are there now
open("/proc/self/clear_refs", "w").write("5")  # the high-water mark starts anew, from what is resident now
def status(key):
    return int(next(line for line in open("/proc/self/status") if line.startswith(key)).split()[1]) * 1024
before = status("VmRSS")
silhouette_score(X, labels)
print(status("VmHWM") - before)
"""


def _peak(name: str, n: int, dtype: str, seed: int) -> int | None:
    """Bytes over the start that one call needs at most, in a process of its own; None where that cannot be read."""
    if not sys.platform.startswith("linux"):
        return None
    arguments = [sys.executable, "-c", _PEAK, name, str(n), dtype, str(seed), sys.path[0]]
    return int(subprocess.run(arguments, capture_output=True, text=True, check=True).stdout)


def sweep_beside_scikit_learn(report: harness.Report, n: int) -> None:
    """All k with exact silhouettes beside a loop over scikit-learn's functions."""
    seed = report.options.seed
    X = clusters.blobs(n, D, K, seed)
    X -= X.mean(axis=0)

    def ours() -> Any:
        return kmeans_sweep(X, KS, n_init=1, max_iter=300, tol=1e-4, seed=seed, metric="euclidean")

    name = "loop over scikit-learn"
    absent = _absent("sklearn", name)
    cases: dict[str, Callable[[], object]] = {"ours": ours}
    facts: dict[str, object] = {}
    notes = {"ours": _iterations(ours())}
    if name not in absent:
        from sklearn.cluster import KMeans
        from sklearn.metrics import silhouette_score as theirs

        def fits() -> list[Any]:
            return [KMeans(k, n_init=1, max_iter=300, tol=1e-4, random_state=seed).fit(X) for k in KS]

        def loop() -> list[tuple[float, float]]:
            return [(model.inertia_, theirs(X, model.labels_)) for model in fits()]

        sweep, models = ours(), fits()
        for entry in (sweep[0], sweep[len(KS) // 2], sweep[-1]):
            apart = abs(float(theirs(X, entry.labels)) - entry.silhouette)
            harness.require(apart < CLOSE["float64"], f"k = {entry.k}: silhouette {apart:.1e} from scikit-learn's")
        facts = _compared(X, sweep, [m.inertia_ for m in models])
        notes[name] = f"{sum(m.n_iter_ for m in models)} iterations, {_quality(facts)}"
        cases[name] = loop
    timings = clusters.compare({"ours": ours}, {}, repeats=report.options.repeats)
    if name in cases:  # the better part of a minute: once, without a warm-up round; its libraries are warm from above
        timings |= harness.interleave({name: cases[name]}, repeats=1, warmup=0)
    report.add(
        f"sweep k = {KS[0]}..{KS[-1]} with exact silhouette, {n:,} x {D}, float64",
        timings | clusters.compare({}, absent, repeats=1),
        ours="ours",
        peer=name,
        target=f"<= {1 / 15:.4g}",
        notes=notes,
        **{"n": n, "d": D, "k_min": KS[0], "k_max": KS[-1]},
        **facts,
    )


def sweep_beside_spark(report: harness.Report, n: int) -> None:
    """All k with squared-Euclidean silhouettes beside Spark's KMeans and ClusteringEvaluator."""
    options = report.options
    ks = KS[:2] if options.quick else KS
    X = clusters.blobs(n, D, K, options.seed)
    X -= X.mean(axis=0)

    def ours() -> Any:
        return kmeans_sweep(X, ks, n_init=1, max_iter=20, tol=1e-4, seed=options.seed, metric="sqeuclidean")

    sweep = ours()
    for entry in sweep:
        again = silhouette_score(X, entry.labels, metric="sqeuclidean")
        harness.require(abs(again - entry.silhouette) < 1e-12, "the sweep's silhouette is that of its labels")
        value = clusters.wssse(X, Fit(entry.centers, entry.labels, entry.n_iter))
        harness.require(abs(value / entry.wssse - 1) < 1e-12, "the sweep's WSSSE is that of its labels")
    timings = clusters.compare({"ours": ours}, {}, repeats=options.repeats)
    notes, facts, name = {"ours": _iterations(sweep)}, {}, "Spark"
    absent = {name: "left out by --no-spark"} if options.no_spark else _absent("pyspark", name)
    if not absent:
        timing, facts, notes[name] = _spark(X, ks, sweep, options.threads, options.seed)
        timings |= timing
    report.add(
        f"sweep k = {ks[0]}..{ks[-1]} with squared-Euclidean silhouette, {n:,} x {D}, float64",
        timings | clusters.compare({}, absent, repeats=1),
        ours="ours",
        peer=name,
        target="<= 0.05",
        notes=notes,
        **{"n": n, "d": D, "k_min": ks[0], "k_max": ks[-1]},
        **facts,
    )


def _spark(
    X: np.ndarray, ks: Sequence[int], sweep: Sequence[Any], threads: int, seed: int
) -> tuple[dict[str, harness.Timing], dict[str, object], str]:
    """Spark's time for the sweep, once over; checked on its own labels."""
    import pandas as pd
    from pyspark.ml.clustering import KMeans
    from pyspark.ml.evaluation import ClusteringEvaluator
    from pyspark.ml.feature import VectorAssembler
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master(f"local[{threads}]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.memory", "8g")
        .config("spark.sql.execution.arrow.pyspark.enabled", "true")
        .config("spark.sql.shuffle.partitions", str(threads))
        .getOrCreate()
    )
    warnings.simplefilter("ignore", FutureWarning)  # it says so of every pandas after 2
    try:
        session.sparkContext.setLogLevel("ERROR")
        columns = [f"x{i}" for i in range(X.shape[1])]
        frame = session.createDataFrame(pd.DataFrame(X, columns=columns))
        table = VectorAssembler(inputCols=columns, outputCol="features").transform(frame)
        rows = table.select("features").repartition(threads).cache()
        harness.require(rows.count() == len(X), "Spark has every row")
        evaluator = ClusteringEvaluator(metricName="silhouette", distanceMeasure="squaredEuclidean")

        def one(k: int) -> tuple[Any, Any, float]:
            model = KMeans(k=k, maxIter=20, tol=1e-4, seed=seed, initMode="k-means||").fit(rows)
            labelled = model.transform(rows)
            return model, labelled, evaluator.evaluate(labelled)

        _, labelled, value = one(ks[len(ks) // 2])  # the warm-up; and its silhouette must be ours of its own labels
        answers = labelled.toPandas()
        Y = np.array([row.toArray() for row in answers["features"]])
        apart = abs(silhouette_score(Y, answers["prediction"].to_numpy(), metric="sqeuclidean") - value)
        harness.require(apart < 1e-9, f"the silhouette is {apart:.1e} from Spark's")
        summaries: list[Any] = []

        def all_of_them() -> None:
            for k in ks:
                model, _, _ = one(k)
                summaries.append(model.summary)

        timing = harness.interleave({"Spark": all_of_them}, repeats=1, warmup=0)
        if timing["Spark"].error:
            return timing, {}, ""
        facts = _compared(X, sweep, [summary.trainingCost for summary in summaries])
        counts = [summary.numIter for summary in summaries]
        return timing, facts | {"spark_n_iter": counts}, f"{sum(counts)} iterations, {_quality(facts)}"
    finally:
        session.stop()


def _compared(X: np.ndarray, sweep: Sequence[Any], theirs: Sequence[float]) -> dict[str, object]:
    """WSSSE of both, and the requirement that ours is not the worse one on the whole."""
    ratios = [entry.wssse / value for entry, value in zip(sweep, theirs, strict=True)]
    harness.require(np.mean(ratios) < 1.005, f"our WSSSE is {np.mean(ratios):.4f} of the peer's on average")
    return {
        "n_iter": [entry.n_iter for entry in sweep],
        "wssse": [entry.wssse for entry in sweep],
        "wssse_peer": list(map(float, theirs)),
        "wssse_ratio_mean": float(np.mean(ratios)),
        "wssse_ratio_max": float(np.max(ratios)),
    }


def _quality(facts: dict[str, object]) -> str:
    return f"our WSSSE over theirs {facts['wssse_ratio_mean']:.4f} on average, {facts['wssse_ratio_max']:.4f} at worst"


def _iterations(sweep: Sequence[Any]) -> str:
    return f"{sum(entry.n_iter for entry in sweep)} iterations in the best runs"


def _absent(package: str, row: str) -> dict[str, str]:
    """The row for a peer that is not installed, or nothing."""
    why = clusters.missing(package)
    return {} if why is None else {row: why}


if __name__ == "__main__":
    sys.exit(main())
