"""What the k-means benchmarks share: the rows, the peers' Lloyd, a WSSSE that nobody's sums are trusted for, the floor.

A peer that is not installed is a row of the table that says so.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import _harness as harness
import numpy as np
from _harness import Case, Timing

BLOBS_PER_CLUSTER, SPREAD = 3, 0.7  # so that Lloyd needs far more than 20 iterations: checked before timing
_CHECK_ROWS = 8_192


@dataclass(frozen=True)
class Fit:
    """What a candidate answers: (k, d) centres, (n,) labels by these, the number of iterations."""

    centers: np.ndarray
    labels: np.ndarray
    n_iter: int


Fitter = Callable[[np.ndarray, np.ndarray, int, float], Fit]  # rows, start, most iterations, tolerance


@dataclass(frozen=True)
class Peer:
    """Someone else's Lloyd. ``missing`` says why it cannot run here; ``note`` is for the table."""

    fit: Fitter
    note: str
    missing: str | None = None
    overwrites: bool = False  # the rows: gets a copy, made outside the timed part


def blobs(n: int, d: int, k: int, seed: int, dtype: str = "float64", spread: float = SPREAD) -> np.ndarray:
    """(n, d) rows of three normal blobs a cluster, which overlap: unit deviation, middles of deviation ``spread``."""
    rng = np.random.default_rng(seed)
    middles = spread * rng.standard_normal((BLOBS_PER_CLUSTER * k, d))
    X = rng.standard_normal((n, d))
    X += middles[rng.integers(0, len(middles), n)]
    return X.astype(dtype)


def start_of(X: np.ndarray, k: int, seed: int) -> np.ndarray:
    """(k, d) rows drawn without replacement: the centres that every candidate starts from."""
    return X[np.random.default_rng([seed, k]).choice(len(X), k, replace=False)].copy()


def wssse(X: np.ndarray, fit: Fit) -> float:
    """Sum of squared differences in float64, in blocks; also requires that each label is the nearest centre's."""
    total, centers = 0.0, fit.centers.astype(np.float64)
    squares = np.sum(centers**2, axis=1)
    slack = 1e-4 if X.dtype == np.float32 else 1e-9
    for first in range(0, len(X), _CHECK_ROWS):
        block = X[first : first + _CHECK_ROWS].astype(np.float64)
        labels = fit.labels[first : first + _CHECK_ROWS]
        own = np.sum((block - centers[labels]) ** 2, axis=1)
        nearest = (squares - 2 * block @ centers.T).min(axis=1) + np.sum(block**2, axis=1)
        harness.require(np.all(own <= nearest + slack * (1 + nearest)), "a row is not with its nearest centre")
        total += float(own.sum())
    return total


def _scikit_learn(algorithm: str) -> Fitter:
    def fit(X: np.ndarray, start: np.ndarray, iterations: int, tol: float) -> Fit:
        from sklearn.cluster import KMeans

        model = KMeans(
            len(start), init=start, n_init=1, max_iter=iterations, tol=tol, algorithm=algorithm, copy_x=False
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns that it did not converge: that is asked for
            model.fit(X)
        return Fit(model.cluster_centers_, model.labels_, model.n_iter_)

    return fit


def _onedal(X: np.ndarray, start: np.ndarray, iterations: int, tol: float) -> Fit:
    from sklearnex import config_context
    from sklearnex.cluster import KMeans

    # Without fall-back: what oneDAL does not support raises. The estimator of oneDAL is there only if it has run.
    with config_context(allow_sklearn_after_onedal=False, allow_fallback_to_host=False):
        model = KMeans(len(start), init=start, n_init=1, max_iter=iterations, tol=tol, copy_x=False).fit(X)
    inner = model._onedal_estimator
    harness.require(type(inner).__module__.startswith("onedal."), "oneDAL did not run")
    return Fit(np.asarray(model.cluster_centers_), np.asarray(model.labels_), model.n_iter_)


def _faiss(X: np.ndarray, start: np.ndarray, iterations: int, tol: float) -> Fit:
    import faiss

    if X.dtype != np.float32 or tol:
        raise ValueError("float32 and a fixed number of iterations only")
    model = faiss.Kmeans(
        X.shape[1],
        len(start),
        niter=iterations,
        nredo=1,
        spherical=False,
        max_points_per_centroid=len(X),  # no subsampling
        min_points_per_centroid=1,
    )
    model.train(X, init_centroids=start)
    # Its own labels are those before the last move of the centres; one more search gives what the others answer.
    labels = model.index.search(X, 1)[1][:, 0]
    return Fit(model.centroids, labels, len(model.iteration_stats))


_PACKAGES = {"sklearn": "scikit-learn", "sklearnex": "scikit-learn-intelex", "faiss": "faiss-cpu", "pyspark": "pyspark"}


def missing(module: str) -> str | None:
    """Why a module cannot be used here; None if it can."""
    try:
        __import__(module)
    except ImportError:
        return f"{_PACKAGES[module]} is not installed: left out (pip install 'symjobs[bench]')"
    return None


def peers(threads: int) -> dict[str, Peer]:
    """Everyone's Lloyd by name, with ``threads`` threads each."""
    found = {
        "scikit-learn Lloyd": Peer(_scikit_learn("lloyd"), "copy_x=False", missing("sklearn"), overwrites=True),
        "scikit-learn Elkan": Peer(_scikit_learn("elkan"), "copy_x=False", missing("sklearn"), overwrites=True),
        "oneDAL": Peer(_onedal, "sklearnex, no fall-back, copy_x=False", missing("sklearnex")),
        "FAISS": Peer(_faiss, "Kmeans and one search for the labels", missing("faiss")),
    }
    if found["FAISS"].missing is None:
        import faiss

        faiss.omp_set_num_threads(threads)
    if found["oneDAL"].missing is None:
        import daal4py

        daal4py.daalinit(nthreads=threads)
    return found


def case(peer: Peer, X: np.ndarray, start: np.ndarray, iterations: int, tol: float) -> Case:
    """The timed call. Rows that a peer overwrites (scikit-learn subtracts the means in place) are copied untimed."""
    if peer.overwrites:
        return Case(lambda rows: peer.fit(rows, start, iterations, tol), setup=X.copy)
    return Case(lambda: peer.fit(X, start, iterations, tol))


def compare(
    cases: Mapping[str, Callable[[], object] | Case],
    absent: Mapping[str, str],
    *,
    repeats: int,
    once_over: float = 10.0,
) -> dict[str, Timing]:
    """`harness.interleave`, with a row for each of the absent."""
    timings = harness.interleave(cases, repeats=repeats, once_over=once_over)
    return timings | {name: Timing(name, error=why) for name, why in absent.items()}


def fastest(timings: Mapping[str, Timing], names: Mapping[str, object] | list[str]) -> str:
    """The name with the smallest median (the first, where none has run)."""
    return min(names, key=lambda name: timings[name].median or np.inf)


# --- the floor -------------------------------------------------------------------------------------------------------


def floor_cases(X: np.ndarray, size: int) -> dict[str, Case]:
    """The machine's two limits, to be timed beside the rest: one GEMM of X's precision, and reading X once."""
    A = np.random.default_rng(0).standard_normal((size, size)).astype(X.dtype)
    out = np.empty_like(A)
    flat = X.ravel()
    return {"GEMM": Case(lambda: np.matmul(A, A, out=out)), "read once": Case(lambda: np.dot(flat, flat))}


def floor_of(timings: dict[str, Timing], size: int, n: int, d: int, k: int, iterations: int) -> Timing:
    """Take both limits out of ``timings``; an iteration needs 2 n d k flops at that rate, or the time of reading X."""
    gemm, read = timings.pop("GEMM"), timings.pop("read once")
    work = 2.0 * n * d * k / (2.0 * size**3)
    times = tuple(iterations * max(work * g, r) for g, r in zip(gemm.times, read.times, strict=True))
    return Timing("floor", times, gemm.error or read.error)
