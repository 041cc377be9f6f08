"""How runs of k-means are made, checked."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._parameters import check_integer


@dataclass(frozen=True)
class Settings:
    """How runs are made, checked."""

    n_init: int
    max_iter: int
    tol: float
    seed: int

    @classmethod
    def checked(cls, n_init: Any, max_iter: Any, tol: Any, seed: Any) -> Settings:
        """Check each number; draw a seed for None."""
        if isinstance(tol, bool) or not isinstance(tol, int | float | np.integer | np.floating):
            raise TypeError(f"tol must be a number, got {tol!r}")
        if not 0 <= tol < float("inf"):
            raise ValueError(f"tol must be finite and 0 or more, got {tol!r}")
        return cls(
            n_init=check_integer(n_init, "n_init"),
            max_iter=check_integer(max_iter, "max_iter"),
            tol=float(tol),
            seed=secrets.randbits(63) if seed is None else check_integer(seed, "seed", least=0),
        )
