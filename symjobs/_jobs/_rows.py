"""The complete rows of a table's numeric columns, as one array: what a job needs that must see the rows themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import array_namespace, is_cupy_array

from symjobs._errors import InputError, UnknownAttribute
from symjobs._jobs._context import Names
from symjobs._state._types import DENSE, LETTERS, check_types
from symjobs._tables import BadCell, Batch, TextColumn, check_names, read_table
from symjobs._text import near, shown, some, text_index

Checkpoint = Callable[[], object]

_STRIPE_VALUES = 1 << 17  # values between two checkpoints: a few milliseconds, or some 20 where they are Python objects
_GROWTH = 1.25
_LARGEST = 1e140  # as a project: squares of larger values, and sums of them, overflow
_INFINITE = "is infinite; leave out the row, or make the value missing (NaN)"
_OVERFLOW = "is so large that its square overflows float64; rescale the column"


@dataclass(frozen=True, eq=False)
class CompleteRows:
    """Rows without a missing value.

    Attributes
    ----------
    X : (n, d) float32 or float64
        C-ordered, on the device that the table was on.
    owned : bool
        Whether nobody else sees `X`, so that it may be changed.
    n_input : int
        Rows that there were.
    kept : (n_input,) bool or None
        Which of them `X` holds; None for all.
    missing : dict of str to int
        Missing values of each column that has any.
    """

    X: Any
    owned: bool
    n_input: int
    kept: np.ndarray | None
    missing: dict[str, int]

    @property
    def n_missing(self) -> int:
        """Rows that were left out."""
        return self.n_input - int(self.X.shape[0])


def numeric_columns(
    batches: Sequence[Batch], inputs: Names | None = None, types: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """Return the columns that `inputs` name: by name or by position, each once; by default every C and B column.

    Parameters
    ----------
    batches : sequence of Batch
        The table, or its beginning.
    inputs : tuple of str or int, optional
    types : mapping of str to str, optional
        Declared type letters by column.

    Raises
    ------
    InputError
        If there is none, one is not numeric, or one is named twice.
    UnknownAttribute
        If the table has no such column.
    """
    letters = _letters(batches, types or {})
    if inputs is None:
        names = [name for name, letter in letters.items() if letter in DENSE]
        if not names:
            raise InputError(f"the data has no numeric column; it has {some(list(letters))}")
        return tuple(names)
    if not inputs:
        raise InputError("no input is named; name at least one column")
    found: dict[str, str | int] = {}
    for asked in inputs:
        name = _find(asked, list(letters))
        if letters[name] not in DENSE:
            raise InputError(_not_numeric(name, letters[name]))
        if name in found:
            both = f"{asked!r} and {found[name]!r} are the same column" if asked != found[name] else f"{name!r} twice"
            raise InputError(f"inputs: {both}; name it once")
        found[name] = asked
    return tuple(found)


class Table:
    """The numeric columns of a table in memory; nothing is copied before `collect`.

    Parameters
    ----------
    data : table
        As `symjobs.Project.learn` takes it. The tables of an iterator are held.
    inputs : tuple of str or int, optional
        As `numeric_columns` takes them.

    Attributes
    ----------
    names : tuple of str
        The d columns.
    n_rows : int
        Rows, incomplete ones included.
    dtype : numpy.dtype
        float32 if every column fits into it, else float64.
    """

    def __init__(self, data: Any, inputs: Names | None = None) -> None:
        self._batches = list(read_table(data))
        self.names = numeric_columns(self._batches, inputs)
        self.n_rows = sum(batch.n_rows for batch in self._batches)
        if not self.n_rows:
            raise InputError("the data has no rows; there is nothing to do")
        self.dtype = np.dtype(np.float32 if all(self._single(batch) for batch in self._batches) else np.float64)

    @property
    def copied(self) -> bool:
        """Whether `collect` needs memory of its own; one array of just these columns is used as it is."""
        return self._whole() is None

    def collect(self, checkpoint: Checkpoint) -> CompleteRows:
        """Return the complete rows; InputError, with the place, for a value that is no finite number."""
        whole = self._whole()
        if whole is not None and _all_finite(whole, checkpoint):
            return CompleteRows(whole, False, self.n_rows, None, {})
        if whole is not None and not isinstance(whole, np.ndarray):
            return self._on_device(whole, checkpoint)
        collector = Collector(self.names, self.dtype, self.n_rows)
        for batch in self._batches:
            collector.add(batch, checkpoint=checkpoint)
        return collector.finish()

    def _single(self, batch: Batch) -> bool:
        if batch.matrix is not None:
            return batch.matrix.dtype.kind == "f" and batch.matrix.dtype.itemsize <= 4
        columns = [batch.column(name) for name in self.names]
        return all(column is None or column.dtype is np.float32 for column in columns)

    def _whole(self) -> Any:
        """Return the one array that the table is, if nothing but these columns is in it; a GPU's in any case."""
        if len(self._batches) != 1 or self._batches[0].matrix is None:
            return None
        (batch,) = self._batches
        if isinstance(batch.matrix, np.ndarray):
            right = batch.names == self.names and batch.matrix.dtype == self.dtype
            return batch.matrix if right and batch.matrix.flags.c_contiguous and batch.matrix.dtype.isnative else None
        columns = [batch.names.index(name) for name in self.names]
        chosen = batch.matrix if columns == list(range(len(batch.names))) else batch.matrix[:, columns]
        return chosen.astype(self.dtype, copy=False)

    def _on_device(self, X: Any, checkpoint: Checkpoint) -> CompleteRows:
        xp = array_namespace(X)
        for j, name in enumerate(self.names):
            checkpoint()
            bad = xp.abs(X[:, j]) > (_LARGEST if X.dtype == np.float64 else np.finfo(np.float32).max)
            if bool(xp.any(bad)):
                row = int(xp.argmax(bad))
                problem = _INFINITE if bool(xp.isinf(X[row, j])) else _OVERFLOW
                raise InputError(f"column {name!r}, row {row}: {float(X[row, j])!r} {problem}")
        absent = xp.isnan(X)
        counts = {name: int(count) for name, count in zip(self.names, absent.sum(axis=0).tolist(), strict=True)}
        kept = ~absent.any(axis=1)
        missing = {name: count for name, count in counts.items() if count}
        return CompleteRows(X[kept], True, self.n_rows, kept.get(), missing)


class Collector:
    """Writes the complete rows of batches into one array; that write is the one copy.

    Parameters
    ----------
    names : sequence of str
        The columns; a batch that lacks one has no complete row.
    dtype : numpy.dtype
        float32 or float64.
    room : int
        Rows to expect. More is no error, and less takes no memory: what is not written to is never there.
    missing : str
        ``error`` to refuse a missing value; any other drops its row.

    Attributes
    ----------
    dtype : numpy.dtype
    n_rows : int
        Complete rows so far.
    """

    def __init__(self, names: Sequence[str], dtype: np.dtype[Any], room: int, missing: str = "drop") -> None:
        self._names = tuple(names)
        self.dtype = dtype
        self._flat = np.empty(max(1, room) * len(self._names), dtype)
        self._refuse_missing = missing == "error"
        self._scratch = np.empty(0, dtype)
        self.n_rows = 0
        self._n_input = 0
        self._kept: list[np.ndarray] = []
        self._missing: Counter[str] = Counter()

    def add(
        self,
        batch: Batch,
        *,
        passes: Callable[[int, int], np.ndarray] | None = None,
        checkpoint: Checkpoint = lambda: None,
    ) -> None:
        """Add the complete rows of a batch, of them those that pass.

        Parameters
        ----------
        batch : Batch
        passes : callable, optional
            ``passes(start, stop)`` says which of these rows count (bool); by default all do.
        checkpoint : callable, optional
            Called every few milliseconds; what it raises ends the call.
        """
        step = max(256, _STRIPE_VALUES // len(self._names))
        for start in range(0, batch.n_rows, step):
            checkpoint()
            stop = min(start + step, batch.n_rows)
            self._add(batch, start, stop, None if passes is None else passes(start, stop))

    def finish(self) -> CompleteRows:
        """Return what was collected; the collector is empty afterwards."""
        d = len(self._names)
        flat, self._flat = self._flat, np.empty(0)
        flat.resize(self.n_rows * d, refcheck=False)  # gives back what was not needed, and copies nothing
        kept = np.concatenate(self._kept) if self.n_rows < self._n_input else None
        return CompleteRows(flat.reshape(self.n_rows, d), True, self._n_input, kept, dict(self._missing))

    def _add(self, batch: Batch, start: int, stop: int, taken: np.ndarray | None) -> None:
        block = self._block(batch, start, stop)
        if taken is not None and not taken.all():
            block = block[taken]
        complete = np.isfinite(block).all(axis=1)
        self._n_input += len(block)
        self._kept.append(complete)
        if not complete.all():
            self._report_bad_values(batch, start, taken, block)
            block = block[complete]
        elif block.dtype == np.float64 and np.abs(block).max(initial=0.0) > _LARGEST:
            self._report_bad_values(batch, start, taken, block)
        d = len(self._names)
        need = (self.n_rows + len(block)) * d
        if need > self._flat.size:
            self._flat.resize(max(need, int(self._flat.size * _GROWTH)), refcheck=False)
        self._flat[self.n_rows * d : need] = block.reshape(-1)
        self.n_rows += len(block)

    def _block(self, batch: Batch, start: int, stop: int) -> np.ndarray:
        d = len(self._names)
        if self._scratch.size < (stop - start) * d:
            self._scratch = np.empty((stop - start) * d, self.dtype)
        block = self._scratch[: (stop - start) * d].reshape(stop - start, d)
        for j, name in enumerate(self._names):
            column = batch.column(name)
            try:
                block[:, j] = np.nan if column is None else column.numbers(start, stop)
            except BadCell as bad:
                place = f"column {bad.column!r}, {batch.where(bad.row)}"
                raise InputError(f"{place}: {shown(bad.value)} {bad.problem}") from None
        return block

    def _report_bad_values(self, batch: Batch, start: int, taken: np.ndarray | None, block: np.ndarray) -> None:
        # Some value is missing, infinite or too large: count the missing ones, and name the first of any other kind.
        large = np.abs(block) > np.float64(_LARGEST)  # in float64: float32 has no such number
        problems = [(np.isinf(block), _INFINITE), (large, _OVERFLOW)]
        if self._refuse_missing:
            problems.append((np.isnan(block), "is missing, and missing values are to be refused"))
        for bad, problem in problems:
            if bad.any():
                row, column = (int(i) for i in np.argwhere(bad)[0])
                original = start + (row if taken is None else int(np.flatnonzero(taken)[row]))
                place = f"column {self._names[column]!r}, {batch.where(original)}"
                raise InputError(f"{place}: {shown(float(block[row, column]))} {problem}")
        for name, count in zip(self._names, np.isnan(block).sum(axis=0).tolist(), strict=True):
            if count:
                self._missing[name] += count


def _letters(batches: Iterable[Batch], types: Mapping[str, str]) -> dict[str, str]:
    """Return the letter of each column: as declared, else the first that a batch finds; S where no value has come."""
    letters: dict[str, str | None] = {}
    for batch in batches:
        if batch.matrix is not None:
            check_names(batch.names)
            letters.update({name: types.get(name, letters.get(name) or "C") for name in batch.names})
            continue
        declared = {**check_types(batch.types, "attributeTypes"), **types}
        for column in batch.columns:
            known = declared.get(column.name) or letters.get(column.name)
            if known is None and isinstance(column, TextColumn):
                known = "S"  # or T: no number in any case, and telling the two apart means to read the whole column
            letters[column.name] = known or column.letter()
    return {name: letter or "S" for name, letter in letters.items()}


def _find(asked: str | int, names: Sequence[str]) -> str:
    if isinstance(asked, str) and asked in names:
        return asked
    position = text_index(asked.strip()) if isinstance(asked, str) else asked
    if position is not None and 0 <= position < len(names):
        return names[position]
    hint = near(asked, names) if isinstance(asked, str) else f"there are {len(names)}: {some(names)}"
    raise UnknownAttribute(f"the data has no column {shown(asked)}; {hint}")


def _not_numeric(name: str, letter: str) -> str:
    what = "holds text" if letter == "S" else f"is of type {letter} ({LETTERS[letter]})"
    return f"column {name!r} {what}, and distances need numbers; leave it out, or make it numbers"


def values_at_a_time(X: Any, on_cpu: int) -> int:
    """Return how many values of X to process between two checkpoints; on a GPU small stripes are all launch time."""
    return 1 << 25 if is_cupy_array(X) else on_cpu


def _all_finite(X: Any, checkpoint: Checkpoint) -> bool:
    xp = array_namespace(X)
    step = max(1, values_at_a_time(X, 8 * _STRIPE_VALUES) // X.shape[1])
    largest = _LARGEST if X.dtype == np.float64 else np.inf
    for start in range(0, X.shape[0], step):
        checkpoint()
        if not bool(xp.all(xp.abs(X[start : start + step]) < largest)):  # false for NaN, too
            return False
    return True
