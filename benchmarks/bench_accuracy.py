"""How many digits are right: hard inputs, beside other libraries. Nothing here is timed.

    python benchmarks/bench_accuracy.py [--json FILE]

The right values are exact fractions of the float64 numbers that every library gets. Digits are -log10 of the largest
relative error of an answer, at most 15.95. A library that does not have the statistic has no number. All of them but
symkernels have the rows; symkernels answers from its state, which has read them once.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import _harness as harness
import numpy as np
import pandas as pd
import statsmodels.api as sm
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import StandardScaler
from statsmodels.stats.outliers_influence import variance_inflation_factor

from symkernels import Moments, least_squares, vif

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.symkernels._exact_regression import inflation, products, regression

LIBRARIES = ("symkernels", "numpy", "pandas", "scikit-learn", "statsmodels", "oneDAL")
PACKAGES = ("symjobs", "numpy", "pandas", "scikit-learn", "statsmodels", "scikit-learn-intelex")
ALL = float(-np.log10(2.0**-53))
Answers = dict[str, Callable[[], Any]]


def digits(found: Any, right: Any) -> float:
    """Return the digits of the worst number; 0 for NaN and wrong infinities."""
    found, right = np.atleast_1d(np.asarray(found, float)), np.atleast_1d(np.asarray(right, float))
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.where(found == right, 0.0, np.abs(found - right) / np.where(right == 0, 1.0, np.abs(right)))
        worst = float(np.where(np.isnan(error), np.inf, error).max())
        return float(np.clip(-np.log10(worst), 0.0, ALL)) if worst > 0 else ALL


def variance_of(x: np.ndarray) -> tuple[float, Answers]:
    column = x[:, None]
    right = float(products(column)[0][0] / len(x))
    return right, {
        "symkernels": lambda: Moments(1).learn(column).var(),
        "numpy": lambda: np.var(x),
        "pandas": lambda: pd.Series(x).var(ddof=0),
        "scikit-learn": lambda: StandardScaler().fit(column).var_,
        "statsmodels": lambda: sm.stats.DescrStatsW(x).var,
        **onedal_statistic(column),
    }


def onedal_statistic(X: np.ndarray) -> Answers:
    if importlib.util.find_spec("onedal") is None:
        return {}
    from sklearnex.basic_statistics import BasicStatistics

    return {"oneDAL": lambda: BasicStatistics(result_options="variance").fit(X).variance_ * (len(X) - 1) / len(X)}


def group_beside_a_far_row() -> tuple[float, Answers]:
    x = np.concatenate([np.arange(100) % 4.0, 1 + np.arange(100) % 4.0, [1e9]])
    group = np.repeat(["a", "b", "c"], [100, 100, 1])
    of_a = (group == "a").astype(float)
    return 1.25, {
        "symkernels": lambda: Moments(2, binary=[1]).learn(np.column_stack([x, of_a])).condition(1).var[0],
        "numpy": lambda: np.var(x[group == "a"]),
        "pandas": lambda: pd.DataFrame({"x": x, "g": group}).groupby("g")["x"].var(ddof=0)["a"],
        "scikit-learn": lambda: StandardScaler().fit(x[:, None], sample_weight=of_a).var_,
        "statsmodels": lambda: sm.stats.DescrStatsW(x, weights=of_a).var,
    }


def pair_beside_a_row_that_does_not_count() -> tuple[float, Answers]:
    k = np.arange(20)
    X = np.array([*zip(k % 7.0, k % 7.0 + k % 3, strict=True), (1e8, np.nan)])
    return correlation_of_pairs(X)


def pair_after_a_far_level(level: float) -> tuple[float, Answers]:
    k = np.arange(50)
    early = np.column_stack([level + np.tile([1.0, -1.0], 200), np.full(400, np.nan)])
    return correlation_of_pairs(np.vstack([early, np.column_stack([k % 7.0, k % 7.0 + k % 3 * 2])]))


def correlation_of_pairs(X: np.ndarray) -> tuple[float, Answers]:
    complete = X[~np.isnan(X).any(axis=1)]
    A = products(complete)
    right = float(A[0][1]) / float(A[0][0] * A[1][1]) ** 0.5
    return right, {
        "symkernels": lambda: Moments(2).learn(X).correlation()[0, 1],
        "numpy": lambda: np.corrcoef(complete.T)[0, 1],
        "pandas": lambda: pd.DataFrame(X).corr().iloc[0, 1],
    }


def factors_of(X: np.ndarray, right: list[float] | None = None) -> tuple[Any, Answers]:
    p = X.shape[1]
    return right or inflation(X), {
        "symkernels": lambda: vif(Moments(p).learn(X)).values,
        "numpy": lambda: np.diag(np.linalg.inv(np.corrcoef(X.T))),
        "pandas": lambda: np.diag(np.linalg.inv(pd.DataFrame(X).corr())),
        "scikit-learn": lambda: [_factor(LinearRegression(), X, i) for i in range(p)],
        "statsmodels": lambda: [variance_inflation_factor(sm.add_constant(X), i + 1) for i in range(p)],
        **({} if importlib.util.find_spec("onedal") is None else {"oneDAL": lambda: _onedal_factors(X)}),
    }


def _factor(model: Any, X: np.ndarray, i: int) -> float:
    others = np.delete(X, i, axis=1)
    left = 1.0 - model.fit(others, X[:, i]).score(others, X[:, i])
    return 1.0 / left if left else np.inf


def _onedal_factors(X: np.ndarray) -> list[float]:
    from sklearnex.linear_model import LinearRegression as OneDAL

    return [_factor(OneDAL(), X, i) for i in range(X.shape[1])]


def coefficients_of(X: np.ndarray, y: np.ndarray) -> tuple[list[float], Answers]:
    p = X.shape[1]
    exact, start, _, _ = regression(X, y)
    ones = np.column_stack([np.ones(len(X)), X])

    def ours() -> list[float]:
        found = least_squares(Moments(p + 1).learn(np.column_stack([X, y])), range(p), p)
        return [found.intercept, *found.coefficients]

    def of_model(model: Any) -> list[float]:
        model.fit(X, y)
        return [float(model.intercept_), *model.coef_]

    answers: Answers = {
        "symkernels": ours,
        "numpy": lambda: np.linalg.lstsq(ones, y, rcond=-1)[0],  # its default drops columns of Filip
        "scikit-learn": lambda: of_model(LinearRegression()),
        "statsmodels": lambda: sm.OLS(y, ones).fit().params,
    }
    if importlib.util.find_spec("onedal") is not None:
        from sklearnex.linear_model import LinearRegression as OneDAL

        answers["oneDAL"] = lambda: of_model(OneDAL())
    return [start, *exact], answers


def powers(x: np.ndarray, most: int) -> np.ndarray:
    return np.stack([x**k for k in range(1, most + 1)], axis=1)


def inputs() -> dict[str, tuple[Any, Answers]]:
    root = Path(__file__).parents[1]
    rng = np.random.default_rng(0)
    k = np.arange(300.0)
    start, duration = 1.7e9 + 1e5 * k, (7 * k % 13 + 1) / 8
    x, z, noise = rng.standard_normal((3, 60)) * [[1e3], [1.0], [0.1]]
    longley = np.loadtxt(root / "symjobs" / "datasets" / "data" / "longley.csv", delimiter=",", skiprows=1)
    filip, at = np.loadtxt(root / "tests" / "symkernels" / "nist" / "Filip.txt", unpack=True)
    wampler = powers(np.arange(21.0), 5)
    late = np.column_stack([start, start + duration + rng.standard_normal(300), duration])
    return {
        "variance, 1e9 + k mod 7": variance_of(1e9 + k % 7),
        "variance, 1e15 + k mod 7": variance_of(1e15 + k % 7),
        "variance of a group, another row at 1e9": group_beside_a_far_row(),
        "correlation of a pair, a row at 1e8 that lacks y": pair_beside_a_row_that_does_not_count(),
        "the same, 400 rows at 1e12 that lack y": pair_after_a_far_level(1e12),
        "VIF: start, end, duration": factors_of(np.column_stack([start, start + duration, duration]), [np.inf] * 3),
        "VIF: the same, a second of noise": factors_of(late),
        "VIF: x, x + 1e-4 z, z + noise": factors_of(np.column_stack([x, x + 1e-4 * z, z + noise])),
        "regression: Longley": coefficients_of(longley[:, 1:], longley[:, 0]),
        "regression: Filip": coefficients_of(powers(at, 10), filip),
        "regression: Wampler 1": coefficients_of(wampler, 1 + wampler.sum(axis=1)),
        "regression: Wampler 2": coefficients_of(
            wampler, np.array([sum(10 ** (5 - j) * i**j for j in range(6)) / 1e5 for i in range(21)])
        ),
    }


def main() -> None:
    options = harness.arguments("Digits of the answers to hard inputs")
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "not installed"
    table = {}
    for name, (right, answers) in inputs().items():
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            table[name] = {library: _digits_of(answer, right) for library, answer in answers.items()}
    print("| input | " + " | ".join(LIBRARIES) + " |")
    print("|---|" + "---|" * len(LIBRARIES))
    for name, row in table.items():
        print(f"| {name} | " + " | ".join(_shown(row.get(each)) for each in LIBRARIES) + " |")
    print("\n" + ", ".join(f"{package} {version}" for package, version in versions.items()))
    if options.json:
        with Path(options.json).open("a") as file:
            file.write(json.dumps({"benchmark": "accuracy", "digits": table, "versions": versions}) + "\n")


def _shown(known: float | None) -> str:
    return "" if known is None else "all" if known > ALL - 0.1 else f"{known:.1f}"


def _digits_of(answer: Callable[[], Any], right: Any) -> float:
    try:
        return digits(answer(), right)
    except np.linalg.LinAlgError:
        return 0.0


if __name__ == "__main__":
    main()
