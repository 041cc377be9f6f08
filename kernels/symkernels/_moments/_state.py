"""A state: sums, the attributes they are about, and what is known of their rounding errors and extremes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import array_api_compat as compat
import numpy as np

from .._arrays import Array, namespace, to_numpy
from .._errors import BackendError, DataError, ForgetError, ShapeError
from . import _answers
from ._layout import Layout
from ._sums import Sums

# A shift this many standard deviations away from the mean is moved.
_FAR = 4.0
_LOOK_EVERY = 64


def rounding(depth: float) -> float:
    """Relative rounding error of a variance from sums of so many additions in a row (Higham 2002, section 4.2).

    Each addition may err by a unit, and equal rows all err to the same side, so that no square root can be taken. The
    factor covers the square of the sum, which the variance takes away.
    """
    return 4 * _answers.UNIT * depth


def on_same_device(a: Array, b: Array) -> bool:
    return namespace(a) is namespace(b) and compat.device(a) == compat.device(b)


@dataclass
class State:
    """What `Moments` keeps. Methods change it in place unless they say otherwise."""

    layout: Layout
    sums: Sums
    gross: Array  # (dense,) squares ever added or taken away: what rounding errors are relative to
    turnover: float  # rows ever added or taken away
    mass: float  # their weight
    depth: float  # additions in a row that a sum has gone through
    low_exact: Array  # (dense,) bool: whether `sums.low` is the minimum, or only a bound of it
    high_exact: Array
    checked: float = 0.0  # `turnover` when `follow_mean` last looked
    spare: list[Any] = field(default_factory=list, repr=False)  # cleared buffers of `_fast`, for the next batch
    second: Array | None = field(default=None, repr=False)  # where `_fast` writes the next S

    @classmethod
    def empty(cls, layout: Layout, shift: Array, *, joint: bool) -> State:
        sums = Sums.zeros(layout, shift, missing=False, joint=joint)
        return cls.of_rows(layout, sums, 0)

    @classmethod
    def of_rows(cls, layout: Layout, sums: Sums, n: int, depth: float | None = None) -> State:
        """The state that holds the sums of n rows, by default one after the other, and has seen nothing else."""
        xp = sums.xp

        def exact() -> Array:
            return xp.ones((layout.n_dense,), dtype=xp.bool, device=compat.device(sums.S))

        gross = xp.asarray(sums.diagonal()[: layout.n_dense], copy=True)
        return cls(layout, sums, gross, float(n), sums.weight, float(n if depth is None else depth), exact(), exact())

    def copy(self) -> State:
        gross, low, high = (self.sums.xp.asarray(a, copy=True) for a in (self.gross, self.low_exact, self.high_exact))
        return State(
            self.layout, self.sums.copy(), gross, self.turnover, self.mass, self.depth, low, high, self.checked
        )

    def to(self, like: Array) -> State:
        """Return a copy held by the library and on the device of ``like``."""
        xp, device = namespace(like), compat.device(like)

        def move(array: Array) -> Array:
            return xp.asarray(to_numpy(array).copy(), device=device)

        arrays = {name: move(array) for name, array in self.sums.arrays().items()}
        sums = Sums(xp, self.sums.n_rows, self.sums.weight, **arrays)
        exact = move(self.low_exact), move(self.high_exact)
        return State(self.layout, sums, move(self.gross), self.turnover, self.mass, self.depth, *exact, self.checked)

    def padded(self, dense: Array) -> Array:
        """(P,) from (dense,), 0 for the sparse attributes."""
        xp = self.sums.xp
        sparse = xp.zeros((self.layout.n_sparse,), dtype=dense.dtype, device=compat.device(dense))
        return xp.concat([dense, sparse])

    def absolute_error(self) -> Array:
        """(P,) bound on the rounding error of each sum of squares."""
        xp, relative = self.sums.xp, rounding(self.depth)
        # Counts of rows are exact, sums of weights are not.
        of_binary = relative * self.mass if self.mass != self.turnover else 0.0
        binary = self.sums.index(self.layout.binary)
        return xp.where(binary, of_binary, relative * self.padded(self.gross))

    @property
    def slack(self) -> float:
        """What rounding may leave of a weight that is really 0."""
        return 8 * _answers.UNIT * self.mass

    # -- adding and taking away ----------------------------------------------------------------------------------------

    def combined(self, batch: State, sign: int) -> State:
        """A new state with another one added (1) or taken away (-1). This one stays; the other is used up."""
        if not batch.layout.same_as(self.layout):
            raise ShapeError(
                f"the attributes differ: {self.layout.size} here, {batch.layout.size} there, or in another order "
                "or of other kinds; use aligned() first, or learn again if attributes were added meanwhile"
            )
        if batch.turnover == 0:
            return self
        if self.turnover == 0 and sign > 0:
            return batch
        self.check_place(batch.sums.S)
        new = self.copy()
        with np.errstate(over="ignore", invalid="ignore"):  # fourth powers may be infinite
            new._add(batch, sign)
        return new

    def _add(self, batch: State, sign: int) -> None:
        self._share_shift(batch, sign)
        if sign < 0:
            self._check_forget(batch)
        low, high, gone = self.sums.low, self.sums.high, batch.sums
        self.sums.add(gone, sign, self.layout)
        self.gross = self.gross + batch.gross
        self.turnover += batch.turnover
        self.mass += batch.mass
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
            raise DataError(
                f"{self.describe(overflown)}: values so large that their squares overflow float64; rescale them"
            )

    def check_place(self, X: Array) -> None:
        """Refuse arrays of another library or device."""
        if not on_same_device(self.sums.S, X):
            raise BackendError(
                f"this state lives in {_library(self.sums.S)} on {compat.device(self.sums.S)}, the data in "
                f"{_library(X)} on {compat.device(X)}; convert the data, or learn it into a state of its own"
            )

    def _share_shift(self, batch: State, sign: int) -> None:
        xp, dense = self.sums.xp, slice(0, self.layout.n_dense)
        if not bool(xp.any(self.sums.shift != batch.sums.shift)):
            return
        # The side with more rows keeps its shift; where a side has none, its shift means nothing and just follows.
        mine, theirs = (s.own_counts(self.layout)[dense] for s in (self.sums, batch.sums))
        shift = self.sums.shift
        if sign > 0:  # what is taken away may turn out not to be there, and then nothing must have changed
            shift = xp.where(mine >= theirs, shift, batch.sums.shift)
        self.move_shift(xp.where(mine > 0, shift, self.sums.shift))
        batch.move_shift(xp.where(theirs > 0, shift, batch.sums.shift))
        batch.sums.shift = self.sums.shift = shift

    def move_shift(self, shift: Array) -> None:
        """Let the sums be about another shift; the answers stay."""
        xp, distance = self.sums.xp, self.sums.xp.abs(self.sums.shift - shift)
        root = xp.sqrt(self.gross) + distance * self.mass**0.5  # Minkowski's inequality bounds the new squares
        self.gross = xp.where(distance > 0, root * root, self.gross)
        self.sums.move_shift(shift, self.layout)

    def follow_mean(self) -> None:
        """Move the shift where the mean has left it by several standard deviations."""
        # Looking costs more than a small batch, and a few rows more do not move a mean far.
        if self.turnover - self.checked < max(_LOOK_EVERY, self.sums.n_rows / 4):
            return
        self.checked = self.turnover
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
                f"cannot forget {gone.n_rows} rows of weight {gone.weight:g}: the state holds {sums.n_rows} of weight "
                f"{sums.weight:g}"
            )
        if sums.N is not None or gone.N is not None:
            left: Array = (sums.weight if sums.N is None else sums.N) - (gone.weight if gone.N is None else gone.N)
            short = to_numpy(xp.linalg.diagonal(left)) < -slack
            if short.any():
                names = self.describe(np.isin(layout.group, np.flatnonzero(short)))
                raise ForgetError(f"cannot forget these rows: {names} would be left with fewer than 0 values")
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
                f"cannot forget these rows: {self.describe(to_numpy(wrong))} would be left with sums that no rows can "
                "have; were these rows learnt?"
            )

    def _clear(self) -> None:
        """Leave exact zeros, and no memory of rounding, where no row is left."""
        xp, sums = self.sums.xp, self.sums
        if abs(sums.weight) <= self.slack:
            sums.weight, sums.N, sums.Q = 0.0, None, None
        elif sums.N is not None:
            sums.N = xp.where(xp.abs(sums.N) <= self.slack, 0.0, sums.N)
        sums.clear_uncounted(self.layout)
        if sums.n_rows == 0 and sums.weight == 0:
            self.turnover = self.mass = self.depth = self.checked = 0.0
        empty = sums.own_counts(self.layout)[: self.layout.n_dense] == 0
        self.gross = xp.where(empty, 0.0, self.gross)
        self.low_exact, self.high_exact = self.low_exact | empty, self.high_exact | empty

    # -- other attributes ----------------------------------------------------------------------------------------------

    def rearranged(self, layout: Layout, source: np.ndarray, group_source: np.ndarray) -> State:
        """A new state laid out as ``layout``; see `Sums.rearranged` for the sources."""
        xp, old, dense_source = self.sums.xp, self.layout, source[: layout.n_dense]
        keep = self.sums.index((dense_source >= 0) & (dense_source < old.n_dense))
        index = self.sums.index(np.clip(dense_source, 0, max(old.n_dense - 1, 0)))

        def dense(values: Array, absent: Any) -> Array:
            if not old.n_dense:
                return xp.full(keep.shape, absent, dtype=values.dtype, device=compat.device(values))
            return xp.where(keep, xp.take(values, index), absent)

        sums = self.sums.rearranged(old, layout, source, group_source, dense(self.sums.shift, 0.0))
        exact = dense(self.low_exact, True), dense(self.high_exact, True)
        return State(layout, sums, dense(self.gross, 0.0), self.turnover, self.mass, self.depth, *exact, self.checked)

    def extended(self, layout: Layout) -> State:
        """A new state with further attributes; each that is here keeps its number."""
        old = self.layout
        source = np.full(layout.size, -1)
        here = layout.number < old.size
        source[here] = old.position[layout.number[here]]
        group = np.arange(layout.n_groups)
        return self.rearranged(layout, source, np.where(group < old.n_groups, group, -1))

    def selected(self, positions: np.ndarray) -> State:
        """A new state of these attributes alone, each of them dense."""
        return self.rearranged(self.layout.all_dense(positions), positions, self.layout.group[positions])

    def describe(self, mask: np.ndarray) -> str:
        """Attributes by number, for an error message."""
        numbers = self.layout.number[np.flatnonzero(mask)]
        shown = ", ".join(str(int(i)) for i in numbers[:5])
        return f"attribute{'s' if len(numbers) > 1 else ''} {shown}{' and others' if len(numbers) > 5 else ''}"


def _library(x: Array) -> str:
    return type(x).__module__.split(".")[0]


def _smaller_is_exact(mine: Array, mine_exact: Array, new: Array, new_exact: Array) -> Array:
    """Whether the smaller of two minima is known exactly."""
    return ((mine <= new) & mine_exact) | ((new <= mine) & new_exact)
