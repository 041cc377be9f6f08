"""What every data source is: an iterable of tables that knows how far it has been read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any


class Source(ABC):
    """A table too large for memory: iterating it gives tables of some rows each, in order.

    Iterating again reads again from the start.

    Attributes
    ----------
    name : str
        What to call it in messages: the path of a file.
    total_bytes : int
        The size of what is read, in bytes.
    attribute_names : tuple of str
        The names of the columns that the tables have.
    reader : str
        The library that reads: ``"pyarrow"`` or ``"python"``.
    """

    name: str
    total_bytes: int
    attribute_names: tuple[str, ...]
    reader: str

    @abstractmethod
    def batches(self) -> Iterator[tuple[Any, int]]:
        """Yield (table, bytes read so far), tables that hold rows only."""

    def tables(self, checkpoint: Callable[[int, int], object] | None = None) -> Iterator[Any]:
        """Yield the tables, and tell `checkpoint` how many bytes have been consumed.

        Parameters
        ----------
        checkpoint : callable, optional
            Called as ``checkpoint(current, maximum)`` in bytes: at the start, and when the taker of a table comes back
            for the next one. Whatever it raises ends the reading.

        Yields
        ------
        An Arrow table or a `DataFrame` entity.
        """
        tell = checkpoint or (lambda current, maximum: None)
        tell(0, self.total_bytes)
        for table, position in self.batches():
            yield table
            tell(position, self.total_bytes)
        tell(self.total_bytes, self.total_bytes)

    def __iter__(self) -> Iterator[Any]:
        return self.tables()
