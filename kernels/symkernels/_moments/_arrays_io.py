"""A state as plain NumPy arrays and back, checked on the way in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._arrays import to_numpy
from .._errors import DataError
from ._layout import Layout
from ._state import State
from ._sums import Sums

if TYPE_CHECKING:
    from ._moments import Moments

_VERSION = 1
_POLICIES = ("pairwise", "listwise", "error")


def to_arrays(m: Moments) -> dict[str, np.ndarray]:
    def plain(x: Any) -> np.ndarray:
        return np.array(to_numpy(x))

    state, sums, layout = m._state, m._state.sums, m._state.layout
    arrays = {name: plain(array) for name, array in sums.arrays().items()}
    S = plain(sums.whole())
    np.fill_diagonal(S, np.maximum(S.diagonal(), 0.0))  # forgetting may leave a little less than 0
    arrays["S"] = S
    return arrays | {
        "version": np.array([_VERSION]),
        "missing": np.array([_POLICIES.index(m.missing)]),
        "joint_squares": np.array([m.joint_squares]),
        "n_rows": np.array([sums.n_rows]),
        "weight": np.array([sums.weight]),
        "turnover": np.array([state.turnover]),
        "mass": np.array([state.mass]),
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


def _are_counts(N: np.ndarray, processed: float) -> bool:
    """Whether these can be counts of pairs. Its two sides may differ by rounding."""
    return bool(np.isfinite(N).all() and (N >= 0).all() and (np.abs(N - N.T) <= 1e-12 * processed).all())


def from_arrays(cls: type[Moments], arrays: dict[str, np.ndarray]) -> Moments:
    def get(name: str, kind: str, *shape: int) -> np.ndarray:
        if name not in arrays:
            raise DataError(f"these are no saved moments: the array {name!r} is absent")
        array = np.asarray(arrays[name])
        if array.dtype.kind != kind or array.shape != shape:
            raise DataError(
                f"damaged moments: {name!r} should be of kind {kind!r} and shape {shape}, "
                f"is of kind {array.dtype.kind!r} and shape {array.shape}"
            )
        return np.array(array, dtype={"i": np.int64, "f": np.float64, "b": bool}[kind], order="C")

    def scalar(name: str, kind: str) -> Any:
        return get(name, kind, 1)[0].item()

    if scalar("version", "i") != _VERSION:
        raise DataError(f"saved moments of version {scalar('version', 'i')}; this library reads version {_VERSION}")
    P = np.asarray(arrays.get("number", ())).size
    G, d = scalar("n_groups", "i"), scalar("n_dense", "i")
    number, group, binary = get("number", "i", P), get("group", "i", P), get("binary", "b", P)
    policy, joint = scalar("missing", "i"), scalar("joint_squares", "b")
    good = (
        0 <= d <= P
        and G >= 0
        and np.array_equal(np.sort(number), np.arange(P))
        and (not P or (group.min() >= 0 and group.max() < G))
        and bool(binary[d:].all())
        and len(np.unique(group[:d])) == d
        and not np.isin(group[d:], group[:d]).any()
        and 0 <= policy < len(_POLICIES)
    )
    if not good:
        raise DataError("damaged moments: the description of the attributes contradicts itself")
    layout = Layout(number.astype(np.intp), d, binary, group.astype(np.intp), G)
    gaps, b = "N" in arrays, int(binary.sum())
    sums = Sums(
        np,
        scalar("n_rows", "i"),
        scalar("weight", "f"),
        shift=get("shift", "f", d),
        S=get("S", "f", P, P),
        T=get("T", "f", P, G) if gaps else get("T", "f", P),
        V=get("V", "f", d, b),
        M3=get("M3", "f", d),
        M4=get("M4", "f", d),
        low=get("low", "f", d),
        high=get("high", "f", d),
        N=get("N", "f", G, G) if gaps else None,
        Q=get("Q", "f", P, G) if gaps else None,
        D=get("D", "f", P, P) if joint else None,
        F=get("F", "f", P, P) if joint else None,
    )
    sound = (
        sums.n_rows >= 0
        and 0 <= sums.weight < np.inf
        and all(
            np.isfinite(sums.arrays()[name]).all() for name in ("S", "T", "V", "shift", "Q") if name in sums.arrays()
        )
        and (sums.N is None or _are_counts(sums.N, scalar("mass", "f")))
        and bool((sums.S.diagonal() >= 0).all())
    )
    if not sound:
        raise DataError("damaged moments: sums that no rows can have")
    m = cls(0, missing=_POLICIES[policy], joint_squares=joint)  # type: ignore[arg-type]
    exact = get("low_exact", "b", d), get("high_exact", "b", d)
    m._state = State(
        layout, sums, get("gross", "f", d), scalar("turnover", "f"), scalar("mass", "f"), scalar("depth", "f"), *exact
    )
    return m
