"""Statistics over the rows where a 0/1 attribute is 1."""

from __future__ import annotations

from dataclasses import dataclass

import array_api_compat as compat
import numpy as np

from .._arrays import Array, namespace, to_numpy
from ._answers import divide, full_shift, relative, scale_of, spread
from ._numbers import Parts
from ._state import State
from ._sums import replaced


@dataclass(frozen=True)
class Condition:
    """Statistics over rows where a 0/1 attribute is 1: what `Moments.condition` and `Moments.conditions` return.

    Attributes
    ----------
    count : (P,) float64
        Weight of the rows where the 0/1 attribute is 1 and the other one is present.
    mean, var : (P,) float64
        Mean and population variance over these rows, in the attribute's unit and its square; NaN without rows.
    error_bound : (P,) float64
        Bound of the relative rounding error of each variance, as `Moments.error_bound` has it for all rows.

    Examples
    --------
    >>> from symkernels import Moments
    >>> m = Moments(2, binary=[0]).learn([[1.0, 5.0], [0.0, 9.0], [1.0, 7.0]])
    >>> found = m.condition(0)
    >>> found.count, found.mean, found.variance(ddof=1)
    (array([2., 2.]), array([1., 6.]), array([0., 2.]))
    """

    count: Array
    mean: Array
    var: Array
    error_bound: Array

    def variance(self, ddof: float = 0) -> Array:
        """Return the (P,) variances over ``count - ddof``; NaN where that is not positive."""
        xp = namespace(self.var)
        return divide(xp, self.var * self.count, self.count - ddof)


def _products(state: State, position: int) -> Array:
    """Return (3, P): the sums of products of one attribute with each."""
    sums, layout, xp = state.sums, state.layout, state.sums.xp
    member = position - layout.n_dense
    if member < 0:
        return xp.concat([sums.S[:, :position, position], sums.S[:, position, position:]], axis=1)
    beside = sums.pairs.beside(member, layout.n_sparse)
    beside[:, member] = to_numpy(sums.own_sums(layout).stored()[:, position])
    return xp.concat([sums.S[:, :, position], sums.index(beside)], axis=1)


def condition(state: State, position: int) -> Condition:
    """Return the statistics over the rows where the 0/1 attribute at ``position`` is 1."""
    sums, layout, xp = state.sums, state.layout, state.sums.xp
    dense = layout.n_dense
    S = Parts.of(_products(state, position))
    if sums.N is None:
        one = Parts.of(sums.T).each(lambda part: part[position])
        count = one.each(lambda part: xp.broadcast_to(part, (layout.size,)))
    else:
        group = sums.index(layout.group)
        count = Parts.of(sums.T).each(lambda part: xp.take(part[position, :], group))
    column = int(np.searchsorted(layout.binaries, position))
    squares = Parts.of(xp.concat([sums.V[:, :, column], S.stored()[:, dense:]], axis=1))
    of_one = xp.broadcast_to(sums.B_error[column], (dense,))
    return _found(state, count, S, squares, sums.V_error[:, column], of_one, full_shift(sums, layout))


def conditions(state: State, position: int) -> Condition:
    """Return the statistics of one attribute over the rows where each 0/1 attribute is 1, by position.

    Where an attribute is not a 0/1 attribute, the count is 0.
    """
    sums, layout, xp = state.sums, state.layout, state.sums.xp
    binaries = layout.binaries
    given = sums.index(binaries)
    S = Parts.of(sums.products(layout, np.array([position]), binaries))
    of_given = xp.take(sums.T, given, axis=1)
    count = Parts.of((of_given if sums.N is None else of_given[:, :, int(layout.group[position])])[:, None, :])
    if position < layout.n_dense:
        squares, error = Parts.of(sums.V[:, position : position + 1, :]), sums.V_error[position : position + 1, :]
    else:
        squares, error = S, xp.zeros((1, len(binaries)), dtype=xp.float64, device=compat.device(sums.S))
    shift = full_shift(sums, layout)[position : position + 1]
    alone = state.selected(np.array([position]))
    found = _found(alone, count, S, squares, error, sums.B_error[None, :], shift[:, None])

    def by_position(values: Array, absent: float = np.nan) -> Array:
        everywhere = xp.full((layout.size,), absent, dtype=xp.float64, device=compat.device(sums.S))
        return replaced(everywhere, values[0, :], binaries)

    return Condition(
        by_position(found.count, 0.0), *(by_position(v) for v in (found.mean, found.var, found.error_bound))
    )


def _found(
    state: State, count: Parts, total: Parts, squares: Parts, error: Array, of_one: Array, shift: Array
) -> Condition:
    """Return the statistics that follow from sums over some rows, and from the bounds of their errors."""
    sums, xp = state.sums, state.sums.xp
    # A count of at most this much is rounding error of weights that came and went: no row is there.
    count = count.each(lambda part: xp.where(count.high > state.residue, part, 0.0))
    offset = total.over(count)
    deviations = spread(total, squares, count, scale_of(sums))
    noise = state.noise(deviations, offset.rounded(), error, of_one)
    deviations, noise = state.settled(deviations, noise, total, count)
    return Condition(
        count.high,
        (offset + shift).rounded(),
        divide(xp, deviations, count.high),
        relative(xp, noise, deviations, state.of_count(of_one), count.high),
    )
