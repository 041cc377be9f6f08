"""Encode the matched columns of a batch, slice by slice. No other module converts values."""

from __future__ import annotations

from typing import Any

import numpy as np

from symjobs._errors import UnknownAttribute
from symjobs._state._draft import Draft
from symjobs._state._match import Coded, Matched
from symjobs._state._rows import Rows
from symjobs._tables import BadCell, Batch, Column, is_binary
from symjobs._tables._bad_values import original_row
from symjobs._text import some
from symkernels import Columns, SparseRows, gather_columns

_SLICE_VALUES = 1 << 22
_PART_VALUES = 1 << 20
_MANY_VALUES = 1 << 16  # fewer are learnt faster as a block
_SLICE_LIMIT = 1 << 25
_COLUMN_SLICES = 4  # slices of rows in one of columns


def slice_rows(p: int, *, on_gpu: bool = False, in_place: bool = False) -> int:
    """Return how many rows of p columns are encoded and learnt at a time.

    A slice holds about 32 MiB: a smaller one is cached when it is learnt, but each has a fixed cost. It is larger when
    p is large, since that cost is p squared, and where the columns of a table are read in place, but at most 256 MiB.
    On a GPU it always has 256 MiB: each slice costs some hundred kernel launches, whatever its size.
    """
    p = max(p, 1)
    if on_gpu:
        return max(256, _SLICE_LIMIT // p)
    values = _COLUMN_SLICES * _SLICE_VALUES if in_place else _SLICE_VALUES
    return max(256, min(max(values // p, 8 * p), _SLICE_LIMIT // p))


def are_learnt_in_place(draft: Draft, matched: Matched, n: int) -> bool:
    """Whether n rows are learnt from the columns of their table, without a copy of them."""
    count = len(matched.dense)
    return n * count >= _MANY_VALUES and not draft.forgetting and draft.state.learns_columns(count)


class Encoder:
    """Encodes slices. All slices use the same scratch block."""

    def __init__(self) -> None:
        self._scratch = np.empty(0)

    def encode(
        self, draft: Draft, matched: Matched, batch: Batch, start: int, stop: int, keep: np.ndarray | None
    ) -> Rows:
        """Return the rows start..stop of a batch for which ``keep`` is true.

        New members are added to the draft. A B column with a value other than 0 and 1 becomes C.

        Raises
        ------
        BadCell
            For a value that its column cannot hold.
        UnknownAttribute
            When a member that was never learnt is to be forgotten.
        """
        if matched.whole:
            dense = _matrix_part(batch.matrix, start, stop, keep)
        elif keep is None and are_learnt_in_place(draft, matched, stop - start):
            dense = _columns(matched.dense, start, stop)
        else:
            dense = self._block(len(draft.state.schema.dense), matched.dense, start, stop, keep)
        _check_flags(draft, dense, start, keep)
        sparse = _incidences(draft, matched.sparse, start, stop, keep, dense.shape[0])
        return Rows(dense, sparse)

    def _block(
        self, p: int, columns: list[tuple[int, Column]], start: int, stop: int, keep: np.ndarray | None
    ) -> np.ndarray:
        n = stop - start if keep is None else int(keep.sum())
        single = bool(columns) and all(column.dtype is np.float32 for _, column in columns)
        dtype = np.dtype(np.float32 if single else np.float64)
        if self._scratch.dtype != dtype or self._scratch.size < n * p:
            self._scratch = np.empty(n * p, dtype=dtype)
        block = self._scratch[: n * p].reshape(n, p)
        if len(columns) < p:
            block.fill(np.nan)
        row, positions = 0, [position for position, _ in columns]
        step = max(256, _PART_VALUES // max(len(columns), 1))  # numbers that are no view of the table are a copy
        for low in range(start, stop, step):
            high = min(low + step, stop)
            parts = [column.numbers(low, high) for _, column in columns]
            if keep is not None:
                taken = keep[low - start : high - start]
                parts = [part[taken] for part in parts]
            count = len(parts[0]) if parts else 0
            gather_columns(parts, positions, block[row : row + count])
            row += count
        return block


def _matrix_part(matrix: Any, start: int, stop: int, keep: np.ndarray | None) -> Any:
    part = matrix[start:stop]
    if keep is not None:
        part = part[keep]
    if not isinstance(part, np.ndarray):
        return part
    dtype = np.float32 if part.dtype.kind == "f" and part.dtype.itemsize <= 4 else np.float64
    return np.ascontiguousarray(part, dtype=dtype)


def _columns(columns: list[tuple[int, Column]], start: int, stop: int) -> Columns:
    return Columns([column.numbers(start, stop) for _, column in sorted(columns, key=lambda pair: pair[0])])


def _check_flags(draft: Draft, dense: Any, start: int, keep: np.ndarray | None) -> None:
    flags = draft.state.schema.flags
    if not flags or (not isinstance(dense, Columns) and is_binary(dense[:, flags])):
        return
    for position in list(flags):
        values = dense.columns[position] if isinstance(dense, Columns) else dense[:, position]
        if is_binary(values):
            continue
        known = draft.state.schema.fields[draft.state.schema.dense[position]]
        if known.declared or draft.forgetting:
            values = draft.state.backend.get(values)
            row = int(np.flatnonzero((values != 0) & (values != 1) & (values == values))[0])
            problem = "is neither 0 nor 1; declare the column C" if known.declared else "was never learnt: only 0 and 1"
            raise BadCell(known.name, original_row(row, start, keep), float(values[row]), problem)
        draft.make_writable().widen(known.name)


def _incidences(
    draft: Draft, columns: list[Coded], start: int, stop: int, keep: np.ndarray | None, n: int
) -> SparseRows | None:
    single, several, absent = [], [], {}
    for column in columns:
        codes = column.codes[start:stop]
        if keep is not None:
            codes = codes[keep]
        members = _members(draft, column, codes)
        absent[draft.state.schema.fields[column.name].group] = codes < 0
        if column.single:
            single.append(_single(codes, members))
        else:
            several.append(_several(codes, members))
    if not absent:
        return None
    groups = np.array(sorted(absent), dtype=np.intp)
    missing = np.column_stack([absent[group] for group in groups.tolist()])
    indptr, indices = _by_row(single, several, n)
    return SparseRows(indptr, indices, missing if missing.any() else None, groups)


def _members(draft: Draft, column: Coded, codes: np.ndarray) -> list[list[int]]:
    # For each code the attributes of its members. Codes that no row uses (an unused pandas category) add none.
    known = draft.state.schema.fields[column.name].members
    unknown = [code for code, labels in enumerate(column.labels) if any(label not in known for label in labels)]
    if unknown:
        used = np.bincount(codes + 1, minlength=len(column.labels) + 1)[1:] > 0
        new = [label for code in unknown if used[code] for label in column.labels[code] if label not in known]
        if new:
            if draft.forgetting:
                raise UnknownAttribute(
                    f"cannot forget the value {new[0]!r} of column {column.name!r}, which was never learnt; "
                    f"known are {some(sorted(known))}"
                )
            draft.make_writable().add_members(column.name, list(dict.fromkeys(new)))
            known = draft.state.schema.fields[column.name].members
    return [[known[label] for label in labels if label in known] for labels in column.labels]


def _single(codes: np.ndarray, members: list[list[int]]) -> np.ndarray:
    # For each row the attribute of its only member, -1 where it has none.
    return np.array([found[0] if found else -1 for found in members] + [-1], dtype=np.intp)[codes]


def _several(codes: np.ndarray, members: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    lengths = np.array([len(found) for found in members] + [0], dtype=np.intp)
    flat = np.array([attribute for found in members for attribute in found], dtype=np.intp)
    first = np.cumsum(lengths) - lengths
    count = lengths[codes]
    rows = np.repeat(np.arange(len(codes)), count)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
    return rows, flat[np.repeat(first[codes], count) + within]


def _by_row(
    single: list[np.ndarray], several: list[tuple[np.ndarray, np.ndarray]], n: int
) -> tuple[np.ndarray, np.ndarray]:
    # The members of each row, as the arrays of a CSR matrix.
    indptr = np.zeros(n + 1, dtype=np.intp)
    beside = np.column_stack(single) if single else np.empty((n, 0), dtype=np.intp)
    has = beside >= 0
    if not several and has.all():
        return np.arange(n + 1) * beside.shape[1], beside.ravel()
    if not several:
        np.cumsum(has.sum(axis=1), out=indptr[1:])
        return indptr, beside[has]
    row = np.concatenate([np.nonzero(has)[0], *(rows for rows, _ in several)])
    member = np.concatenate([beside[has], *(members for _, members in several)])
    np.cumsum(np.bincount(row, minlength=n), out=indptr[1:])
    return indptr, member[np.argsort(row, kind="stable")]
