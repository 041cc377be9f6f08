"""Attribute types: the letters of the wire contract, and the type of a column that batches declare differently."""

from __future__ import annotations

from collections.abc import Mapping

from symjobs._errors import InputError
from symjobs._text import shown

LETTERS = {"C": "continuous", "B": "binary (0/1)", "T": "category", "L": "list", "S": "string", "X": "ignored"}
LEARNT = frozenset("CBTL")  # the others are carried or ignored
DENSE = frozenset("CB")  # held in columns of numbers; T and L are sparse
SEPARATOR = "$"  # between a category and its member in an attribute's name


def check_types(types: Mapping[str, str], where: str) -> dict[str, str]:
    """Return ``types`` as a dict of upper-case letters; InputError for a letter that the contract does not have."""
    if not isinstance(types, Mapping):
        raise InputError(f"{where} must map column names to letters, got {shown(types)}")
    checked = {}
    for name, letter in types.items():
        if not isinstance(letter, str) or letter.upper() not in LETTERS:
            allowed = ", ".join(f"{key} {meaning}" for key, meaning in LETTERS.items())
            raise InputError(f"{where}: column {name!r} has the unknown type {letter!r}; allowed are {allowed}")
        checked[str(name)] = letter.upper()
    return checked


def meet(name: str, known: str, declared: str | None) -> str:
    """Return the type that a known column has in a batch that declares it as ``declared``.

    Binary and continuous become continuous. A column may be ignored in one batch. A carried or ignored column may be
    learnt from now on. Other combinations are refused, as one attribute would have two meanings.
    """
    if declared is None or declared == known:
        return known
    if declared == "X" or (known in "SX" and declared in LEARNT) or {known, declared} == {"S", "X"}:
        return declared
    if {known, declared} == {"C", "B"}:
        return "C"
    raise InputError(
        f"column {name!r} was learnt as {known} ({LETTERS[known]}) and now comes as {declared} ({LETTERS[declared]}); "
        f"declare it {known}, or give it another name"
    )
