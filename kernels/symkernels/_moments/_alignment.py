"""The attributes of one state as those of another: which of them correspond."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .._errors import ShapeError
from ._layout import Layout


def align(
    new: Layout, old: Layout, source: Sequence[int], groups: Mapping[int, int] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the old position of each new position, and the old group of each new group; -1 for none.

    ``source`` and ``groups`` are the arguments of `Moments.aligned`. Raises `ShapeError` if they are impossible.
    """
    given = np.asarray(source, np.intp)
    if given.shape != (new.size,) or (len(given) and (given.max() >= old.size or given.min() < -1)):
        raise ShapeError(f"source must hold {new.size} attribute numbers of this state, or -1")
    by_position = given[new.number]
    present = by_position >= 0
    position = np.full(new.size, -1)
    position[present] = old.position[by_position[present]]
    group = np.full(new.n_groups, -1)
    for theirs, mine in (groups or {}).items():
        if theirs not in new.sparse_groups or mine not in old.sparse_groups:
            raise ShapeError(f"groups: {theirs!r} of `like` and {mine!r} of this state must be sparse presence groups")
        group[theirs] = mine
    group[new.group[present]] = old.group[position[present]]
    if (group[new.group[present]] != old.group[position[present]]).any():
        raise ShapeError("attributes of one presence group in `like` are in several groups of this state")
    _check_kinds(new, old, position)
    return position, group


def _check_kinds(new: Layout, old: Layout, position: np.ndarray) -> None:
    dense, sparse = position[: new.n_dense], position[new.n_dense :]
    if (dense >= old.n_dense).any() or ((sparse >= 0) & (sparse < old.n_dense)).any():
        raise ShapeError("a dense attribute cannot be aligned with a sparse one")
    present = position >= 0
    if (new.binary[present] & ~old.binary[position[present]]).any():
        raise ShapeError(
            "a 0/1 attribute of `like` holds other values in this state; use make_continuous() on `like` first"
        )
