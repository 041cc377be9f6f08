"""How a text value of a category or list names its members."""

from __future__ import annotations


def labels_of(letter: str, text: str) -> tuple[str, ...]:
    """Return the members of one value: a T value has one, trimmed and lower-cased; ``|a|b`` of an L has two.

    A text of any other type stands for itself.
    """
    if letter == "T":
        return (text.strip().lower(),)
    if letter == "L":
        return tuple(dict.fromkeys(item.strip() for item in text.split("|") if item.strip()))
    return (text,)
