"""The sums of one block of rows in the array API standard. Tests compare every fast path with this body."""

from __future__ import annotations

from typing import Any

import array_api_compat as compat

from .._arrays import Array, namespace, to_numpy
from ._layout import Layout
from ._numbers import widened
from ._pairs import count_pairs
from ._rows import Incidence
from ._sums import Sums


def block_sums(
    X: Array,
    weight: Array | None,
    sparse: Incidence | None,
    layout: Layout,
    shift: Array,
    *,
    joint: bool,
    gram: Any = None,
) -> Sums:
    """Return the sums of ``X`` (n, dense), NaN where missing, and of its sparse 0/1 attributes.

    ``gram(Z)`` replaces ``Z.T @ Z`` if given. Only its upper triangle is read.
    """
    xp, device = namespace(X), compat.device(X)
    X = xp.astype(X, xp.float64, copy=False)
    n = X.shape[0]
    here = ~xp.isnan(X)
    U = xp.where(here, X - shift, 0.0)
    Z, present = U, here
    if sparse is not None:
        ones = xp.asarray(sparse.one_hot(layout.n_sparse), dtype=xp.float64, device=device)
        Z = xp.concat([U, ones], axis=1)
        present = xp.concat([here, xp.asarray(~sparse.missing, device=device)], axis=1)
        present = xp.take(present, xp.asarray(sparse.order(layout), device=device), axis=1)
    complete = bool(xp.all(present))
    result = Sums.zeros(layout, shift, missing=not complete, joint=joint)
    result.n_rows = n
    if n == 0:
        return result
    d = layout.n_dense
    if weight is None:
        mass, Zw = float(n), Z
    else:
        mass, Zw = float(xp.sum(weight)), Z * weight[:, None]
    if weight is None and gram is not None:
        beside = xp.matrix_transpose(U) @ Z[:, d:]
        result.S = widened(xp.concat([gram(U), beside], axis=1) if layout.n_sparse else gram(U))
    else:
        result.S = widened(xp.matrix_transpose(U) @ Zw)
    if sparse is not None:
        result.pairs = count_pairs(sparse, None if weight is None else to_numpy(weight))
    result.mass = (mass, 0.0, 0.0)
    squares = U * Zw[:, :d]
    if complete:
        result.T = widened(xp.sum(Zw, axis=0))
    else:
        G = xp.astype(present, xp.float64)
        result.T = widened(xp.matrix_transpose(Zw) @ G)
        result.Q = widened(xp.matrix_transpose(squares) @ G)
        result.N = widened(xp.matrix_transpose(G) @ (G if weight is None else G * weight[:, None]))
    result.M3, result.M4 = widened(xp.sum(squares * U, axis=0)), widened(xp.sum(squares * U * U, axis=0))
    if len(layout.binaries):
        ones = xp.take(Z, xp.asarray(layout.binaries, device=device), axis=1)
        result.V = widened(xp.matrix_transpose(squares) @ ones)
    if joint:
        rows = xp.matrix_transpose(squares)
        result.D, result.F = widened(rows @ U), widened(rows @ (U * U))
    if layout.n_dense:
        # A row of weight 0 does not count for minimum and maximum.
        seen = here if weight is None else here & (weight > 0)[:, None]
        result.low = xp.min(xp.where(seen, X, xp.inf), axis=0)
        result.high = xp.max(xp.where(seen, X, -xp.inf), axis=0)
    return result
