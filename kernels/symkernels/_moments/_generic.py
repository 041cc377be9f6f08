"""The sums of one block of rows in the array API standard. Tests compare every fast path with this body."""

from __future__ import annotations

from typing import Any

import array_api_compat as compat

from .._arrays import Array, namespace
from ._layout import Layout
from ._numbers import widened
from ._rows import Incidence, presence
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
    """Return the sums of ``X`` (n, dense), NaN where missing.

    ``layout`` has no sparse attributes; ``sparse`` says where their groups are missing. ``gram(U)`` replaces
    ``U.T @ U`` if given. Only its upper triangle is read.
    """
    xp, device = namespace(X), compat.device(X)
    X = xp.astype(X, xp.float64, copy=False)
    n = X.shape[0]
    here = ~xp.isnan(X)
    U = xp.where(here, X - shift, 0.0)
    present = presence(here, sparse, layout)
    complete = bool(xp.all(present))
    result = Sums.zeros(layout, shift, missing=not complete, joint=joint)
    result.n_rows = n
    if n == 0:
        return result
    if weight is None:
        mass, Uw = float(n), U
        result.S = widened(gram(U) if gram is not None else xp.matrix_transpose(U) @ U)
    else:
        mass, Uw = float(xp.sum(weight)), U * weight[:, None]
        result.S = widened(xp.matrix_transpose(U) @ Uw)
    result.mass = (mass, 0.0, 0.0)
    squares = U * Uw
    if complete:
        result.T = widened(xp.sum(Uw, axis=0))
    else:
        G = xp.astype(present, xp.float64)
        result.T = widened(xp.matrix_transpose(Uw) @ G)
        result.Q = widened(xp.matrix_transpose(squares) @ G)
        result.N = widened(xp.matrix_transpose(G) @ (G if weight is None else G * weight[:, None]))
    result.M3, result.M4 = widened(xp.sum(squares * U, axis=0)), widened(xp.sum(squares * U * U, axis=0))
    if len(layout.binaries):
        ones = xp.take(U, xp.asarray(layout.binaries, device=device), axis=1)
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
