"""How far rows are from a center within a subspace and beside it: sums of squares of what is projected."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import array_api_compat as compat
import numpy as np

from .._arrays import Array, as_floats, is_cupy, is_numpy, namespace
from .._errors import DataError, ShapeError
from .._numba import numba_works

_TILE_BYTES = 2**20  # of projected rows on a CPU: stays in the cache
_GPU_TILE_BYTES = 2**28  # a GPU wants large tiles; this bounds what they take of its memory


def projected_squares(
    X: Array,
    shift: Array,
    W: Array,
    split: int,
    /,
    *,
    checkpoint: Callable[[int, int], object] | None = None,
) -> tuple[Array, Array]:
    """Sums of squares of two groups of columns of ``(X - shift) @ W``, row by row.

    With principal directions as the columns of W, the first group divided by the roots of their eigenvalues, these are
    the squared Mahalanobis distance of each row within the principal subspace (Hotelling's T squared) and its squared
    distance from that subspace (the squared prediction error). Both are sums of squares: nothing is subtracted
    but the shift, so neither loses digits where the other one is large.

    Parameters
    ----------
    X : (n, p) float64 or float32
        Rows. float32 is widened.
    shift : (p,)
        The center.
    W : (p, q)
        What the rows are multiplied by.
    split : int
        Columns of W in the first group, from 0 to q; the others are the second group.
    checkpoint : callable, optional
        Called with the rows done and n, at least every 50 ms; what it raises stops the work.

    Returns
    -------
    first, second : (n,) float64
        On the backend and device of X. A row with a NaN or an infinity is NaN in both; a group without columns is 0.

    Raises
    ------
    ShapeError
        The shapes do not fit, X has no column, or the arrays do not hold real numbers.
    DataError
        ``shift`` or ``W`` is not finite.
    BackendError
        The arrays are of several libraries.
    ValueError
        ``split`` is no whole number from 0 to q.

    Notes
    -----
    O(n p q) time. No array of n by q is made: NumPy's rows are taken in groups that stay in registers, on all
    threads; those of other libraries in tiles. A sum of finite values that overflows is infinite.
    """
    X = as_floats(X, ndim=2, name="X")
    shift, W = as_floats(shift, ndim=1, name="shift"), as_floats(W, ndim=2, name="W")
    xp = namespace(X, shift, W)
    p, q = X.shape[1], W.shape[1]
    if p == 0:
        raise ShapeError(f"X must have at least one column, got shape {tuple(X.shape)}")
    if W.shape[0] != p or shift.shape[0] != p:
        raise ShapeError(
            f"X has {p} columns, so that shift must have shape ({p},) and W ({p}, q); "
            f"got {tuple(shift.shape)} and {tuple(W.shape)}"
        )
    split = _checked_split(split, q)
    shift, W = xp.astype(shift, xp.float64, copy=False), xp.astype(W, xp.float64, copy=False)
    for name, values in (("shift", shift), ("W", W)):
        if not bool(xp.all(xp.isfinite(values))):
            raise DataError(f"{name} holds a NaN or an infinity; it must be finite")
    if q and is_numpy(X) and numba_works():
        from . import _projected_compiled

        return _projected_compiled.projected_squares(np.asarray(X), np.asarray(shift), np.asarray(W), split, checkpoint)
    return _in_tiles(X, shift, W, split, xp, checkpoint)


def _checked_split(split: int, q: int) -> int:
    try:
        columns = operator.index(split)
    except TypeError:
        raise ValueError(f"split must be a whole number, the columns of the first group, got {split!r}") from None
    if not 0 <= columns <= q:
        raise ValueError(f"split must be from 0 to the {q} columns of W, got {columns}")
    return columns


def _in_tiles(
    X: Array, shift: Array, W: Array, split: int, xp: Any, checkpoint: Callable[[int, int], object] | None
) -> tuple[Array, Array]:
    """The generic body, in the array API standard."""
    n, p = X.shape
    step = max(16, (_GPU_TILE_BYTES if is_cupy(X) else _TILE_BYTES) // (8 * max(p, W.shape[1], 1)))
    parts: list[tuple[Array, Array]] = []
    with np.errstate(invalid="ignore", over="ignore"):  # NaN and infinities are looked after below
        for start in range(0, n, step):
            tile = X[start : min(start + step, n), :]
            present = xp.all(xp.isfinite(tile), axis=1)
            projected = (xp.astype(tile, xp.float64) - shift) @ W
            squares = projected * projected
            sums = (xp.sum(squares[:, :split], axis=1), xp.sum(squares[:, split:], axis=1))
            first, second = (_settled(each, present, xp) for each in sums)
            parts.append((first, second))
            if checkpoint is not None:
                checkpoint(min(start + step, n), n)
    if not parts:
        empty = xp.empty((0,), dtype=xp.float64, device=compat.device(X))
        return empty, xp.empty_like(empty)
    if len(parts) == 1:
        return parts[0]
    return xp.concat([part[0] for part in parts]), xp.concat([part[1] for part in parts])


def _settled(sums: Array, present: Array, xp: Any) -> Array:
    """NaN for rows that hold one; infinite where finite values overflow, though infinities of both signs met."""
    sums = xp.where(xp.isnan(sums), xp.full_like(sums, xp.inf), sums)
    return xp.where(present, sums, xp.full_like(sums, xp.nan))
