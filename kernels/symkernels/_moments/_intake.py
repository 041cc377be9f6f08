"""From rows to sums: what is checked before and after, and the shift that the sums are about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import array_api_compat as compat
import numpy as np

from .._arrays import Array, as_floats, is_numpy, to_numpy
from .._errors import DataError, ShapeError
from ._backends import numba_works, sum_rows
from ._rows import Incidence, SparseRows, incidence
from ._state import State, on_same_device

# A handful of rows costs less in one pass over the triangle than with an accumulator of its own.
_FEW_ROWS = 8
# A shift so many interquartile ranges away from the rows costs digits.
_FAR = 4.0
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
    xp = compat.array_namespace(X)
    if state.turnover == 0 and not on_same_device(state.sums.S, X):
        shift = xp.zeros((layout.n_dense,), dtype=xp.float64, device=compat.device(X))
        state = State.empty(layout, shift, joint=joint)
    state.check_place(X)
    rows = incidence(sparse, X.shape[0], layout)
    weight = None if sample_weight is None else _weights(sample_weight, X)
    if policy != "pairwise":
        X, weight, rows = _drop_or_refuse(X, weight, rows, policy)
    n = X.shape[0]
    if n == 0:
        return State.empty(layout, state.sums.shift, joint=joint)
    _check_binary(X, layout.binary[: layout.n_dense])
    shift = _choose_shift(state, X)
    with np.errstate(invalid="ignore", over="ignore"):  # what is infinite is found and named below
        sums = sum_rows(X, weight, rows, layout, shift, joint=joint, checkpoint=checkpoint)
    batch = State.of_rows(layout, sums, n, xp=xp)
    _check_finite(X, weight, batch)
    return batch


def learn_few(state: State, X: Any, joint: bool) -> bool:
    """Learn a few complete NumPy rows in place. False: not done, `batch_state` must do it."""
    sums, layout = state.sums, state.layout
    if (
        type(X) is not np.ndarray
        or X.ndim != 2
        or not 0 < X.shape[0] <= _FEW_ROWS
        or X.shape[1] != layout.n_dense
        or layout.n_sparse
        or X.dtype != np.float64
        or not X.flags.c_contiguous
        or joint
        or sums.weight < _FEW_ROWS  # the first rows choose the shift
        or not is_numpy(sums.S)
        or not sums.S.flags.c_contiguous
        or not numba_works()
    ):
        return False
    from . import _loops

    gaps = sums.N is not None
    if sums.N is not None and not (sums.N.diagonal() > 0).all():
        return False  # an attribute without rows has no shift yet
    T, Q = (sums.T, sums.Q) if gaps else (sums.T[:, None], sums.T[:, None])
    done = _loops.learn_few(
        X, sums.shift, layout.binary, sums.S, T, gaps, Q, sums.V, layout.binaries, sums.M3, sums.M4, sums.low,
        sums.high, state.low_exact, state.high_exact, state.gross,
    )  # fmt: skip
    if not done:
        return False
    n, before = X.shape[0], state.turnover
    if sums.N is not None:
        sums.N += n
    sums.n_rows += n
    sums.weight += n
    state.turnover += n
    if int(before) >> 6 != int(state.turnover) >> 6:  # now and then: it costs more than the rows
        state.follow_mean()
    return True


def _weights(sample_weight: Any, X: Array) -> Array:
    xp, device = compat.array_namespace(X), compat.device(X)
    given = sample_weight if compat.is_array_api_obj(sample_weight) else xp.asarray(sample_weight, device=device)
    weight = xp.astype(as_floats(given, ndim=1, name="sample_weight"), xp.float64, copy=False)
    if weight.shape[0] != X.shape[0]:
        raise ShapeError(f"sample_weight must have one entry for each of {X.shape[0]} rows, got {weight.shape[0]}")
    wrong = ~(xp.isfinite(weight) & (weight >= 0))
    if bool(xp.any(wrong)):
        row = int(np.flatnonzero(to_numpy(wrong))[0])
        raise DataError(f"sample_weight[{row}] is {float(weight[row])}; weights must be finite and 0 or more")
    return weight


def _drop_or_refuse(
    X: Array, weight: Array | None, rows: Incidence | None, policy: str
) -> tuple[Array, Array | None, Incidence | None]:
    """Rows without missing values; with policy "error" there must be no others."""
    xp = compat.array_namespace(X)
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


def _check_binary(X: Array, binary: np.ndarray) -> None:
    columns = np.flatnonzero(binary)
    if not len(columns):
        return
    xp = compat.array_namespace(X)
    B = xp.take(X, xp.asarray(columns, device=compat.device(X)), axis=1)
    wrong = ~((B == 0) | (B == 1) | xp.isnan(B))
    if bool(xp.any(wrong)):
        row, k = (int(i[0]) for i in np.nonzero(to_numpy(wrong)))
        raise DataError(
            f"row {row}, column {int(columns[k])}: {float(B[row, k])!r} in a 0/1 attribute; "
            "make_continuous() allows other values"
        )


def _choose_shift(state: State, X: Array) -> Array:
    """About what to sum these rows up: the state's shift, or a value of X near the middle.

    The latter for attributes that have no rows yet, and where these rows are far from all that came before: their own
    spread would be lost in squares about a shift so far away.
    """
    layout, sums, xp = state.layout, state.sums, state.sums.xp
    dense = slice(0, layout.n_dense)
    free = ~layout.binary[dense]
    shift = to_numpy(sums.shift).copy()
    low, middle, high = _quartiles(_sample(X, _FEW_ROWS))
    if X.shape[0] >= _FEW_ROWS:
        away = free & (np.abs(middle - shift) > _FAR * (high - low))  # NaN: not away
        shift = np.where(away, middle, shift)
    new = free & (to_numpy(sums.own_counts(layout))[dense] == 0)
    if new.any():
        # More rows, as this shift may stay. It is a value of the data, so that a constant column is 0 about it.
        middle = _quartiles(_sample(X, _SAMPLE))[1]
        for j in np.flatnonzero(new & np.isnan(middle)):
            column = to_numpy(X[:, int(j)])
            column = column[np.isfinite(column)]
            middle[j] = column[len(column) // 2] if len(column) else 0.0
        shift = np.where(new, middle, shift)
    return xp.asarray(shift, device=compat.device(X))


def _sample(X: Array, rows: int) -> np.ndarray:
    """About so many rows, evenly spaced, as float64; what is not finite is NaN."""
    sample = to_numpy(X[:: max(1, X.shape[0] // rows), :]).astype(np.float64)
    return np.where(np.isfinite(sample), sample, np.nan)


def _quartiles(sample: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values of each column at its quartiles; NaN where there are none. An outlier that comes first is not chosen."""
    last = np.maximum((~np.isnan(sample)).sum(axis=0) - 1, 0)
    ordered = np.sort(sample, axis=0)  # NaN goes last
    columns = np.arange(sample.shape[1])
    low, middle, high = (ordered[last * quarter // 4, columns] for quarter in (1, 2, 3))
    return low, middle, high


def _check_finite(X: Array, weight: Array | None, batch: State) -> None:
    xp, sums = compat.array_namespace(X), batch.sums
    # Minimum and maximum tell, but for rows of weight 0, which they do not see.
    found = (sums.high == xp.inf) | (sums.low == -xp.inf) if weight is None else xp.any(xp.isinf(X), axis=0)
    infinite = to_numpy(found)
    if infinite.any():
        column = int(np.flatnonzero(infinite)[0])
        row = int(np.flatnonzero(np.isinf(to_numpy(X[:, column])))[0])
        raise DataError(f"row {row}, column {column}: {float(X[row, column])} is infinite; drop it or make it NaN")
    overflown = ~np.isfinite(to_numpy(sums.diagonal()))
    if overflown.any():
        raise DataError(
            f"{batch.describe(overflown)}: values so large that their squares overflow float64; rescale them"
        )
