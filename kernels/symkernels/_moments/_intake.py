"""From rows to sums: what is checked before and after, and the shift that the sums are about."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import array_api_compat as compat
import numpy as np

from .._arrays import Array, as_floats, is_numpy, namespace, to_numpy
from .._errors import BackendError, DataError, ShapeError
from .._numba import numba_works
from . import _answers
from ._backends import sum_rows
from ._rows import Incidence, SparseRows, incidence
from ._state import State, on_same_device

# A handful of rows costs less in one pass over the triangle than with an accumulator of its own.
_FEW_ROWS = 8
# Rows this many standard deviations away from the state's shift are summed up again, about their own middle.
_FAR = 100.0
# Enough rows for their median to be near the middle, few enough to cost nothing.
_SAMPLE = 200


def batch_state(
    state: State,
    X: Any,
    sample_weight: Any,
    sparse: SparseRows | None,
    policy: str,
    joint: bool,
    checkpoint: Callable[[int, int], None] | None,
) -> State:
    """Check rows and sum them up, about the shift of ``state`` where it has one. ``state`` stays as it is."""
    layout = state.layout
    X = as_floats(X, ndim=2, name="X")
    if X.shape[1] != layout.n_dense:
        raise ShapeError(
            f"X must have {layout.n_dense} columns, one for each dense attribute, got shape {tuple(X.shape)}"
        )
    xp = namespace(X)
    if state.turnover == 0 and not on_same_device(state.sums.S, X):
        shift = xp.zeros((layout.n_dense,), dtype=xp.float64, device=compat.device(X))
        state = State.empty(layout, shift, joint=joint)
    state.check_place(X)
    rows = incidence(sparse, X.shape[0], layout)
    weight = None if sample_weight is None else checked_weights(sample_weight, X)
    if policy != "pairwise":
        X, weight, rows = _drop_or_refuse(X, weight, rows, policy)
    n = X.shape[0]
    if n == 0:
        return State.empty(layout, state.sums.shift, joint=joint)
    _check_binary(X, layout.dense_binaries)

    def sum_about(shift: Array) -> State:
        with np.errstate(invalid="ignore", over="ignore"):  # what is infinite is found and named below
            sums, depth = sum_rows(X, weight, rows, layout, shift, joint=joint, checkpoint=checkpoint)
        return State.of_rows(layout, sums, n, depth)

    batch = sum_about(_choose_shift(state, X))
    _check_finite(X, weight, batch)
    far = _far_from_shift(batch)
    if bool(xp.any(far)):
        batch = sum_about(xp.where(far, _middle(X), batch.sums.shift))
    return batch


def learn_directly(
    current: Callable[[], State],
    X: Any,
    joint: bool,
    checkpoint: Callable[[int, int], None] | None,
    lock: AbstractContextManager[Any],
) -> bool:
    """Learn dense NumPy rows without a batch state in between. False: not done, and `batch_state` must do it.

    That is so for what is rare (weights, sparse attributes, the first rows, which choose the shift) and for bad rows.
    """
    state = current()
    sums, layout = state.sums, state.layout
    if (
        type(X) is not np.ndarray
        or X.ndim != 2
        or X.shape[0] == 0
        or X.shape[1] != layout.n_dense
        or layout.n_dense == 0
        or layout.sparse_groups.size
        or joint
        or sums.weight < _FEW_ROWS
        or X.dtype not in (np.float64, np.float32)
        or not is_numpy(sums.S)
        or not sums.S.flags.c_contiguous
        or not numba_works()
    ):
        return False
    if sums.N is not None and not (sums.N.diagonal() > 0).all():
        return False
    from . import _fast

    if X.shape[0] <= _FEW_ROWS and X.dtype == np.float64 and X.flags.c_contiguous:
        with lock:
            if current() is state and _fast.learn_few(state, X):
                return True
    with np.errstate(invalid="ignore", over="ignore"):
        return _fast.learn_rows(current, X, _FAR, checkpoint, lock)


def checked_weights(sample_weight: Any, X: Array) -> Array:
    """(n,) float64 weights of the rows of X, on its device: finite, 0 or more, with a finite sum."""
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
        raise DataError("sample_weight: weights so large that their sum overflows float64; rescale them")
    return weight


def _drop_or_refuse(
    X: Array, weight: Array | None, rows: Incidence | None, policy: str
) -> tuple[Array, Array | None, Incidence | None]:
    """Rows without missing values; with policy "error" there must be no others."""
    xp = namespace(X)
    bad = to_numpy(xp.any(xp.isnan(X), axis=1))
    if rows is not None:
        bad = bad | rows.missing.any(axis=1)
    if not bad.any():
        return X, weight, rows
    if policy == "error":
        row = int(np.flatnonzero(bad)[0])
        raise DataError(
            f"row {row} has a missing value, which this state refuses (missing='error'); "
            "'pairwise' or 'listwise' would take it"
        )
    index = xp.asarray(np.flatnonzero(~bad), device=compat.device(X))
    weight = None if weight is None else xp.take(weight, index)
    return xp.take(X, index, axis=0), weight, None if rows is None else rows.keep(~bad)


def _check_binary(X: Array, columns: np.ndarray) -> None:
    if not len(columns):
        return
    xp = namespace(X)
    B = xp.take(X, xp.asarray(columns, device=compat.device(X)), axis=1)
    wrong = ~((B == 0) | (B == 1) | xp.isnan(B))
    if bool(xp.any(wrong)):
        row, k = (int(i[0]) for i in np.nonzero(to_numpy(wrong)))
        raise DataError(
            f"row {row}, column {int(columns[k])}: {float(B[row, k])!r} in a 0/1 attribute; "
            "make_continuous() allows other values"
        )


def _choose_shift(state: State, X: Array) -> Array:
    """The state's shift, with a value of X near the middle for the attributes that have no rows yet."""
    layout, sums, xp = state.layout, state.sums, state.sums.xp
    if sums.N is None and sums.weight > 0:
        return sums.shift
    dense = slice(0, layout.n_dense)
    new = (sums.own_counts(layout)[dense] == 0) & ~sums.index(layout.binary[dense])
    return xp.where(new, _middle(X), sums.shift) if bool(xp.any(new)) else sums.shift


def _middle(X: Array) -> Array:
    """A value of each column near its middle: the median of some rows, so that an outlier that comes first is not it.

    It is a value of the data so that a constant column is exactly 0 about it; 0 for a column without values.
    """
    xp = namespace(X)
    sample = to_numpy(X[:: max(1, X.shape[0] // _SAMPLE), :]).astype(np.float64)
    sample = np.where(np.isfinite(sample), sample, np.nan)
    count = (~np.isnan(sample)).sum(axis=0)
    middle = np.sort(sample, axis=0)[np.maximum(count - 1, 0) // 2, np.arange(sample.shape[1])]  # NaN goes last
    for j in np.flatnonzero(count == 0):
        column = to_numpy(X[:, int(j)])
        column = column[np.isfinite(column)]
        middle[j] = column[len(column) // 2] if len(column) else 0.0
    return xp.asarray(middle, device=compat.device(X))


def _far_from_shift(batch: State) -> Array:
    """(dense,) bool: columns whose spread loses digits in squares about a shift so many deviations away."""
    layout, sums, xp = batch.layout, batch.sums, batch.sums.xp
    dense = slice(0, layout.n_dense)
    n, t = sums.own_counts(layout)[dense], sums.own_sums(layout)[dense]
    spread = sums.diagonal()[dense] - t * _answers.divide(xp, t, n)
    # A single value has no spread to lose, and 0/1 attributes are counted exactly.
    varied = (sums.low < sums.high) & ~sums.index(layout.binary[dense])
    return varied & (t / _FAR * _answers.divide(xp, t / _FAR, n) > spread)


def _check_finite(X: Array, weight: Array | None, batch: State) -> None:
    xp, sums = namespace(X), batch.sums
    # Minimum and maximum tell, but for rows of weight 0, which they do not see.
    found = (sums.high == xp.inf) | (sums.low == -xp.inf) if weight is None else xp.any(xp.isinf(X), axis=0)
    infinite = to_numpy(found)
    if infinite.any():
        column = int(np.flatnonzero(infinite)[0])
        row = int(np.flatnonzero(np.isinf(to_numpy(X[:, column])))[0])
        raise DataError(f"row {row}, column {column}: {float(X[row, column])} is infinite; drop it or make it NaN")
    batch.check_overflow()
