"""Inputs of a model: attributes of a project, and where each is found in any table."""

from __future__ import annotations

import msgspec


class Input(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An attribute that a model was built on.

    Attributes
    ----------
    name : str
        Of the attribute; a member of a category is ``category$value``.
    index : int
        Its index in the project when the model was built.
    type : str
        C or B; a member is B.
    column : str
        The column of a table that holds it.
    letter : str
        The column's type: C, B, T or L.
    member : str or None
        The value of a T or L column that is 1.
    """

    name: str
    index: int
    type: str
    column: str
    letter: str
    member: str | None = None
