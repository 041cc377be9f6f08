"""Squares of projected rows in the array API standard, in tiles. Tests compare the fast path with this body."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import array_api_compat as compat
import numpy as np

from .._arrays import Array, is_cupy, namespace

Checkpoint = Callable[[int, int], object]

_TILE_BYTES = 2**20  # of projected rows on a CPU: they stay in the cache
_GPU_TILE_BYTES = 2**28  # of projected rows on a GPU, where large tiles are faster and memory is limited


def projected_squares(
    X: Array, shift: Array, W: Array, split: int, checkpoint: Checkpoint | None = None
) -> tuple[Array, Array]:
    """Return what the public function returns, for checked arguments."""
    xp, (n, p) = namespace(X), X.shape
    step = max(16, (_GPU_TILE_BYTES if is_cupy(X) else _TILE_BYTES) // (8 * max(p, W.shape[1], 1)))
    parts: list[tuple[Array, Array]] = []
    with np.errstate(invalid="ignore", over="ignore"):  # `_settled` sets the results
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
    """Return sums that are NaN for rows with a NaN or an infinity, and infinite where finite values overflow.

    A sum that overflows may be NaN before: it is so where infinities of both signs were added.
    """
    sums = xp.where(xp.isnan(sums), xp.full_like(sums, xp.inf), sums)
    return xp.where(present, sums, xp.full_like(sums, xp.nan))
