"""The members of a value of a category or list."""

from __future__ import annotations


def labels_of(letter: str, text: str) -> tuple[str, ...]:
    """Return the members of one value: a T value has one, trimmed and lower-cased; ``|a|b`` of an L has two.

    A text of another type is its own member.
    """
    if letter == "T":
        return (text.strip().lower(),)
    if letter == "L":
        return tuple(dict.fromkeys(item.strip() for item in text.split("|") if item.strip()))
    return (text,)
