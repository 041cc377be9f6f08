"""Rows with few of many members change few sums of a state: those are taken out, and put back changed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from .._arrays import is_numpy
from .._numba import uses_loops
from ._layout import Layout
from ._pairs import Pairs
from ._rows import Incidence
from ._state import State
from ._sums import Sums, replaced

_AXES = {"T": 1, "S": 2, "V": 2, "V_error": 1, "B_error": 0}  # the sums of members, and the axis that counts these


@dataclass(frozen=True)
class FewMembers:
    """The members of sparse groups that some rows have, and a layout with these members alone."""

    whole: Layout
    members: np.ndarray  # (k,) ascending, counted from the first sparse attribute of `whole`
    layout: Layout  # with the attribute numbers of `whole`, for messages

    @classmethod
    def of(cls, whole: Layout, rows: Incidence | None) -> FewMembers | None:
        """Return the members of some rows; None if these are more than half of all."""
        if rows is None or not whole.n_sparse:
            return None
        members = np.flatnonzero(np.bincount(rows.members, minlength=whole.n_sparse))
        if 2 * len(members) > whole.n_sparse:
            return None
        d = whole.n_dense
        positions = np.append(np.arange(d), d + members)
        layout = Layout(whole.number[positions], d, whole.binary[positions], whole.group[positions], whole.n_groups)
        return cls(whole, members, layout)

    def rows(self, rows: Incidence) -> Incidence:
        """Return the rows with the numbers that members have in the smaller layout."""
        return replace(rows, members=np.searchsorted(self.members, rows.members))

    def part(self, state: State) -> State:
        """Return a state without the other members; it shares the arrays that do not count members."""
        sums = state.sums
        changed = {
            name: sums.xp.take(getattr(sums, name), sums.index(places), axis=_AXES[name])
            for name, places in self._places.items()
        }
        few = replace(sums, pairs=Pairs.none(), **changed)
        return replace(state, layout=self.layout, sums=few, spare=[], second=None)

    def expanded(self, part: State) -> State:
        """Return a state of rows with all members of the whole layout."""
        source = np.full(self.whole.size, -1)
        source[self._positions] = np.arange(self.layout.size)
        return part.rearranged(self.whole, source, np.arange(self.whole.n_groups))

    def change(
        self, state: State, batch: State, sign: int
    ) -> tuple[State, Callable[..., None], tuple[Any, ...]] | None:
        """Return the state with a batch added (1) or removed (-1), and a function with the arguments of its call.

        The call writes the sums of the members into the new state, which shares its arrays with ``state``. Ctrl-C
        cannot interrupt it. None if sums of other members change, too: those about another shift, those that get counts
        for every pair, and those of rows that are all gone.
        """
        if state.rows_processed == 0 or batch.rows_processed == 0:
            return None
        before = self.part(state)
        new = before.combined(batch, sign)
        old, sums = state.sums, new.sums
        xp = sums.xp
        moved = bool(xp.any(old.shift != sums.shift)) or (old.N is None) != (sums.N is None)
        if moved or (sign < 0 and _has_gone(old, batch.sums, sums)):
            return None
        pairs = old.pairs.plus(batch.sums.pairs.moved(self.members), sign)
        places = self._places
        arrays = [getattr(old, name) for name in places]
        if uses_loops("moments") and all(is_numpy(array) and array.flags.c_contiguous for array in arrays):
            from ._loops import write_columns

            whole = replace(sums, pairs=pairs, **dict(zip(places, arrays, strict=True)))
            arguments = _columns(whole, sums, places)
            # If the loop is not compiled yet, it is now: Ctrl-C may interrupt that.
            write_columns(*(x[:0] if x.ndim > 1 else x for x in arguments))
            return replace(new, layout=self.whole, sums=whole), write_columns, arguments
        changed = {
            name: replaced(getattr(old, name), getattr(sums, name), at, _AXES[name]) for name, at in places.items()
        }
        return replace(new, layout=self.whole, sums=replace(sums, pairs=pairs, **changed)), _nothing, ()

    @cached_property
    def _positions(self) -> np.ndarray:
        """The positions of the attributes in the whole layout."""
        return np.append(np.arange(self.whole.n_dense), self.whole.n_dense + self.members)

    @cached_property
    def _places(self) -> dict[str, np.ndarray]:
        """Their places in each array of sums that counts members."""
        binaries = np.flatnonzero(np.isin(self.whole.binaries, self._positions))
        return {name: binaries if name in ("V", "V_error", "B_error") else self._positions for name in _AXES}


def _has_gone(old: Sums, gone: Sums, new: Sums) -> bool:
    """Whether no row is left of all, or of two presence groups of which some were removed."""
    if new.N is None or old.N is None:
        return not new.weight > 0
    none = new.N[0, ...] == 0
    if gone.N is not None:
        none = none & ((old.N[0, ...] != 0) | (gone.N[0, ...] != 0))
    return bool(new.xp.any(none))


def _columns(whole: Sums, few: Sums, places: dict[str, np.ndarray]) -> tuple[np.ndarray, ...]:
    """Return the arguments of `_loops.write_columns`."""
    arguments: list[np.ndarray] = []
    for name, at in places.items():
        for sums in (whole, few):
            array = getattr(sums, name)
            before, n, after = array.shape[: _AXES[name]], array.shape[_AXES[name]], array.shape[_AXES[name] + 1 :]
            arguments.append(np.ascontiguousarray(array).reshape(math.prod(before), n, math.prod(after)))
        arguments.append(at)
    return tuple(arguments)


def _nothing() -> None:
    """Do nothing: the sums are in new arrays."""
