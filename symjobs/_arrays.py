"""Arrays of any library in the memory of the host."""

from __future__ import annotations

from typing import Any

import numpy as np


def to_host(array: Any) -> np.ndarray:
    """Return an array of any library as a NumPy array; CuPy's are copied from the device."""
    return np.asarray(array.get() if hasattr(array, "get") else array)
