"""What sources whose columns have types of their own share."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Generator, Iterator, Mapping
from typing import Any

from symjobs.sources._ahead import read_ahead
from symjobs.sources._arrow_columns import ArrowColumns
from symjobs.sources._source import Source


class ColumnSource(Source):
    """A source of record batches, which are read ahead."""

    _columns: ArrowColumns

    def _take(self, columns: ArrowColumns) -> None:
        """Read these columns."""
        self._columns = columns
        self.attribute_names, self.attribute_types = columns.names, columns.letters
        self.hints, self.texts, self.undecided = columns.hints, columns.texts, columns.undecided
        self.times, self.left_out = columns.times, columns.left_out
        self.declared = columns.declared

    def after(self, known: Mapping[str, str]) -> Source:
        columns = self._columns.after(known)
        if columns is self._columns:
            return self
        source = copy.copy(self)
        source._take(columns)
        return source

    def batches(self) -> Iterator[tuple[Any, int]]:
        return read_ahead(self._batches())

    @abstractmethod
    def _batches(self) -> Generator[tuple[Any, int], None, None]:
        """Yield (record batch, bytes read so far)."""
