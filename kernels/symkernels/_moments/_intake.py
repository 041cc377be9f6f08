"""From rows to the state of a batch: checks before and after summing, and the choice of the shift."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import array_api_compat as compat
import numpy as np

from .._arrays import Array, as_floats, namespace, on_same_device, to_numpy
from .._columns import Columns
from .._errors import DataError, ShapeError
from .._forks import ForkLock
from .._rows import check_weights
from . import _answers
from ._backends import (
    is_little_work,
    is_small_batch,
    rounding,
    sum_rows,
    takes_columns,
    uses_blocks,
    uses_fast_path,
)
from ._digits import losses
from ._few_members import FewMembers
from ._fineness import fineness
from ._members import sum_given_exactly
from ._rows import Incidence, SparseRows, incidence
from ._settings import Missing, Settings
from ._state import State

_FAR = 100.0  # standard deviations: rows further away from the state's shift are summed again about another shift
_NEAR = 2.0  # interquartile ranges from 0
_NEAR_EXACTLY = 12.0  # the same where it matters that most differences from the shift are exact
_SAMPLE = 200  # rows: enough for a median near the middle, and few enough to cost little


def batch_state(
    state: State,
    X: Any,
    sample_weight: Any,
    sparse: SparseRows | None,
    settings: Settings,
    checkpoint: Callable[[int, int], None] | None,
    sign: int,
) -> tuple[State, FewMembers | None]:
    """Check and sum rows that will be added to ``state`` (1) or removed (-1). ``state`` does not change.

    If the rows have few of the members of sparse groups, the sums are those of these members alone.
    """
    layout, joint = state.layout, settings.joint_squares
    if isinstance(X, Columns):
        alone = sign == 1 and sample_weight is None and sparse is None
        summed = _first_columns(state, X, settings, checkpoint) if alone else None
        if summed is not None:
            return summed, None
        X = X.rows()
    X = as_floats(X, ndim=2, name="X")
    if X.shape[1] != layout.n_dense:
        raise ShapeError(
            f"X must have {layout.n_dense} columns, one for each dense attribute, got shape {tuple(X.shape)}"
        )
    xp = namespace(X)
    if state.rows_processed == 0 and not on_same_device(state.sums.S, X):
        shift = xp.zeros((layout.n_dense,), dtype=xp.float64, device=compat.device(X))
        state = State.empty(layout, shift, joint=joint)
    state.check_place(X)
    rows = incidence(sparse, X.shape[0], layout)
    weight = None if sample_weight is None else check_weights(sample_weight, X)
    if settings.missing != "pairwise":
        X, weight, rows = _complete_rows(X, weight, rows, settings.missing)
    n = X.shape[0]
    if n == 0:
        return State.empty(layout, state.sums.shift, joint=joint), None
    few = FewMembers.of(layout, rows)
    if few is not None and rows is not None:
        state, rows, layout = few.part(state), few.rows(rows), few.layout
    _check_binary(X, layout.dense_binaries)

    def sum_about(shift: Array, *, exact: bool = False, in_blocks: bool = False) -> State:
        with np.errstate(invalid="ignore", over="ignore"):  # `_check_finite` reports infinite values
            sums = sum_rows(
                X, weight, rows, layout, shift, joint=joint, exact=exact, in_blocks=in_blocks, checkpoint=checkpoint
            )
            batch = State.of_rows(layout, sums, n)
            batch.fineness = fineness(X, shift) if exact else xp.full_like(shift, xp.inf)
            if weight is not None:
                batch.whole_weights = bool(xp.all(weight == xp.floor(weight)))
                least = float(xp.min(xp.where(weight > 0, weight, xp.inf)))
                batch.least_weight = least if least < np.inf else 1.0  # no row counts
            _check_finite(X, weight, batch)
        return batch

    exact = settings.exact or is_little_work(state, n)
    in_blocks = exact and uses_blocks(X, weight, rows, layout, joint)
    near = _NEAR_EXACTLY if settings.exact else _NEAR
    shift = _choose_shift(state, X, weight, near)
    batch = sum_about(shift, exact=exact, in_blocks=in_blocks)
    if exact and not in_blocks:
        return batch, few
    found = losses(state, batch, sign)
    if bool(xp.any(found.columns)):
        far = _far_from_shift(batch)
        if bool(xp.any(far)):
            batch = sum_about(xp.where(far, _middle(X, weight, near), shift), exact=exact, in_blocks=in_blocks)
            found = losses(state, batch, sign)
    if bool(xp.any(found.columns)):
        return sum_about(shift, exact=True), few
    if bool(xp.any(found.given)):
        given = layout.dense_binaries[to_numpy(found.given)]
        with np.errstate(invalid="ignore", over="ignore"):
            sum_given_exactly(batch.sums, X, weight, rows, layout, given)
    return batch, few


def try_fast_path(
    current: Callable[[], State],
    X: Any,
    settings: Settings,
    checkpoint: Callable[[int, int], None] | None,
    lock: ForkLock,
) -> bool:
    """Add rows straight to the state, and return whether that was done; if not, `batch_state` must do it.

    The state does not change if this returns False. Bad values lead to False as well: `batch_state` reports them.
    """
    state = current()
    if not uses_fast_path(state, X, settings.joint_squares):
        return False
    from . import _fast

    if is_small_batch(X):
        with lock.in_place():
            if current() is state and _fast.learn_small_batch(state, X):
                return True
    if settings.exact or is_little_work(state, X.shape[0]):
        return False
    with np.errstate(invalid="ignore", over="ignore"):
        return _fast.learn_rows(current, X, rounding, checkpoint, lock)


def _first_columns(
    state: State, X: Columns, settings: Settings, checkpoint: Callable[[int, int], None] | None
) -> State | None:
    """Sum the first rows of a state where their columns lie; None where they need more than that.

    `batch_state` has the same steps for rows. A bad value gives None, too, so that it is found and reported there.
    """
    layout, n = state.layout, X.shape[0]
    if state.rows_processed or is_little_work(state, n) or not takes_columns(state, X, settings):
        return None
    from . import _fast

    shift = _choose_shift(state, X.rows(slice(None, None, max(1, n // _SAMPLE))), None, _NEAR)
    with np.errstate(invalid="ignore", over="ignore"):
        try:
            sums = _fast.sum_rows(X, None, layout, shift, checkpoint)
        except _fast.NotBinary:
            return None
        sums.note_errors(layout, rounding(_fast.depth(n, X.shape[1])), of_all_rows=True)
        batch = State.of_rows(layout, sums, n)
        batch.fineness = np.full_like(shift, np.inf)
        finite = bool((sums.high < np.inf).all() and (sums.low > -np.inf).all() and np.isfinite(sums.S).all())
        lost = losses(state, batch, 1)
    return batch if finite and not lost.columns.any() and not lost.given.any() else None


def _complete_rows(
    X: Array, weight: Array | None, rows: Incidence | None, missing: Missing
) -> tuple[Array, Array | None, Incidence | None]:
    """Return the rows without missing values; raise `DataError` for the others if ``missing`` is "error"."""
    xp = namespace(X)
    bad = to_numpy(xp.any(xp.isnan(X), axis=1))
    if rows is not None:
        bad = bad | rows.missing.any(axis=1)
    if not bad.any():
        return X, weight, rows
    if missing == "error":
        row = int(np.flatnonzero(bad)[0])
        raise DataError(
            f"row {row} has a missing value, and this state has missing='error'; fill it in, leave out the row, or "
            "make a state with missing='pairwise' or 'listwise'"
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
            "call make_continuous() to allow other values"
        )


def _choose_shift(state: State, X: Array, weight: Array | None, near: float) -> Array:
    """Return the state's shift, with a value of X near the middle for attributes with fewer rows there than here."""
    layout, sums, xp = state.layout, state.sums, state.sums.xp
    if sums.N is None and sums.weight >= X.shape[0]:
        return sums.shift
    dense = slice(0, layout.n_dense)
    new = (sums.own_counts(layout)[dense] < X.shape[0]) & ~sums.index(layout.binary[dense])
    return xp.where(new, _middle(X, weight, near), sums.shift) if bool(xp.any(new)) else sums.shift


def _middle(X: Array, weight: Array | None, near: float) -> Array:
    """Return a value near the middle of each column: the median of some rows, which outliers do not move far.

    It is a value of the data, so that the shifted values of a constant column are exactly 0. Where 0 is about as near,
    it is 0: differences from it are exact. So they are from another median, of most values: those from half to twice of
    it. Rows of weight 0 have no say: they may lie anywhere. A column without values gets 0.
    """
    xp = namespace(X)
    counted = np.arange(X.shape[0]) if weight is None else np.flatnonzero(to_numpy(weight) > 0)
    if not len(counted):
        return xp.zeros((X.shape[1],), dtype=xp.float64, device=compat.device(X))
    some = xp.asarray(counted[:: max(1, len(counted) // _SAMPLE)], device=compat.device(X))
    sample = to_numpy(xp.take(X, some, axis=0)).astype(np.float64)
    sample = np.where(np.isfinite(sample), sample, np.nan)
    count = (~np.isnan(sample)).sum(axis=0)
    ordered, last, columns = np.sort(sample, axis=0), np.maximum(count - 1, 0), np.arange(sample.shape[1])  # NaN: last
    middle, spread = ordered[last // 2, columns], ordered[last * 3 // 4, columns] - ordered[last // 4, columns]
    middle = np.where(np.abs(middle) <= near * spread, 0.0, middle)
    for j in np.flatnonzero(count == 0):
        column = to_numpy(X[:, int(j)])[counted]
        column = column[np.isfinite(column)]
        middle[j] = column[len(column) // 2] if len(column) else 0.0
    return xp.asarray(middle, device=compat.device(X))


def _far_from_shift(batch: State) -> Array:
    """Return (dense,) bool: columns so far from the shift that their variances would lose digits."""
    layout, sums, xp = batch.layout, batch.sums, batch.sums.xp
    dense = slice(0, layout.n_dense)
    n, t = sums.own_counts(layout)[dense], sums.own_sums(layout).high[dense]
    spread = _answers.central(sums, layout)[dense]
    # A single value has no variance, and 0/1 attributes are counted exactly.
    varied = (sums.low < sums.high) & ~sums.index(layout.binary[dense])
    return varied & (t / _FAR * _answers.divide(xp, t / _FAR, n) > spread)


def _check_finite(X: Array, weight: Array | None, batch: State) -> None:
    xp, sums = namespace(X), batch.sums
    # Minimum and maximum show infinities, except in rows of weight 0, which they leave out.
    found = (sums.high == xp.inf) | (sums.low == -xp.inf) if weight is None else xp.any(xp.isinf(X), axis=0)
    infinite = to_numpy(found)
    if infinite.any():
        column = int(np.flatnonzero(infinite)[0])
        row = int(np.flatnonzero(np.isinf(to_numpy(X[:, column])))[0])
        raise DataError(
            f"row {row}, column {column}: {float(X[row, column])} is infinite; leave out the row, or make the value "
            "missing (NaN)"
        )
    batch.check_overflow()
