"""Which columns of a table are numeric, and which of them a request names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from symjobs._errors import InputError, UnknownAttribute
from symjobs._tables._batch import Batch, check_names
from symjobs._tables._columns import TextColumn
from symjobs._tables._types import DENSE, LETTERS, check_types
from symjobs._text import near, shown, some, text_index


def numeric_columns(
    batches: Sequence[Batch], inputs: Sequence[str | int] | None = None, types: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """Return the columns that `inputs` name: by name or by position, each once; by default every C and B column.

    Parameters
    ----------
    batches : sequence of Batch
        The table, or its beginning.
    inputs : tuple of str or int, optional
    types : mapping of str to str, optional
        Declared type letters by column.

    Raises
    ------
    InputError
        If there is no column, or one is not numeric or named twice.
    UnknownAttribute
        If the table has no such column.
    """
    letters = _letters(batches, types or {})
    if inputs is None:
        names = [name for name, letter in letters.items() if letter in DENSE]
        if not names:
            raise InputError(f"the data has no numeric column; it has {some(list(letters))}")
        return tuple(names)
    if not inputs:
        raise InputError("no input is named; name at least one column")
    found: dict[str, str | int] = {}
    for asked in inputs:
        name = _find(asked, list(letters))
        if letters[name] not in DENSE:
            raise InputError(_not_numeric(name, letters[name]))
        if name in found:
            both = f"{asked!r} and {found[name]!r} are the same column" if asked != found[name] else f"{name!r} twice"
            raise InputError(f"inputs: {both}; name it once")
        found[name] = asked
    return tuple(found)


def _letters(batches: Iterable[Batch], types: Mapping[str, str]) -> dict[str, str]:
    """Return the letter of each column: as declared, else the first that a batch finds; S where no value has come."""
    letters: dict[str, str | None] = {}
    for batch in batches:
        if batch.matrix is not None:
            check_names(batch.names)
            letters.update({name: types.get(name, letters.get(name) or "C") for name in batch.names})
            continue
        declared = {**check_types(batch.types, "attributeTypes"), **types}
        for column in batch.columns:
            known = declared.get(column.name) or letters.get(column.name)
            if known is None and isinstance(column, TextColumn):
                known = "S"  # or T. Neither is numeric, and to tell them apart would mean to read the whole column
            letters[column.name] = known or column.letter()
    return {name: letter or "S" for name, letter in letters.items()}


def _find(asked: str | int, names: Sequence[str]) -> str:
    if isinstance(asked, str) and asked in names:
        return asked
    position = text_index(asked.strip()) if isinstance(asked, str) else asked
    if position is not None and 0 <= position < len(names):
        return names[position]
    hint = near(asked, names) if isinstance(asked, str) else f"there are {len(names)}: {some(names)}"
    raise UnknownAttribute(f"the data has no column {shown(asked)}; {hint}")


def _not_numeric(name: str, letter: str) -> str:
    what = "holds text" if letter == "S" else f"is of type {letter} ({LETTERS[letter]})"
    return f"column {name!r} {what}, and distances need numbers; leave it out, or make it numbers"
