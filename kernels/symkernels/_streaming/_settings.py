"""The settings of `StreamingKMeans`, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from .._parameters import check_integer
from .._rows import Nonfinite

Scale = Literal["none", "standard"]

# Saved streams hold positions in these: append only.
SCALES: tuple[Scale, ...] = ("none", "standard")
POLICIES: tuple[Nonfinite, ...] = ("error", "drop")


@dataclass(frozen=True, slots=True)
class Settings:
    """The arguments of `StreamingKMeans`."""

    n_centroids: int
    warmup: int
    max_iter: int
    seed: int
    scale: Scale
    nonfinite: Nonfinite

    @classmethod
    def checked(
        cls, n_centroids: Any, *, warmup: Any, max_iter: Any, seed: Any, scale: Any, nonfinite: Any
    ) -> Settings:
        """Check each argument; raises `TypeError` or `ValueError`."""
        if scale not in SCALES:
            raise ValueError(f"scale must be one of {', '.join(SCALES)}, got {scale!r}")
        if nonfinite not in POLICIES:
            raise ValueError(f"nonfinite must be one of {', '.join(POLICIES)}, got {nonfinite!r}")
        settings = cls(
            n_centroids=check_integer(n_centroids, "n_centroids"),
            warmup=check_integer(warmup, "warmup"),
            max_iter=check_integer(max_iter, "max_iter"),
            seed=check_integer(seed, "seed", least=0),
            scale=scale,
            nonfinite=nonfinite,
        )
        if settings.warmup <= settings.n_centroids:
            raise ValueError(f"warmup must be more than n_centroids ({settings.n_centroids}), got {settings.warmup}")
        return settings
