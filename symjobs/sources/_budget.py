"""The memory budget: how many bytes may be in use while a file is read and learnt."""

from __future__ import annotations

import re

from symjobs._errors import InputError

DEFAULT_BUDGET = 256 * 2**20
_SMALLEST = 2**20
_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


def parse_budget(budget: int | str) -> int:
    """Return a budget in bytes from a number, or from text such as ``"256MiB"`` or ``"1.5 GB"``."""
    if isinstance(budget, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*", budget)
        if not match or match[2].lower() not in _UNITS:
            raise InputError(f"memory_budget is {budget!r}; write bytes as a number, or with KiB, MiB or GiB: 256MiB")
        budget = int(float(match[1]) * _UNITS[match[2].lower()])
    if budget < _SMALLEST:
        raise InputError(f"memory_budget is {budget} bytes; at least {_SMALLEST} (1MiB) are needed to read a file")
    return int(budget)


def block_bytes(budget: int, share: int, largest: int) -> int:
    """Return how many bytes of a file to read at once, if each takes `share` bytes of memory until it is learnt."""
    return max(2**14, min(budget // share, largest))
