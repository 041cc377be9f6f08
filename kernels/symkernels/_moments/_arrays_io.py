"""Settings and state of `Moments` as plain NumPy arrays and back, checked on the way in."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._arrays import to_numpy
from .._saved import SavedArrays
from ._layout import Layout
from ._settings import MISSING, Settings
from ._state import State
from ._sums import Sums

_VERSION = 1


def to_arrays(settings: Settings, state: State) -> dict[str, np.ndarray]:
    """Settings and state by name; copies."""

    def plain(x: Any) -> np.ndarray:
        return np.array(to_numpy(x))

    sums, layout = state.sums, state.layout
    arrays = {name: plain(array) for name, array in sums.arrays().items() if name != "S"}
    S = to_numpy(sums.both_triangles())  # a new array already
    np.fill_diagonal(S, np.maximum(S.diagonal(), 0.0))  # forgetting may leave a little less than 0
    arrays["S"] = S
    return arrays | {
        "version": np.array([_VERSION]),
        "missing": np.array([MISSING.index(settings.missing)]),
        "joint_squares": np.array([settings.joint_squares]),
        "n_rows": np.array([sums.n_rows]),
        "weight": np.array([sums.weight]),
        "turnover": np.array([state.rows_processed]),
        "mass": np.array([state.weight_processed]),
        "depth": np.array([state.depth]),
        "gross": plain(state.gross),
        "low_exact": plain(state.low_exact),
        "high_exact": plain(state.high_exact),
        "number": layout.number.astype(np.int64),
        "n_dense": np.array([layout.n_dense]),
        "binary": layout.binary.copy(),
        "group": layout.group.astype(np.int64),
        "n_groups": np.array([layout.n_groups]),
    }


def from_arrays(arrays: dict[str, np.ndarray]) -> tuple[Settings, State]:
    """The settings and the state that `to_arrays` was given; raises `DataError` where the arrays do not fit."""
    saved = SavedArrays(arrays, "moments", _VERSION)
    settings = Settings(saved.one_of("missing", MISSING), saved.scalar("joint_squares", "b"))
    layout = _read_layout(saved)
    d = layout.n_dense
    sums = _read_sums(saved, layout, settings.joint_squares)
    state = State(
        layout,
        sums,
        gross=saved.array("gross", "f", d),
        rows_processed=saved.scalar("turnover", "f"),
        weight_processed=saved.scalar("mass", "f"),
        depth=saved.scalar("depth", "f"),
        low_exact=saved.array("low_exact", "b", d),
        high_exact=saved.array("high_exact", "b", d),
    )
    return settings, state


def _read_layout(saved: SavedArrays) -> Layout:
    P = saved.size("number")
    layout = Layout(
        saved.array("number", "i", P).astype(np.intp),
        saved.scalar("n_dense"),
        saved.array("binary", "b", P),
        saved.array("group", "i", P).astype(np.intp),
        saved.scalar("n_groups"),
    )
    if not _is_possible_layout(layout):
        raise saved.damaged("the description of the attributes contradicts itself")
    return layout


def _is_possible_layout(layout: Layout) -> bool:
    """Whether adding attributes can have led to the layout."""
    d, group = layout.n_dense, layout.group
    return (
        0 <= d <= layout.size
        and layout.n_groups >= 0
        and np.array_equal(np.sort(layout.number), np.arange(layout.size))
        and (not layout.size or (group.min() >= 0 and group.max() < layout.n_groups))
        and bool(layout.binary[d:].all())
        and len(np.unique(group[:d])) == d
        and not np.isin(group[d:], group[:d]).any()
    )


def _read_sums(saved: SavedArrays, layout: Layout, joint: bool) -> Sums:
    P, G, d, b = layout.size, layout.n_groups, layout.n_dense, len(layout.binaries)
    gaps = "N" in saved
    sums = Sums(
        np,
        saved.scalar("n_rows"),
        saved.scalar("weight", "f"),
        shift=saved.array("shift", "f", d),
        S=saved.array("S", "f", P, P),
        T=saved.array("T", "f", P, G) if gaps else saved.array("T", "f", P),
        V=saved.array("V", "f", d, b),
        M3=saved.array("M3", "f", d),
        M4=saved.array("M4", "f", d),
        low=saved.array("low", "f", d),
        high=saved.array("high", "f", d),
        N=saved.array("N", "f", G, G) if gaps else None,
        Q=saved.array("Q", "f", P, G) if gaps else None,
        D=saved.array("D", "f", P, P) if joint else None,
        F=saved.array("F", "f", P, P) if joint else None,
    )
    if not _are_possible_sums(sums, saved.scalar("mass", "f")):
        raise saved.damaged("sums that no rows can have")
    return sums


def _are_possible_sums(sums: Sums, weight_processed: float) -> bool:
    """Whether rows can have these sums. Third and fourth powers may overflow, so that they are not checked."""
    finite = (sums.S, sums.T, sums.V, sums.shift, sums.Q)
    return (
        sums.n_rows >= 0
        and 0 <= sums.weight < np.inf
        and all(np.isfinite(array).all() for array in finite if array is not None)
        and (sums.N is None or _are_counts(sums.N, weight_processed))
        and bool((sums.S.diagonal() >= 0).all())
    )


def _are_counts(N: np.ndarray, weight_processed: float) -> bool:
    """Whether these can be counts of pairs. The two triangles may differ by rounding: they add in different orders."""
    return bool(np.isfinite(N).all() and (N >= 0).all() and (np.abs(N - N.T) <= 1e-12 * weight_processed).all())
