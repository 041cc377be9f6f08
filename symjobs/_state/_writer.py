"""One write: learning or forgetting a table, from its batches to the draft of the next state."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

import numpy as np

from symjobs._errors import InputError, NothingLearnt
from symjobs._state._draft import Draft
from symjobs._state._encode import Encoder, are_learnt_in_place, slice_rows
from symjobs._state._filter import RowFilter
from symjobs._state._match import Matched, match
from symjobs._state._rows import Rows
from symjobs._state._state import Checkpoint, State
from symjobs._tables import BadCell, Batch
from symjobs._tables._bad_values import MISSING, find_bad_value, original_row
from symjobs._tables._types import check_types
from symjobs._text import near, types_option
from symkernels import Columns, DataError, ForgetError

_SMALL_WORK = 2_000_000  # multiplications: about a millisecond


class Writer:
    """Applies batches to a draft.

    Parameters
    ----------
    draft : Draft
    types : dict of str to str
        Letters by column that go before those of the data.
    named : collection of str
        Columns that the data or the project must have.
    filters : sequence of RowFilter
        A row must pass all of them.
    checkpoint : callable, optional
        Called with the number of rows done after each slice; what it raises stops the write.
    part : bool
        Whether the data is a part of a table, which may have no row and no value.
    in_place : callable, optional
        Called with the state, the rows of a small write that brings no new attribute, and whether to forget them;
        returns whether it has changed the state in place.
    """

    def __init__(
        self,
        draft: Draft,
        *,
        types: Mapping[str, str],
        named: Collection[str],
        filters: Sequence[RowFilter],
        checkpoint: Callable[[int], object] | None = None,
        part: bool = False,
        in_place: Callable[[State, Rows, bool], bool] | None = None,
    ) -> None:
        self._draft = draft
        self._types = types
        self._named = named
        self._filters = filters
        self._checkpoint = checkpoint
        self._part = part
        self._in_place = in_place
        self._encoder = Encoder()
        self._rows_done = 0
        self._rows_taken = 0
        self._anything_learnt = False
        self._texts: list[str] = []  # columns that are not learnt
        self._any_value = False
        self._empty = False

    def write(self, batches: Iterable[Batch]) -> None:
        """Apply all batches; InputError, with the place, if one cannot be."""
        for batch in batches:
            try:
                self._write_batch(batch)
            except BadCell as bad:
                raise batch.error(bad) from None
        if not self._part:
            self._check_whole()

    def _write_batch(self, batch: Batch) -> None:
        if not batch.n_rows:
            self._empty = batch.alone  # of a stream: nothing to do, and no error
            return
        if not batch.names:
            raise InputError("the data has no columns; there is nothing to do")
        types = self._types
        if batch.types:
            types = {**check_types(batch.types, "attributeTypes"), **types}
        matched = match(self._draft, batch, types)
        self._anything_learnt |= matched.any
        if not (self._anything_learnt or self._texts):
            self._texts = [column.name for column in batch.columns if column.letter() == "S"]
        state = self._draft.state
        in_place = not self._filters and are_learnt_in_place(self._draft, matched, batch.n_rows)
        step = slice_rows(len(state.schema.dense), on_gpu=state.backend.kind == "gpu", in_place=in_place)
        for start in range(0, batch.n_rows, step):
            stop = min(start + step, batch.n_rows)
            self._write_slice(batch, matched, types, start, stop)
            self._rows_done += stop - start
            if self._checkpoint is not None:
                self._checkpoint(self._rows_done)

    def _write_slice(self, batch: Batch, matched: Matched, types: Mapping[str, str], start: int, stop: int) -> None:
        draft = self._draft
        keep = None
        if self._filters:
            masks = [f.mask(batch, start, stop, draft.state.schema, types) for f in self._filters]
            keep = np.logical_and.reduce(masks)
            if not keep.any():
                return
            if keep.all():
                keep = None
        if not matched.any:
            return
        rows = self._encoder.encode(draft, matched, batch, start, stop, keep)
        self._rows_taken += rows.n
        self._any_value = self._any_value or _has_value(rows)
        try:
            self._apply(batch, rows, alone=batch.alone and start == 0 and stop == batch.n_rows)
        except DataError as error:
            raise self._bad_value(rows, start, keep, error) from error
        except ForgetError as error:
            raise InputError(f"cannot forget more than was learnt: {error}") from error

    def _apply(self, batch: Batch, rows: Rows, *, alone: bool) -> None:
        draft = self._draft
        if (
            alone
            and self._in_place is not None
            and self._checkpoint is None
            and not draft.owned
            and draft.state.work(rows.n) <= _SMALL_WORK
            and self._any_value
        ):
            self._check_named()  # a change in place cannot be undone, so every check comes before it
            if self._in_place(draft.state, rows, draft.forgetting):
                return
        state = draft.make_writable()
        if draft.forgetting:
            state.forget(rows, self._kernel_checkpoint())
        elif state.window is not None:
            state.slide(rows, self._kernel_checkpoint())
        else:
            state.learn(rows, self._kernel_checkpoint())

    def _kernel_checkpoint(self) -> Checkpoint | None:
        # The kernel calls it inside a slice, too. Rows that a filter drops count when the slice is done.
        checkpoint, before = self._checkpoint, self._rows_done
        if checkpoint is None:
            return None

        def inside(done: int, _: int) -> None:
            checkpoint(before + done)

        return inside

    def _bad_value(self, rows: Rows, start: int, keep: np.ndarray | None, error: DataError) -> Exception:
        # The kernel has found a bad value: search for its place.
        state = self._draft.state
        refuse_missing = state.moments.missing == "error"
        dense = rows.dense.rows() if isinstance(rows.dense, Columns) else state.backend.get(rows.dense)
        bad = find_bad_value(dense, state.schema.dense, start, keep, refuse_missing=refuse_missing)
        if bad is not None:
            return bad
        if refuse_missing:
            for name, absent in self._absent(rows):
                if absent.any():
                    return BadCell(name, original_row(int(np.argmax(absent)), start, keep), None, MISSING)
        return InputError(state.schema.in_words(error))

    def _absent(self, rows: Rows) -> Iterator[tuple[str, np.ndarray]]:
        # For each T and L column the rows in which it is missing: all of them if the batch lacks the column.
        schema, sparse = self._draft.state.schema, rows.sparse
        for name in schema.sparse:
            at = np.flatnonzero([] if sparse is None else sparse.groups == schema.fields[name].group)
            if not len(at):
                yield name, np.ones(rows.n, dtype=bool)
            elif sparse is not None and sparse.missing is not None:
                yield name, sparse.missing[:, at[0]]

    def _check_whole(self) -> None:
        if self._empty:
            return
        if not self._rows_done:
            raise InputError("the data has no rows; there is nothing to do")
        if not self._anything_learnt:
            raise NothingLearnt(
                "no column of the data is learnt: text is carried as S, and columns without any value have no type"
                + "".join(
                    f"; types={{{name!r}: 'T'}} ({types_option(name, 'T')}) makes a category of {name!r}"
                    for name in self._texts[:1]
                )
            )
        if self._rows_taken and not self._any_value:
            raise InputError("every value of the data is missing; empty text, null, NaN and NA count as missing")
        self._check_named()

    def _check_named(self) -> None:
        fields = list(self._draft.state.schema.fields)
        for name in self._named:
            if name not in fields:
                raise InputError(f"a type is declared for the unknown column {name!r}; {near(name, fields)}")


def _has_value(rows: Rows) -> bool:
    dense, sparse = rows.dense, rows.sparse
    if isinstance(dense, Columns):
        return any(bool((column[:1] == column[:1]).any()) for column in dense.columns) or any(
            bool((column == column).any()) for column in dense.columns
        )
    if dense.shape[1] and (bool((dense[0] == dense[0]).any()) or bool((dense == dense).any())):
        return True
    return sparse is not None and (sparse.missing is None or not bool(sparse.missing.all()))
