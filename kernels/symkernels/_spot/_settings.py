"""The settings of a stream's thresholds, checked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from .._errors import DataError
from .._gpd import check_level
from .._parameters import check_fraction, check_integer

UNLIMITED = 2**62


@dataclass(frozen=True, slots=True)
class Settings:
    """The arguments of `Spot` and of `DriftSpot`; ``depth`` is 0 for the former."""

    alpha: float
    quantile: float
    warmup: int
    two_sides: bool
    max_excesses: int | None
    window: int | None
    seed: int
    follow: bool = False
    depth: int = 0

    @classmethod
    def checked(
        cls,
        alpha: Any,
        quantile: Any,
        warmup: Any,
        two_sides: Any,
        max_excesses: Any,
        window: Any,
        seed: Any,
        *,
        follow: Any = False,
        depth: int = 0,
    ) -> Settings:
        """Check each argument, and that they fit together; raises `DataError`."""
        settings = cls(
            alpha=check_fraction(alpha, "alpha"),
            quantile=check_fraction(quantile, "quantile"),
            warmup=check_size(warmup, "warmup", 1),
            two_sides=bool(two_sides),
            max_excesses=None if max_excesses is None else check_size(max_excesses, "max_excesses", 10),
            window=None if window is None else check_size(window, "window", 1),
            seed=check_size(seed, "seed", 0),
            follow=bool(follow),
            depth=depth,
        )
        check_level(settings.quantile, settings.alpha, settings.two_sides)
        share = 1.0 - settings.quantile
        if settings.warmup * share < 1.0:
            raise DataError(
                f"a warm-up of {settings.warmup} leaves no value above the quantile {settings.quantile:g}; take a "
                f"warm-up of at least {math.ceil(10.0 / share)} values for ten of them, or a lower quantile"
            )
        if settings.window is not None and settings.window < settings.warmup:
            raise DataError(
                f"a window of {settings.window} values is smaller than the warm-up of {settings.warmup}; take a window "
                "of at least the warm-up, or a shorter warm-up"
            )
        return settings

    @property
    def sides(self) -> int:
        return 2 if self.two_sides else 1

    @property
    def side_alpha(self) -> float:
        """Share that one side flags: both together flag alpha."""
        return self.alpha / self.sides

    @property
    def most(self) -> int:
        """Values kept on each side, at most."""
        return UNLIMITED if self.max_excesses is None else self.max_excesses


def check_size(value: Any, name: str, least: int) -> int:
    """Return ``value`` as an integer from ``least`` to 2**62; raises `DataError`."""
    try:
        number = check_integer(value, name, least)
    except (TypeError, ValueError) as error:
        raise DataError(str(error)) from None
    if number > UNLIMITED:
        raise DataError(f"{name} must be at most 2**62, got {number}")
    return number
