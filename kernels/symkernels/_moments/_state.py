"""A state: the sums, their layout, bounds of their rounding errors, and whether minimum and maximum are exact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import array_api_compat as compat
import numpy as np

from .._arrays import Array, namespace, on_same_device, to_numpy
from .._errors import BackendError, DataError, ForgetError, ShapeError
from . import _answers
from ._layout import Layout
from ._limits import LOST
from ._numbers import Parts
from ._parts import UNIT, add
from ._sums import Sums


@dataclass
class State:
    """All that learning changes. Methods change it in place unless they say otherwise."""

    layout: Layout
    sums: Sums
    gross: Array  # (dense,) squares of all rows ever added or removed
    reach: Array  # (dense,) the largest distance from the shift to a point about which rows were summed
    rows_processed: float  # number of rows ever added or removed
    weight_processed: float  # their weight
    steps: float  # how often sums were added or moved, each time with an error of at most `UNIT`
    fineness: Array  # (dense,) powers of 2: times this, shifted values are whole numbers; inf: not known, 0: no values
    whole_weights: bool  # whether all weights were whole numbers
    least_weight: float  # the smallest one, without 0
    low_exact: Array  # (dense,) bool: True where `sums.low` is the minimum, False where it is only a lower bound
    high_exact: Array
    spare: list[Any] = field(default_factory=list, repr=False)  # cleared buffers of `_fast`, for the next batch
    second: Array | None = field(default=None, repr=False)  # the buffer into which `_fast` writes the next S

    @classmethod
    def empty(cls, layout: Layout, shift: Array, *, joint: bool) -> State:
        """Return the state before any rows."""
        sums = Sums.zeros(layout, shift, missing=False, joint=joint)
        return cls.of_rows(layout, sums, 0)

    @classmethod
    def of_rows(cls, layout: Layout, sums: Sums, n: int) -> State:
        """Return the state of n rows with these sums and no earlier ones."""
        xp = sums.xp

        def exact() -> Array:
            return xp.ones((layout.n_dense,), dtype=xp.bool, device=compat.device(sums.S))

        gross = xp.asarray(sums.squares(layout).high[: layout.n_dense], copy=True)
        reach, fineness = xp.zeros_like(gross), xp.zeros_like(gross)
        return cls(layout, sums, gross, reach, float(n), sums.weight, 0.0, fineness, True, 1.0, exact(), exact())

    def _with(self, layout: Layout, sums: Sums, change: Callable[[Array], Array]) -> State:
        """Return a state with other sums and the same history; ``change`` is applied to all other arrays."""
        arrays = {name: change(getattr(self, name)) for name in _BESIDE_SUMS}
        return replace(self, layout=layout, sums=sums, spare=[], second=None, **arrays)

    def copy(self) -> State:
        """Return an independent copy."""
        return self._with(self.layout, self.sums.copy(), lambda array: self.sums.xp.asarray(array, copy=True))

    def to(self, like: Array) -> State:
        """Return a copy in the library and on the device of ``like``."""
        xp, device = namespace(like), compat.device(like)

        def move(array: Array) -> Array:
            return xp.asarray(to_numpy(array).copy(), device=device)

        arrays = {name: move(array) for name, array in self.sums.arrays().items()}
        return self._with(self.layout, replace(self.sums, xp=xp, **arrays), move)

    def padded(self, dense: Array) -> Array:
        """Return (P, ...) values from (dense, ...) ones: 0 for the sparse attributes."""
        xp = self.sums.xp
        sparse = xp.zeros((self.layout.n_sparse, *dense.shape[1:]), dtype=dense.dtype, device=compat.device(dense))
        return xp.concat([dense, sparse])

    def noise(
        self, spread: Array, offset: Array, error: Array, error_of_one: Array, *, of_fewer: bool = False
    ) -> Array:
        """Bound the rounding errors of sums of squared deviations from a mean; docs/numerics.md derives the bound.

        ``spread`` (P, ...) are these sums, ``offset`` the distance from the shift to the mean of their rows; ``error``
        and ``error_of_one`` (dense, ...) are what `Sums` knows of their sums of squares. ``of_fewer``: these are sums
        that other rows have been taken from.
        """
        xp = self.sums.xp
        gross, reach, binary = self.padded(self.gross), self.padded(self.reach), self.sums.index(self.layout.binary)
        if offset.ndim == 2:
            gross, reach, binary = gross[:, None], reach[:, None], binary[:, None]
        error, of_one = self.padded(error), self.padded(error_of_one)
        away = xp.where(xp.isnan(offset), 0.0, xp.abs(offset)) + reach
        later = UNIT * (self.steps + 1)
        algebra = later * (gross + 2 * away * xp.sqrt(gross) * self.weight_processed**0.5)
        varied = self.padded(self.sums.high) > self.padded(self.sums.low)  # also if all squares are too small
        if offset.ndim == 2:
            varied = varied[:, None]
        algebra = xp.where(varied | (gross > 0), algebra + self.underflow, algebra)
        if self.rows_processed == self.sums.n_rows and not of_fewer:
            deviation = xp.sqrt(self.sums.unit * xp.where(spread > 0, spread, 0.0))
        else:  # rows that are gone may have been anywhere
            deviation = xp.sqrt(of_one) * away
        # Sums of 0/1 attributes are counts, which are exact, or sums of weights, which are not.
        of_binary = of_one + later * self.weight_processed
        if self.whole_weights:
            of_binary = 0.0 * of_binary
        else:  # the number of rows is rounded, too
            algebra = algebra + 2 * deviation * deviation
        return xp.where(binary, of_binary, 3 * error + 2 * xp.sqrt(error) * deviation + algebra)

    def own_noise(self, spread: Array, offset: Array, *, of_fewer: bool = False) -> Array:
        """Bound, (P,), the errors of each attribute's own sum of squared deviations."""
        return self.noise(spread, offset, *self.sums.own_errors(self.layout), of_fewer=of_fewer)

    def of_count(self, error_of_one: Array) -> Array:
        """Bound, (P,), the errors of counts: those of the sums of ones, (dense,), or none if weights are whole."""
        of_count = self.padded(error_of_one) + UNIT * (self.steps + 1) * self.weight_processed
        return of_count * (0.0 if self.whole_weights else 1.0)

    def settled(self, spread: Array, noise: Array, total: Parts, count: Parts) -> tuple[Array, Array]:
        """Return sums of squared deviations and the bounds of their errors, both 0 where all values are equal.

        They are equal where there is one row, and where the sum is within the bound, and the bound less than what one
        different value adds: it differs in the last digits of the mean, or by one unit of the column's fineness. Where
        that is not known, values that are as nothing beside the shift, or beside the other rows, count as 0. ``total``
        are the sums about the shift. A sum is never negative.
        """
        xp = self.sums.xp
        single = (count.high <= 1) & self.whole_weights
        if not bool(xp.any((spread <= noise) | single | (spread < 0))):  # spares a division
            return spread, noise
        shift, fineness = _answers.full_shift(self.sums, self.layout), self.full_fineness()
        usual = xp.sqrt(self.padded(self.gross) / max(self.weight_processed, 1.0))
        if spread.ndim == 2:
            shift, fineness, usual = shift[:, None], fineness[:, None], usual[:, None]
        mean = xp.abs((total.over(count) + shift).rounded())
        usual = xp.maximum(xp.abs(shift), usual)
        as_zero = (mean <= UNIT * (self.steps + 1) * usual) & xp.isinf(fineness)
        size = xp.where(as_zero, usual, mean)
        with np.errstate(over="ignore"):
            one_other = self.least_weight / 8 / xp.where(fineness > 0, fineness, 1.0) ** 2
            one_other = xp.maximum(one_other, _CERTAIN * count.high * size * size)
        constant = single | (spread <= noise) & (noise <= one_other)
        return xp.where(constant | (spread < 0), 0.0, spread), xp.where(constant, 0.0, noise)

    def own_spread(self) -> tuple[Array, Array]:
        """Return each attribute's `settled` sum of squared deviations from its mean, and the bound of its error."""
        total, count = self.sums.own_sums(self.layout), self.sums.own_masses(self.layout)
        spread = _answers.spread(total, self.sums.squares(self.layout), count, _answers.scale_of(self.sums))
        offset = _answers.divide(self.sums.xp, total.rounded(), count.high)
        return self.settled(spread, self.own_noise(spread, offset), total, count)

    def full_fineness(self) -> Array:
        """Return, (P,), the power of two that makes whole numbers of the shifted values of each attribute."""
        return self.sums.xp.where(self.sums.index(self.layout.binary), 1.0, self.padded(self.fineness))

    @property
    def underflow(self) -> float:
        """Bound what sums of squares lose where products are too small for float64."""
        return _UNDERFLOW * (self.rows_processed + self.weight_processed)

    @property
    def slack(self) -> float:
        """The largest weight that rounding may leave where the exact weight is 0. Whole weights add without errors."""
        return 0.0 if self.whole_weights else 2 * (self.sums.unit + UNIT * (self.steps + 1)) * self.weight_processed

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
            batch.check_underflow()
            return batch
        self.check_place(batch.sums.S)
        new = replace(self, sums=replace(self.sums), spare=[], second=None)  # `_add` writes into no array
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
        self.reach = self.sums.xp.maximum(self.reach, batch.reach)
        self.fineness = self.sums.xp.maximum(self.fineness, batch.fineness)
        self.whole_weights &= batch.whole_weights
        self.least_weight = min(self.least_weight, batch.least_weight)
        self.rows_processed += batch.rows_processed
        self.weight_processed += batch.weight_processed
        self.steps += batch.steps + 1
        if sign > 0:
            self.check_overflow()
            self.check_underflow()
            self.low_exact = _smaller_is_exact(low, self.low_exact, gone.low, batch.low_exact)
            self.high_exact = _smaller_is_exact(-high, self.high_exact, -gone.high, batch.high_exact)
        else:
            self.low_exact = self.low_exact & (gone.low > low)
            self.high_exact = self.high_exact & (gone.high < high)
            self._clear()

    def check_overflow(self) -> None:
        """Refuse sums of squares that are not finite."""
        overflown = ~np.isfinite(to_numpy(self.sums.squares(self.layout).high))
        if overflown.any():
            raise DataError(f"{self.describe(overflown)}: the squares of the values overflow float64; rescale them")

    def check_underflow(self) -> None:
        """Refuse values that differ, and whose squares are too small: nothing could be said of their spread."""
        lost = (self.gross * LOST <= self.underflow) & (self.sums.high > self.sums.low)
        lost = to_numpy(lost & ~self.sums.index(self.layout.binary[: self.layout.n_dense]))
        if lost.any():
            raise DataError(
                f"{self.describe(lost)}: the values differ by so little that their squares underflow float64; "
                "rescale them",
                indices=self.layout.number[np.flatnonzero(lost)],
            )

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
        self.reach = self.reach + distance
        self.steps += 1
        self.sums.move_shift(shift, self.layout)

    def _check_forget(self, batch: State) -> None:
        layout, xp, sums, gone = self.layout, self.sums.xp, self.sums, batch.sums
        slack = self.slack + batch.slack
        if gone.n_rows > sums.n_rows or add(*sums.mass, *(-part for part in gone.mass))[0] < -slack:
            raise ForgetError(
                f"cannot forget {gone.n_rows} rows of weight {gone.weight:g}: the state holds {sums.n_rows} rows of "
                f"weight {sums.weight:g}"
            )
        if sums.N is not None or gone.N is not None:
            mine, theirs = (s.everywhere(1, 1) if s.N is None else Parts.of(s.N) for s in (sums, gone))
            left = (mine - theirs).high
            short = to_numpy(xp.linalg.diagonal(left)) < -slack
            if short.any():
                names = self.describe(np.isin(layout.group, np.flatnonzero(short)))
                raise ForgetError(f"cannot forget these rows: {names} would have fewer than 0 values")
            if bool(xp.any(left < -slack)):
                raise ForgetError("cannot forget these rows: a pair of attributes would have fewer than 0 rows")
        n = sums.own_masses(layout) - gone.own_masses(layout)
        t = sums.own_sums(layout) - gone.own_sums(layout)
        s = sums.squares(layout) - gone.squares(layout)
        binary = self.sums.index(layout.binary)
        wrong = binary & ((t.high < -slack) | ((n - t).high < -slack))
        spread = _answers.spread(t, s, n, _answers.scale_of(sums))
        offset = _answers.divide(xp, t.rounded(), n.high)
        noise = 2 * sum(state.own_noise(spread, offset, of_fewer=True) for state in (self, batch))
        wrong = wrong | (~binary & (spread < -noise))
        if bool(xp.any(wrong)):
            raise ForgetError(
                f"cannot forget these rows: the sums of {self.describe(to_numpy(wrong))} would become impossible; "
                "forget only rows that were learnt"
            )

    def _clear(self) -> None:
        """Set sums to exact zeros, and reset bounds of rounding errors, where no row is left."""
        xp, sums = self.sums.xp, self.sums
        if abs(sums.weight) <= self.slack:
            sums.mass, sums.N, sums.Q = (0.0, 0.0, 0.0), None, None
        elif sums.N is not None:
            sums.N = xp.where(xp.abs(sums.N[:1, ...]) <= self.slack, 0.0, sums.N)
        sums.clear_uncounted(self.layout)
        if sums.n_rows == 0 and sums.weight == 0:
            self.rows_processed = self.weight_processed = self.steps = 0.0
        empty = sums.own_counts(self.layout)[: self.layout.n_dense] == 0
        self.gross = xp.where(empty, 0.0, self.gross)
        self.reach = xp.where(empty, 0.0, self.reach)
        self.fineness = xp.where(empty, 0.0, self.fineness)
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
        return self._with(layout, sums, lambda array: dense(array, True if array.dtype == xp.bool else 0.0))

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


_UNDERFLOW = 2.0**-1040  # of a row: some hundred thousand of the smallest numbers
_CERTAIN = 2.0**-100  # the square of a few units in the last place of a value
_BESIDE_SUMS = ("gross", "reach", "fineness", "low_exact", "high_exact")


def _library(x: Array) -> str:
    return type(x).__module__.split(".")[0]


def _smaller_is_exact(mine: Array, mine_exact: Array, new: Array, new_exact: Array) -> Array:
    """Return where the smaller of two minima is known exactly."""
    return ((mine <= new) & mine_exact) | ((new <= mine) & new_exact)
