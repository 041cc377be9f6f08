"""Thresholds about a moving mean, for streams that drift."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _layout as at
from ._spot import Spot, _integer, checked


class DriftSpot(Spot):
    def __init__(
        self,
        alpha: float = 1e-4,
        quantile: float = 0.98,
        warmup: int = 1000,
        two_sides: bool = False,
        max_excesses: int | None = None,
        window: int | None = None,
        seed: int = 0,
        *,
        depth: int = 100,
        follow: bool = False,
    ) -> None:
        depth = _integer("depth", depth, 1)
        self._set(checked(alpha, quantile, warmup, two_sides, max_excesses, window, seed, follow, depth))

    @property
    def depth(self) -> int:
        """Values in the moving mean."""
        return self._settings.depth

    @property
    def remaining(self) -> int:
        """Values that the moving mean and the warm-up still need."""
        return super().remaining + self.depth - int(self._state.G[at.FILLED])

    @property
    def n(self) -> int:
        """Values seen, missing ones left out; those that filled the moving mean count."""
        return super().n + int(self._state.G[at.FILLED])

    @property
    def _centre(self) -> float:
        return float(self._state.M[0]) / self.depth

    def _warm_up(self, values: np.ndarray) -> int:
        from ._loops import centred

        state, settings = self._state, self._settings
        present = np.flatnonzero(values == values)
        used = len(values)
        if len(present) >= self.remaining:
            used = int(present[self.remaining - 1]) + 1
            present = present[: self.remaining]
        state.G[at.MISSING] += used - len(present)
        out = np.empty(len(present))
        count = int(centred(values[present], state.D, state.M, state.G, out))
        state.first = np.concatenate([state.first, out[:count]])
        if len(state.first) == settings.warmup:
            state.start(settings)
        return used


_Any = Any
