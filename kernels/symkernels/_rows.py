"""Checked rows, as clustering takes them, and the one check of ``sample_weight``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import array_api_compat as compat
import numpy as np

from ._arrays import Array, as_floats, is_numpy, namespace, on_same_device, to_numpy, values_at_a_time
from ._errors import BackendError, DataError, ShapeError
from ._parallel import run_all, split, thread_count

Nonfinite = Literal["error", "drop"]
Poll = Callable[[], None]

_NONFINITE = ("error", "drop")
_BLOCK_BYTES = 2**23  # between two calls of poll: a few milliseconds of reading


def no_poll() -> None:
    """Do nothing: the default of callers that cannot be stopped."""


def blocks(n: int, step: int) -> Iterator[slice]:
    """Return slices of ``step`` entries that cover ``range(n)``.

    The last slice ends at n: the array API standard does not define slices that end beyond an array.
    """
    for start in range(0, n, step):
        yield slice(start, min(start + step, n))


@dataclass(frozen=True)
class Rows:
    """Finite rows, and their weights.

    Attributes
    ----------
    X : (n, d) float32 or float64
        The kept rows. Do not modify: where no row was dropped, this is the caller's array.
    weight : (n,) float64 or None
        Their weights on the device of X: finite, 0 or more, at least one above 0. None: all weights are 1.
    kept : (n,) int64 NumPy array or None
        Positions of the kept rows among the given ones. None: all rows were kept.
    n_input, n_dropped : int
        Number of given rows; number of rows that were dropped for a NaN or an infinity.
    """

    X: Array
    weight: Array | None
    kept: np.ndarray | None
    n_input: int
    n_dropped: int

    def spread(self, values: Array, missing: float) -> Array:
        """Return (n_input, ...) values of the given rows: ``values`` for kept rows, ``missing`` for dropped ones."""
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
    poll: Poll = no_poll,
) -> Rows:
    """Check rows and their weights. Rows with a NaN or an infinity raise an error or are dropped and counted.

    Raises `ShapeError`, `DataError` or `BackendError`; also `DataError` if fewer than ``minimum`` rows remain.
    """
    if nonfinite not in _NONFINITE:
        raise ValueError(f"nonfinite must be one of {', '.join(_NONFINITE)}, got {nonfinite!r}")
    X = as_floats(X, ndim=2, name=name)
    n, d = (int(size) for size in X.shape)
    if d == 0:
        raise ShapeError(f"{name} must have at least one column, got shape {tuple(X.shape)}")
    weight = None if sample_weight is None else check_weights(sample_weight, X)
    bad = _nonfinite_rows(X, poll)
    kept = None
    if len(bad):
        if nonfinite == "error":
            row = int(bad[0])
            column = int(np.flatnonzero(~np.isfinite(to_numpy(X[row, :])))[0])
            rows = "1 row has" if len(bad) == 1 else f"{len(bad)} rows have"
            raise DataError(
                f"{name}: {rows} a NaN or an infinity, the first one row {row}, column {column} "
                f"({float(X[row, column])}); drop such rows (nonfinite='drop') or replace the values",
                indices=[column],
            )
        kept = np.delete(np.arange(n, dtype=np.int64), bad)
        index = compat.array_namespace(X).asarray(kept, device=compat.device(X))
        X = namespace(X).take(X, index, axis=0)
        weight = None if weight is None else namespace(X).take(weight, index)
    if X.shape[0] < minimum:
        left = f"; {len(bad)} with a NaN or an infinity were dropped" if len(bad) else ""
        raise DataError(f"{name} must have at least {minimum} row(s), got {X.shape[0]}{left}")
    if minimum and weight is not None and n and not bool(namespace(X).any(weight > 0)):
        raise DataError("sample_weight: every row has weight 0; at least one row needs a weight above 0")
    return Rows(X, weight, kept, n, len(bad))


def check_weights(sample_weight: Any, X: Array) -> Array:
    """Return the weights of the rows of X as (n,) float64 on the device of X.

    Raises `BackendError`, `ShapeError` or `DataError`: weights are finite and 0 or more, and so is their sum.
    """
    xp, device = namespace(X), compat.device(X)
    given = sample_weight if compat.is_array_api_obj(sample_weight) else xp.asarray(sample_weight, device=device)
    if not on_same_device(given, X):
        raise BackendError("sample_weight and X must be arrays of the same library, on the same device")
    weight = xp.astype(as_floats(given, ndim=1, name="sample_weight"), xp.float64, copy=False)
    if weight.shape[0] != X.shape[0]:
        raise ShapeError(f"sample_weight must have one entry for each of {X.shape[0]} rows, got {weight.shape[0]}")
    wrong = ~(xp.isfinite(weight) & (weight >= 0))
    if bool(xp.any(wrong)):
        row = int(np.flatnonzero(to_numpy(wrong))[0])
        raise DataError(f"sample_weight[{row}] is {float(weight[row])}; weights must be finite and 0 or more")
    with np.errstate(over="ignore"):
        total = float(xp.sum(weight))
    if not np.isfinite(total):
        raise DataError("sample_weight: the sum of the weights overflows float64; rescale them")
    return weight


def uses_threads(X: Array) -> bool:
    """Whether rows are tested on all threads: NumPy arrays. Other libraries have threads of their own, or a GPU."""
    return is_numpy(X)


def _nonfinite_rows(X: Array, poll: Poll) -> np.ndarray:
    """Return the indices of the rows with a NaN or an infinity.

    A finite sum of a block proves that its entries are finite, and needs no temporary array. If the sum is not finite,
    the entries are tested one by one: the sum of finite numbers may overflow.
    """
    step = max(1, values_at_a_time(X, _BLOCK_BYTES // 8) // X.shape[1])
    bad = (_nonfinite_in_threads if uses_threads(X) else _nonfinite)(X, step, poll)
    return np.concatenate(bad) if bad else np.empty(0, dtype=np.int64)


def _nonfinite_in_threads(X: np.ndarray, step: int, poll: Poll) -> list[np.ndarray]:
    def find_in(start: int, stop: int) -> np.ndarray | None:
        block = X[start:stop]
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(block.sum()):
                return None
        return start + np.flatnonzero(~np.isfinite(block).all(axis=1))

    bad: list[np.ndarray] = []
    n, threads = len(X), thread_count()
    for start in range(0, n, step * threads):
        parts = split(min(n, start + step * threads) - start, threads)
        found = run_all([partial(find_in, start + a, start + b) for a, b in parts])
        bad.extend(part for part in found if part is not None)
        poll()
    return bad


def _nonfinite(X: Array, step: int, poll: Poll) -> list[np.ndarray]:
    """The generic body, in the array API standard."""
    bad: list[np.ndarray] = []
    xp = namespace(X)
    for part in blocks(X.shape[0], step):
        block = X[part, :]
        if not bool(xp.isfinite(xp.sum(block))):
            bad.append(part.start + np.flatnonzero(to_numpy(~xp.all(xp.isfinite(block), axis=1))))
        poll()
    return bad
