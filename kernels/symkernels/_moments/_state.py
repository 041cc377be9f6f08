"""A state: the sums, their layout, bounds of their rounding errors, and whether minimum and maximum are exact."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import array_api_compat as compat
import numpy as np

from .._arrays import Array, namespace, on_same_device, to_numpy
from .._errors import BackendError, DataError, ForgetError, ShapeError
from . import _answers
from ._layout import Layout
from ._sums import Sums

_FAR = 4.0  # standard deviations: `follow_mean` moves a shift that is further away from the mean
_CHECK_EVERY = 64  # rows, at least, between two looks of `follow_mean`


def rounding(depth: float) -> float:
    """Bound the relative rounding error of a variance whose sums went through ``depth`` additions in a row.

    Each addition errs by at most one unit (Higham 2002, section 4.2). Equal rows all err in the same direction, so the
    bound grows with the depth, not with its square root. The factor 4 also covers the square of the sum that the
    variance subtracts.
    """
    return 4 * _answers.UNIT * depth


@dataclass
class State:
    """All that learning changes. Methods change it in place unless they say otherwise."""

    layout: Layout
    sums: Sums
    gross: Array  # (dense,) squares of all rows ever added or removed: rounding errors are relative to it
    rows_processed: float  # number of rows ever added or removed
    weight_processed: float  # their weight
    depth: float  # additions in a row that a sum has gone through
    low_exact: Array  # (dense,) bool: True where `sums.low` is the minimum, False where it is only a lower bound
    high_exact: Array
    checked: float = 0.0  # `rows_processed` at the last check of `follow_mean`
    spare: list[Any] = field(default_factory=list, repr=False)  # cleared buffers of `_fast`, for the next batch
    second: Array | None = field(default=None, repr=False)  # the buffer into which `_fast` writes the next S

    @classmethod
    def empty(cls, layout: Layout, shift: Array, *, joint: bool) -> State:
        """Return the state before any rows."""
        sums = Sums.zeros(layout, shift, missing=False, joint=joint)
        return cls.of_rows(layout, sums, 0)

    @classmethod
    def of_rows(cls, layout: Layout, sums: Sums, n: int, depth: float | None = None) -> State:
        """Return the state of n rows with these sums and no earlier ones. Default depth: n additions in a row."""
        xp = sums.xp

        def exact() -> Array:
            return xp.ones((layout.n_dense,), dtype=xp.bool, device=compat.device(sums.S))

        gross = xp.asarray(sums.diagonal()[: layout.n_dense], copy=True)
        return cls(layout, sums, gross, float(n), sums.weight, float(n if depth is None else depth), exact(), exact())

    def _with(self, layout: Layout, sums: Sums, gross: Array, low_exact: Array, high_exact: Array) -> State:
        """Return a state with other arrays and the same history."""
        processed = self.rows_processed, self.weight_processed, self.depth
        return State(layout, sums, gross, *processed, low_exact, high_exact, self.checked)

    def copy(self) -> State:
        """Return an independent copy."""
        gross, low, high = (self.sums.xp.asarray(a, copy=True) for a in (self.gross, self.low_exact, self.high_exact))
        return self._with(self.layout, self.sums.copy(), gross, low, high)

    def to(self, like: Array) -> State:
        """Return a copy in the library and on the device of ``like``."""
        xp, device = namespace(like), compat.device(like)

        def move(array: Array) -> Array:
            return xp.asarray(to_numpy(array).copy(), device=device)

        arrays = {name: move(array) for name, array in self.sums.arrays().items()}
        sums = Sums(xp, self.sums.n_rows, self.sums.weight, **arrays)
        return self._with(self.layout, sums, move(self.gross), move(self.low_exact), move(self.high_exact))

    def padded(self, dense: Array) -> Array:
        """Return (P,) values from (dense,) ones: 0 for the sparse attributes."""
        xp = self.sums.xp
        sparse = xp.zeros((self.layout.n_sparse,), dtype=dense.dtype, device=compat.device(dense))
        return xp.concat([dense, sparse])

    def absolute_error(self) -> Array:
        """Return a (P,) bound of the rounding error of each sum of squares."""
        xp, relative = self.sums.xp, rounding(self.depth)
        # Sums of 0/1 attributes are counts, which are exact, or sums of weights, which are not.
        of_binary = relative * self.weight_processed if self.weight_processed != self.rows_processed else 0.0
        binary = self.sums.index(self.layout.binary)
        return xp.where(binary, of_binary, relative * self.padded(self.gross))

    @property
    def slack(self) -> float:
        """The largest weight that rounding may leave where the exact weight is 0."""
        return 8 * _answers.UNIT * self.weight_processed

    @property
    def residue(self) -> float:
        """The largest weight that forgotten rows may leave as rounding error: none if no row was forgotten."""
        return 0.0 if self.rows_processed == self.sums.n_rows else self.slack

    # -- adding and taking away ----------------------------------------------------------------------------------------

    def combined(self, batch: State, sign: int) -> State:
        """Return a new state with another one added (1) or removed (-1). This one is unchanged; ``batch`` is not."""
        if not batch.layout.same_as(self.layout):
            raise ShapeError(
                f"the attributes of the two states differ in number ({self.layout.size} and {batch.layout.size}), "
                "order or kind; use aligned() first, or learn again if attributes were added meanwhile"
            )
        if batch.rows_processed == 0:
            return self
        if self.rows_processed == 0 and sign > 0:
            return batch
        self.check_place(batch.sums.S)
        new = self.copy()
        with np.errstate(over="ignore", invalid="ignore"):  # third and fourth powers may overflow
            new._add(batch, sign)
        return new

    def _add(self, batch: State, sign: int) -> None:
        self._share_shift(batch, sign)
        if sign < 0:
            self._check_forget(batch)
        low, high, gone = self.sums.low, self.sums.high, batch.sums
        self.sums.add(gone, sign, self.layout)
        self.gross = self.gross + batch.gross
        self.rows_processed += batch.rows_processed
        self.weight_processed += batch.weight_processed
        self.depth += batch.depth + 1
        if sign > 0:
            self.check_overflow()
            self.low_exact = _smaller_is_exact(low, self.low_exact, gone.low, batch.low_exact)
            self.high_exact = _smaller_is_exact(-high, self.high_exact, -gone.high, batch.high_exact)
        else:
            self.low_exact = self.low_exact & (gone.low > low)
            self.high_exact = self.high_exact & (gone.high < high)
            self._clear()
        self.follow_mean()

    def check_overflow(self) -> None:
        """Refuse sums of squares that are not finite."""
        overflown = ~np.isfinite(to_numpy(self.sums.diagonal()))
        if overflown.any():
            raise DataError(f"{self.describe(overflown)}: the squares of the values overflow float64; rescale them")

    def check_place(self, X: Array) -> None:
        """Refuse arrays of another library or device."""
        if not on_same_device(self.sums.S, X):
            raise BackendError(
                f"the arrays of this state are of {_library(self.sums.S)} on {compat.device(self.sums.S)}, the data is "
                f"of {_library(X)} on {compat.device(X)}; convert the data, or learn it into another state"
            )

    def _share_shift(self, batch: State, sign: int) -> None:
        xp, dense = self.sums.xp, slice(0, self.layout.n_dense)
        if not bool(xp.any(self.sums.shift != batch.sums.shift)):
            return
        # The side with more rows keeps its shift. A side without rows takes over the other shift at no cost.
        mine, theirs = (s.own_counts(self.layout)[dense] for s in (self.sums, batch.sums))
        shift = self.sums.shift
        if sign > 0:  # to forget keeps the state's shift: if the rows turn out to be absent, nothing may have changed
            shift = xp.where(mine >= theirs, shift, batch.sums.shift)
        self.move_shift(xp.where(mine > 0, shift, self.sums.shift))
        batch.move_shift(xp.where(theirs > 0, shift, batch.sums.shift))
        batch.sums.shift = self.sums.shift = shift

    def move_shift(self, shift: Array) -> None:
        """Rewrite the sums about another shift. Statistics do not change."""
        xp, distance = self.sums.xp, self.sums.xp.abs(self.sums.shift - shift)
        # Minkowski's inequality bounds the new squares.
        root = xp.sqrt(self.gross) + distance * self.weight_processed**0.5
        self.gross = xp.where(distance > 0, root * root, self.gross)
        self.sums.move_shift(shift, self.layout)

    def follow_mean(self) -> None:
        """Move the shift where it is several standard deviations away from the mean."""
        # The check costs more than a small batch. Few rows do not move a mean far, so it can wait for more.
        if self.rows_processed - self.checked < max(_CHECK_EVERY, self.sums.n_rows / 4):
            return
        self.checked = self.rows_processed
        layout, xp, dense = self.layout, self.sums.xp, slice(0, self.layout.n_dense)
        n = self.sums.own_counts(layout)[dense]
        offset = _answers.divide(xp, self.sums.own_sums(layout)[dense], n)
        v = _answers.variance(self.sums, layout, 0)[dense]
        far = (v > 0) & (offset * offset > _FAR * _FAR * v) & ~self.sums.index(layout.binary[dense])
        if bool(xp.any(far)):
            self.move_shift(xp.where(far, self.sums.shift + offset, self.sums.shift))

    def _check_forget(self, batch: State) -> None:
        layout, xp, sums, gone = self.layout, self.sums.xp, self.sums, batch.sums
        slack = self.slack + batch.slack
        if gone.n_rows > sums.n_rows or gone.weight > sums.weight + slack:
            raise ForgetError(
                f"cannot forget {gone.n_rows} rows of weight {gone.weight:g}: the state holds {sums.n_rows} rows of "
                f"weight {sums.weight:g}"
            )
        if sums.N is not None or gone.N is not None:
            left: Array = (sums.weight if sums.N is None else sums.N) - (gone.weight if gone.N is None else gone.N)
            short = to_numpy(xp.linalg.diagonal(left)) < -slack
            if short.any():
                names = self.describe(np.isin(layout.group, np.flatnonzero(short)))
                raise ForgetError(f"cannot forget these rows: {names} would have fewer than 0 values")
            if bool(xp.any(left < -slack)):
                raise ForgetError("cannot forget these rows: a pair of attributes would have fewer than 0 rows")
        n = sums.own_counts(layout) - gone.own_counts(layout)
        t = sums.own_sums(layout) - gone.own_sums(layout)
        s = sums.diagonal() - gone.diagonal()
        wrong = self.sums.index(layout.binary) & ((t < -slack) | (t > n + slack))
        noise = rounding(self.depth + batch.depth + 1) * (self.padded(self.gross + batch.gross))
        wrong = wrong | (~self.sums.index(layout.binary) & (s - t * _answers.divide(xp, t, n) < -noise))
        if bool(xp.any(wrong)):
            raise ForgetError(
                f"cannot forget these rows: the sums of {self.describe(to_numpy(wrong))} would become impossible; "
                "forget only rows that were learnt"
            )

    def _clear(self) -> None:
        """Set sums to exact zeros, and reset bounds of rounding errors, where no row is left."""
        xp, sums = self.sums.xp, self.sums
        if abs(sums.weight) <= self.slack:
            sums.weight, sums.N, sums.Q = 0.0, None, None
        elif sums.N is not None:
            sums.N = xp.where(xp.abs(sums.N) <= self.slack, 0.0, sums.N)
        sums.clear_uncounted(self.layout)
        if sums.n_rows == 0 and sums.weight == 0:
            self.rows_processed = self.weight_processed = self.depth = self.checked = 0.0
        empty = sums.own_counts(self.layout)[: self.layout.n_dense] == 0
        self.gross = xp.where(empty, 0.0, self.gross)
        self.low_exact, self.high_exact = self.low_exact | empty, self.high_exact | empty

    # -- other attributes ----------------------------------------------------------------------------------------------

    def rearranged(self, layout: Layout, source: np.ndarray, group_source: np.ndarray) -> State:
        """Return a new state with another layout; `Sums.rearranged` explains the sources."""
        xp, old, dense_source = self.sums.xp, self.layout, source[: layout.n_dense]
        keep = self.sums.index((dense_source >= 0) & (dense_source < old.n_dense))
        index = self.sums.index(np.clip(dense_source, 0, max(old.n_dense - 1, 0)))

        def dense(values: Array, absent: Any) -> Array:
            if not old.n_dense:
                return xp.full(keep.shape, absent, dtype=values.dtype, device=compat.device(values))
            return xp.where(keep, xp.take(values, index), absent)

        sums = self.sums.rearranged(old, layout, source, group_source, dense(self.sums.shift, 0.0))
        exact = dense(self.low_exact, True), dense(self.high_exact, True)
        return self._with(layout, sums, dense(self.gross, 0.0), *exact)

    def extended(self, layout: Layout) -> State:
        """Return a new state with more attributes; the present ones keep their numbers."""
        old = self.layout
        source = np.full(layout.size, -1)
        here = layout.number < old.size
        source[here] = old.position[layout.number[here]]
        group = np.arange(layout.n_groups)
        return self.rearranged(layout, source, np.where(group < old.n_groups, group, -1))

    def selected(self, positions: np.ndarray) -> State:
        """Return a new state of these attributes alone, each of them dense."""
        return self.rearranged(self.layout.all_dense(positions), positions, self.layout.group[positions])

    def describe(self, mask: np.ndarray) -> str:
        """Return the attributes' numbers for an error message."""
        numbers = self.layout.number[np.flatnonzero(mask)]
        shown = ", ".join(str(int(i)) for i in numbers[:5])
        return f"attribute{'s' if len(numbers) > 1 else ''} {shown}{' and others' if len(numbers) > 5 else ''}"


def _library(x: Array) -> str:
    return type(x).__module__.split(".")[0]


def _smaller_is_exact(mine: Array, mine_exact: Array, new: Array, new_exact: Array) -> Array:
    """Return where the smaller of two minima is known exactly."""
    return ((mine <= new) & mine_exact) | ((new <= mine) & new_exact)
