"""A few answers from the GPU beside NumPy's, each printed as it comes: what to run first on a new machine.

    python tests/gpu_smoke.py [NAME ...]        NAME: one of the checks; by default all but ``small``

``small`` is two k-means cases, small enough for compute-sanitizer.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np

SHAPES = [(1, 5), (9, 1), (500, 7)]


def versions(xp: Any) -> str:
    """Versions of what the answers depend on, and the card."""
    import numba
    import scipy

    from symkernels._numba import numba_works

    assert numba_works(), "Numba does not compile"
    found = (
        f"Python {sys.version.split()[0]}, NumPy {np.__version__}, SciPy {scipy.__version__}, Numba {numba.__version__}"
    )
    if xp is np:
        return found
    runtime = xp.cuda.runtime
    free, total = runtime.memGetInfo()
    name = runtime.getDeviceProperties(0)["name"].decode()
    return (
        f"{found}, CuPy {xp.__version__}, CUDA runtime {runtime.runtimeGetVersion()}, driver "
        f"{runtime.driverGetVersion()}, {name}, {free / 2**30:.1f} of {total / 2**30:.1f} GiB free"
    )


def gram(xp: Any) -> str:
    """The triangle that cuBLAS fills, in both orders of memory."""
    product = (lambda Z: Z.T @ Z) if xp is np else _cuda_gram()
    for shape in SHAPES:
        for order in "CF":
            Z = np.random.default_rng(0).normal(size=shape)
            found = _host(product(xp.asarray(Z, order=order)))
            # Sums of up to 500 products in another order: 500 eps of values of about 500.
            np.testing.assert_allclose(np.triu(found), np.triu(Z.T @ Z), rtol=0, atol=1e-10)
    return f"{SHAPES}, C and F"


def _cuda_gram() -> Callable[[Any], Any]:
    from symkernels._moments._cuda import _gram

    return _gram


def learn(xp: Any) -> str:
    """The covariance of 5,000 rows of 40 columns."""
    from symkernels import Moments

    X = np.random.default_rng(1).normal(3, 2, size=(5_000, 40))
    found = Moments(40).learn(xp.asarray(X))
    np.testing.assert_allclose(_host(found.covariance(ddof=1)), np.cov(X.T), rtol=0, atol=1e-10)
    return f"backend {found.backend}"


def pca(xp: Any) -> str:
    """Principal components of a project."""
    import symjobs as sj

    X = np.random.default_rng(2).normal(size=(2_000, 12)) * np.arange(1, 13)
    project = sj.Project("smoke", type="cpu" if xp is np else "gpu").learn((X, [f"x{i}" for i in range(12)]))
    found = sj.PCAJob(project, covariance=True).run(sj.JobContext())
    np.testing.assert_allclose(found.values, np.linalg.eigvalsh(np.cov(X.T, ddof=0))[::-1], rtol=1e-10)
    return f"backend {found.backend}"


def kmeans(xp: Any) -> str:
    """The labels of 70 clusters that lie apart, beside distances in NumPy: our k-means there would compile first."""
    from symkernels import kmeans as cluster

    X, start = _apart(20_000, 16, 70)
    found = cluster(xp.asarray(X), 70, init=xp.asarray(start))
    squares = np.stack([((X - center) ** 2).sum(axis=1) for center in _host(found.centers)], axis=1)
    np.testing.assert_array_equal(_host(found.labels), squares.argmin(axis=1))
    return f"{found.n_iter} iterations"


def subnormal(xp: Any) -> str:
    """Whether the smallest float32 counts: CuPy compiles with -ftz=true, so that it does not."""
    from symkernels import Moments

    X = np.array([[1e-40], [1.0]], dtype=np.float32)
    lowest = float(_host(Moments(1).learn(xp.asarray(X)).min)[0])
    assert (lowest > 0) == (xp is np), f"the minimum of 1e-40 and 1 is {lowest!r}"
    return f"minimum {lowest!r}"


def small(xp: Any) -> str:
    """Two k-means cases, one for each of the assignment kernels."""
    from symkernels import kmeans as cluster

    for n, d, k in ((300, 8, 5), (260, 40, 70)):
        X, start = _apart(n, d, k)
        found = cluster(xp.asarray(X), k, init=xp.asarray(start), max_iter=2)
        np.testing.assert_array_equal(_host(found.labels), np.arange(n) % k)
    return "labels agree"


CHECKS: dict[str, Callable[[Any], str]] = {
    check.__name__: check for check in (versions, gram, learn, pca, kmeans, subnormal, small)
}


def _apart(n: int, d: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    centers = rng.permutation(k)[:, None] * 50.0 + rng.normal(size=(k, d))
    X = (centers[np.arange(n) % k] + rng.normal(size=(n, d))).astype(np.float32)
    return X, centers


def _host(x: Any) -> np.ndarray:
    return x if isinstance(x, np.ndarray) else x.get()


def run(xp: Any, names: list[str]) -> list[str]:
    """Run checks, print a line for each, and return the names of those that failed."""
    failed = []
    for name in names:
        start = time.perf_counter()
        try:
            line = f"ok    {name}: {CHECKS[name](xp)}"
        except Exception as error:  # noqa: BLE001  whatever one check finds, the others are still worth their time
            failed.append(name)
            traceback.print_exc(file=sys.stdout)
            line = f"FAIL  {name}: {type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"
        print(f"{line} ({time.perf_counter() - start:.2f} s)", flush=True)
    return failed


def main() -> int:
    import cupy

    return 1 if run(cupy, sys.argv[1:] or [name for name in CHECKS if name != "small"]) else 0


if __name__ == "__main__":
    sys.exit(main())
