"""The base class of data sources: iterables of tables that report how far they have been read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from symjobs._text import some, types_option


@dataclass(frozen=True, slots=True)
class BadValues:
    """Values of a column that did not fit it, and count as missing.

    Attributes
    ----------
    count : int
        How many there were.
    line : int
        The line of the first one.
    text : str
        The first one.
    file : str
        Of several files the one with the first value.

    Examples
    --------
    >>> import symjobs as sj
    >>> print(sj.sources.BadValues(2, 7, "n/a"))
    2 (the first in line 7: 'n/a')
    """

    count: int
    line: int
    text: str
    file: str = ""

    def joined(self, later: BadValues) -> BadValues:
        """Return these and later ones together."""
        return BadValues(self.count + later.count, self.line, self.text, self.file)

    def __str__(self) -> str:
        place = f"{self.file}, line" if self.file else "line"
        return f"{self.count} (the first in {place} {self.line}: {self.text!r})"


class Source(ABC):
    """A table that need not fit into memory. Iterating over it yields tables of some rows each, in order.

    A second iteration reads from the start again.

    Attributes
    ----------
    name : str
        The name in messages, such as the path of a file.
    total_bytes : int
        The size of the data, in bytes, packed if it is packed; 0 if only the end of the data tells it.
    attribute_names : tuple of str
        The names of the columns.
    attribute_types : tuple of str
        Their type letters, as given or as the first rows show them.
    row_labels : str or None
        The text column that labels the rows, if there is one.
    notes : tuple of str
        What was decided on columns that the data does not name.
    hints : tuple of str
        Which options would make numbers of columns that are text.
    texts : tuple of str
        The columns that are carried as text and not learnt, as no type is declared for them.
    times : tuple of str
        Columns of dates and times that are read as numbers.
    left_out : tuple of str
        Columns that are not read.
    declared : dict of str to str
        Type letters that were asked for where the source was opened; C for columns of `times`.
    undecided : tuple of str
        Columns without a type so far, as their first values are missing.
    passed_over : tuple of str
        Which of several files hold no rows, in the last reading.
    bad_values : dict of str to BadValues
        By column, the values that did not fit and count as missing, in the last reading, also in that of a source that
        `after` gave. Empty unless such values are allowed.

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
    attribute_types: tuple[str, ...] = ()
    row_labels: str | None = None
    notes: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    times: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    declared: Mapping[str, str] = MappingProxyType({})
    undecided: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()
    bad_values: Mapping[str, BadValues] = MappingProxyType({})

    @property
    def not_learnt(self) -> str:
        """Which columns a project will not learn, and what would change that; empty if there are none."""
        return not_learnt(self.name, self.texts, self.hints)

    def after(self, known: Mapping[str, str]) -> Source:
        """Return the source as it is read where the types of some columns are known already.

        Parameters
        ----------
        known : mapping of str to str
            Type letters by column, such as those of the project that learns the source. What was asked for where the
            source was opened goes first. Columns that the source does not have do not matter.

        Returns
        -------
        Source
            This source, if nothing changes.
        """
        return self

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
        position = 0
        tell(0, self.total_bytes)
        for table, position in self.batches():
            yield table
            tell(position, max(self.total_bytes, position))
        end = max(self.total_bytes, position)
        tell(end, end)

    def __iter__(self) -> Iterator[Any]:
        return self.tables()


def not_learnt(name: str, texts: Sequence[str], hints: Sequence[str]) -> str:
    """Return which columns of some data a project will not learn, and what would change that; empty if none."""
    if not texts:
        return ""
    one = texts[0]
    remedy = (
        f"types={{{one!r}: 'T'}} ({types_option(one, 'T')}) makes a category of it, "
        f"types={{{one!r}: 'S'}} ({types_option(one, 'S')}) says that it is text"
    )
    return "; ".join((f"{name}: not learnt, as they hold text: {some(texts)}; {remedy}", *hints))
