"""CUDA kernels run on the CPU, block after block, and are compared with NumPy."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symkernels import cuda
from symkernels._moments import _parts, _parts_cuda
from tests.symkernels.cuda_emulator import kernel, needs_compiler

pytestmark = [needs_compiler, pytest.mark.no_numba]


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


@pytest.mark.parametrize("shapes", [((5,), (5,)), ((7, 1), (1, 40)), ((30, 20), (20,)), ((3, 4), ()), ((0, 3), (3,))])
@pytest.mark.parametrize("name", ["add", "multiply", "divide", "add_number", "multiply_number"])
def test_arithmetic_in_three_parts(name: str, shapes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda, "kernel", kernel)
    rng = np.random.default_rng(0)

    def number(shape: tuple[int, ...]) -> Any:
        high = rng.standard_normal(shape) * 10.0 ** rng.integers(-9, 9, shape)
        return _parts.normalized(
            high, high * 2.0**-53 * rng.random(shape), high * 2.0**-106 * rng.random(shape), 0 * high
        )

    left, right = (number(shape) for shape in shapes)
    operands = (*left, right[0]) if name.endswith("number") else (*left, *right)
    found = _parts_cuda.run(name, operands)
    expected = np.stack(np.broadcast_arrays(*getattr(_parts, name)(*operands)))
    np.testing.assert_array_equal(found, expected)


_BROKEN = """
extern "C" __global__ void swapped(float *X, int n)
{
    __shared__ float held[64];
    held[threadIdx.x] = X[threadIdx.x];
    BARRIER
    X[threadIdx.x] = held[n - 1 - threadIdx.x];
}
"""


@pytest.mark.parametrize(
    ("barrier", "complaint"),
    [
        ("__syncthreads();", None),
        ("", "depends on the order"),
        ("if (threadIdx.x < 5)\n__syncthreads();\nelse\n__syncthreads();", "different barriers"),
    ],
)
def test_the_emulator_notices_a_missing_barrier(
    monkeypatch: pytest.MonkeyPatch, barrier: str, complaint: str | None
) -> None:
    name = f"broken{len(barrier)}"
    monkeypatch.setattr(cuda, "source", lambda name: _BROKEN.replace("BARRIER", barrier))
    X = np.arange(64, dtype=np.float32)
    run = kernel(name, "swapped")
    if complaint is None:
        run((1,), (64,), (X, np.int32(64)))
        np.testing.assert_array_equal(X, np.arange(64)[::-1])
        return
    with pytest.raises(AssertionError, match=complaint):
        run((1,), (64,), (X, np.int32(64)))
    with pytest.raises(AssertionError, match="the kernel takes"):
        run((1,), (64,), (X.astype(float), np.int32(64)))


def test_the_kernels_touch_nothing_outside_their_arrays() -> None:
    """Once more where the compiler checks every access, its alignment and every index: a part, as that is slow."""
    libraries = [
        subprocess.run(["g++", f"-print-file-name={name}"], capture_output=True, text=True, check=True).stdout.strip()
        for name in ("libasan.so", "libubsan.so")
    ]
    if not all(Path(library).is_absolute() for library in libraries):
        pytest.skip("CUDA SOURCES ARE NOT CHECKED FOR STRAY READS: g++ has no libasan and libubsan")
    here = Path(__file__).parent
    chosen = "float32 and (37-5 or (150-3 and False) or (129-45 and 129) or 700-3)"
    names = ("test_cuda_emulated.py", "test_silhouette_cuda.py", "test_kmeans_cuda.py")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", chosen, *(here / n for n in names)]
    environment = os.environ | {
        "SYMKERNELS_EMULATOR_SANITIZE": "1",
        "LD_PRELOAD": " ".join(libraries),
        "ASAN_OPTIONS": "detect_leaks=0",
    }
    done = subprocess.run(command, cwd=here.parents[1], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert " passed" in done.stdout
