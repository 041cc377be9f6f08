"""What a name in a request stands for: an attribute, or a category with its members."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symjobs._state import Snapshot
from symjobs._tables._types import SEPARATOR


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


class Catalogue:
    """Looks names up in a snapshot.

    Parameters
    ----------
    snapshot : Snapshot
        Of a project.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._names: tuple[str, ...] = snapshot.names
        self._binary = frozenset(snapshot.binary)
        self._columns = dict(zip(snapshot.column_names, snapshot.column_types, strict=True))

    def resolve(self, name: str | int) -> Attribute | Category:
        """Return what a name, or an index as a number or as text, stands for; UnknownAttribute if nothing."""
        if isinstance(name, str) and self._columns.get(name) == "T":
            return Category(name, self._members(name))
        return self.attribute(name)

    def attribute(self, name: str | int) -> Attribute:
        """Return the attribute of this name or index; UnknownAttribute if it is none."""
        index = self.snapshot.index(name)
        return Attribute(str(name), index, index in self._binary)

    def name(self, attribute: Attribute) -> str:
        """Return the attribute's own name, however the request named it."""
        return self._names[attribute.index]

    def select(self, names: Sequence[str | int] | None = None) -> list[Attribute]:
        """Return the attributes that a matrix is made of, as `Snapshot.select` takes and refuses them."""
        return [Attribute(label, i, i in self._binary) for i, label in self.snapshot.select(names).items()]

    def _members(self, column: str) -> tuple[Attribute, ...]:
        return tuple(Attribute(self._names[i], i, True, implied=True) for i in self.snapshot.members(column))


def members(item: Attribute | Category) -> tuple[Attribute, ...]:
    """Return the attribute itself, or the category's members."""
    return item.members if isinstance(item, Category) else (item,)
