"""Settings and state of `Moments` as plain NumPy arrays and back, checked on the way in."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._arrays import to_numpy
from .._saved import SavedArrays
from ._backends import rounding
from ._layout import Layout
from ._pairs import Pairs
from ._parts import PARTS
from ._settings import MISSING, Settings
from ._state import State
from ._sums import Sums

_VERSION = 3
_SQUARE = 2  # the version in which S, Q, D and F had rows of sparse attributes, too
_IN_FLOAT64 = 1  # and that in which sums were plain float64, with one bound of their rounding errors


def to_arrays(settings: Settings, state: State) -> dict[str, np.ndarray]:
    """Settings and state by name; copies."""

    def plain(x: Any) -> np.ndarray:
        return np.array(to_numpy(x))

    sums, layout = state.sums, state.layout
    arrays = {name: plain(array) for name, array in sums.arrays().items() if name != "S"}
    S = np.ascontiguousarray(to_numpy(sums.rows(layout).stored()))  # a new array already
    own = np.arange(layout.n_dense)
    S[:, own, own] = np.where(S[0, own, own] < 0, 0.0, S[:, own, own])  # forgetting may leave a little less than 0
    arrays["S"] = S
    return arrays | {
        "pairs": np.stack([sums.pairs.one, sums.pairs.other]),
        "pair_weights": sums.pairs.weight.copy(),
        "version": np.array([_VERSION]),
        "missing": np.array([MISSING.index(settings.missing)]),
        "joint_squares": np.array([settings.joint_squares]),
        "exact": np.array([settings.exact]),
        "n_rows": np.array([sums.n_rows]),
        "unit": np.array([sums.unit]),
        "weight": np.array(sums.mass),
        "turnover": np.array([state.rows_processed]),
        "mass": np.array([state.weight_processed]),
        "steps": np.array([state.steps]),
        "gross": plain(state.gross),
        "reach": plain(state.reach),
        "fineness": plain(state.fineness),
        "whole_weights": np.array([state.whole_weights]),
        "least_weight": np.array([state.least_weight]),
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
    saved = SavedArrays(_with_rows_of_dense(_in_parts(arrays)), "moments", _VERSION)
    settings = Settings(
        saved.one_of("missing", MISSING), saved.scalar("joint_squares", "b"), saved.scalar("exact", "b")
    )
    layout = _read_layout(saved)
    d = layout.n_dense
    sums = _read_sums(saved, layout, settings.joint_squares)
    state = State(
        layout,
        sums,
        gross=saved.array("gross", "f", d),
        reach=saved.array("reach", "f", d),
        rows_processed=saved.scalar("turnover", "f"),
        weight_processed=saved.scalar("mass", "f"),
        steps=saved.scalar("steps", "f"),
        fineness=saved.array("fineness", "f", d),
        whole_weights=saved.scalar("whole_weights", "b"),
        least_weight=saved.scalar("least_weight", "f"),
        low_exact=saved.array("low_exact", "b", d),
        high_exact=saved.array("high_exact", "b", d),
    )
    return settings, state


def _in_parts(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return arrays of the first version as those of this one; others unchanged."""
    if not np.array_equal(arrays.get("version", ()), [_IN_FLOAT64]):
        return arrays
    saved = SavedArrays(arrays, "moments", _IN_FLOAT64)
    unit = rounding(saved.scalar("depth", "f"))
    gross = saved.array("gross", "f", None)
    sums = {name: arrays[name] for name in ("S", "T", "V", "M3", "M4", "N", "Q", "D", "F", "weight") if name in saved}
    for name, array in sums.items():
        if np.asarray(array).dtype.kind != "f":
            raise saved.damaged(f"{name!r} should be of kind 'f'")
    parts = {name: np.stack([array, np.zeros_like(array), np.zeros_like(array)]) for name, array in sums.items()}
    if "weight" in parts:
        parts["weight"] = parts["weight"].reshape(-1)
    error, of_one = unit * gross, unit * saved.scalar("mass", "f")
    groups, given = saved.scalar("n_groups"), np.shape(sums.get("V", np.empty((0, 0))))[-1]
    errors = {
        "Q_error": np.repeat(error[:, None], groups, axis=1) if "N" in saved else error,
        "N_error": np.full((groups, groups) if "N" in saved else 1, of_one),
        "V_error": np.repeat(error[:, None], given, axis=1),
        "B_error": np.full(given, of_one),
    }
    history = {
        "unit": np.array([unit]),
        "steps": np.array([0.0]),
        "reach": np.zeros_like(gross),
        "fineness": np.full_like(gross, np.inf),
        "whole_weights": np.array([saved.scalar("mass", "f") == saved.scalar("turnover", "f")]),
        "least_weight": np.array([0.0]),
        "exact": np.array([False]),
    }
    return arrays | parts | errors | history | {"version": np.array([_SQUARE])}


def _with_rows_of_dense(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return arrays of the second version as those of this one; others unchanged."""
    if not np.array_equal(arrays.get("version", ()), [_SQUARE]):
        return arrays
    saved = SavedArrays(arrays, "moments", _SQUARE)
    P, d = saved.size("number"), saved.scalar("n_dense")
    S = saved.array("S", "f", PARTS, P, P)
    one, other = np.nonzero(np.triu(S[0, d:, d:], k=1))
    changed = {
        "version": np.array([_VERSION]),
        "S": S[:, :d, :],
        "pairs": np.stack([one, other]),
        "pair_weights": S[:, d + one, d + other],
    }
    changed |= {name: saved.array(name, "f", PARTS, P, P)[:, :d, :d] for name in ("D", "F") if name in saved}
    if "Q" in saved:
        changed["Q"] = saved.array("Q", "f", PARTS, P, saved.scalar("n_groups"))[:, :d, :]
    return arrays | {name: np.ascontiguousarray(array) for name, array in changed.items()}


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

    def parts(name: str, *shape: int) -> np.ndarray:
        return saved.array(name, "f", PARTS, *shape)

    mass = parts("weight").tolist()
    sums = Sums(
        np,
        saved.scalar("n_rows"),
        (mass[0], mass[1], mass[2]),
        shift=saved.array("shift", "f", d),
        S=parts("S", d, P),
        T=parts("T", P, G) if gaps else parts("T", P),
        V=parts("V", d, b),
        Q_error=saved.array("Q_error", "f", d, G) if gaps else saved.array("Q_error", "f", d),
        N_error=saved.array("N_error", "f", G, G) if gaps else saved.array("N_error", "f", 1),
        V_error=saved.array("V_error", "f", d, b),
        B_error=saved.array("B_error", "f", b),
        M3=parts("M3", d),
        M4=parts("M4", d),
        low=saved.array("low", "f", d),
        high=saved.array("high", "f", d),
        N=parts("N", G, G) if gaps else None,
        Q=parts("Q", d, G) if gaps else None,
        D=parts("D", d, d) if joint else None,
        F=parts("F", d, d) if joint else None,
        pairs=_read_pairs(saved, P - d),
        unit=saved.scalar("unit", "f"),
    )
    if not _are_possible_sums(sums, saved.scalar("mass", "f")):
        raise saved.damaged("sums that no rows can have")
    return sums


def _read_pairs(saved: SavedArrays, n_sparse: int) -> Pairs:
    weight = saved.array("pair_weights", "f", PARTS, None)
    one, other = saved.array("pairs", "i", 2, weight.shape[1])
    pairs = Pairs.of(one, other, weight)
    if not ((one >= 0) & (one < other) & (other < n_sparse)).all() or (np.diff(pairs.key) == 0).any():
        raise saved.damaged("'pairs' should be pairs of sparse attributes")
    return pairs


def _are_possible_sums(sums: Sums, weight_processed: float) -> bool:
    """Whether rows can have these sums. Third and fourth powers may overflow, so that they are not checked."""
    finite = (sums.S, sums.T, sums.V, sums.shift, sums.Q, sums.pairs.weight)
    return (
        sums.n_rows >= 0
        and 0 <= sums.weight < np.inf
        and all(np.isfinite(array).all() for array in finite if array is not None)
        and (sums.N is None or _are_counts(sums.N[0], weight_processed))
        and bool((sums.S[0].diagonal() >= 0).all())
    )


def _are_counts(N: np.ndarray, weight_processed: float) -> bool:
    """Whether these can be counts of pairs. The two triangles may differ by rounding: they add in different orders."""
    return bool(np.isfinite(N).all() and (N >= 0).all() and (np.abs(N - N.T) <= 1e-12 * weight_processed).all())
