"""Sums of products of deviations with all their digits, and what is known of their errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .._arrays import is_numpy
from . import _answers
from ._limits import LOST
from ._numbers import Parts
from ._parts import UNIT
from ._state import State

if TYPE_CHECKING:
    from ._statistics import Statistics


@dataclass(frozen=True)
class Deviations:
    """Sums of products of deviations from the means. Arrays are NumPy arrays, by the attributes that were asked for.

    A cross product errs by at most the geometric mean of the two squares' ``noise``.
    """

    products: Parts  # (p, p)
    noise: np.ndarray  # (p,) bounds of the errors of the diagonal
    rounding: np.ndarray  # (p,) the length of the vector by which rounding may have changed the column of values
    constant: np.ndarray  # (p,) bool: nothing varies, or the digits of the variance are lost
    mean: Parts  # (p,)
    weight: Parts  # () of the rows


def deviations(moments: Statistics, indices: Sequence[int] | None) -> Deviations | None:
    """Return the sums of some attributes, or of all; None where values are missing in one and not in another."""
    with moments._lock:
        state = moments._state_of(indices)
        if not is_numpy(state.sums.S):
            state = state.to(np.zeros(0))
        return _of(state)


def _of(state: State) -> Deviations | None:
    sums, layout = state.sums, state.layout
    mass = np.array(sums.mass)
    if sums.N is not None:
        mass = sums.N[:, 0, 0]
        if (mass[:, None, None] != sums.N).any():
            return None
    count = sums.own_masses(layout)
    total, scale = sums.own_sums(layout), _answers.scale_of(sums)
    one, other = total.each(lambda part: part[:, None]), total.each(lambda part: part[None, :])
    weight = Parts.of(mass[:, None, None])
    products = _answers.cross_deviations(sums.square(layout), one, other, weight, scale)
    products = products.over(weight.each(lambda part: part * scale))
    mean = total.over(count) + _answers.full_shift(sums, layout)
    spread, noise = state.own_spread()
    noise = noise + 8 * UNIT * spread  # the division
    place = layout.position
    return Deviations(
        products.each(lambda part: part[np.ix_(place, place)]),
        noise[place],
        _rounding(state, spread, mean.high)[place],
        ~(LOST * spread > noise)[place],
        mean.each(lambda part: part[place]),
        Parts.of(mass),
    )


def _rounding(state: State, spread: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Bound, (P,), the length of the vector of what rounding to float64 did to an attribute's values.

    Whole numbers, and other values of which float64 has `_SPARE` bits more than they need, were not rounded.
    """
    low, high = state.sums.low, state.sums.high
    largest = np.maximum(np.abs(low), np.abs(high), where=np.isfinite(low) & np.isfinite(high), out=np.zeros_like(low))
    with np.errstate(invalid="ignore", over="ignore"):
        rounded = ~(state.padded(largest * state.fineness) < 2.0 ** (53 - _SPARE))
    length = np.sqrt(spread + state.sums.own_counts(state.layout) * mean * mean)
    return np.where(rounded & ~state.layout.binary, _answers.UNIT * length, 0.0)


_SPARE = 13
