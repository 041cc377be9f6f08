"""A level that follows the quantile of the stream, also downwards, through a sketch of its values."""

from __future__ import annotations

import numpy as np

from .._gpd import just_above
from .._quantiles import QuantileSketch, require_datasketches
from . import _layout as at
from ._settings import Settings
from ._state import State

PANES = 4  # parts of a window; sketches are dropped a part at a time


class Follower:
    """Sketches of the stream's values without the flagged ones, and the levels that follow from them.

    Where the level falls, the values between the new and the old level are no longer known; quantiles of the sketch
    replace them.
    """

    def __init__(self, panes: list[QuantileSketch] | None = None) -> None:
        require_datasketches()  # fail early if a package is missing
        self.panes = panes or [QuantileSketch()]

    def copy(self) -> Follower:
        return Follower([pane.copy() for pane in self.panes])

    def merge(self, other: Follower) -> None:
        self.panes = [self._all()]
        self.panes[0].merge(other._all())

    def feed(self, values: np.ndarray) -> None:
        self.panes[-1].update(values[np.isfinite(values)])

    def run(
        self,
        state: State,
        settings: Settings,
        values: np.ndarray,
        flags: np.ndarray,
        upper: np.ndarray,
        lower: np.ndarray,
    ) -> None:
        """As `State.run`, with new levels every ``warmup`` values."""
        if not state.warm:
            return
        present = np.flatnonzero(values == values)
        state.G[at.MISSING] += len(values) - len(present)
        upper[:] = np.nan
        lower[:] = np.nan
        start = 0
        while start < len(present):
            stop = start + settings.warmup - int(state.G[at.N]) % settings.warmup
            places = present[start:stop]
            part = values[places]
            found = np.empty(len(part), bool), np.empty(len(part)), np.empty(len(part) if len(lower) else 0)
            state.run(part, settings, *found)
            flags[places], upper[places] = found[0], found[1]
            if len(lower):
                lower[places] = found[2]
            self.feed(part[~found[0]])
            if int(state.G[at.N]) % settings.warmup == 0:
                self.refresh(state, settings)
            start = stop

    def _all(self) -> QuantileSketch:
        if len(self.panes) == 1:
            return self.panes[0]
        result = self.panes[0].copy()
        for pane in self.panes[1:]:
            result.merge(pane)
        return result

    def refresh(self, state: State, settings: Settings) -> None:
        """Move the levels to the quantiles of the stream: down, and with a window also up."""
        sketch = self._all()
        for side in range(settings.sides):
            if settings.window:
                _move_window(sketch, state, settings, side)
            else:
                _lower(sketch, state, settings, side)
        if settings.window and PANES * self.panes[-1].n >= settings.window:
            self.panes = [*self.panes[-PANES:], QuantileSketch()]


def _quantiles(sketch: QuantileSketch, share: np.ndarray, side: int) -> np.ndarray:
    """Values above which the given shares of the stream lie, with the side's sign."""
    share = np.clip(share, 0.0, 1.0)
    return np.asarray(sketch.quantile(1.0 - share) if side == 0 else -np.asarray(sketch.quantile(share)))


def _values_from_sketch(
    sketch: QuantileSketch, known: float, wanted: int, upto: float, side: int
) -> tuple[float, np.ndarray]:
    """The level with ``wanted`` values above it, and values of the sketch below ``upto`` beside the ``known`` ones."""
    add = int(wanted - known)
    level = float(_quantiles(sketch, np.array([wanted / sketch.n]), side)[0])
    values = np.minimum(_quantiles(sketch, (known + 0.5 + np.arange(add)) / sketch.n, side), upto)
    return level, values[values > just_above(level)]


def _lower(sketch: QuantileSketch, state: State, settings: Settings, side: int) -> None:
    F, J = state.F[side], state.J[side]
    counted = int(state.G[at.N] - J[at.DROPPED])
    most = settings.most / at.SLACK
    grown = F[at.FIRST] * (counted / settings.warmup) ** at.POWER
    wanted = max(min(grown, most), at.SPARE * settings.side_alpha * counted)
    if at.SLACK * F[at.COUNT] >= wanted or sketch.n < wanted:
        return
    level, values = _values_from_sketch(sketch, float(F[at.COUNT]), int(wanted), float(F[at.LEVEL]), side)
    if not level < F[at.LEVEL] or not len(values):
        return
    F[at.COUNT] += len(values)
    stored = int(J[at.STORED])
    if F[at.SHARE] < 1.0:
        values = values[: max(1, round(len(values) * F[at.SHARE]))]
    state.make_room(stored + len(values))
    state.P[side, stored : stored + len(values)] = values
    J[at.STORED] += len(values)
    F[at.BASE] = F[at.LEVEL] = level
    F[at.THETA] = 0.0
    state.refit(settings, side)


def _move_window(sketch: QuantileSketch, state: State, settings: Settings, side: int) -> None:
    F, n, window = state.F[side], int(state.G[at.N]), settings.window or 0
    state.expire(settings, side)
    values, times, kinds = state.events(side)
    excess = kinds == at.EXCESS
    known = int(excess.sum())
    seen = min(n, window)
    share = 1.0 - settings.quantile
    wanted = int(min(share * seen, share * sketch.n))
    level = float(_quantiles(sketch, np.array([share]), side)[0])
    if level > F[at.BASE]:
        keep = ~excess | (values > just_above(level))
        values, times, kinds = values[keep], times[keep], kinds[keep]
    elif at.SLACK * known < wanted:
        level, added = _values_from_sketch(sketch, known, wanted, float(F[at.BASE]), side)
        if not level < F[at.BASE] or not len(added):
            return
        order = np.random.default_rng([settings.seed, n]).permutation(len(added))
        when = n - seen + 1 + (np.arange(len(added)) * seen) // len(added)
        values = np.concatenate([values, added[order]])
        times = np.concatenate([times, when])
        kinds = np.concatenate([kinds, np.full(len(added), at.EXCESS, np.int8)])
        order = np.argsort(times, kind="stable")
        values, times, kinds = values[order], times[order], kinds[order]
    else:
        return
    F[at.BASE] = level
    F[at.THETA] = 0.0
    state.set_events(side, values, times, kinds)
    state.refit(settings, side)
