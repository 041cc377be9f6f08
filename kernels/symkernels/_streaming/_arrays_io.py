"""A stream's settings and state as plain NumPy arrays and back, checked on the way in."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._errors import DataError
from ._features import Features, Frame
from ._settings import POLICIES, SCALES, Settings
from ._state import State

_VERSION = 1


def to_arrays(settings: Settings, state: State) -> dict[str, np.ndarray]:
    """Settings and state by name; copies."""
    return {
        "version": np.array([_VERSION]),
        "n_centroids": np.array([settings.n_centroids]),
        "warmup": np.array([settings.warmup]),
        "max_iter": np.array([settings.max_iter]),
        "seed": np.array([settings.seed]),
        "scale": np.array([SCALES.index(settings.scale)]),
        "nonfinite": np.array([POLICIES.index(settings.nonfinite)]),
        "ready": np.array([state.ready]),
        "n_rows": np.array([state.n_rows]),
        "n_dropped": np.array([state.n_dropped]),
        "blocks": np.array([state.blocks]),
        "shift": state.frame.shift.copy(),
        "factor": state.frame.factor.copy(),
        "weight": state.features.weight.copy(),
        "mean": state.features.mean.copy(),
        "scatter": state.features.scatter.copy(),
    }


def from_arrays(arrays: dict[str, np.ndarray]) -> tuple[Settings, State]:
    """The settings and the state that `to_arrays` was given; raises `DataError` where the arrays do not fit."""

    def get(name: str, kind: str, *shape: int) -> np.ndarray:
        if name not in arrays:
            raise DataError(f"these are no saved micro-clusters: the array {name!r} is absent")
        array = np.asarray(arrays[name])
        if array.dtype.kind != kind or array.shape != shape:
            raise DataError(
                f"damaged micro-clusters: {name!r} should be of kind {kind!r} and shape {shape}, "
                f"is of kind {array.dtype.kind!r} and shape {array.shape}"
            )
        return np.array(array, dtype={"i": np.int64, "f": np.float64, "b": bool}[kind], order="C")

    def scalar(name: str, kind: str = "i") -> Any:
        return get(name, kind, 1)[0].item()

    def one_of(name: str, allowed: tuple[str, ...]) -> str:
        position = scalar(name)
        if not 0 <= position < len(allowed):
            raise DataError(f"damaged micro-clusters: {name!r} is {position}, not from 0 to {len(allowed) - 1}")
        return allowed[position]

    if scalar("version") != _VERSION:
        raise DataError(f"saved micro-clusters of version {scalar('version')}; this library reads version {_VERSION}")
    try:
        settings = Settings.checked(
            scalar("n_centroids"), warmup=scalar("warmup"), max_iter=scalar("max_iter"), seed=scalar("seed"),
            scale=one_of("scale", SCALES), nonfinite=one_of("nonfinite", POLICIES),
        )  # fmt: skip
    except DataError:
        raise
    except ValueError as error:
        raise DataError(f"damaged micro-clusters: {error}") from error
    d, m = np.asarray(arrays.get("shift", ())).size, np.asarray(arrays.get("weight", ())).size
    state = State(
        Frame(get("shift", "f", d), get("factor", "f", d)),
        Features(get("weight", "f", m), get("mean", "f", m, d), get("scatter", "f", m, d)),
        scalar("ready", "b"),
        scalar("n_rows"),
        scalar("n_dropped"),
        scalar("blocks"),
    )
    if not _is_possible(settings, state):
        raise DataError("damaged micro-clusters: sums that no rows can have")
    return settings, state


def _is_possible(settings: Settings, state: State) -> bool:
    """Whether rows can have led to the state."""
    frame, features, m = state.frame, state.features, state.features.size
    return (
        min(state.n_rows, state.n_dropped, state.blocks) >= 0
        and all(bool(np.isfinite(x).all()) for x in (frame.shift, frame.factor, features.mean, features.scatter))
        and bool((frame.factor > 0).all() and (features.scatter >= 0).all())
        and bool((features.weight > 0).all() and np.isfinite(features.weight.sum()))
        and (m > 0 or not state.ready)
        and (state.ready or (m < settings.warmup and not features.scatter.any()))
        and (not state.ready or m <= settings.n_centroids)
    )
