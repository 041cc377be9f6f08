"""The parameters of extreme-value flags, ``evt_*`` on the wire, as settings of a `symkernels.Spot`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from symjobs._entities import number_text
from symjobs._errors import InputError, MissingDependency
from symjobs._parameters import flag, integer, number, text_parameters
from symjobs._text import near
from symkernels import MissingDependency as KernelDependency
from symkernels import QuantileSketch, Spot, SymkernelsError

EVT_PARAMETERS = (
    "evt_warmup_size",
    "evt_alpha",
    "evt_quantile",
    "evt_tdigest",
    "evt_window_size",
    "evt_two_sides",
    "evt_seed",
    "evt_max_exceedances",
)
_LONG = 2**63
_MOST = 2**62  # of what a Spot takes


@dataclass(frozen=True, slots=True)
class EvtSettings:
    """How values of a stream are flagged: streaming peaks over threshold (Siffer et al., KDD 2017).

    Attributes
    ----------
    alpha : float
        Tolerated probability of a false alarm.
    quantile : float
        Where the tail begins; above it the excesses follow a generalized Pareto law.
    warmup : int
        Values before the first flag.
    follow : bool
        Whether the quantile follows the stream; it stays that of the warm-up if not.
    window : int or None
        How many of the last values count; None: all.
    two_sides : bool
        Whether small values are flagged, too.
    seed : int
    max_excesses : int or None
        How many excesses are kept; None: as many as `symkernels.Spot` keeps by itself.
    """

    alpha: float
    quantile: float
    warmup: int
    follow: bool = False
    window: int | None = None
    two_sides: bool = False
    seed: int = 0
    max_excesses: int | None = None

    @classmethod
    def parse(cls, given: Mapping[str, object], defaults: Mapping[str, object] | None = None) -> EvtSettings:
        """Read the parameters.

        Parameters
        ----------
        given : mapping of str to str
            ``evt_alpha``, ``evt_quantile`` and ``evt_warmup_size`` are required, where ``defaults`` lacks them;
            ``evt_tdigest`` (false), ``evt_window_size``, ``evt_two_sides`` (false), ``evt_seed`` (0) and
            ``evt_max_exceedances`` are not. Numbers and booleans of Python are taken, too. An empty text is no value.
        defaults : mapping of str to str, optional
            What goes for a parameter that is not given.

        Raises
        ------
        InputError
            If one is unknown, missing or out of range, or two do not go together; the message names it.
        """
        text = {
            name: value
            for part in (text_parameters(defaults or {}, "the defaults"), text_parameters(given, "the evt parameters"))
            for name, value in part.items()
            if value.strip()
        }
        for name in text:
            if name not in EVT_PARAMETERS:
                raise InputError(f"unknown parameter {name!r} of extreme-value flags; {near(name, EVT_PARAMETERS)}")
        settings = cls(
            alpha=_share(text, "evt_alpha"),
            quantile=_share(text, "evt_quantile"),
            warmup=_count(text, "evt_warmup_size"),
            follow=flag(text, "evt_tdigest"),
            window=_count(text, "evt_window_size") if "evt_window_size" in text else None,
            two_sides=flag(text, "evt_two_sides"),
            seed=integer(text, "evt_seed", 0),
            max_excesses=_count(text, "evt_max_exceedances", 10) if "evt_max_exceedances" in text else None,
        )
        settings._check(text)
        return settings

    def _check(self, text: Mapping[str, str]) -> None:
        if not -_LONG <= self.seed < _LONG:
            raise InputError(f"evt_seed must fit into 64 bits, got {text['evt_seed']!r}")
        sides = 2 if self.two_sides else 1
        if self.alpha / sides + self.quantile >= 1.0:
            each = f"evt_alpha {text['evt_alpha']}" + (", half of it on each side," if self.two_sides else "")
            raise InputError(
                f"evt_quantile {text['evt_quantile']} leaves {1.0 - self.quantile:.3g} of the values above it, and "
                f"{each} must be less than that; lower evt_quantile or evt_alpha"
            )
        if self.window is not None and self.window < self.warmup:
            raise InputError(
                f"evt_window_size {self.window} is smaller than evt_warmup_size {self.warmup}: the warm-up must fit "
                "into the window; enlarge the window, or shorten the warm-up"
            )

    def spot(self) -> Spot:
        """Return a `symkernels.Spot` with these settings that has seen nothing.

        Raises
        ------
        InputError
            If it refuses them.
        MissingDependency
            If ``evt_tdigest`` needs a package that is not installed.
        """
        try:
            if self.follow:
                QuantileSketch()  # so that what it needs is missed now, and not after the warm-up
            return Spot(
                alpha=self.alpha,
                quantile=self.quantile,
                warmup=self.warmup,
                two_sides=self.two_sides,
                max_excesses=self.max_excesses,
                window=self.window,
                seed=self.seed % _MOST,  # a client's may be negative
                follow=self.follow,
            )
        except KernelDependency:
            raise MissingDependency("datasketches", "histogram", "evt_tdigest=true") from None
        except SymkernelsError as error:
            raise InputError(f"the parameters evt_* do not go together: {error}") from error

    def text(self) -> dict[str, str]:
        """Return the parameters as text, those left out that have no value."""
        values = {
            "evt_warmup_size": self.warmup,
            "evt_alpha": self.alpha,
            "evt_quantile": self.quantile,
            "evt_tdigest": self.follow,
            "evt_window_size": self.window,
            "evt_two_sides": self.two_sides,
            "evt_seed": self.seed,
            "evt_max_exceedances": self.max_excesses,
        }
        return {
            name: str(value).lower() if isinstance(value, bool) else number_text(value)
            for name, value in values.items()
            if value is not None
        }


def _share(text: Mapping[str, str], name: str) -> float:
    value = number(text, name)
    if not 0.0 < value < 1.0:
        raise InputError(f"{name} must lie between 0 and 1, both excluded, got {text[name]!r}")
    return value


def _count(text: Mapping[str, str], name: str, least: int = 1) -> int:
    value = integer(text, name)
    if not least <= value <= _MOST:
        raise InputError(f"{name} must be a whole number from {least}, got {text[name]!r}")
    return value
