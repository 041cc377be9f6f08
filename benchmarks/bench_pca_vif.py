"""PCA and VIF beside NumPy, scikit-learn and statsmodels.

    PYTHONPATH=.:kernels python benchmarks/bench_pca_vif.py --json benchmarks/results.jsonl

Each answer is checked against NumPy's before it is timed. Targets: `pca` at most 1.1 times ``numpy.linalg.eigh`` alone;
VIF from raw data at most 1.2 times ``diag(inv(corrcoef(X)))`` and a thousandth of statsmodels' time.
"""

from __future__ import annotations

import sys

import _harness as harness
import numpy as np

from symkernels import Moments, PCAResult, nearest_correlation, pca, svd, svd_select, vif


def correlated(n: int, p: int, seed: int) -> np.ndarray:
    """(n, p) columns that share a few factors, as real tables do."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    X += rng.standard_normal((n, 5)) @ rng.standard_normal((5, p))
    return X


def from_state(report: harness.Report, p: int) -> None:
    """PCA, SVD, selection and VIF of one correlation matrix, beside the LAPACK call alone."""
    R = Moments(p).learn(correlated(4 * p, p, report.options.seed)).correlation()
    values = np.linalg.eigvalsh(R)
    ours = pca(R)
    harness.require(np.allclose(ours.values, values[::-1], rtol=0, atol=1e-10 * values[-1]), "pca's values")
    residual = np.abs(R @ ours.vectors - ours.vectors * ours.values).max()
    harness.require(residual < 1e-10 * values[-1], f"pca's vectors leave {residual:.1e}")
    harness.require(np.allclose(vif(R).values, np.diag(np.linalg.inv(R)), rtol=1e-8), "vif")
    harness.require(svd_select(R).kept == tuple(range(p)), "svd_select")

    timings = harness.interleave(
        {
            "pca": lambda: pca(R),
            "pca, 100 components": lambda: pca(R, n_components=100),
            "svd": lambda: svd(R),
            "svd_select": lambda: svd_select(R),
            "numpy.linalg.eigh": lambda: np.linalg.eigh(R),
            "numpy.linalg.eigvalsh": lambda: np.linalg.eigvalsh(R),
            "numpy.linalg.svd": lambda: np.linalg.svd(R),
        },
        repeats=report.options.repeats,
    )
    target = "<= 1.1" if p >= 1000 else ""
    report.add(f"pca from the state, p = {p:,}", timings, ours="pca", peer="numpy.linalg.eigh", target=target, p=p)

    singular = R.copy()
    singular[:, -1], singular[-1, :] = singular[:, 0], singular[0, :]
    singular[-1, -1] = 1
    harness.require(np.isinf(vif(singular).values).nonzero()[0].tolist() == [0, p - 1], "vif of a duplicate")
    timings = harness.interleave(
        {
            "vif": lambda: vif(R),
            "vif, singular": lambda: vif(singular),
            "diag(inv(R))": lambda: np.diag(np.linalg.inv(R)),
            "diag(pinv(R))": lambda: np.diag(np.linalg.pinv(R, hermitian=True)),
        },
        repeats=report.options.repeats,
    )
    report.add(f"vif from the state, p = {p:,}", timings, ours="vif", peer="diag(inv(R))", p=p)


def pca_from_data(report: harness.Report, n: int, p: int) -> None:
    """PCA of the covariance of raw data, learning included, beside scikit-learn."""
    X = correlated(n, p, report.options.seed)

    def ours() -> PCAResult:
        return pca(Moments(p).learn(X).covariance(ddof=1))

    def numpy() -> object:
        return np.linalg.eigh(np.cov(X, rowvar=False))

    cases = {"Moments.learn, pca": ours, "numpy.cov, eigh": numpy}
    expected = np.linalg.eigvalsh(np.cov(X, rowvar=False))[::-1]
    harness.require(np.allclose(ours().values, expected, rtol=0, atol=1e-9 * expected[0]), "pca of raw data")
    try:
        from sklearn.decomposition import PCA

        cases["sklearn PCA(covariance_eigh)"] = lambda: PCA(svd_solver="covariance_eigh").fit(X)
    except ImportError:
        print("scikit-learn is not installed: left out (pip install 'symjobs[bench]')")
    timings = harness.interleave(cases, repeats=report.options.repeats)
    report.add(
        f"pca from raw data, {n:,} x {p:,}", timings, ours="Moments.learn, pca", peer="numpy.cov, eigh", n=n, p=p
    )


def vif_from_data(report: harness.Report, n: int, p: int) -> None:
    """VIF of raw data, learning included, beside the closed form in NumPy and statsmodels' p regressions."""
    X = correlated(n, p, report.options.seed)

    def ours() -> np.ndarray:
        return vif(Moments(p).learn(X).correlation()).values

    def closed_form() -> np.ndarray:
        return np.diag(np.linalg.inv(np.corrcoef(X, rowvar=False)))

    harness.require(np.allclose(ours(), closed_form(), rtol=1e-9), "vif of raw data")
    timings = harness.interleave({"ours": ours, "diag(inv(corrcoef))": closed_form}, repeats=report.options.repeats)
    title = f"vif from raw data, {n:,} x {p:,}"
    report.add(title, timings, ours="ours", peer="diag(inv(corrcoef))", target="<= 1.2", n=n, p=p)

    try:
        from statsmodels.stats.outliers_influence import variance_inflation_factor
    except ImportError:
        print("statsmodels is not installed: left out (pip install 'symjobs[bench]')")
        return
    design = np.c_[X, np.ones(n)]
    one = variance_inflation_factor(design, 0)
    harness.require(np.isclose(one, ours()[0], rtol=1e-9), "vif beside statsmodels")

    def statsmodels() -> list[float]:
        return [variance_inflation_factor(design, i) for i in range(p)]

    # A minute and more: timed once, without a warm-up round, and ours beside it in the usual rounds.
    slow = harness.interleave({"statsmodels": statsmodels}, repeats=1, warmup=0)
    both = {"ours": timings["ours"], **slow}
    report.add(f"{title}, statsmodels", both, ours="ours", peer="statsmodels", target="<= 0.001", n=n, p=p)


def repair(report: harness.Report, p: int) -> None:
    """The nearest correlation matrix of one that pairwise missing values have made indefinite."""
    rng = np.random.default_rng(report.options.seed)
    X = correlated(2 * p, p, report.options.seed)
    X[rng.random(X.shape) < 0.3] = np.nan
    R = Moments(p).learn(X).correlation()
    result = nearest_correlation(R)
    harness.require(result.converged, "nearest_correlation did not converge")
    harness.require(np.linalg.eigvalsh(result.values)[0] > -1e-12, "the repaired matrix is not semidefinite")
    cases = {"nearest_correlation": lambda: nearest_correlation(R), "numpy.linalg.eigh": lambda: np.linalg.eigh(R)}
    timings = harness.interleave(cases, repeats=report.options.repeats)
    notes = {"nearest_correlation": f"{result.n_iter} iterations"}
    title = f"nearest correlation matrix, p = {p:,}, 30% missing"
    report.add(title, timings, ours="nearest_correlation", notes=notes, p=p, n_iter=result.n_iter)


def main() -> int:
    options = harness.arguments("PCA, SVD and VIF beside NumPy, scikit-learn and statsmodels")
    quick = options.quick
    with harness.threads(options.threads):
        report = harness.Report("pca_vif", options)
        for p in (50, 200) if quick else (50, 200, 1000):
            from_state(report, p)
        for n, p in ((20_000, 20),) if quick else ((1_000_000, 50), (50_000, 1_000)):
            pca_from_data(report, n, p)
        vif_from_data(report, *((1_000, 10) if quick else (20_000, 200)))
        repair(report, 20 if quick else 100)
        report.finish()
    return 0


if __name__ == "__main__":
    sys.exit(main())
