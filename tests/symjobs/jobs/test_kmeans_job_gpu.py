"""OptimizedKmeansJob on a table that is on a GPU answers as on the CPU (``make gpu``)."""

from __future__ import annotations

import numpy as np
import pytest

import symjobs as sj

pytestmark = pytest.mark.gpu

NAMES = ["x", "y", "z"]


@pytest.fixture
def cupy():
    cupy = pytest.importorskip("cupy")
    try:
        if not cupy.cuda.runtime.getDeviceCount():
            pytest.skip("no CUDA device")
    except cupy.cuda.runtime.CUDARuntimeError as error:
        pytest.skip(f"no CUDA device: {error}")
    return cupy


@pytest.fixture
def rows():
    rng = np.random.default_rng(5)
    X = np.repeat(rng.normal(size=(3, 3)) * 20, 300, axis=0) + rng.normal(size=(900, 3))
    X[:, 2] = 7.0
    X[[4, 500], [0, 1]] = np.nan
    return X


def run(X, **options):
    context = sj.JobContext()
    job = sj.OptimizedKmeansJob((X, NAMES), 2, 4, seed=0, keep_labels=True, **options)
    return job.run(context), context


@pytest.mark.parametrize("options", [{}, {"scale": "standard"}, {"inputs": ["y", "x"]}, {"metric": "sqeuclidean"}])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_table_on_a_gpu(cupy, rows, options, dtype):
    X = rows.astype(dtype)
    on_gpu = cupy.asarray(X)
    before = on_gpu.copy()
    ours, context = run(on_gpu, **options)
    theirs, expected = run(X, **options)
    assert (ours.backend, theirs.backend) == ("cupy", "numpy")
    assert (ours.n_rows, ours.n_missing, ours.names) == (898, 2, theirs.names)
    rtol = 1e-4 if dtype is np.float32 else 1e-9
    np.testing.assert_allclose(ours.wssse[:2], theirs.wssse[:2], rtol=rtol)
    np.testing.assert_allclose(ours.silhouette[:2], theirs.silhouette[:2], rtol=rtol)
    np.testing.assert_allclose(ours.divisors, theirs.divisors, rtol=rtol)
    assert all(isinstance(array, np.ndarray) for array in (*ours.centers, *ours.labels, *ours.sizes))
    assert (ours.labels[1] == -1).sum() == 2
    assert ours.k == theirs.k
    assert context.details["rowsMissing"] == expected.details["rowsMissing"]
    np.testing.assert_array_equal(on_gpu.get(), before.get())


def test_an_infinite_value_on_a_gpu_is_named(cupy, rows):
    rows[77, 1] = np.inf
    with pytest.raises(sj.InputError, match=r"column 'y', row 77: inf is infinite"):
        run(cupy.asarray(rows))
