"""Calls that reach every compiled loop, on data that is as small as the choice between them allows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ._columns import Columns, gather_columns
from ._delimited import DelimitedParser
from ._gpd import fit_gpd
from ._kmeans import assign_clusters, kmeans
from ._moments import Moments
from ._moments._rows import SparseRows
from ._numba import KERNELS, check_stop, compile_now, numba_works, set_warm_ups
from ._pot import pot_threshold
from ._scores import LookupTable, LookupTables, projected_squares
from ._silhouette import silhouette_samples
from ._spot import DriftSpot, Spot
from ._streaming import StreamingKMeans
from ._vif import vif

_PRECISIONS = (np.float64, np.float32)


def _rows(n: int, d: int) -> np.ndarray:
    check_stop()  # loops that are on the disk are loaded without one
    return np.random.default_rng(0).normal(size=(n, d))


def _learn(*shapes: tuple[int, int], exact: bool) -> None:
    for n, p in shapes:
        X = _rows(n, p)
        X[:, -1] = X[:, -1] > 0
        gaps = X.copy()
        gaps[::7, 0] = np.nan
        m = Moments(p, binary=[p - 1], exact=exact)
        for rows in (X, X[:3], X, gaps):
            m.learn(rows)
        m.forget(gaps)
        m.condition(p - 1)
        vif(m, indices=[0, 1, 2])
        m.covariance()


def _learn_members() -> None:
    m = Moments(2)
    group, members = m.extend_sparse(4)
    for n in (50, 2):
        rows = SparseRows(np.arange(n + 1), members[np.arange(n) % 4], None, np.array([group]))
        m.learn(_rows(n, 2), sparse=rows)
    m.correlation()


def _gather() -> None:
    kinds = ("f8", "f4", "i8", "i4", "?")
    gather_columns([np.ones(3, kind) for kind in kinds], range(len(kinds)), np.empty((3, len(kinds))))
    for _ in range(2):
        Moments(2).learn(_rows(20, 2)).learn(Columns(list(np.ones((2, 20)))))


def _moments() -> None:
    _gather()
    _learn((3000, 300), exact=False)  # too much for sums without rounding errors
    _learn_members()


def _exact() -> None:
    _learn((20, 5), exact=False)
    _learn((3000, 60), exact=True)  # enough for two levels of sums
    _learn_members()


def _kmeans() -> None:
    for precision in _PRECISIONS:
        X = _rows(4000, 8).astype(precision)
        for weight in (None, np.ones(len(X))):
            for k in (1, 3, 20):  # with 20 bounds are tried, and rows move so often that their sums are taken anew
                found = kmeans(X, k, n_init=2, max_iter=300, sample_weight=weight)
        assign_clusters(X, found.centers)


def _silhouette() -> None:
    for precision in _PRECISIONS:
        X = _rows(2000, 3).astype(precision)  # enough to take each pair once
        for metric in ("euclidean", "sqeuclidean"):
            for weight in (None, np.ones(len(X))):
                for k in (2, 40):
                    silhouette_samples(X, np.arange(len(X)) % k, metric=metric, sample_weight=weight)


def _delimited() -> None:
    check_stop()
    DelimitedParser(["number", "text"], missing=[b"NA"]).parse(b"1,a\n")


def _scores() -> None:
    step = LookupTable(np.zeros(1), np.full((1, 1), 0.5), *2 * [np.array([[0.0, 1.0]])])
    for precision in _PRECISIONS:
        X = _rows(300, 3).astype(precision)
        projected_squares(X, np.zeros(3), np.eye(3), 1)
        tables = LookupTables([step, step, step])
        tables.sums(X)
        tables.values(X)


def _streaming() -> None:
    for precision in _PRECISIONS:
        stream, rows = StreamingKMeans(20, warmup=30), _rows(200, 3).astype(precision)
        for weight in (None, np.ones(len(rows))):
            stream.learn(rows, sample_weight=weight)


def _pareto() -> None:
    x = np.random.default_rng(0).exponential(size=3000)
    fit_gpd(x[:200], censored=x[:5])
    fit_gpd(x.reshape(30, 100))
    pot_threshold(x, alpha=1e-3)
    for spot in (
        Spot(1e-2, warmup=500),
        Spot(1e-2, warmup=500, window=800, two_sides=True),
        DriftSpot(1e-2, warmup=500, depth=10),
    ):
        spot.update(x)


set_warm_ups(
    {
        "moments": _moments,
        "exact": _exact,
        "kmeans": _kmeans,
        "silhouette": _silhouette,
        "scores": _scores,
        "streaming": _streaming,
        "pareto": _pareto,
        "delimited": _delimited,
    }
)


def compile_loops(checkpoint: Callable[[int, int], object] | None = None) -> bool:
    """Compile every loop, and keep the machine code on disk: in an image of a container, so that no first call is slow.

    Parameters
    ----------
    checkpoint : callable, optional
        Called as ``checkpoint(kernels done, their number)``.

    Returns
    -------
    bool
        Whether Numba works here. If not, NumPy gives the same answers, more slowly.

    Notes
    -----
    It takes about a minute, and a second where the machine code is on disk. Machine code is for one processor, one
    version of Numba and one of symkernels. Without this call, loops are compiled in the background once there is work
    for them: see `compile_mode`.

    Examples
    --------
    >>> from symkernels import compile_loops
    >>> compile_loops()  # doctest: +SKIP
    True
    """
    for done, kernel in enumerate(KERNELS):
        if checkpoint is not None:
            checkpoint(done, len(KERNELS))
        compile_now(kernel)
    if checkpoint is not None:
        checkpoint(len(KERNELS), len(KERNELS))
    return numba_works()
