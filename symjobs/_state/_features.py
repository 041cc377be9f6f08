"""Some attributes of encoded rows, as one block. Clusters are kept over such a block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symjobs._errors import InputError
from symjobs._state._backend import Backend
from symjobs._state._rows import Rows
from symjobs._state._schema import Schema
from symjobs._tables._types import DENSE, LETTERS, SEPARATOR
from symkernels import SparseRows


@dataclass(frozen=True, slots=True)
class Place:
    """Where an attribute is in encoded rows: in the dense block, or a member of a presence group."""

    position: int = -1
    group: int = -1
    index: int = -1  # -1 for a member that has not come yet: it is 0 wherever its category is present


def find(schema: Schema, name: str) -> Place | None:
    """Return where an attribute is; None if it has not come yet.

    Raises
    ------
    InputError
        If it is a text column or a whole category.
    """
    column = schema.fields.get(name)
    if column is not None and column.type in DENSE:
        return Place(position=column.position)
    if column is not None:
        remedy = "leave it out, or declare it C if it holds numbers"
        if column.type in ("T", "L"):
            remedy = f"name single members, as {name}{SEPARATOR}{next(iter(column.members), 'value')}"
        raise InputError(
            f"cluster_features names {name!r}, a column of type {column.type} ({LETTERS[column.type]}); {remedy}"
        )
    for cut in [at for at, char in enumerate(name) if char == SEPARATOR]:
        column = schema.fields.get(name[:cut])
        if column is not None and column.type in ("T", "L"):
            return Place(group=column.group, index=column.members.get(name[cut + 1 :], -1))
    return None


def complete_rows(rows: Rows, places: Sequence[Place | None], backend: Backend, *, listwise: bool) -> Any:
    """Return the rows in which no attribute is missing.

    Parameters
    ----------
    rows : Rows
        The dense block may be on the backend already.
    places : sequence of Place or None
        The d attributes; if one is None, no row is complete.
    backend : Backend
        Where the result is.
    listwise : bool
        Whether to leave out a row in which any attribute is missing, not only one of these.

    Returns
    -------
    (m, d) float array
        A copy, or a view of the dense block.
    """
    dense = backend.put(rows.dense)
    found = [place for place in places if place is not None]
    if len(found) < len(places):
        return dense[:0, :0]
    X = _block(dense, rows.sparse, found, backend)
    if listwise:
        whole = (dense == dense).all(axis=1)
        if rows.sparse is not None and rows.sparse.missing is not None:
            whole &= backend.put(~rows.sparse.missing.any(axis=1))
    elif _all_there(X):
        return X
    else:
        whole = (X == X).all(axis=1)
    return X[whole]


def _all_there(X: Any) -> bool:
    # A missing value makes the sum NaN. Infinities of both signs may do so, too; then the slow path finds no NaN.
    with np.errstate(over="ignore", invalid="ignore"):
        total = float(X.sum())
    return total == total


def _block(dense: Any, sparse: SparseRows | None, places: Sequence[Place], backend: Backend) -> Any:
    positions = [place.position for place in places]
    if positions == list(range(dense.shape[1])):
        return dense
    members = [at for at, place in enumerate(places) if place.position < 0]
    if not members:
        return dense[:, positions]
    X = backend.put(np.empty((dense.shape[0], len(places)), dtype=dense.dtype))
    numbers = [at for at, place in enumerate(places) if place.position >= 0]
    if numbers:
        X[:, numbers] = dense[:, [positions[at] for at in numbers]]
    columns = np.column_stack([_indicator(sparse, places[at], dense.shape[0]) for at in members])
    X[:, members] = backend.put(columns.astype(dense.dtype, copy=False))
    return X


def _indicator(sparse: SparseRows | None, place: Place, n: int) -> np.ndarray:
    # 1 where the row has the member, 0 where it does not, NaN where the category is missing.
    at = [] if sparse is None else np.flatnonzero(sparse.groups == place.group).tolist()
    if sparse is None or not at:
        return np.full(n, np.nan)
    values = np.zeros(n)
    values[np.repeat(np.arange(n), np.diff(sparse.indptr))[sparse.indices == place.index]] = 1.0
    if sparse.missing is not None:
        values[sparse.missing[:, at[0]]] = np.nan
    return values
