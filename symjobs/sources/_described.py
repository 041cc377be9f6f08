"""A data source that is described, and opened when it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from symjobs._entities import DSInfo
from symjobs._errors import InputError
from symjobs.sources._access import Access
from symjobs.sources._budget import DEFAULT_BUDGET
from symjobs.sources._open import check_dsinfo, open, without_secrets
from symjobs.sources._source import Source


@dataclass(frozen=True)
class Described:
    """A data source that nobody has opened yet, so that no client waits for a network.

    Attributes
    ----------
    dsinfo : DSInfo
    types : mapping of str to str
        Type letters of some columns.
    errors : str or None
        What becomes of a value that does not fit its column; None for what the description says.
    access : Access or None
        What may be opened for a client; None for everything.
    memory_budget : int or str
    """

    dsinfo: DSInfo
    types: Mapping[str, str] = field(default_factory=dict)
    errors: str | None = None
    access: Access | None = None
    memory_budget: int | str = DEFAULT_BUDGET

    @classmethod
    def of(cls, data: DSInfo | Mapping[str, Any], **options: Any) -> Described:
        """Check a description, and keep it."""
        return cls(check_dsinfo(data), **options)

    def with_request(self, types: Mapping[str, str], errors: str | None) -> Described:
        """Return it with the types of columns, and what is said of bad values, in a request."""
        return replace(self, types={**self.types, **types}, errors=self.errors if errors is None else errors)

    def open(self, checkpoint: Callable[[], object] | None = None) -> Source:
        """Open it."""
        return open(
            self.dsinfo,
            types=self.types,
            errors=self.errors,
            memory_budget=self.memory_budget,
            access=self.access,
            checkpoint=checkpoint,
        )

    @contextmanager
    def hiding_secrets(self) -> Iterator[None]:
        """Take the secrets out of errors about the source."""
        try:
            yield
        except InputError as error:
            text = without_secrets(str(error), self.dsinfo.info)
            if text == str(error):
                raise
            raise type(error)(text) from None
