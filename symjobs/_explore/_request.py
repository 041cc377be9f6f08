"""What one map of an exploration asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from symjobs._errors import InputError
from symjobs._explore._attributes import Attribute, Catalogue, Category, members


@dataclass(frozen=True)
class MetricRequest:
    """One map of an ExploreJob: a metric, its inputs and targets as the request named them, and its parameters."""

    catalogue: Catalogue
    metric: str
    inputs: tuple[str | int, ...]
    targets: tuple[str | int, ...]
    parameters: Mapping[str, str]

    def attribute(self, name: str | int) -> Attribute:
        """Return the attribute of this name or index.

        Raises
        ------
        UnknownAttribute
            If there is none.
        InputError
            If the name is that of a category.
        """
        found = self.catalogue.resolve(name)
        if isinstance(found, Category):
            example = f", such as {found.members[0].label!r}" if found.members else ""
            raise InputError(f"{self.metric} takes attributes, and {name!r} is a category; name its members{example}")
        return found

    def attributes(self, names: Iterable[str | int]) -> list[Attribute]:
        """Return the attributes of these names or indexes."""
        return [self.attribute(name) for name in names]

    def discrete(self, name: str | int) -> Attribute | Category:
        """Return the binary attribute, or the category, of this name."""
        found = self.catalogue.resolve(name)
        if isinstance(found, Attribute) and not found.binary:
            raise InputError(f"{self.metric} takes binary attributes and categories here; {name!r} is continuous")
        return found

    def binaries(self, names: Iterable[str | int]) -> list[Attribute]:
        """Return the binary attributes of these names; a category stands for its members."""
        return [attribute for name in names for attribute in members(self.discrete(name))]
