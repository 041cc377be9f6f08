"""The level where a tail begins: which values are above it, and whether it leaves enough of them."""

from __future__ import annotations

from .._errors import DataError

# Of a level. Two spellings of a decimal number, such as k * 0.1 and k / 10, differ by a rounding or two.
_TIES = 2.0**-49


def just_above(level: float) -> float:
    """Return the largest value that counts as equal to a level or a threshold: above it by rounding alone."""
    return level + _TIES * abs(level)


def check_level(quantile: float, alpha: float, two_sides: bool) -> None:
    """Raise `DataError` where no more values lie above the quantile than alpha flags, or where two tails overlap."""
    each = alpha / 2 if two_sides else alpha
    if 1.0 - quantile <= each:
        side = " (alpha / 2 on each of two sides)" if two_sides else ""
        raise DataError(
            f"the quantile {quantile:g} leaves {1.0 - quantile:.3g} of the values above it, fewer than alpha = "
            f"{alpha:g} flags{side}; take a quantile below {1.0 - each:.10g}"
        )
    if two_sides and quantile < 0.5:
        raise DataError(f"with two sides the quantile must be at least 0.5, got {quantile:g}: the tails overlap")
