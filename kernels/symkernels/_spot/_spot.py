"""`Spot`: thresholds of a stream by peaks over threshold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

import numpy as np

from .._errors import DataError
from .._gpd import just_above
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
    """Thresholds of a stream that a given share of the values passes, by peaks over threshold.

    The first ``warmup`` values set a level, their ``quantile``. A generalized Pareto law is fitted to the values above
    the level by maximum likelihood (`fit_gpd`). The threshold is where that law, scaled to the share of values above
    the level, leaves a share ``alpha``. Each value is compared with the threshold that holds when it comes, and is
    learnt afterwards. The scheme is that of Siffer et al. [1]_, with these differences, which keep the share of false
    alarms at ``alpha`` (measured in `docs/guide/extreme-values.md`):

    - *A flagged value is right-censored at the threshold it passed*: the tail learns that there was a value above that
      threshold, but not its size. All flags count while alpha explains their number, with allowance for the uncertainty
      of the fit and for three standard deviations. Of more flags only a part counts, which approaches the expected
      number. A flag whose probability under the tail is below 0.03 alpha is not counted.
    - *The level rises with the stream*: the fit takes the largest k values. k grows as n^(2/3), and is at least four
      times the number expected above the threshold. The generalized Pareto law holds in the limit, for the largest
      values. The level never falls, except with ``follow``.
    - *Fewer than 100 values get no shape below -0.5*, where maximum likelihood is irregular. Their fit then has the
      shape -0.5 and their mean (``method`` ``"moments"``).

    Results do not depend on how values are divided into calls: they are equal bit for bit. A positive factor or a
    constant on all values changes no flag, unless it rounds digits away.

    Parameters
    ----------
    alpha : float, default 1e-4
        Share of the values that is flagged when none is an anomaly, in (0, 1); of both sides together.
    quantile : float, default 0.98
        Quantile of the warm-up above which the tail begins, in (0, 1 - alpha).
    warmup : int, default 1000
        Number of values before the first flag. Their thresholds are NaN.
    two_sides : bool, default False
        Flag low values too. The lower tail begins at the quantile 1 - ``quantile``; each side flags alpha / 2.
    max_excesses : int, optional
        Most values kept on each side, 10 or more. The largest are kept; where these would not reach far enough below
        the threshold, a sample spread over the tail. None: as many as the fit takes, about 200 (n / 10,000)^(2/3) with
        quantile 0.98 and a warm-up of 10,000, and 4 alpha n in the end.
    window : int, optional
        Number of last values that are counted and fitted. At least ``warmup``. None: all values.
    seed : int, default 0
        Seed of the sample of the tail, where not all of it is kept.
    follow : bool, keyword, default False
        Let the level fall too: every ``warmup`` values it follows the quantile of the stream, or of the window, as a
        `QuantileSketch` estimates it. Needs the extra ``histogram``.

    Raises
    ------
    DataError
        An argument is outside its range, the quantile leaves fewer values above it than alpha flags, the warm-up leaves
        no value above the quantile, or the window is smaller than the warm-up.
    MissingDependency
        ``follow`` is asked for, and `datasketches` is not installed.

    Notes
    -----
    NaN is skipped and counted (`n_missing`). Infinite values are compared as any other, and never enter the tail: after
    the warm-up inf is flagged. Where no value of the warm-up lies above its quantile, as with constant scores, there is
    no threshold until larger values have come; `reason` says so.

    The tail is fitted again when it, or the number of counted flags, has grown by 5%: about 20 log(n / warmup) fits of
    k values, each of about 30 ns a value. A value below the level costs a comparison, one above it about 0.3 us. Each
    value depends on those before it, so there is neither an array-API body nor a GPU path. Without Numba the same
    functions run as Python.

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
        """Share of the values that is flagged when none is an anomaly, of both sides together."""
        return self._settings.alpha

    @property
    def quantile(self) -> float:
        """Quantile of the warm-up above which the tail begins; the lower tail begins at 1 - ``quantile``."""
        return self._settings.quantile

    @property
    def warmup(self) -> int:
        """Number of values before the first flag."""
        return self._settings.warmup

    @property
    def two_sides(self) -> bool:
        """Whether low values are flagged too."""
        return self._settings.two_sides

    @property
    def max_excesses(self) -> int | None:
        """Most values kept on each side; None: no limit."""
        return self._settings.max_excesses

    @property
    def window(self) -> int | None:
        """Number of last values that are counted and fitted; None: all."""
        return self._settings.window

    @property
    def seed(self) -> int:
        """Seed of the sample of the tail, where not all of it is kept."""
        return self._settings.seed

    @property
    def follow(self) -> bool:
        """Whether the level may fall with the stream's quantile."""
        return self._settings.follow

    # State

    _MOVES = False  # whether thresholds are about a moving mean

    def _refresh(self) -> None:
        """Prepare the limits between which a value is only counted, and the result that it gets."""
        state = self._state
        if not state.warm or self._settings.follow or self._settings.depth:
            self._high, self._low = -np.inf, np.inf
            return
        F = state.F
        self._high = just_above(float(F[0, at.BASE]))
        self._low = -just_above(float(F[1, at.BASE])) if len(F) == 2 else -np.inf
        self._quiet = SpotResult(False, self.threshold, self.lower)

    def _settle(self) -> State:
        """The state, after the values that were only counted have been added to it."""
        if self._quiet_count:
            self._state.G[at.N] += self._quiet_count
            self._quiet_count = 0
        return self._state

    @property
    def n(self) -> int:
        """Number of values, without missing ones."""
        state = self._settle()
        return int(state.G[at.N]) + len(state.first)

    @property
    def n_missing(self) -> int:
        """Number of missing values (NaN), which are skipped."""
        return int(self._state.G[at.MISSING])

    @property
    def n_flagged(self) -> int:
        """Number of flagged values."""
        return int(self._state.G[at.FLAGGED])

    @property
    def warm(self) -> bool:
        """Whether the warm-up is over."""
        return self._state.warm

    @property
    def remaining(self) -> int:
        """Number of values that the warm-up still needs."""
        return 0 if self.warm else self._settings.warmup - len(self._state.first)

    @property
    def _centre(self) -> float:
        return 0.0

    @property
    def threshold(self) -> float:
        """A value above it is flagged; NaN while there is none."""
        return float(self._state.F[0, at.Z]) + self._centre

    @property
    def lower(self) -> float | None:
        """A value below it is flagged; None with one side, NaN while there is none."""
        return self._centre - float(self._state.F[1, at.Z]) if self.two_sides else None

    @property
    def level(self) -> float:
        """Where the fitted upper tail begins; NaN while warming up."""
        return float(self._state.F[0, at.LEVEL]) + self._centre

    @property
    def lower_level(self) -> float | None:
        """Where the fitted lower tail begins; None with one side."""
        return self._centre - float(self._state.F[1, at.LEVEL]) if self.two_sides else None

    @property
    def tail(self) -> Any:
        """Fit of the upper tail, to values - `level`: a `GPDFit`, or None while there is none."""
        return fit_of(self._state, 0)

    @property
    def lower_tail(self) -> Any:
        """Fit of the lower tail, to `lower_level` - values; None with one side."""
        return fit_of(self._state, 1) if self.two_sides else None

    @property
    def tail_rate(self) -> float:
        """Share of the values above `level`; NaN while warming up."""
        return rate_above(self._settle(), self._settings)

    @property
    def reason(self) -> str | None:
        """Why no value can be flagged now; None if values can be."""
        if not self.warm:
            return f"warming up: {self.remaining:,} more values are needed"
        return why_nothing_is_flagged(self._state, self._settings)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(alpha={self.alpha:g}, n={self.n}, threshold={self.threshold:.6g})"

    # Values

    def update(self, x: Any) -> SpotResult:
        """Compare values with the thresholds, and learn them.

        Parameters
        ----------
        x : float, or (n,) array of numbers
            In the order of the stream. NaN is skipped: not flagged, with a threshold of NaN.

        Returns
        -------
        SpotResult
            ``flags``, ``threshold`` and ``lower``: arrays (n,) for an array, a bool and floats for one number. Each
            threshold is the one that the value was compared with.

        Raises
        ------
        ShapeError
            ``x`` is neither a number nor a vector of numbers. The state is then unchanged.
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
        """Use values for the warm-up; return how many."""
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

    # Copies, merging, saving

    def __copy__(self) -> Self:
        return self.copy()

    def copy(self) -> Self:
        """Return an independent copy."""
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
        """Learn the values of another stream of the same law; return this object. ``other`` is unchanged.

        The tails above the higher of the two levels are put together and fitted again. Where one of the streams is
        still warming up, its values are learnt one by one, after those of the other.

        Raises
        ------
        DataError
            The settings differ (the seed may), or the order of the values matters: with a window, or about a moving
            mean. The state is then unchanged.
        """
        if not isinstance(other, Spot):
            raise DataError(f"a stream can be merged with another stream, not with {type(other).__name__}")
        mine, theirs = self._settings, other._settings
        if mine.window is not None or mine.depth or theirs.window is not None or theirs.depth:
            raise DataError(
                "the order of the values matters with a window or a moving mean: such streams cannot be merged"
            )
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
        """Settings and state as NumPy arrays by name, to be saved in any format that holds arrays."""
        return to_arrays(self._settings, self._settle(), self._follower)

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> Self:
        """Restore a stream from its `arrays`.

        Raises
        ------
        DataError
            Arrays are absent, damaged, or those of the other class.
        """
        settings, state, follower = from_arrays(arrays)
        if (settings.depth > 0) != cls._MOVES:
            raise DataError(
                "these are the arrays of a DriftSpot" if settings.depth else "these are the arrays of a Spot"
            )
        return cls._of(settings, state, follower)
