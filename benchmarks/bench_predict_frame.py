"""DSPredictDataFrameJob end to end: rows in memory to both flags, for each model that scores rows.

    python benchmarks/bench_predict_frame.py [--quick] [--json FILE]

1,000,000 rows of 20 normal columns, as one array, as a pandas frame and in batches. Before anything is timed it is
checked that the three give the same answer, bit for bit, and that quantiles and flags are those of QuantileSketch and
Spot. What is timed is ``job.run``, from the rows to the arrays of the result, as a worker calls it; the limit is
500,000 rows/s. The JSON of the answer is timed on its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import _harness as harness
import numpy as np
from _harness import Timing

import symjobs as sj
from symkernels import QuantileSketch, Spot

COLUMNS = 20
RATE = 500_000  # rows a second
BLOCK = 1024
MODELS = {"oospca": {}, "mahalanobis": {}, "hba": {}, "ecod": {}, "kmeans": {"kmeans_k": 8}}


def correlated(n: int, rng: np.random.Generator) -> np.ndarray:
    """Normal rows with some correlation between neighbours."""
    X = rng.standard_normal((n, COLUMNS))
    X[:, 1:] += 0.5 * X[:, :-1]
    return X


def run(project: sj.Project, model: str, data: Any) -> Any:
    return sj.DSPredictDataFrameJob(project, model, data).run(sj.JobContext())


def check(result: Any, others: dict[str, Any]) -> None:
    for kind, other in others.items():
        for name in ("res", "q95", "q98", "q99", "evt", "score", "threshold"):
            same = np.array_equal(getattr(result, name), getattr(other, name), equal_nan=True)
            harness.require(same, f"{result.algo}: {kind} differs in {name}")
    judged = Spot(alpha=1e-4).update(result.score)
    harness.require(np.array_equal(judged.flags, result.evt.astype(bool)), f"{result.algo}: evt is Spot's flag")
    sketch = QuantileSketch()
    last = (len(result.score) - 1) // BLOCK * BLOCK
    sketch.update(result.score[:last])
    harness.require(sketch.quantile(0.99) == result.q99[-1], f"{result.algo}: q99 is QuantileSketch's")


def main() -> None:
    import pandas as pd

    options = harness.arguments(__doc__.splitlines()[0] if __doc__ else "")
    n = 50_000 if options.quick else 1_000_000
    X = correlated(n, np.random.default_rng(options.seed))
    names = [f"x{i}" for i in range(COLUMNS)]
    frame = pd.DataFrame(X, columns=names)
    params = {"cluster_features": names}
    project = sj.Project("p", type="cpu", histogram=True, params=params).learn((X[: n // 10], names))

    def batches() -> Any:
        return ((X[i : i + 10_000], names) for i in range(0, n, 10_000))

    with harness.threads(options.threads):
        report = harness.Report("predict_frame", options)
        limit = Timing(f"{RATE:,} rows/s", (n / RATE,))
        for algo, parameters in MODELS.items():
            project.build(algo, algo, parameters=parameters)
            result = run(project, algo, (X, names))
            check(result, {"pandas": run(project, algo, frame), "batches": run(project, algo, batches())})
            cases: dict[str, Callable[[], object]] = {
                "ours": lambda algo=algo: run(project, algo, (X, names)),
                "pandas": lambda algo=algo: run(project, algo, frame),
                "in batches": lambda algo=algo: run(project, algo, batches()),
                "prediction alone": lambda algo=algo: project.predict(algo, (X, names)),
            }
            if algo == "oospca":
                cases["JSON of the answer"] = lambda result=result: sj.to_json(result.entities())
            times = harness.interleave(cases, repeats=options.repeats)
            times[limit.name] = limit
            report.add(f"{algo}, {n:,} x {COLUMNS}", times, ours="ours", peer=limit.name, target="<= 1")
        report.finish()


if __name__ == "__main__":
    main()
