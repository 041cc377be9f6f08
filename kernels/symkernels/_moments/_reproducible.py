"""Whether the bounds of rounding errors fix the last bit of every mean, covariance and correlation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._arrays import Array
from . import _answers
from ._numbers import Parts
from ._parts import UNIT
from ._state import State
from ._sums import Sums

_AREA = 2**18  # entries of the matrices at a time
_STEPS = 8  # of the algebra from sums to an answer
_TIE = 2.0**-104  # a number so near to the middle of two float64 may be rounded twice
_DIGIT = 2.0**-108  # the least that one different digit of one value adds to a variance, relative to the mean's square
_COUNTED = 2.0**40  # products of three such numbers are exact in three parts
_EXACT = 2.0**145  # whole numbers below have no rounding errors in three parts


@dataclass(frozen=True)
class _Sides:
    """One of the two attributes of each pair: sums over their common rows, and bounds. (rows, columns) or (rows, 1)."""

    count: Parts
    total: Parts
    square: Parts
    mean: Parts
    shift: Array
    fineness: Array
    whole: Array  # whether `total` is exact, as all values are multiples of a power of two
    constant: Array  # whether all values are found to be equal, whatever the rounding errors are
    of_rows: Array  # this, times the other attribute's, bounds what summing rows did to a product of deviations
    of_algebra: Array  # the same for the algebra after it
    of_total: Array  # bounds the error of `total`
    bound: Array  # and that of the sum of squared deviations


def is_reproducible(state: State) -> bool:
    """Whether rounding to float64 gives the same answers wherever the true sums are within their bounds."""
    with np.errstate(over="ignore", invalid="ignore"):  # NaN and inf leave the answer open
        return state.sums.n_rows == 0 or _fixes_all(state)


def _fixes_all(state: State) -> bool:
    size, step = state.layout.size, max(1, _AREA // state.layout.size)
    if state.sums.N is None and not _fixes_own(state, _sides(state, np.arange(size), np.arange(1))):
        return False
    # Counts of two sparse attributes have no rounding errors, and their answers are rounded from whole numbers.
    last = state.layout.n_dense if state.whole_weights and state.sums.weight < _COUNTED else size
    for start in range(0, last, step):
        rows, columns = np.arange(start, min(start + step, last)), np.arange(start, size)
        one, other = _sides(state, rows, columns), _sides(state, columns, rows)
        if state.sums.N is not None and not (_fixes_own(state, one) and _fixes_own(state, other)):
            return False
        if not _fixes_products(state, rows, columns, one, other):
            return False
    return True


def _sides(state: State, rows: np.ndarray, columns: np.ndarray) -> _Sides:
    """Return what is known of the attributes at ``rows`` over the rows where those at ``columns`` are present, too."""
    sums, layout, xp = state.sums, state.layout, state.sums.xp
    index, d = sums.index(rows), layout.n_dense

    def own(values: Array) -> Array:
        return xp.take(values, index, axis=-1)[..., None]

    if sums.N is None or sums.Q is None:
        count = sums.everywhere(len(rows), 1)
        total, square = (Parts.of(own(s.stored())) for s in (Parts.of(sums.T), sums.squares(layout)))
        of_one = xp.broadcast_to(sums.N_error[:1], (len(rows), 1))
        error = own(xp.concat([sums.Q_error, xp.broadcast_to(sums.N_error[:1], (layout.n_sparse,))]))
    else:
        group, of_row = sums.index(layout.group[columns]), sums.index(layout.group[rows])

        def picked(stored: Array, at: Array) -> Array:
            return xp.take(xp.take(stored, at, axis=-2), group, axis=-1)

        count = Parts.of(picked(sums.N, of_row))
        total, square = (Parts.of(picked(s, index)) for s in (sums.T, sums.squares_by_group(layout)))
        of_one = picked(sums.N_error, of_row)
        sparse = xp.take(sums.N_error, sums.index(layout.group[d:]), axis=0)
        error = picked(xp.concat([sums.Q_error, sparse], axis=0), index)
    binary, fineness = own(sums.index(layout.binary)), own(state.full_fineness())
    gross = xp.where(binary, state.weight_processed, own(state.padded(state.gross)))
    if not state.whole_weights:
        fineness = xp.full_like(fineness, xp.inf)
    shift = own(_answers.full_shift(sums, layout))
    offset = total.over(count)
    distance, mean = xp.abs(offset.rounded()), offset + shift
    away = xp.where(xp.isnan(distance), 0.0, distance) + own(state.padded(state.reach))
    later, weight = UNIT * (state.steps + _STEPS), state.weight_processed
    of_rows = xp.sqrt(error) + xp.sqrt(of_one) * away
    of_algebra = (xp.sqrt(gross) + away * weight**0.5) * later**0.5 + state.underflow**0.5
    of_total = xp.sqrt(of_one) * of_rows + (later * weight) ** 0.5 * of_algebra
    bound = 2 * of_rows * of_rows + of_algebra * of_algebra
    deviations = xp.abs(_answers.spread(total, square, count, _answers.scale_of(sums)))
    # The bound is below what one different digit of one value would add. A single value does not vary.
    constant = (deviations <= bound) & (bound < _DIGIT * mean.high * mean.high)
    if state.whole_weights:
        constant = constant | (count.high <= 1)
    whole = of_total * fineness < 0.5
    constant = constant | ((deviations == 0) & whole & _is_whole(bound, fineness * fineness, sums))
    return _Sides(
        count, total, square, mean, shift, fineness, whole, constant, of_rows, of_algebra, of_total, bound
    )  # fmt: skip


def _fixes_products(state: State, rows: np.ndarray, columns: np.ndarray, one: _Sides, other: _Sides) -> bool:
    """Whether the covariances of these rows and columns of the matrix, from the diagonal on, are fixed."""
    sums, xp = state.sums, state.sums.xp
    t = xp.matrix_transpose
    S = Parts.of(sums.products(state.layout, rows, columns))
    scale = _answers.scale_of(sums)
    number = _answers.cross_deviations(S, one.total, other.total.each(t), one.count, scale)
    bound = 2 * one.of_rows * t(other.of_rows) + one.of_algebra * t(other.of_algebra)
    whole = one.whole & t(other.whole) & _is_whole(bound, one.fineness * t(other.fineness), sums)
    above = sums.index(columns)[None, :] < sums.index(rows)[:, None]  # not stored
    zero = whole | above | one.constant | t(other.constant)
    return _is_fixed(xp, number, xp.where(zero, 0.0, bound * one.count.high * scale))


def _fixes_own(state: State, side: _Sides) -> bool:
    """Whether means and variances, over the common rows of each pair, are fixed."""
    xp = state.sums.xp
    count, mean = side.count.high, xp.abs(side.mean.high)
    size = mean + 2 * xp.abs(side.shift)
    # A quotient of whole numbers is a float64, the middle of two, or far from all of these.
    finest = xp.maximum(side.fineness, 2.0**54 / xp.where(mean > 0, mean, xp.inf))
    known = side.whole & (count * finest * size * _TIE < 2.0**-_STEPS)
    of_mean = UNIT * _STEPS * size + _answers.divide(xp, side.of_total, count)
    zero = side.constant | side.whole & _is_whole(side.bound, side.fineness * side.fineness, state.sums)
    scale = _answers.scale_of(state.sums)
    deviations = _answers.cross_deviations(side.square, side.total, side.total, side.count, scale)
    bound = xp.where(zero, 0.0, side.bound * count * scale)
    return _is_fixed(xp, side.mean, xp.where(known, 0.0, of_mean)) and _is_fixed(xp, deviations, bound)


def _is_whole(bound: Array, fineness: Array, sums: Sums) -> Array:
    """Return where a sum is exact: in units of 1 / ``fineness`` it is a whole number, and its bound less than a half.

    The bound is more than `UNIT` times the largest of these numbers. Their products with a count must be exact, too.
    """
    return (bound * fineness < 0.5) & (bound * fineness * sums.weight < UNIT * _EXACT)


def _is_fixed(xp: Any, number: Parts, bound: Array) -> bool:
    """Whether all numbers are rounded to the same float64 wherever in the bound they are. NaN is fixed."""
    margin = xp.where(bound > 0, bound + _TIE * xp.abs(number.high), 0.0)
    same = (number + -margin).rounded() == (number + margin).rounded()
    return bool(xp.all(same | xp.isnan(number.high)))
