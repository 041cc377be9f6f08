"""Thresholds of a stream that are passed with a given probability: peaks over threshold, value by value."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

import numpy as np

from .._errors import DataError
from . import _layout as at
from ._answers import fit_of, rate_above, why_nothing_is_flagged
from ._arrays_io import from_arrays, to_arrays
from ._follow import Follower
from ._merge import merge
from ._result import SpotResult
from ._settings import Settings
from ._state import State
from ._values import as_values


class Spot:
    """Thresholds of a stream that a given share of the values passes: peaks over threshold, value by value.

    The first ``warmup`` values set a level, their ``quantile``. What lies above it is modelled by a generalized Pareto
    law, fitted by maximum likelihood (`fit_gpd`), and the threshold is where that law, scaled to the share of values
    above the level, leaves a share ``alpha``. Each value is judged against the threshold as it is when the value comes,
    and then learnt. The scheme is that of Siffer et al. [1]_, with these differences, which keep the share of false
    alarms at ``alpha`` (measured in `docs/guide/extreme-values.md`):

    - *A flagged value is right-censored at the threshold it passed*: its size does not enter the tail, and yet the tail
      is not thinned by its absence. Flags count in full while alpha explains their number, the fit's own uncertainty
      and three standard deviations included, and ever closer to what is due beyond; those that the tail itself would
      pass with less than 0.03 alpha are not counted at all.
    - *The level rises as the stream goes on*: the fit takes the largest k values, with k growing as n^(2/3), and at
      least four times what is due above the threshold. A generalized Pareto law is exact only in the limit, far out.
      The level never falls, but with ``follow``.
    - Fewer than 100 values are not believed to have a shape below -0.5, where maximum likelihood is irregular: their
      fit has that shape, and their mean (``method`` ``"moments"``).

    Whether values come one by one or in any batches, the answers are the same, bit for bit, and a positive factor or
    a constant on all of them changes no flag, as long as it rounds no digits away.

    Parameters
    ----------
    alpha : float, default 1e-4
        Share of the values that is flagged while nothing is wrong, in (0, 1); on both sides together.
    quantile : float, default 0.98
        Where the tail begins, in (0, 1 - alpha).
    warmup : int, default 1000
        Values before the first flag. Their thresholds are NaN.
    two_sides : bool, default False
        Flag low values too: each side has a tail of its own, below the quantile 1 - ``quantile``, and flags alpha / 2.
    max_excesses : int, optional
        Values kept on each side, at most, from 10 on. The largest are kept; where these would not reach far enough
        below the threshold, a part of the tail that is spread over it. None: as many as the fit takes, about 200
        (n / 10,000)^(2/3) with quantile 0.98 and a warm-up of 10,000, and 4 alpha n in the end.
    window : int, optional
        Values that count, the last ones: the count, the tail's count and the values in the fit. At least ``warmup``.
        None: all.
    seed : int, default 0
        Of what is random: the part of the tail that is kept, where not all of it is.
    follow : bool, keyword, default False
        Let the level fall too, with the quantile of the stream (of the window), as a `QuantileSketch` tells it, every
        ``warmup`` values. Needs the extra ``histogram``.

    Raises
    ------
    DataError
        For an argument outside its range, a quantile that leaves fewer values above it than alpha flags, a warm-up
        that leaves no value above the quantile, a window smaller than the warm-up.
    MissingDependency
        For ``follow`` without `datasketches`.

    Notes
    -----
    NaN is skipped and counted (`n_missing`). Infinite values are judged as any other, and never enter the tail: after
    the warm-up inf is flagged. Where no value of the warm-up lies above its quantile, as with constant scores, there is
    no threshold, and `reason` says so, until larger values have come.

    The tail is fitted again when it has grown by 5%, or its counted flags have: about 20 log(n / warmup) fits of k
    values, of some 30 ns each. A value in the bulk costs a comparison, one above the level some 0.3 us. The work is
    sequential by nature: there is no array-API body and no GPU path. Without Numba the same functions run as Python.

    Not safe for several threads at once.

    References
    ----------
    .. [1] Siffer, Fouque, Termier and Largouet, "Anomaly detection in streams with extreme value theory", KDD 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from symkernels import Spot
    >>> scores = np.random.default_rng(0).standard_normal(20_000)
    >>> scores[15_000] = 9.0
    >>> spot = Spot(alpha=1e-4, warmup=5_000)
    >>> result = spot.update(scores)
    >>> bool(result.flags[15_000]), int(result.flags.sum()) <= 10
    (True, True)
    >>> spot.update(8.5).flags, spot.update(0.3).flags
    (True, False)
    """

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
        follow: bool = False,
    ) -> None:
        self._set(Settings.checked(alpha, quantile, warmup, two_sides, max_excesses, window, seed, follow=follow))

    def _set(self, settings: Settings) -> None:
        self._settings = settings
        self._state = State(settings)
        self._follower = Follower() if settings.follow else None
        self._quiet_count = 0
        self._refresh()

    # Settings

    @property
    def alpha(self) -> float:
        """Share of the values that are flagged while nothing is wrong, on both sides together."""
        return self._settings.alpha

    @property
    def quantile(self) -> float:
        """Quantile of the warm-up above which the tail begins (below 1 - it on the lower side)."""
        return self._settings.quantile

    @property
    def warmup(self) -> int:
        """Values before the first flag."""
        return self._settings.warmup

    @property
    def two_sides(self) -> bool:
        """Whether low values are flagged too."""
        return self._settings.two_sides

    @property
    def max_excesses(self) -> int | None:
        """Values kept on each side, at most."""
        return self._settings.max_excesses

    @property
    def window(self) -> int | None:
        """Values that count, the last ones; None for all."""
        return self._settings.window

    @property
    def seed(self) -> int:
        """Of the choice of values that are kept once there are too many."""
        return self._settings.seed

    @property
    def follow(self) -> bool:
        """Whether the level may fall with the stream's quantile."""
        return self._settings.follow

    # State

    _MOVES = False  # about a moving mean

    def _refresh(self) -> None:
        """What a value in the bulk is compared with, and what it is answered."""
        state = self._state
        if not state.warm or self._settings.follow or self._settings.depth:
            self._high, self._low = -np.inf, np.inf
            return
        F = state.F
        self._high = float(F[0, at.BASE])
        self._low = -float(F[1, at.BASE]) if len(F) == 2 else -np.inf
        self._quiet = SpotResult(False, self.threshold, self.lower)

    def _settle(self) -> State:
        """The state, with the values that only had to be counted."""
        if self._quiet_count:
            self._state.G[at.N] += self._quiet_count
            self._quiet_count = 0
        return self._state

    @property
    def n(self) -> int:
        """Values seen, missing ones left out."""
        state = self._settle()
        return int(state.G[at.N]) + len(state.first)

    @property
    def n_missing(self) -> int:
        """Missing values (NaN), which are skipped."""
        return int(self._state.G[at.MISSING])

    @property
    def n_flagged(self) -> int:
        """Flagged values."""
        return int(self._state.G[at.FLAGGED])

    @property
    def warm(self) -> bool:
        """Whether the warm-up is over."""
        return self._state.warm

    @property
    def remaining(self) -> int:
        """Values that the warm-up still needs."""
        return 0 if self.warm else self._settings.warmup - len(self._state.first)

    @property
    def _centre(self) -> float:
        return 0.0

    @property
    def threshold(self) -> float:
        """What a value must be above to be flagged; NaN while there is none."""
        return float(self._state.F[0, at.Z]) + self._centre

    @property
    def lower(self) -> float | None:
        """What a value must be below to be flagged; None on one side, NaN while there is none."""
        return self._centre - float(self._state.F[1, at.Z]) if self.two_sides else None

    @property
    def level(self) -> float:
        """Where the upper tail begins that is fitted now; NaN while warming up."""
        return float(self._state.F[0, at.LEVEL]) + self._centre

    @property
    def lower_level(self) -> float | None:
        """Where the lower tail begins; None on one side."""
        return self._centre - float(self._state.F[1, at.LEVEL]) if self.two_sides else None

    @property
    def tail(self) -> Any:
        """The upper tail's fit, of what values are above `level`: a `GPDFit`, or None while there is none."""
        return fit_of(self._state, 0)

    @property
    def lower_tail(self) -> Any:
        """The lower tail's fit, of what values are below `lower_level`; None on one side."""
        return fit_of(self._state, 1) if self.two_sides else None

    @property
    def tail_rate(self) -> float:
        """Share of the values that lies above `level`; NaN while warming up."""
        return rate_above(self._settle(), self._settings)

    @property
    def reason(self) -> str | None:
        """Why nothing can be flagged now; None if it can."""
        if not self.warm:
            return f"warming up: {self.remaining:,} more values are needed"
        return why_nothing_is_flagged(self._state, self._settings)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(alpha={self.alpha:g}, n={self.n}, threshold={self.threshold:.6g})"

    # Values

    def update(self, x: Any) -> SpotResult:
        """Judge values, and learn them.

        Parameters
        ----------
        x : float, or (n,) array of numbers
            In the order of the stream. NaN is skipped: not flagged, with a threshold of NaN.

        Returns
        -------
        SpotResult
            ``flags``, ``threshold`` and ``lower``: arrays (n,) for an array, a bool and floats for one number. A
            threshold is the one that the value was judged against.

        Raises
        ------
        ShapeError
            If ``x`` is neither a number nor a vector of numbers. Nothing has changed then.
        """
        if type(x) is float and self._low <= x <= self._high:
            self._quiet_count += 1
            return self._quiet
        values, single = as_values(x)
        flags, upper, lower = self._judged(values)
        if single:
            return SpotResult(bool(flags[0]), float(upper[0]), float(lower[0]) if self.two_sides else None)
        return SpotResult(flags, upper, lower if self.two_sides else None)

    def _judged(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        state, settings = self._settle(), self._settings
        n = len(values)
        flags = np.zeros(n, bool)
        upper = np.empty(n)
        lower = np.empty(n if settings.two_sides else 0)
        start = 0
        if not state.warm:
            start = self._warm_up(values)
            upper[:start] = np.nan
            lower[:start] = np.nan
        if self._follower is None:
            if start < n:
                state.run(values[start:], settings, flags[start:], upper[start:], lower[start:])
        else:
            self._follower.run(state, settings, values[start:], flags[start:], upper[start:], lower[start:])
        self._refresh()
        return flags, upper, lower

    def _warm_up(self, values: np.ndarray) -> int:
        """Take values for the warm-up; returns how many were needed."""
        state, settings = self._state, self._settings
        present = np.flatnonzero(values == values)
        missing = len(values) - len(present)
        used = len(values)
        if len(present) >= self.remaining:
            used = int(present[self.remaining - 1]) + 1
            present = present[: self.remaining]
            missing = used - len(present)
        state.G[at.MISSING] += missing
        state.first = np.concatenate([state.first, values[present]])
        if len(state.first) == settings.warmup:
            if self._follower is not None:
                self._follower.feed(state.first)
            state.start(settings)
        return used

    # The whole

    def copy(self) -> Self:
        """An equal one that goes its own way."""
        follower = None if self._follower is None else self._follower.copy()
        return self._of(self._settings, self._settle().copy(), follower)

    @classmethod
    def _of(cls, settings: Settings, state: State, follower: Follower | None) -> Self:
        result = object.__new__(cls)
        result._settings, result._state, result._follower = settings, state, follower
        result._quiet_count = 0
        result._refresh()
        return result

    def merge(self, other: Spot) -> Self:
        """Learn what another stream of the same law has taught, as if its values had come here; returns itself.

        The tails above the higher of the two levels are joined, and fitted again. Of a stream that is still warming up
        the values are judged and learnt one after the other, after those of the other.

        Raises
        ------
        DataError
            If the settings differ (but for the seed), or the order of the values matters: with a window, or about a
            moving mean. Nothing has changed then.
        """
        if not isinstance(other, Spot):
            raise DataError(f"a stream can be merged with another one, not with {type(other).__name__}")
        mine, theirs = self._settings, other._settings
        if mine.window is not None or mine.depth or theirs.window is not None or theirs.depth:
            raise DataError("the order of the values matters with a window or a moving mean: such streams do not merge")
        if replace(mine, seed=theirs.seed) != theirs:
            raise DataError(f"the streams have different settings: {mine} and {theirs}")
        ours, its = self._settle(), other._settle()
        if not its.warm:
            first, missing = its.first.copy(), int(its.G[at.MISSING])
            self._judged(first)
            self._state.G[at.MISSING] += missing
        elif not ours.warm:
            first, missing = ours.first, int(ours.G[at.MISSING])
            random = int(ours.G[at.RANDOM])
            self._state = its.copy()
            self._state.G[at.RANDOM] = random
            self._follower = None if other._follower is None else other._follower.copy()
            self._judged(first)
            self._state.G[at.MISSING] += missing
        else:
            merge(ours, its, mine)
            if self._follower is not None and other._follower is not None:
                self._follower.merge(other._follower)
        self._refresh()
        return self

    def arrays(self) -> dict[str, np.ndarray]:
        """The settings and the state as NumPy arrays, to be saved in any format that holds arrays."""
        return to_arrays(self._settings, self._settle(), self._follower)

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> Self:
        """The stream whose `arrays` these are.

        Raises
        ------
        DataError
            If they are not, or damaged, or of the other class.
        """
        settings, state, follower = from_arrays(arrays)
        if (settings.depth > 0) != cls._MOVES:
            raise DataError(
                "these are the arrays of a DriftSpot" if settings.depth else "these are the arrays of a Spot"
            )
        return cls._of(settings, state, follower)
