"""A Parquet file learnt by Spark, and many states merged.

    python benchmarks/bench_spark.py [--quick] [--json FILE]

The peer is MLlib's `Correlation.corr` of the same file, as it comes from `VectorAssembler`. The floor is a
`DSUpdateJob` of the file in one process with two threads. The session is there already, and Python workers are; both
are used before they are timed.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import _harness as harness
import numpy as np
from _harness import Case
from bench_sources import COLUMNS, job, write_parquet

import symjobs as sj


def learnt(report: harness.Report, path: Path, rows: int) -> None:
    """Learn a Parquet file with Spark."""
    from pyspark.ml.feature import VectorAssembler
    from pyspark.ml.stat import Correlation
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    spark = builder.config("spark.ui.showConsoleProgress", "false").config("spark.driver.memory", "4g").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    manager = sj.JobManager(store=None)

    def ours() -> sj.Project:
        project = sj.Project("p", type="cpu")
        harness.require(manager.submit(sj.SparkDSUpdateJob(project, path, spark)).result(600).rows == rows, "rows")
        return project

    def mllib() -> np.ndarray:
        assembler = VectorAssembler(inputCols=COLUMNS, outputCol="v")
        vectors = assembler.transform(spark.read.parquet(str(path))).select("v")
        return Correlation.corr(vectors, "v").head()[0].toArray()

    one = job(path)
    right = sj.Project("q", type="cpu").learn(sj.sources.parquet(path)).snapshot().moments.covariance()
    harness.require(np.allclose(ours().snapshot().moments.covariance(), right, rtol=1e-12, atol=1e-12), "covariance")
    scale = np.sqrt(np.diag(right))
    harness.require(np.allclose(mllib(), right / np.outer(scale, scale), atol=1e-9), "correlation")
    one()
    cases = {
        "SparkDSUpdateJob": Case(ours),
        "MLlib, Correlation.corr": Case(mllib),
        "DSUpdateJob, one process": Case(one),
    }
    timings = harness.interleave(cases, repeats=report.options.repeats)
    title = f"learn a Parquet file of {rows:,} x {len(COLUMNS)} with Spark, local[2]"
    report.add(title, timings, ours="SparkDSUpdateJob", peer="MLlib, Correlation.corr", target="<= 0.5")
    report.finish()
    report.add(
        f"{title}, beside one process", timings, ours="SparkDSUpdateJob", peer="DSUpdateJob, one process",
        target="<= 1.5",
    )  # fmt: skip
    report.finish()
    spark.stop()


def merged(report: harness.Report, count: int, p: int = 200) -> None:
    """Merge many states."""
    rng = np.random.default_rng(report.options.seed)
    names = [f"x{j}" for j in range(p)]
    states = [
        sj.Project("part", type="cpu").learn((rng.standard_normal((300, p)), names)).state() for _ in range(50)
    ] * (count // 50)
    total = sj.Project("p", type="cpu").merge(*states)
    harness.require(total.n_rows == 300 * len(states), "rows")
    cases = {"Project.merge": Case(lambda: sj.Project("p", type="cpu").merge(*states))}
    timings = harness.interleave(cases, repeats=report.options.repeats)
    seconds = timings["Project.merge"].median or 0.0
    print(f"{len(states):,} states of p = {p} merged in {seconds:.2f} s; target 2 s for 1,000")
    limit = {"limit": harness.Timing("limit", (2.0 * len(states) / 1000,))}
    title = f"merge {len(states):,} states of p = {p}"
    report.add(title, {**timings, **limit}, ours="Project.merge", peer="limit", target="<= 1")
    report.finish()


def main() -> None:
    options = harness.parser("Spark").parse_args()
    report = harness.Report("spark", options)
    rows, count = (100_000, 100) if options.quick else (2_000_000, 1_000)
    with tempfile.TemporaryDirectory() as folder, harness.threads(options.threads):
        merged(report, count)
        path = Path(folder) / "d.parquet"
        write_parquet(path, rows, np.random.default_rng(options.seed))
        learnt(report, path, rows)


if __name__ == "__main__":
    main()
