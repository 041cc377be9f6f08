"""A stream's settings and state as plain NumPy arrays and back, checked on the way in."""

from __future__ import annotations

import numpy as np

from .._errors import DataError
from .._saved import SavedArrays
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
    saved = SavedArrays(arrays, "micro-clusters", _VERSION)
    try:
        settings = Settings.checked(
            saved.scalar("n_centroids"),
            warmup=saved.scalar("warmup"),
            max_iter=saved.scalar("max_iter"),
            seed=saved.scalar("seed"),
            scale=saved.one_of("scale", SCALES),
            nonfinite=saved.one_of("nonfinite", POLICIES),
        )
    except DataError:
        raise
    except ValueError as error:
        raise saved.damaged(str(error)) from error
    d, m = saved.size("shift"), saved.size("weight")
    state = State(
        Frame(saved.array("shift", "f", d), saved.array("factor", "f", d)),
        Features(saved.array("weight", "f", m), saved.array("mean", "f", m, d), saved.array("scatter", "f", m, d)),
        saved.scalar("ready", "b"),
        saved.scalar("n_rows"),
        saved.scalar("n_dropped"),
        saved.scalar("blocks"),
    )
    if not _is_possible(settings, state):
        raise saved.damaged("sums that no rows can have")
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
