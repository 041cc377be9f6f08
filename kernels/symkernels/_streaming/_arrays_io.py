"""A stream's state as plain NumPy arrays and back, checked on the way in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._errors import DataError
from ._features import Features, Frame
from ._state import State

if TYPE_CHECKING:
    from ._streaming import StreamingKMeans

_VERSION = 1
_SCALES = ("none", "standard")
_POLICIES = ("error", "drop")


def to_arrays(m: StreamingKMeans) -> dict[str, np.ndarray]:
    state = m._state
    return {
        "version": np.array([_VERSION]),
        "n_centroids": np.array([m.n_centroids]),
        "warmup": np.array([m.warmup]),
        "max_iter": np.array([m.max_iter]),
        "seed": np.array([m.seed]),
        "scale": np.array([_SCALES.index(m.scale)]),
        "nonfinite": np.array([_POLICIES.index(m.nonfinite)]),
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


def from_arrays(cls: type[StreamingKMeans], arrays: dict[str, np.ndarray]) -> StreamingKMeans:
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

    if scalar("version") != _VERSION:
        raise DataError(f"saved micro-clusters of version {scalar('version')}; this library reads version {_VERSION}")
    d, m = np.asarray(arrays.get("shift", ())).size, np.asarray(arrays.get("weight", ())).size
    frame = Frame(get("shift", "f", d), get("factor", "f", d))
    features = Features(get("weight", "f", m), get("mean", "f", m, d), get("scatter", "f", m, d))
    scale, policy, ready = scalar("scale"), scalar("nonfinite"), scalar("ready", "b")
    sound = (
        0 <= scale < len(_SCALES)
        and 0 <= policy < len(_POLICIES)
        and scalar("n_dropped") >= 0
        and scalar("blocks") >= 0
        and scalar("n_rows") >= 0
        and all(bool(np.isfinite(x).all()) for x in (frame.shift, frame.factor, features.mean, features.scatter))
        and bool((frame.factor > 0).all() and (features.scatter >= 0).all())
        and bool((features.weight > 0).all() and np.isfinite(features.weight.sum()))
        and (m > 0 or not ready)
        and (ready or (m < scalar("warmup") and not features.scatter.any()))
        and (not ready or m <= scalar("n_centroids"))
    )
    if not sound:
        raise DataError("damaged micro-clusters: sums that no rows can have")
    try:
        result = cls(
            scalar("n_centroids"), warmup=scalar("warmup"), max_iter=scalar("max_iter"), seed=scalar("seed"),
            scale=_SCALES[scale], nonfinite=_POLICIES[policy],  # type: ignore[arg-type]
        )  # fmt: skip
    except ValueError as error:
        raise DataError(f"damaged micro-clusters: {error}") from error
    result._state = State(frame, features, ready, scalar("n_rows"), scalar("n_dropped"), scalar("blocks"))
    return result
