"""Merging two states whose columns may differ: both grow to the same attributes, then the moments are added."""

from __future__ import annotations

import numpy as np

from symjobs._errors import InputError
from symjobs._project._draft import Draft
from symjobs._project._state import State
from symjobs._project._types import DENSE, LEARNT, LETTERS


def merge_into(draft: Draft, other: State) -> None:
    """Add another state to a draft. ``other`` is not changed.

    Columns are matched by name. One that only one side has is missing in the rows of the other. B and C make C.

    Raises
    ------
    InputError
        If a column has types on the two sides that cannot be one.
    """
    mine = draft.own()
    theirs = other.copy()
    for name, field in other.schema.fields.items():
        known = mine.schema.fields.get(name)
        if known is None or known.type not in LEARNT:
            _add_column(mine, name, field.type, field.declared)
        elif field.type in LEARNT and known.type != field.type:
            if not {known.type, field.type} <= DENSE:
                raise InputError(
                    f"column {name!r} is {known.type} ({LETTERS[known.type]}) here and {field.type} "
                    f"({LETTERS[field.type]}) in the other project; the two cannot be merged"
                )
            (mine if known.type == "B" else theirs).widen(name)
    _add_missing(theirs, mine)
    _add_missing(mine, theirs)
    order = np.array([theirs.schema.index[name] for name in mine.schema.names], dtype=np.intp)
    groups = {theirs.schema.fields[name].group: mine.schema.fields[name].group for name in mine.schema.sparse}
    mine.moments.merge(arranged(theirs, mine, order, groups))
    if mine.histograms is not None:
        if theirs.histograms is None:
            mine.histograms.exact = mine.histograms.exact and theirs.moments.n_rows == 0
        else:
            positions = {
                theirs.schema.fields[name].position: mine.schema.fields[name].position for name in mine.schema.dense
            }
            mine.histograms.merge(theirs.histograms, positions)


def _add_column(state: State, name: str, letter: str, declared: bool) -> None:
    if letter in DENSE:
        state.add_dense([(name, letter, declared)])
    elif letter in LEARNT:
        state.add_group(name, letter, declared)
    elif name not in state.schema.fields:
        state.schema.add_plain(name, letter, declared)


def _add_missing(state: State, model: State) -> None:
    # Add to a state what the model has and it has not: columns, and members of columns that both have.
    for name, field in model.schema.fields.items():
        known = state.schema.fields.get(name)
        if known is None or (known.type not in LEARNT and field.type in LEARNT):
            _add_column(state, name, field.type, field.declared)
        new = [member for member in field.members if member not in state.schema.fields[name].members]
        if new:
            state.add_members(name, new)
