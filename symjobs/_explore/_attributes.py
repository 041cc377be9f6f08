"""What a name in a request stands for: an attribute, or a category with its members."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from symjobs._errors import InputError

SEPARATOR = "$"  # between a category's name and its value


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of the moments, under the name that the request used.

    An `implied` one was not named itself, but its category was: it is left out where it has no rows.
    """

    label: str
    index: int
    binary: bool
    implied: bool = False

    @property
    def described(self) -> str:
        """The name and kind, for messages."""
        return f"{self.label!r} ({'binary' if self.binary else 'continuous'})"


@dataclass(frozen=True, slots=True)
class Category:
    """A category column: its members are 0/1 attributes, of which one is 1 in each row where it is present."""

    label: str
    members: tuple[Attribute, ...]

    def value(self, member: Attribute) -> str:
        """Return the value that a member stands for."""
        return member.label.removeprefix(self.label + SEPARATOR)


@dataclass(frozen=True)
class Request:
    """One map of an ExploreJob: a metric, its inputs and targets as the request named them, and its parameters."""

    snapshot: Any
    metric: str
    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    parameters: Mapping[str, str]

    def attribute(self, name: str) -> Attribute:
        """Return the attribute of this name or index.

        Raises
        ------
        UnknownAttribute
            If there is none.
        InputError
            If the name is that of a category.
        """
        found = self.resolve(name)
        if isinstance(found, Category):
            example = f", such as {found.members[0].label!r}" if found.members else ""
            raise InputError(f"{self.metric} takes attributes, and {name!r} is a category; name its members{example}")
        return found

    def attributes(self, names: Iterable[str]) -> list[Attribute]:
        """Return the attributes of these names or indexes."""
        return [self.attribute(name) for name in names]

    def discrete(self, name: str) -> Attribute | Category:
        """Return the binary attribute, or the category, of this name."""
        found = self.resolve(name)
        if isinstance(found, Attribute) and not found.binary:
            raise InputError(f"{self.metric} takes binary attributes and categories here; {name!r} is continuous")
        return found

    def binaries(self, names: Iterable[str]) -> list[Attribute]:
        """Return the binary attributes of these names; a category stands for its members."""
        return [attribute for name in names for attribute in members(self.discrete(name))]

    def resolve(self, name: str) -> Attribute | Category:
        """Return what a name or index stands for."""
        snapshot = self.snapshot
        columns = dict(zip(snapshot.column_names, snapshot.column_types, strict=True))
        if columns.get(name) == "T" and name not in snapshot.names:
            indices = snapshot.members(name)
            return Category(name, tuple(Attribute(snapshot.names[i], i, True, implied=True) for i in indices))
        index = snapshot.index(name)
        return Attribute(name, index, index in snapshot.binary)


def members(item: Attribute | Category) -> tuple[Attribute, ...]:
    """Return the attribute itself, or the category's members."""
    return item.members if isinstance(item, Category) else (item,)
