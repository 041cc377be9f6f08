"""`DriftSpot`: thresholds about a moving mean, for streams that drift."""

from __future__ import annotations

import numpy as np

from . import _layout as at
from ._settings import Settings, check_size
from ._spot import Spot


class DriftSpot(Spot):
    """`Spot` on the difference of each value from the mean of the ``depth`` values before it, for streams that drift.

    This is DSPOT of Siffer et al. (KDD 2017). Thresholds are on the scale of the values: the mean is added to them. A
    flagged value enters the mean as the threshold that it passed. So its size does not move the mean, and the mean
    still follows a stream that has moved for good. The first ``depth`` values only fill the mean.

    Parameters
    ----------
    alpha, quantile, warmup, two_sides, max_excesses, window, seed
        As `Spot` takes them; the warm-up begins once the mean is full.
    depth : int, keyword, default 100
        Number of values in the mean. With fewer the mean follows faster, and adds more noise to the tail.

    Raises
    ------
    DataError
        As `Spot`, and for a depth below 1.

    Notes
    -----
    Infinite values enter the mean as the threshold that they passed, or not at all while there is none. Such streams
    cannot be merged.

    Examples
    --------
    >>> import numpy as np
    >>> from symkernels import DriftSpot
    >>> scores = np.random.default_rng(0).standard_normal(20_000) + np.linspace(0.0, 40.0, 20_000)
    >>> scores[15_000] += 9.0
    >>> flags = DriftSpot(alpha=1e-4, warmup=5_000, depth=50).update(scores).flags
    >>> bool(flags[15_000]), int(flags.sum()) <= 10
    (True, True)
    """

    _MOVES = True

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
    ) -> None:
        size = check_size(depth, "depth", 1)
        self._set(Settings.checked(alpha, quantile, warmup, two_sides, max_excesses, window, seed, depth=size))

    @property
    def depth(self) -> int:
        """Number of values in the moving mean."""
        return self._settings.depth

    @property
    def remaining(self) -> int:
        """Number of values that the moving mean and the warm-up still need."""
        return super().remaining + self.depth - int(self._state.G[at.FILLED])

    @property
    def n(self) -> int:
        """Number of values, without missing ones; those that filled the moving mean are counted."""
        return super().n + int(self._state.G[at.FILLED])

    @property
    def _centre(self) -> float:
        return float(self._state.M[0]) / self.depth

    def _warm_up(self, values: np.ndarray) -> int:
        from ._loops import centred

        state, settings, used = self._state, self._settings, 0
        while used < len(values) and not state.warm:  # repeats where infinite values left the mean unfilled
            part = values[used:]
            present = np.flatnonzero(part == part)
            taken = len(part)
            if len(present) >= self.remaining:
                taken = int(present[self.remaining - 1]) + 1
                present = present[: self.remaining]
            state.G[at.MISSING] += taken - len(present)
            out = np.empty(len(present))
            count = int(centred(part[present], state.D, state.M, state.G, out))
            state.first = np.concatenate([state.first, out[:count]])
            if len(state.first) == settings.warmup:
                state.start(settings)
            used += taken
        return used
