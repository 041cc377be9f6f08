"""The first answer of a process that finds no compiled code, beside scripts with scikit-learn and PyOD.

python benchmarks/bench_first_answer.py [--quick] [--json FILE]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import _harness as harness
from _harness import Case

ROOT = Path(__file__).parents[1]
READ = "import pandas as pd; from sklearn.preprocessing import StandardScaler as S\n"
PCA = """
from sklearn.decomposition import PCA
frame = pd.read_csv(path).select_dtypes("number").dropna()
found = PCA().fit(S().fit_transform(frame))
print(found.explained_variance_ratio_, found.components_)
"""
KMEANS = """
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score
X = S().fit_transform(pd.read_csv(path).select_dtypes("number").dropna())
for k in range(2, 11):
    found = KMeans(k, n_init=1, random_state=0).fit(X)
    print(k, found.inertia_, silhouette_score(X, found.labels_))
"""
ANOMALY = """
from pyod.models.pca import PCA
X = pd.read_csv(path).select_dtypes("number").dropna().to_numpy()
found = PCA(contamination=0.01).fit(X)
print(found.decision_scores_[:5], found.labels_.sum())
"""
MOMENTS = """
import numpy as np
from symkernels import Moments, pca, vif
X = np.random.default_rng(0).normal(size=(10_000, 20))
m = Moments(20).learn(X)
print(pca(m.correlation()), vif(m))
"""
NUMPY = """
import numpy as np
X = np.random.default_rng(0).normal(size=(10_000, 20))
print(X[0, 0])
"""
LEARN = """
import time
import numpy as np
from symkernels import Moments
X = np.random.default_rng(0).normal(size=(1_000_000, 50))
times = []
began = time.perf_counter()
while not times or (times[-1] > 0.2 and times[-1] < 60 and time.perf_counter() - began < 60):
    start = time.perf_counter()
    Moments(50).learn(X)
    times.append(time.perf_counter() - start)
print(times[0], time.perf_counter() - began)
"""


def process(*arguments: str, cold: bool = True) -> Callable[[], str]:
    """Return a run of a process that prints; a cold one finds no compiled code."""

    def run() -> str:
        with tempfile.TemporaryDirectory() as folder:
            env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "kernels")])}
            env.pop("SYMKERNELS_COMPILE", None)
            if cold:
                env["NUMBA_CACHE_DIR"] = folder
            command = [sys.executable, *arguments]
            return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout

    return run


def script(source: str, *, cold: bool = True) -> Callable[[], str]:
    return process("-c", source, cold=cold)


def main() -> None:
    options = harness.arguments("First answers")
    report = harness.Report("first_answer", options)
    questions = {
        "pca iris": (["pca", "iris"], PCA, "iris", "<= 0.6"),
        "kmeans breast_cancer": (["kmeans", "breast_cancer"], KMEANS, "breast_cancer", "<= 1"),
        "anomaly breast_cancer": (
            ["anomaly", "breast_cancer", "--warmup", "200", "--alpha", "0.01", "--quantile", "0.9"],
            ANOMALY,
            "breast_cancer",
            "<= 1",
        ),
    }
    for name, (arguments, peer, data, target) in questions.items():
        path = ROOT / "symjobs" / "datasets" / "data" / f"{data}.csv"
        harness.require(path.exists(), f"no {path}")
        ours = process("-m", "symjobs", "run", *arguments)
        harness.require(len(ours()) > 100, "no answer")
        timings = harness.interleave(
            {"ours": Case(ours), "a script": Case(script(f"path = {str(path)!r}\n{READ}{peer}"))},
            repeats=options.repeats,
            warmup=int(not options.quick),
        )
        report.add(f"{name}, whole process", timings, ours="ours", peer="a script", target=target)
    timings = harness.interleave(
        {"ours": Case(script(MOMENTS)), "numpy": Case(script(NUMPY))},
        repeats=options.repeats,
        warmup=int(not options.quick),
    )
    report.add("10,000 x 20: learn, pca, vif; target numpy + 0.5 s", timings, ours="ours", peer="numpy")
    if not options.quick:
        for name, cold in (("nothing compiled", True), ("loops on the disk", False)):
            found = [tuple(map(float, script(LEARN, cold=cold)().split())) for _ in range(3)]
            first, until = sorted(found)[1]
            print(f"learn 1,000,000 x 50, {name}: the first call {first:.2f} s, full speed after {until:.1f} s")
    report.finish()


if __name__ == "__main__":
    main()
