"""Merge two streams of one law."""

from __future__ import annotations

import numpy as np

from .._gpd import just_above
from . import _layout as at
from ._settings import Settings
from ._state import State


def merge(a: State, b: State, settings: Settings) -> None:
    """Add the tails of ``b`` to those of ``a``; both are past their warm-up."""
    for side in range(settings.sides):
        _merge_side(a, b, side)
    a.G[[at.N, at.MISSING, at.FLAGGED]] += b.G[[at.N, at.MISSING, at.FLAGGED]]
    for side in range(settings.sides):
        if a.F[side, at.COUNT] > 0.0:
            a.refit(settings, side)


def _merge_side(a: State, b: State, side: int) -> None:
    F, J = a.F[side], a.J[side]
    level = max(F[at.LEVEL], b.F[side, at.LEVEL])
    share = min(F[at.SHARE], b.F[side, at.SHARE])
    values, count = [], 0.0
    for state in (a, b):
        kept = np.sort(state.P[side, : state.J[side, at.STORED]])
        above = kept[kept > just_above(level)]
        count += state.F[side, at.COUNT] * len(above) / max(1, len(kept))
        wanted = round(len(above) * share / state.F[side, at.SHARE])
        places = np.floor((np.arange(wanted) + 0.5) * len(above) / max(1, wanted)).astype(np.int64)
        values.append(above[places])  # spread evenly in order of size
    both = np.concatenate(values)
    passed = np.concatenate([state.C[side, : state.J[side, at.CENSORED]] for state in (a, b)])
    a.make_room(max(len(both), len(passed)))
    a.P[side, : len(both)] = both
    a.C[side, : len(passed)] = passed
    F[at.LEVEL] = F[at.BASE] = level
    F[at.COUNT], F[at.SHARE], F[at.THETA] = count, share, 0.0
    J[at.STORED], J[at.CENSORED] = len(both), len(passed)
    J[at.FLAGS] += b.J[side, at.FLAGS]
    J[at.DROPPED] += b.J[side, at.DROPPED]
