"""The parameters ``evt_*`` of extreme-value flags."""

from __future__ import annotations

from typing import ClassVar

from symjobs._entities import number_text
from symjobs._errors import InputError
from symjobs._parameters import Flag, Integer, Number, Parameters, parameter
from symjobs._state._histograms import new_sketch
from symkernels import Spot, SymkernelsError

EVT_FLAGS = "extreme-value flags"  # in messages
_MOST = 2**62  # the largest number that a Spot takes
_PROBABILITY = Number(0, 1, open_low=True, open_high=True)


class EvtParameters(Parameters):
    """How a stream of values is flagged: streaming peaks over threshold (Siffer et al., KDD 2017)."""

    strict_prefix: ClassVar[str | None] = ""
    blank_is_absent: ClassVar[bool] = True

    warmup: int = parameter("evt_warmup_size", Integer(1, _MOST), "values before the first flag")
    alpha: float = parameter("evt_alpha", _PROBABILITY, "tolerated probability of a false alarm")
    quantile: float = parameter(
        "evt_quantile",
        _PROBABILITY,
        "where the tail begins; a generalized Pareto law is fitted to the excesses above it",
    )
    follow: bool = parameter(
        "evt_tdigest",
        Flag(),
        "let the quantile follow the stream instead of keeping that of the warm-up",
        default=False,
    )
    window: int | None = parameter(
        "evt_window_size", Integer(1, _MOST), "how many of the last values count; all by default", default=None
    )
    two_sides: bool = parameter(
        "evt_two_sides", Flag(), "flag small values, too; each side gets half of evt_alpha", default=False
    )
    seed: int = parameter("evt_seed", Integer(), "seed of the random numbers", default=0)
    max_excesses: int | None = parameter(
        "evt_max_exceedances",
        Integer(10, _MOST),
        "how many excesses are kept; by default as many as symkernels.Spot keeps",
        default=None,
    )

    def check(self) -> None:
        sides = 2 if self.two_sides else 1
        if self.alpha / sides + self.quantile >= 1.0:
            each = f"evt_alpha {number_text(self.alpha)}" + (", half of it on each side," if self.two_sides else "")
            raise InputError(
                f"evt_quantile {number_text(self.quantile)} leaves {1.0 - self.quantile:.3g} of the values above it, "
                f"and {each} must be less than that; lower evt_quantile or evt_alpha"
            )
        if self.window is not None and self.window < self.warmup:
            raise InputError(
                f"evt_window_size {self.window} is smaller than evt_warmup_size {self.warmup}: the warm-up must fit "
                "into the window; enlarge the window, or shorten the warm-up"
            )

    def spot(self) -> Spot:
        """Return a `symkernels.Spot` with these parameters that has seen no value.

        Raises
        ------
        InputError
            If it refuses them.
        MissingDependency
            If ``evt_tdigest`` needs a package that is not installed.
        """
        try:
            if self.follow:
                new_sketch("evt_tdigest=true")  # fail early if its package is missing, not after the warm-up
            return Spot(
                alpha=self.alpha,
                quantile=self.quantile,
                warmup=self.warmup,
                two_sides=self.two_sides,
                max_excesses=self.max_excesses,
                window=self.window,
                seed=self.seed % _MOST,  # a client's seed may be negative
                follow=self.follow,
            )
        except SymkernelsError as error:
            raise InputError(f"the parameters evt_* do not go together: {error}") from error
