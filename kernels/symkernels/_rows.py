"""Rows that have been checked: finite, with weights that can be used. What clustering works on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import array_api_compat as compat
import numpy as np

from ._arrays import Array, as_floats, is_numpy, namespace, to_numpy, values_at_a_time
from ._errors import DataError, ShapeError
from ._moments._intake import checked_weights
from ._parallel import run_all, split, thread_count

Nonfinite = Literal["error", "drop"]
Ping = Callable[[], None]

_NONFINITE = ("error", "drop")
_BLOCK_BYTES = 2**23  # between two calls of ping: a few milliseconds of reading


def no_ping() -> None:
    """Nobody wants to stop this."""


def blocks(n: int, step: int) -> Iterator[slice]:
    """Slices of ``step`` that cover ``range(n)``; the last one ends at n, as the array API standard asks."""
    for start in range(0, n, step):
        yield slice(start, min(start + step, n))


@dataclass(frozen=True)
class Rows:
    """Finite rows of one library.

    Attributes
    ----------
    X : (n, d) float32 or float64
        The kept rows; the caller's own array where none was dropped. Never to be written to.
    weight : (n,) float64 or None
        Their weights on the device of X, finite and 0 or more, some above 0. None: all 1.
    kept : (n,) int64 NumPy array or None
        Where the kept rows were among those given. None: all were kept.
    n_input, n_dropped : int
        Rows given; rows that had a NaN or an infinity.
    """

    X: Array
    weight: Array | None
    kept: np.ndarray | None
    n_input: int
    n_dropped: int

    def spread(self, values: Array, missing: float) -> Array:
        """(n_input, ...) with ``values`` of the kept rows in their places and ``missing`` in those of the others."""
        if self.kept is None:
            return values
        xp, device = namespace(values), compat.device(values)
        place = np.full(self.n_input, self.X.shape[0], dtype=np.int64)
        place[self.kept] = np.arange(len(self.kept))
        last = xp.full((1, *values.shape[1:]), missing, dtype=values.dtype, device=device)
        return xp.take(xp.concat([values, last]), xp.asarray(place, device=device), axis=0)


def as_rows(
    X: Any,
    *,
    nonfinite: Nonfinite = "error",
    sample_weight: Any = None,
    minimum: int = 1,
    name: str = "X",
    ping: Ping = no_ping,
) -> Rows:
    """Check rows and their weights; refuse rows with a NaN or an infinity, or drop and count them.

    Raises `ShapeError`, `DataError` or `BackendError`; also `DataError` where fewer than ``minimum`` rows are kept.
    """
    if nonfinite not in _NONFINITE:
        raise ValueError(f"nonfinite must be one of {', '.join(_NONFINITE)}, got {nonfinite!r}")
    X = as_floats(X, ndim=2, name=name)
    n, d = (int(size) for size in X.shape)
    if d == 0:
        raise ShapeError(f"{name} must have at least one column, got shape {tuple(X.shape)}")
    weight = None if sample_weight is None else checked_weights(sample_weight, X)
    bad = _nonfinite_rows(X, ping)
    kept = None
    if len(bad):
        if nonfinite == "error":
            row = int(bad[0])
            column = int(np.flatnonzero(~np.isfinite(to_numpy(X[row, :])))[0])
            rows = "1 row has" if len(bad) == 1 else f"{len(bad)} rows have"
            raise DataError(
                f"{name}: {rows} a NaN or an infinity, the first one row {row}, column {column} "
                f"({float(X[row, column])}); drop such rows (nonfinite='drop') or fill them in",
                indices=[column],
            )
        kept = np.delete(np.arange(n, dtype=np.int64), bad)
        index = compat.array_namespace(X).asarray(kept, device=compat.device(X))
        X = namespace(X).take(X, index, axis=0)
        weight = None if weight is None else namespace(X).take(weight, index)
    if X.shape[0] < minimum:
        left = f"; {len(bad)} with a NaN or an infinity were dropped" if len(bad) else ""
        raise DataError(f"{name} must have at least {minimum} row(s), got {X.shape[0]}{left}")
    if weight is not None and n and not bool(namespace(X).any(weight > 0)):
        raise DataError("sample_weight: every row has weight 0; at least one must count")
    return Rows(X, weight, kept, n, len(bad))


def _nonfinite_rows(X: Array, ping: Ping) -> np.ndarray:
    """Indices of the rows with a NaN or an infinity.

    The sum of a block tells whether there can be any, and needs no array of the block's size. Where it overflows,
    as huge numbers do, the block's entries are looked at one by one.
    """
    n, d = X.shape
    step = max(1, values_at_a_time(X, _BLOCK_BYTES // 8) // d)
    bad: list[np.ndarray] = []
    if not is_numpy(X):
        xp = namespace(X)
        for part in blocks(n, step):
            block = X[part, :]
            if not bool(xp.isfinite(xp.sum(block))):
                bad.append(part.start + np.flatnonzero(to_numpy(~xp.all(xp.isfinite(block), axis=1))))
            ping()
        return np.concatenate(bad) if bad else np.empty(0, dtype=np.int64)

    def look(start: int, stop: int) -> np.ndarray | None:
        block = X[start:stop]
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(block.sum()):
                return None
        return start + np.flatnonzero(~np.isfinite(block).all(axis=1))

    threads = thread_count()
    for start in range(0, n, step * threads):
        parts = split(min(n, start + step * threads) - start, threads)
        found = run_all([partial(look, start + a, start + b) for a, b in parts])
        bad.extend(part for part in found if part is not None)
        ping()
    return np.concatenate(bad) if bad else np.empty(0, dtype=np.int64)
