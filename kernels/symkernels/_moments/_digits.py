"""Whether sums of a batch in float64 cost an answer its digits: of all rows, of a pair of attributes, or of a group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._arrays import Array, namespace
from . import _answers
from ._layout import Layout
from ._limits import LOSS, LOSS_OF_OLD
from ._numbers import Parts
from ._state import State
from ._sums import Sums


@dataclass(frozen=True)
class Losses:
    """Where digits would be lost."""

    columns: Array  # (dense,) bool: over all rows or over those where some other attribute is present
    given: Array  # (dense binaries,) bool: over the rows where a 0/1 attribute is 1


def losses(state: State, batch: State, sign: int) -> Losses:
    """Return where adding (1) or removing (-1) a batch, which was just summed in float64, would lose digits."""
    sums, gone, layout, xp = state.sums, batch.sums, state.layout, state.sums.xp
    d = layout.n_dense
    scale = _answers.scale_of(sums if sums.weight > gone.weight else gone)
    least = min(state.least_weight, batch.least_weight)
    e = (Parts.exactly(gone.shift) + -sums.shift).each(lambda part: part[:, None])
    complete = sums.N is None and gone.N is None
    old, new = (_by_group(s, layout, complete) for s in (sums, gone))
    lost = _lost(old, new, e, batch.gross[:, None], sign, scale, least, batch.whole_weights)
    if sign < 0:
        lost = lost | _adds_errors(*(s.Q_error[:, None] if s.N is None else s.Q_error for s in (sums, gone)))
    columns = xp.any(lost, axis=1) & ~sums.index(layout.binary[:d])
    given = xp.zeros((0,), dtype=xp.bool)
    if len(layout.dense_binaries):  # sums of members have no rounding errors
        old, new = _by_value(sums, layout), _by_value(gone, layout)
        lost = _lost(old, new, e, new[2].high, sign, scale, least, batch.whole_weights)
        if sign < 0:
            lost = lost | _adds_errors(*(s.V_error[:, : len(layout.dense_binaries)] for s in (sums, gone)))
        lost = lost & ~sums.index(layout.binary[:d])[:, None]
        given = xp.any(lost, axis=0)
    return Losses(columns, given)


def _adds_errors(of_state: Array, of_batch: Array) -> Array:
    """Return where removing a batch makes errors that the state does not have yet; all its rows may be removed."""
    return of_batch > 2.0 * of_state


def _by_group(sums: Sums, layout: Layout, complete: bool) -> tuple[Parts, Parts, Parts]:
    """Return count, sum and sum of squares of each dense attribute, over the rows where each group is present."""
    xp, d = sums.xp, layout.n_dense
    if sums.N is None:
        total, square = (s.each(lambda part: part[:d, None]) for s in (Parts.of(sums.T), sums.squares(layout)))
        return sums.everywhere(d, 1 if complete else layout.n_groups), total, square
    group = sums.index(layout.group[:d])
    count = Parts.of(sums.N).each(lambda part: xp.take(part, group, axis=0))
    total, square = (Parts.of(s).each(lambda part: part[:d, :]) for s in (sums.T, sums.Q))
    return count, total, square


def _by_value(sums: Sums, layout: Layout) -> tuple[Parts, Parts, Parts]:
    """Return count, sum and sum of squares of dense attributes, over the rows where each dense 0/1 attribute is 1."""
    xp, d, ones = sums.xp, layout.n_dense, layout.dense_binaries
    if sums.N is None:
        count = Parts.of(sums.T).each(lambda part: xp.take(part, sums.index(ones))[None, :])
    else:
        group = sums.index(layout.group[:d])
        picked = Parts.of(sums.T).each(lambda part: xp.take(part, sums.index(ones), axis=0))
        count = picked.each(lambda part: xp.matrix_transpose(xp.take(part, group, axis=1)))
    total = Parts.of(sums.products(layout, np.arange(d), ones))
    return count, total, Parts.of(sums.V[:, :, : len(ones)])


def _lost(
    old: tuple[Parts, Parts, Parts],
    new: tuple[Parts, Parts, Parts],
    e: Parts,
    squares: Array,
    sign: int,
    scale: float,
    least: float,
    whole: bool,
) -> Array:
    """Return where the errors of ``squares`` matter. ``e`` is the shift of the new sums less that of the old ones.

    Rows of no more than the ``least`` weight are one row.
    """
    xp = namespace(squares)
    n, t, q = new
    t, q = t + e * n, q + e * (t * 2.0 + e * n)
    if sign < 0:
        n, t, q = -n, -t, -q
    n, t, q = old[0] + n, old[1] + t, old[2] + q
    mean = t.over(n)
    away = abs((mean - e).rounded())
    count = new[0].high
    error = squares + 2.0 * away * (squares * count) ** 0.5
    if not whole:  # the sum of the weights is rounded, too
        error = error + away * away * count
    lost = (n.high > least) & (error > LOSS * _answers.spread(t, q, n, scale))
    if sign > 0:
        before = _answers.spread(old[1], old[2], old[0], scale)
        kept = (old[0].high > least) & (before > 0)
        share = xp.where(count > 0, count, 1.0)
        lost = lost | (kept & (error * old[0].high > LOSS_OF_OLD * share * before))
    return lost & (squares > 0) & (count > 0)
