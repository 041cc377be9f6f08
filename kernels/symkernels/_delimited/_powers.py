"""The powers of ten that turn decimal digits into the nearest float64."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

LOWEST, HIGHEST = -342, 308  # of 10**q; with 19 digits, what is below is 0, and what is above is infinite
LONGEST_EXACT = 22  # 10**22 is the highest power of ten that is a float64


@lru_cache(maxsize=1)
def exact_powers() -> np.ndarray:
    """Return 10**0 to 10**22, which float64 has exactly."""
    return np.array([10.0**q for q in range(LONGEST_EXACT + 1)])


@lru_cache(maxsize=1)
def powers_of_five() -> tuple[np.ndarray, np.ndarray]:
    """Return the 128 leading bits of 5**q for all q, as two arrays of uint64: the upper and the lower half.

    Those of q >= 0 are truncated and those of q < 0 rounded up, as the proof of the method needs them.
    """
    found = [_leading_bits(q) for q in range(LOWEST, HIGHEST + 1)]
    return (
        np.array([bits >> 64 for bits in found], dtype=np.uint64),
        np.array([bits & (2**64 - 1) for bits in found], dtype=np.uint64),
    )


def _leading_bits(q: int) -> int:
    power = 5 ** abs(q)
    if q >= 0:
        surplus = power.bit_length() - 128
        return power >> surplus if surplus > 0 else power << -surplus
    size = (power - 1).bit_length()
    if q >= -27:
        return (1 << (size + 127)) // power + 1
    bits = (1 << (2 * size + 128)) // power + 1
    return bits >> (bits.bit_length() - 128)
