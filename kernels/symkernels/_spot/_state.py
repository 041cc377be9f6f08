"""The state of a stream: the arrays of the compiled loop, and how they are started, grown and copied."""

from __future__ import annotations

import copy

import numpy as np

from .._gpd import just_above
from .._numba import uses_loops
from . import _layout as at
from ._settings import Settings

ROOM = 64  # values of a side at the beginning
_SECONDS = 3e-6  # of Python for a value


class State:
    """Arrays of the loop for one stream; the names are those of `_loops`."""

    def __init__(self, settings: Settings) -> None:
        sides = settings.sides
        self.G = np.zeros(at.GLOBALS, np.int64)
        self.G[at.RANDOM] = settings.seed % (at.MODULUS - 1) + 1
        self.F = np.full((sides, at.FLOATS), np.nan)
        self.J = np.zeros((sides, at.INTEGERS), np.int64)
        self.P = np.zeros((sides, ROOM))
        self.C = np.zeros((sides, ROOM))
        ring = ROOM if settings.window else 0
        self.V = np.zeros((sides, ring))
        self.T = np.zeros((sides, ring), np.int64)
        self.K = np.zeros((sides, ring), np.int8)
        self.D = np.zeros(settings.depth)
        self.M = np.zeros(1)
        self.first = np.empty(0)  # the warm-up's values
        self.warm = False

    NAMES = ("G", "F", "J", "P", "C", "V", "T", "K", "D", "M", "first")

    def copy(self) -> State:
        result = copy.copy(self)
        for name in self.NAMES:
            setattr(result, name, getattr(self, name).copy())
        return result

    def start(self, settings: Settings) -> None:
        """Set the levels from the warm-up's values, and fit for the first time."""
        values, self.first, self.warm = self.first, np.empty(0), True
        n = len(values)
        self.G[at.N] = n
        for side in range(settings.sides):
            y = values if side == 0 else -values
            level = _level(y, settings.quantile)
            F, J = self.F[side], self.J[side]
            F[:] = 0.0
            F[at.SHARE] = 1.0
            F[at.Z] = F[at.FAR] = np.nan
            F[at.BASE] = F[at.LEVEL] = level
            above = np.flatnonzero(y > just_above(level))
            beyond = ~np.isfinite(y[above])
            excesses = y[above[~beyond]]
            J[at.DROPPED] = int(beyond.sum())
            J[at.STORED] = len(excesses)
            F[at.COUNT] = len(excesses)
            F[at.FIRST] = max(len(excesses), round((1.0 - settings.quantile) * n), 1)
            self.make_room(len(excesses), len(above) if settings.window else 0)
            self.P[side, : len(excesses)] = excesses
            if settings.window:
                self.V[side, : len(above)] = y[above]
                self.T[side, : len(above)] = above + 1
                self.K[side, : len(above)] = np.where(beyond, at.BEYOND, at.EXCESS)
                J[at.LENGTH] = len(above)
            if len(excesses):
                self.refit(settings, side)

    def refit(self, settings: Settings, side: int) -> None:
        """Fit a side's tail again, and set its threshold."""
        from ._loops import refit

        refit(
            settings.side_alpha, settings.window or 0, settings.most, settings.warmup, self.G[at.N],
            self.P[side], self.C[side], self.V[side], self.T[side], self.K[side], self.F[side], self.J[side],
        )  # fmt: skip

    def expire(self, settings: Settings, side: int) -> None:
        """Take what has left the window out of a side's counts."""
        from ._loops import expire

        ring = self.V[side], self.T[side], self.K[side]
        expire(self.G[at.N], settings.window or 0, *ring, self.F[side], self.J[side])

    def events(self, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Events in the ring of a side, from the oldest on: values, positions, kinds."""
        places = self.J[side, at.HEAD] + np.arange(self.J[side, at.LENGTH])
        places %= max(1, self.V.shape[1])
        return self.V[side, places], self.T[side, places], self.K[side, places]

    def set_events(self, side: int, values: np.ndarray, times: np.ndarray, kinds: np.ndarray) -> None:
        self.make_room(0, len(values))
        self.J[side, at.HEAD], self.J[side, at.LENGTH] = 0, len(values)
        for ring, new in ((self.V, values), (self.T, times), (self.K, kinds)):
            ring[side, : len(new)] = new

    def make_room(self, values: int, events: int = 0) -> None:
        """Make room for more than ``values`` values and ``events`` events on each side; rings are unrolled."""
        ring = self.V.shape[1]
        if ring and events >= ring:
            ring = max(2 * ring, events + ROOM)
            V, T, K = (np.zeros((len(self.V), ring), a.dtype) for a in (self.V, self.T, self.K))
            for side in range(len(V)):
                for new, old in zip((V, T, K), self.events(side), strict=True):
                    new[side, : len(old)] = old
                self.J[side, at.HEAD] = 0
            self.V, self.T, self.K = V, T, K
            values = max(values, ring - 1)
        room = self.P.shape[1]
        if values >= room:
            grown = np.zeros((len(self.P), max(2 * room, values + ROOM)))
            grown[:, :room] = self.P
            self.P = grown
        room = max(self.P.shape[1], ring)  # with a window, all events may be flags
        if self.C.shape[1] < room:
            grown = np.zeros((len(self.C), room))
            grown[:, : self.C.shape[1]] = self.C
            self.C = grown

    def run(self, x: np.ndarray, settings: Settings, flags: np.ndarray, upper: np.ndarray, lower: np.ndarray) -> None:
        """Compare values with the thresholds and learn them; write the results to the last three arrays."""
        from ._loops import run

        uses_loops("pareto", _SECONDS * len(x))
        start, window = 0, settings.window or 0
        while True:
            start = run(
                x, start, settings.side_alpha, window, settings.most, settings.warmup, settings.sides, self.G,
                self.F, self.J, self.P, self.C, self.V, self.T, self.K, self.D, self.M, flags, upper, lower,
            )  # fmt: skip
            if start >= len(x):
                return
            if window:
                self.make_room(0, self.V.shape[1])
            else:
                self.make_room(self.P.shape[1])


def _level(values: np.ndarray, quantile: float) -> float:
    """A quantile of the values without inf; where it is -inf, the smallest finite value."""
    values = values[values < np.inf]
    if len(values):
        place = int(quantile * (len(values) - 1))
        level = float(np.partition(values, place)[place])
        if level > -np.inf:
            return level
        values = values[values > -np.inf]
    return float(values.min()) if len(values) else float(np.finfo(np.float64).max)
