"""The base class of data sources: iterables of tables that report how far they have been read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any


class Source(ABC):
    """A table that need not fit into memory. Iterating over it yields tables of some rows each, in order.

    A second iteration reads from the start again.

    Attributes
    ----------
    name : str
        The name in messages, such as the path of a file.
    total_bytes : int
        The size of the data, in bytes.
    attribute_names : tuple of str
        The names of the columns.
    row_labels : str or None
        The text column that labels the rows, if there is one.
    notes : tuple of str
        What was decided on columns that the data does not name.

    Examples
    --------
    >>> import symjobs as sj
    >>> source = sj.datasets.open("iris")
    >>> source.attribute_names[:2]
    ('sepal_length', 'sepal_width')
    >>> progress = []
    >>> tables = source.tables(lambda current, maximum: progress.append(current / maximum))
    >>> sj.Project("iris").learn(tables).n_rows, progress[0], progress[-1]
    (150, 0.0, 1.0)
    """

    name: str
    total_bytes: int
    attribute_names: tuple[str, ...]
    row_labels: str | None = None
    notes: tuple[str, ...] = ()

    def discard(self) -> None:  # noqa: B027 - most sources own nothing
        """Remove what the source owns: the file of an upload. Any other source owns nothing."""

    @abstractmethod
    def batches(self) -> Iterator[tuple[Any, int]]:
        """Yield pairs of a table, which has at least one row, and the bytes read so far."""

    def tables(self, checkpoint: Callable[[int, int], object] | None = None) -> Iterator[Any]:
        """Yield the tables, and report progress to `checkpoint`.

        Parameters
        ----------
        checkpoint : callable, optional
            Called as ``checkpoint(current, maximum)``, both in bytes: at the start, and when the next table is asked
            for. What it raises ends the reading.

        Yields
        ------
        An Arrow table or record batch.
        """
        tell = checkpoint or (lambda current, maximum: None)
        tell(0, self.total_bytes)
        for table, position in self.batches():
            yield table
            tell(position, self.total_bytes)
        tell(self.total_bytes, self.total_bytes)

    def __iter__(self) -> Iterator[Any]:
        return self.tables()
