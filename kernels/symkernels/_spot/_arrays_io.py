"""A stream's state as plain NumPy arrays and back, checked on the way in."""

from __future__ import annotations

import numpy as np

from .._quantiles import QuantileSketch
from .._saved import SavedArrays
from . import _layout as at
from ._follow import Follower
from ._settings import Settings
from ._state import State

_VERSION = 1
_NOT_SET = -1


def to_arrays(settings: Settings, state: State, follower: Follower | None) -> dict[str, np.ndarray]:
    limits = [settings.max_excesses, settings.window]
    result = {
        "version": np.array([_VERSION]),
        "shares": np.array([settings.alpha, settings.quantile]),
        "sizes": np.array([settings.warmup, *(_NOT_SET if x is None else x for x in limits), settings.depth]),
        "seed": np.array([settings.seed]),
        "switches": np.array([settings.two_sides, settings.follow, state.warm]),
        "totals": state.G.copy(),
        "first": state.first.copy(),
        "mean": state.D.copy(),
        "mean_sum": state.M.copy(),
    }
    for side in range(settings.sides):
        name = ("upper", "lower")[side]
        values, times, kinds = state.events(side)
        J = state.J[side].copy()
        J[at.HEAD] = 0
        stored, censored = (0, 0) if settings.window else (int(J[at.STORED]), int(J[at.CENSORED]))
        result |= {
            f"{name}_floats": state.F[side].copy(),
            f"{name}_integers": J,
            f"{name}_values": state.P[side, :stored].copy(),
            f"{name}_passed": state.C[side, :censored].copy(),
            f"{name}_ring_values": values.copy(),
            f"{name}_ring_times": times.copy(),
            f"{name}_ring_kinds": kinds.astype(np.int64),
        }
    for i, pane in enumerate(follower.panes if follower else ()):
        result[f"sketch_{i}"] = np.frombuffer(pane.to_bytes(), np.uint8).copy()
    return result


def from_arrays(arrays: dict[str, np.ndarray]) -> tuple[Settings, State, Follower | None]:
    saved = SavedArrays(arrays, "stream", _VERSION)
    alpha, quantile = saved.array("shares", "f", 2).tolist()
    warmup, *limits, depth = saved.array("sizes", "i", 4).tolist()
    two_sides, follow, warm = saved.array("switches", "b", 3).tolist()
    most, window = (None if size == _NOT_SET else size for size in limits)
    seed = saved.scalar("seed")
    try:
        settings = Settings.checked(alpha, quantile, warmup, two_sides, most, window, seed, follow=follow, depth=depth)
    except ValueError as error:
        raise saved.damaged(str(error)) from error
    if depth < 0:
        raise saved.damaged(f"a moving mean of {depth} values")
    state = State(settings)
    state.warm = warm
    state.G, state.first = saved.array("totals", "i", at.GLOBALS), saved.array("first", "f", None)
    state.D, state.M = saved.array("mean", "f", depth), saved.array("mean_sum", "f", 1)
    G = state.G
    if (
        (G < 0).any()
        or not 0 < G[at.RANDOM] < at.MODULUS
        or G[at.FILLED] > depth
        or (depth and G[at.AT] >= depth)
        or not np.isfinite(state.D).all()
        or not np.isfinite(state.M).all()
        or np.isnan(state.first).any()
        or (len(state.first) > 0 if warm else len(state.first) >= settings.warmup)
        or (warm and (G[at.N] < settings.warmup or G[at.FILLED] != depth))
        or G[at.FLAGGED] > G[at.N]
    ):
        raise saved.damaged("counts that no values can have")
    for side in range(settings.sides):
        _load_side(state, settings, side, saved)
    panes: list[QuantileSketch] = []
    while f"sketch_{len(panes)}" in saved:
        panes.append(QuantileSketch.from_bytes(saved.array(f"sketch_{len(panes)}", "u", None).tobytes()))
    if bool(panes) != settings.follow:
        raise saved.damaged("sketches do not belong to a level that stays, and are needed for one that follows")
    return settings, state, Follower(panes) if panes else None


def _counted(values: np.ndarray, kinds: np.ndarray, F: np.ndarray, J: np.ndarray) -> bool:
    """Whether the counts of a window's tail match its ring."""
    excesses = (kinds == at.EXCESS) & (values > F[at.LEVEL])
    found = [excesses.sum(), (kinds == at.COUNTED).sum(), (kinds == at.BEYOND).sum()]
    return found == [F[at.COUNT], J[at.FLAGS], J[at.DROPPED]]


def _load_side(state: State, settings: Settings, side: int, saved: SavedArrays) -> None:
    name = ("upper", "lower")[side]
    F, J = saved.array(f"{name}_floats", "f", at.FLOATS), saved.array(f"{name}_integers", "i", at.INTEGERS)
    values, passed = saved.array(f"{name}_values", "f", None), saved.array(f"{name}_passed", "f", None)
    of_ring = (("values", "f"), ("times", "i"), ("kinds", "i"))
    ring = [saved.array(f"{name}_ring_{what}", kind, None) for what, kind in of_ring]
    n = state.G[at.N]
    numbers = F[[at.BASE, at.LEVEL, at.SHAPE, at.SCALE, at.THETA, at.COUNT, at.FITTED, at.SHARE, at.FIRST]]
    stored, censored = (0, 0) if settings.window else (J[at.STORED], J[at.CENSORED])
    if (
        (J < 0).any()
        or len(values) != stored
        or len(passed) != censored
        or len({len(part) for part in ring}) != 1
        or len(ring[0]) != J[at.LENGTH]
        or (len(ring[0]) > 0 and not settings.window)
        or not np.isfinite(values).all()
        or not np.isfinite(passed).all()
        or J[at.METHOD] > 3
        or (state.warm and not (np.isfinite(numbers).all() and 0.0 < F[at.SHARE] <= 1.0 and 0.0 <= F[at.COUNT] <= n))
        or (state.warm and not (values > F[at.LEVEL]).all())
        or J[at.FLAGS] + J[at.DROPPED] > n
        or (np.diff(ring[1]) < 0).any()
        or (len(ring[1]) > 0 and not (ring[1][0] >= 1 and ring[1][-1] <= n))
        or not np.isin(ring[2], (at.EXCESS, at.COUNTED, at.BEYOND)).all()
        or not np.isfinite(ring[0][ring[2] == at.EXCESS]).all()
        or (settings.window and state.warm and not _counted(ring[0], ring[2], F, J))
    ):
        raise saved.damaged("a tail that no values can have")
    state.F[side], state.J[side] = F, J
    state.make_room(int(max(stored, censored)))
    state.P[side, :stored], state.C[side, :censored] = values, passed
    if settings.window:
        state.set_events(side, ring[0], ring[1], ring[2].astype(np.int8))
