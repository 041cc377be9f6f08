"""Merge two states. Both get the attributes that only the other has; then their moments are added."""

from __future__ import annotations

from symjobs._errors import InputError, UnknownAttribute
from symjobs._state._draft import Draft
from symjobs._state._state import State
from symjobs._tables._types import DENSE, LEARNT, LETTERS
from symkernels import ForgetError, Moments, SymkernelsError


def merge_into(draft: Draft, other: State) -> None:
    """Add another state to a draft. ``other`` is not changed.

    Columns are matched by name. A column that one side lacks is missing in all rows of that side. B and C become C.

    Raises
    ------
    InputError
        If the types of a column on the two sides do not go together.
    """
    mine = draft.make_writable()
    if mine.moments.missing != other.moments.missing:
        raise InputError(
            f"this project treats missing values {mine.moments.missing!r}, the other {other.moments.missing!r}; "
            "create both with the same parameter 'missing'"
        )
    for name, field in other.schema.fields.items():
        known = mine.schema.fields.get(name)
        as_text = known is not None and ((known.type == "S" and not field.declared) or field.type == "S")
        if known is not None and as_text and {known.type, field.type} & DENSE:
            raise InputError(
                f"column {name!r} is {known.type} ({LETTERS[known.type]}) here and {field.type} "
                f"({LETTERS[field.type]}) in the other project, whose values there would be lost: learn the text again "
                "as numbers, or the rows of one of the two without the column, of type X"
            )
        if known is None or known.type not in LEARNT:
            _add_column(mine, name, field.type, field.declared)
        elif field.type in LEARNT and known.type != field.type:
            if not {known.type, field.type} <= DENSE:
                raise InputError(
                    f"column {name!r} is {known.type} ({LETTERS[known.type]}) here and {field.type} "
                    f"({LETTERS[field.type]}) in the other project; the two cannot be merged"
                )
            if known.type == "B":
                mine.widen(name)
        new = [member for member in field.members if member not in mine.schema.fields[name].members]
        if new:
            mine.add_members(name, new)
    _merge_clusters(mine, other)
    other = _with_members(other, mine)
    try:
        mine.moments.merge(_aligned(other, mine))
    except SymkernelsError as error:
        raise InputError(f"the projects cannot be merged: {mine.schema.in_words(error)}") from error
    if mine.histograms is not None:
        if other.histograms is None or other.window is not None:  # the other project has rows without sketches
            mine.histograms.exact = mine.histograms.exact and other.moments.n_rows == 0
        else:
            positions = {other.schema.fields[n].position: mine.schema.fields[n].position for n in other.schema.dense}
            mine.histograms.merge(other.histograms, positions)


def forget_from(draft: Draft, other: State) -> None:
    """Take away from a draft what another state has learnt. ``other`` is not changed.

    Raises
    ------
    InputError
        If a column is of another type here, there are clusters, or more would be forgotten than was learnt.
    UnknownAttribute
        For a column or member that was never learnt.
    """
    mine = draft.make_writable()
    if mine.clusters is not None:
        raise InputError("the project keeps clusters, and they forget rows only, not the state of another project")
    for name, field in other.schema.fields.items():
        known = mine.schema.fields.get(name)
        if field.type not in LEARNT:
            continue
        if known is None or known.type not in LEARNT:
            raise UnknownAttribute(f"cannot forget the column {name!r}, which was never learnt")
        if known.type != field.type and not {known.type, field.type} <= DENSE:
            raise InputError(
                f"column {name!r} is {known.type} ({LETTERS[known.type]}) here and {field.type} "
                f"({LETTERS[field.type]}) in what is to be forgotten"
            )
        unknown = [member for member in field.members if member not in known.members]
        if unknown:
            raise UnknownAttribute(f"cannot forget the value {unknown[0]!r} of column {name!r}, which was never learnt")
    try:
        mine.moments = mine.moments - _aligned(_with_members(other, mine), mine)
    except ForgetError as error:
        raise InputError(f"cannot forget more than was learnt: {mine.schema.in_words(error)}") from error
    except SymkernelsError as error:
        raise InputError(f"the state cannot be forgotten: {mine.schema.in_words(error)}") from error
    if mine.histograms is not None:
        mine.histograms.exact = False


def _aligned(other: State, mine: State) -> Moments:
    source = [other.schema.index.get(name, -1) for name in mine.schema.names]
    # A list column without members has no attribute, only the counts of its group.
    groups = {mine.schema.fields[name].group: other.schema.fields[name].group for name in other.schema.sparse}
    theirs = mine.backend.to_backend(other.moments)  # the other project may be on another device
    return theirs.aligned(mine.moments, source, groups)


def _merge_clusters(mine: State, other: State) -> None:
    if mine.clusters is None:  # this project was not asked to keep any, as with histograms
        return
    if other.clusters is not None:
        try:
            mine.clusters.merge(other.clusters)
        except SymkernelsError as error:
            raise InputError(f"the clusters of the projects cannot be merged: {error}") from error
        mine.clusters.to_backend(mine.backend)
        mine.clusters.find(mine.schema)
    elif other.moments.n_rows:
        raise InputError(
            f"this project keeps clusters over {':'.join(mine.clusters.features)}, and the other keeps none: its rows "
            "would be in no cluster; create both with the same cluster_features"
        )


def _with_members(state: State, model: State) -> State:
    # A list column may have come without any member: only in its own state do new members take its counts over.
    bare = [name for name in state.schema.sparse if not state.schema.fields[name].members]
    bare = [name for name in bare if model.schema.fields[name].members]
    if bare:
        state = state.copy()
        for name in bare:
            state.add_members(name, list(model.schema.fields[name].members))
    return state


def _add_column(state: State, name: str, letter: str, declared: bool) -> None:
    if letter in DENSE:
        state.add_dense([(name, letter, declared)])
    elif letter in LEARNT:
        state.add_group(name, letter, declared)
    elif name not in state.schema.fields:
        state.schema.add_plain(name, letter, declared)
