"""Classes by name, each imported on first use."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import TypeVar

T = TypeVar("T")


class LazyTypes(Mapping[str, type[T]]):
    """Classes by name; a class is imported when it is asked for.

    Parameters
    ----------
    places : mapping of str to str
        Where each class is: ``module:class``, or the module alone if the class has the name of its entry.
    """

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = dict(places)

    def __getitem__(self, name: str) -> type[T]:
        module, _, attribute = self._places[name].partition(":")
        found: type[T] = getattr(importlib.import_module(module), attribute or name)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)
