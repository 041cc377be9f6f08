"""Anomaly scores: how fast, beside the machine's limit, and how well they tell outliers, beside PyOD.

    PYTHONPATH=.:kernels python benchmarks/bench_anomaly.py --json benchmarks/results.jsonl

Target: scores of 1,000,000 x 50 by `oospca` within twice a floor of one matrix product of the same shape and one read
of the rows. The product goes into memory that is there already. Two sections: the kernel on a NumPy array, and
`Project.predict` on tables, whose columns are found by name, checked, and gathered into blocks.

Then a table of ROC AUC: each model of symjobs, built from a project's state, beside PyOD's model of the same idea on
the rows themselves. As the benchmarks of outlier detection do (ODDS), a few rows of one class are put among those of
all others.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import warnings
from functools import partial

import _harness as harness
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

import symjobs as sj
from symkernels import Moments, pca, projected_squares

DATA = (("breast_cancer", 0, 21), ("breast_cancer", 0, None), ("wine", 0, 10), ("iris", 0, 10), ("digits", 0, 20))
MODELS = {"oospca": ("pyod.models.pca", "PCA"), "mahalanobis": (None, None), "hba": ("pyod.models.hbos", "HBOS"),
          "ecod": ("pyod.models.ecod", "ECOD")}  # fmt: skip


def speed(report: harness.Report, n: int, p: int) -> None:
    """Scores of n rows of p columns, beside one product of the same shape and one read."""
    rng = np.random.default_rng(report.options.seed)
    X = rng.standard_normal((n, p))
    X += rng.standard_normal((n, 5)) @ rng.standard_normal((5, p))
    frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(p)])
    tables = {"pandas": frame, "Polars": pl.from_pandas(frame), "Arrow": pa.Table.from_pandas(frame),
              "an array": (X, list(frame))}  # fmt: skip
    project = sj.Project("bench", type="cpu").learn(frame)
    project.build("m", "oospca")
    model = project.snapshot().model("m").model
    W, shift, kept = model.projection, model.fill, model.kept
    out = np.empty((n, p))

    leverage, residual = projected_squares(X, shift, W, kept)
    Y = (X[:1000] - shift) @ W
    harness.require(np.allclose(leverage[:1000], (Y[:, :kept] ** 2).sum(axis=1), rtol=1e-9), "leverage")
    harness.require(np.allclose(residual[:1000], (Y[:, kept:] ** 2).sum(axis=1), rtol=1e-9), "residual")
    for name, table in tables.items():
        found = project.predict("m", table).further["leverage"]
        harness.require(np.allclose(found, leverage, rtol=1e-9), f"predict, {name}")

    def floor() -> float:
        np.matmul(X, W, out=out)
        return float(X.sum())

    def numpy() -> object:
        projected = (X - shift) @ W
        projected *= projected
        return projected[:, :kept].sum(axis=1), projected[:, kept:].sum(axis=1)

    timings = harness.interleave(
        {
            "projected_squares": lambda: projected_squares(X, shift, W, kept),
            **{f"Project.predict, {name}": partial(project.predict, "m", table) for name, table in tables.items()},
            "floor: GEMM + read": floor,
            "GEMM": lambda: np.matmul(X, W, out=out),
            "NumPy": numpy,
        },
        repeats=report.options.repeats,
    )
    for ours in ("projected_squares", *(f"Project.predict, {name}" for name in tables)):
        report.add(f"{ours}: {n:,} x {p}", timings, ours=ours, peer="floor: GEMM + read", target="<= 2", n=n, p=p)


def build(report: harness.Report, p: int) -> None:
    """From the state to the model; the rows are not read again."""
    project = sj.Project("bench", type="cpu").learn(
        (np.random.default_rng(0).standard_normal((4 * p, p)), [f"x{j}" for j in range(p)])
    )
    R = Moments(p).learn(np.random.default_rng(0).standard_normal((4 * p, p))).correlation()
    timings = harness.interleave(
        {"build": lambda: project.build("m", "oospca"), "pca alone": lambda: pca(R)}, repeats=report.options.repeats
    )
    report.add(f"build oospca, p = {p}", timings, ours="build", peer="pca alone", p=p)


# --- ROC AUC ----------------------------------------------------------------------------------------------------------


def outliers(name: str, target: int, count: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Rows of all classes but one and the first ``count`` of that one, and 1 for these; no constant columns."""
    from sklearn import datasets

    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    chosen = np.flatnonzero(y == target)[:count]
    X = np.concatenate([X[y != target], X[chosen]])
    return X[:, X.std(axis=0) > 0], np.r_[np.zeros(len(X) - len(chosen)), np.ones(len(chosen))]


def detection(options: argparse.Namespace) -> None:
    """Print the areas under the ROC curve, and append them to the file."""
    try:
        import pyod  # noqa: F401
        from sklearn.metrics import roc_auc_score
    except ImportError as error:
        print(f"\nROC AUC: left out ({error})")
        return
    rows = [("", *(f"{model}{' / ' + peer if peer else ''}" for model, (_, peer) in MODELS.items()), "")]
    for name, target, count in DATA:
        X, y = outliers(name, target, count)
        names = [f"x{j}" for j in range(X.shape[1])]
        project = sj.Project("bench", type="cpu", histogram=True).learn((X, names))
        title = f"{name}, class {target}, {int(y.sum())} of {len(y)}"
        found: dict[str, float | None] = {}
        cells = []
        for model, (module, peer) in MODELS.items():
            project.build(model, model)
            found[model] = float(roc_auc_score(y, project.predict(model, (X, names)).scores))
            if module is not None and peer is not None:
                scores = getattr(importlib.import_module(module), peer)().fit(X).decision_scores_
                found[f"PyOD {peer}"] = float(roc_auc_score(y, scores)) if np.isfinite(scores).all() else None
            pair = [found.get(model)] if peer is None else [found.get(model), found.get(f"PyOD {peer}")]
            cells.append(" / ".join("-" if area is None else f"{area:.3f}" for area in pair))
        rows.append((title, *cells, ""))
        if options.json is not None:
            with options.json.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"benchmark": "anomaly", "title": f"ROC AUC: {title}", "auc": found}) + "\n")
    print("\nROC AUC, symjobs / PyOD")
    print(harness.table(rows))


def main() -> int:
    options = harness.arguments("Anomaly scores beside the machine's limit, and beside PyOD")
    warnings.simplefilter("ignore")  # PyOD's, of scikit-learn's parameters
    with harness.threads(options.threads):
        report = harness.Report("anomaly", options)
        speed(report, *((20_000, 50) if options.quick else (1_000_000, 50)))
        build(report, 50 if options.quick else 200)
        report.finish()
        detection(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
