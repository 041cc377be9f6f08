"""CUDA kernels run on the CPU, block after block, and are compared with NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from tests.symkernels.cuda_emulator import kernel, needs_compiler

pytestmark = needs_compiler


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("n", "p", "blocks"), [(1, 1, 1), (37, 5, 2), (100, 70, 3), (20, 33, 5)])
def test_column_sums(n: int, p: int, blocks: int, dtype: str) -> None:
    rng = np.random.default_rng(0)
    X = (rng.standard_normal((n, p)) + 3).astype(dtype)
    X[rng.random((n, p)) < 0.2] = np.nan
    shift = rng.standard_normal(p)
    U, partial = np.full((n, p), -7.0), np.full((blocks, 6, p), -7.0)
    run = kernel("column_sums", "column_sums_f32" if dtype == "float32" else "column_sums_f64")
    run((-(-p // 32), blocks), (32, 8), (X, shift, U, partial, np.int64(n), np.int64(p)))
    gaps = np.isnan(X)
    expected = np.where(gaps, 0, X.astype(float) - shift)
    np.testing.assert_array_equal(U, expected)
    for i, power in enumerate((1, 3, 4)):
        np.testing.assert_allclose(partial[:, i].sum(axis=0), (expected**power).sum(axis=0), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(partial[:, 3].min(axis=0), np.where(gaps, np.inf, X).min(axis=0))
    np.testing.assert_array_equal(partial[:, 4].max(axis=0), np.where(gaps, -np.inf, X).max(axis=0))
    np.testing.assert_array_equal(partial[:, 5].sum(axis=0), gaps.sum(axis=0))
