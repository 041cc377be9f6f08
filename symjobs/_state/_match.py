"""Match the columns of a batch with the project's columns, by name. New columns are added to the project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from symjobs._errors import UnknownAttribute
from symjobs._state._draft import Draft
from symjobs._tables import Batch, Column, check_names, labels_of
from symjobs._tables._types import DENSE, LEARNT, meet
from symjobs._text import near


@dataclass(slots=True)
class Coded:
    """A T or L column of a batch: each row's code, and the members that each code stands for."""

    name: str
    codes: np.ndarray
    labels: list[tuple[str, ...]]
    single: bool  # a T column, with exactly one member a code


@dataclass(slots=True)
class Matched:
    """The columns of a batch by their positions in the project.

    ``whole`` says that the batch is a matrix whose columns are exactly the dense block. Otherwise ``dense`` pairs
    positions of the block with columns. Positions and groups that are not named are missing in the whole batch.
    """

    whole: bool = False
    dense: list[tuple[int, Column]] = field(default_factory=list)
    sparse: list[Coded] = field(default_factory=list)

    @property
    def any(self) -> bool:
        return self.whole or bool(self.dense) or bool(self.sparse)


def match(draft: Draft, batch: Batch, types: Mapping[str, str]) -> Matched:
    """Match the columns of a batch; ``types`` are the letters declared for them."""
    schema = draft.state.schema
    if batch.matrix is not None and batch.names == schema.dense and not types:
        return Matched(whole=True)
    check_names(batch.names)
    learnt = []
    new = []
    for column in batch.columns:
        name = column.name
        known = draft.state.schema.fields.get(name)
        declared = types.get(name)
        letter = (declared or column.letter()) if known is None else meet(name, known.type, declared)
        if letter is None:  # only missing values, and no type: the first value will decide
            continue
        if known is None or (known.type not in LEARNT and letter in LEARNT):
            new.append((name, letter, declared is not None))
        elif letter == "C" and known.type == "B":
            draft.make_writable().widen(name)
        if letter in LEARNT:
            learnt.append((name, letter, column))
    if new:
        _grow(draft, new)
    fields = draft.state.schema.fields
    matched = Matched()
    for name, letter, column in learnt:
        if letter in DENSE:
            matched.dense.append((fields[name].position, column))
        else:
            codes, values = column.texts()
            labels = [labels_of(letter, value) for value in values]
            matched.sparse.append(Coded(name, codes, labels, single=letter == "T"))
    if batch.matrix is not None and batch.names == draft.state.schema.dense:
        return Matched(whole=True)
    return matched


def _grow(draft: Draft, new: list[tuple[str, str, bool]]) -> None:
    if draft.forgetting:
        _refuse_unknown(draft, new)
        return
    state = draft.make_writable()
    for name, letter, declared in new:  # first all of them, so that the columns keep the order in which they came
        state.schema.add_plain(name, letter, declared)
    dense = [column for column in new if column[1] in DENSE]
    if dense:
        state.add_dense(dense)
    for column in new:
        if column[1] in LEARNT - DENSE:
            state.add_group(*column)


def _refuse_unknown(draft: Draft, new: list[tuple[str, str, bool]]) -> None:
    for name, letter, _ in new:
        if letter in LEARNT:
            schema = draft.state.schema
            hint = near(name, [*schema.dense, *schema.sparse])
            raise UnknownAttribute(f"cannot forget the column {name!r}, which was never learnt; {hint}")
