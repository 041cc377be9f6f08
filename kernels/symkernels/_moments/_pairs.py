"""How often two sparse attributes are 1 together: a table that holds only the pairs that occur."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from .._numba import uses_loops
from ._numbers import Parts
from ._parts import PARTS
from ._rows import Incidence

_SHIFT = 32  # bits of a key for the second attribute
_MOST_PAIRS = 2**20  # counted at a time
_MOST_CELLS = 2**22  # of a full table of counts, which needs no sorting
_BITS = 21  # of a slice of a weight: 2^32 of them have an exact sum


@dataclass(frozen=True)
class Pairs:
    """Weights of the rows where both attributes of a pair are 1. Arrays are NumPy's, and never written to.

    Attributes are numbered from the first sparse one.
    """

    key: np.ndarray  # (k,) int64, ascending: the smaller number times 2^32, plus the larger one
    weight: np.ndarray  # (3, k) float64, in three parts

    @classmethod
    def none(cls) -> Pairs:
        return cls(np.empty(0, np.int64), np.empty((PARTS, 0)))

    @classmethod
    def of(cls, one: np.ndarray, other: np.ndarray, weight: np.ndarray) -> Pairs:
        """Return a table of pairs that are all different."""
        key = _key(one, other)
        order = np.argsort(key)
        return cls(key[order], weight[:, order])

    def __len__(self) -> int:
        return len(self.key)

    @property
    def one(self) -> np.ndarray:
        """The smaller number of each pair."""
        return self.key >> _SHIFT

    @property
    def other(self) -> np.ndarray:
        """The larger number of each pair."""
        return self.key & (2**_SHIFT - 1)

    def plus(self, added: Pairs, sign: int = 1) -> Pairs:
        """Return the sum of two tables, or their difference."""
        if not len(added):
            return self
        if not len(self) and sign > 0:
            return added
        at = np.searchsorted(self.key, added.key)
        known = at < len(self)
        known[known] = self.key[at[known]] == added.key[known]
        key, weight = self.key, self.weight
        if not known.all():
            new = np.flatnonzero(~known)
            key = np.insert(key, at[new], added.key[new])
            weight = np.insert(weight, at[new], 0.0, axis=1)
            at = np.searchsorted(key, added.key)
        else:
            weight = weight.copy()
        total = Parts.of(weight[:, at]) + Parts.of(sign * added.weight)
        weight[:, at] = total.stored()
        found = Pairs(key, weight)
        return found if sign > 0 else found.kept(weight[0] != 0.0)

    def kept(self, keep: np.ndarray) -> Pairs:
        """Return the pairs for which ``keep``, (k,) bool, is True."""
        return self if keep.all() else Pairs(self.key[keep], self.weight[:, keep])

    def moved(self, place: np.ndarray) -> Pairs:
        """Return the table with other numbers: attribute i becomes ``place[i]``, and is left out if that is -1."""
        one, other = place[self.one], place[self.other]
        keep = (one >= 0) & (other >= 0)
        return Pairs.of(one[keep], other[keep], self.weight[:, keep])

    def between(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """Return (3, ...) weights of the pairs of two arrays of numbers; 0 for pairs that do not occur."""
        key = _key(one, other)
        if not len(self):
            return np.zeros((PARTS, *key.shape))
        at = np.minimum(np.searchsorted(self.key, key), len(self) - 1)
        return np.where(self.key[at] == key, self.weight[:, at], 0.0)

    def beside(self, number: int, size: int) -> np.ndarray:
        """Return (3, size) weights of the pairs of one attribute with each of ``size``; 0 with itself."""
        row = np.zeros((PARTS, size))
        start, stop = np.searchsorted(self.key, [number << _SHIFT, (number + 1) << _SHIFT])
        row[:, self.other[start:stop]] = self.weight[:, start:stop]
        before = np.flatnonzero(self.other[:start] == number)
        row[:, self.one[before]] = self.weight[:, before]
        return row

    def square(self, size: int) -> np.ndarray:
        """Return (3, size, size) weights of all pairs, in both triangles; 0 on the diagonal."""
        full = np.zeros((PARTS, size, size))
        full[:, self.one, self.other] = full[:, self.other, self.one] = self.weight
        return full


def count_pairs(rows: Incidence, weight: np.ndarray | None, checkpoint: Callable[[], None] | None = None) -> Pairs:
    """Return how often, or with what weight, two sparse attributes are 1 in the same row. There are no rounding errors.

    ``checkpoint`` is called now and then; what it raises stops the work.
    """
    size = int(rows.members.max()) + 1 if len(rows.members) else 0
    units, slices = _slices(weight)
    full = size * size <= _MOST_CELLS
    total = Pairs.none()
    counts = np.zeros((len(units), size * size)) if full else None
    if counts is not None and weight is None and uses_loops("exact"):
        from ._exact_loops import count_pairs as count

        n, step = len(rows.indptr) - 1, max(1, _MOST_PAIRS * len(rows.indptr) // max(len(rows.members), 1))
        for start in range(0, n, step):
            if checkpoint is not None:
                checkpoint()
            count(rows.indptr, rows.members, start, min(start + step, n), size, counts[0])
        rows = rows.part(0, 0)  # all of them are counted
    for one, other, row in _pairs_by_rows(rows):
        if checkpoint is not None:
            checkpoint()
        if counts is not None:
            cell = np.minimum(one, other) * size + np.maximum(one, other)
            for count, part in zip(counts, slices, strict=True):
                count += np.bincount(cell, None if part is None else part[row], size * size)
            continue
        key, place = np.unique(_key(one, other), return_inverse=True)
        found = [np.bincount(place, None if part is None else part[row], len(key)) for part in slices]
        total = total.plus(Pairs(key, _sum_of_slices(found, units)))
    if counts is not None:
        one, other = np.divmod(np.flatnonzero(counts.any(axis=0)), size)
        total = Pairs.of(one, other, _sum_of_slices([count[one * size + other] for count in counts], units))
    return total


def _key(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return (np.minimum(one, other).astype(np.int64) << _SHIFT) | np.maximum(one, other)


def _pairs_by_rows(rows: Incidence) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield the two attributes, and the row, of each pair of ones in a row, at most some million at a time."""
    length = np.diff(rows.indptr)
    row_of, stop_of = np.repeat(np.arange(len(length)), length), np.repeat(rows.indptr[1:], length)
    after = stop_of - 1 - np.arange(len(row_of))  # ones that follow in the same row
    entries = np.flatnonzero(after)
    step = 1
    while len(entries):
        for start in range(0, len(entries), _MOST_PAIRS):
            some = entries[start : start + _MOST_PAIRS]
            yield rows.members[some], rows.members[some + step], row_of[some]
        step += 1
        entries = entries[after[entries] >= step]


def _slices(weight: np.ndarray | None) -> tuple[list[float], list[np.ndarray | None]]:
    """Cut weights into slices whose sums are exact, and return the unit of each with it; None stands for ones.

    A slice holds whole numbers of at most 21 bits (`_exact` has the source).
    """
    if weight is None:
        return [1.0], [None]
    if bool((weight == np.floor(weight)).all()) and weight.sum() < 2.0**53:
        return [1.0], [weight]
    units: list[float] = []
    slices: list[np.ndarray | None] = []
    rest, unit = weight, float(2.0 ** np.frexp(weight.max(initial=0.0))[1])
    while rest.any():
        unit *= 2.0**-_BITS
        if unit == 0.0:
            break  # what is left is less than the smallest number
        whole = np.floor(rest / unit)
        units.append(unit)
        slices.append(whole)
        rest = rest - whole * unit
    return (units, slices) if units else ([1.0], [weight])


def _sum_of_slices(found: list[np.ndarray], units: list[float]) -> np.ndarray:
    total = Parts.exactly(found[0] * units[0])
    for count, unit in zip(found[1:], units[1:], strict=True):
        total = total + count * unit
    return total.stored()
