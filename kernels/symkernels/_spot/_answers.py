"""What a stream's state says of a side's tail."""

from __future__ import annotations

from .._gpd import GPDFit
from .._gpd._methods import METHODS
from . import _layout as at
from ._settings import Settings
from ._state import State


def fit_of(state: State, side: int) -> GPDFit | None:
    """The fit of a side's tail; None while there is none."""
    F, J = state.F[side], state.J[side]
    if not F[at.SCALE] > 0.0:
        return None
    return GPDFit(
        shape=float(F[at.SHAPE]), scale=float(F[at.SCALE]), loglik=float(F[at.LOGLIK]),
        method=METHODS[int(J[at.METHOD])], converged=bool(J[at.CONVERGED]), n=int(J[at.STORED]),
    )  # fmt: skip


def rate_above(state: State, settings: Settings) -> float:
    """Share of the values above the upper level; NaN while warming up."""
    if not state.warm:
        return float("nan")
    F, J, n = state.F[0], state.J[0], int(state.G[at.N])
    seen = (min(n, settings.window) if settings.window else n) - int(J[at.DROPPED])
    flags = float(J[at.FLAGS])
    counted = float(at.explained(flags, settings.side_alpha * seen, float(F[at.COUNT])))
    return (float(F[at.COUNT]) + counted) / (seen - (flags - counted)) if seen else float("nan")


def why_nothing_is_flagged(state: State, settings: Settings) -> str | None:
    """The side without a tail, after the warm-up; None where each has one."""
    for side in range(settings.sides):
        F = state.F[side]
        if not F[at.SCALE] > 0.0:
            where = "below" if side else "above"
            level = -F[at.BASE] if side else F[at.BASE]
            return f"the scores are constant: none lies {where} {level:.6g}"
    return None
