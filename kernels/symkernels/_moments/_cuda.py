"""Sums of one block of rows with CuPy: a fused kernel for the columns, cuBLAS's syrk for the products."""

from __future__ import annotations

from typing import Any

from .. import cuda
from .._arrays import Array
from . import _generic
from ._layout import Layout
from ._numbers import widened
from ._rows import Incidence
from ._sums import Sums


def _gram(Z: Array) -> Array:
    """Return Z.T @ Z in the upper triangle: half of the work of a full product."""
    import cupy
    from cupy import cublas

    if Z.shape[1] == 0:
        return cupy.zeros((0, 0))
    # cuBLAS is column-major: it reads Z as its transpose, and its lower triangle is our upper one.
    out = cublas.syrk("N", Z.T, lower=True)
    return out.T


def block_sums(
    X: Array, weight: Array | None, sparse: Incidence | None, layout: Layout, shift: Array, *, joint: bool
) -> Sums:
    """Return what `_generic.block_sums` returns; it takes weights, sparse rows, missing values and joint squares."""
    import cupy

    n, p = X.shape
    plain = weight is None and sparse is None and not joint and n > 0 and p > 0
    if not plain:
        return _generic.block_sums(X, weight, sparse, layout, shift, joint=joint, gram=_gram)
    X = cupy.ascontiguousarray(X)
    U = cupy.empty((n, p), dtype=cupy.float64)
    blocks = int(min(-(-n // 8), 512, max(8, 2**22 // p)))  # partial sums must stay small beside the rows
    partial = cupy.empty((blocks, 6, p), dtype=cupy.float64)
    function = "column_sums_f32" if X.dtype == cupy.float32 else "column_sums_f64"
    run: Any = cuda.kernel("column_sums", function)
    run((-(-p // 32), blocks), (32, 8), (X, shift, U, partial, cupy.int64(n), cupy.int64(p)))
    if bool((partial[:, 5, :] > 0).any()):
        return _generic.block_sums(X, None, None, layout, shift, joint=False, gram=_gram)
    result = Sums.zeros(layout, shift, missing=False, joint=False)
    result.n_rows, result.mass = n, (float(n), 0.0, 0.0)
    result.S = widened(_gram(U))
    result.T, result.M3, result.M4 = (widened(partial[:, power].sum(axis=0)) for power in range(3))
    result.low, result.high = partial[:, 3].min(axis=0), partial[:, 4].max(axis=0)
    if len(layout.binaries):
        result.V = widened((U * U).T @ U[:, cupy.asarray(layout.binaries)])
    return result
