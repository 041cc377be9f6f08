"""Several files as one source."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from symjobs._errors import InputError
from symjobs._tables._types import LEARNT
from symjobs._text import some
from symjobs.sources._dialect import TIME, Kind
from symjobs.sources._files import DataFile, NoRows, check_not_empty, format_of
from symjobs.sources._source import BadValues, Source

_PARTITION = re.compile(r"(?<![^/\\])([^/\\=]+)=[^/\\]*[/\\]")

# Opens one of several files, given what is known of columns from earlier ones; None where it is the only file.
OpenOne = Callable[[DataFile, Mapping[str, str] | None], Source]


class SeveralFiles(Source):
    """Files that are read one after the other. Columns are matched by name; the first file gives their types."""

    def __init__(
        self,
        name: str,
        files: Sequence[DataFile],
        open_one: OpenOne,
        types: Mapping[str, str],
        known: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self._files = files
        self._open_one = open_one
        self._types = types
        self._elsewhere = known or {}
        self._first_number, self._first = self._find_first()
        first = self._first
        self.total_bytes = sum(file.size or 0 for file in files)
        self.attribute_names = first.attribute_names
        self.attribute_types = first.attribute_types
        self.row_labels = first.row_labels
        self.notes, self.hints, self.texts = (*first.notes, *_partitions(files)), first.hints, first.texts
        self.times, self.left_out = first.times, first.left_out
        asked = {name: letter for name, letter in types.items() if letter != "X"}
        self.declared = {**asked, **dict.fromkeys(self.times, "C")}
        self.bad_values: dict[str, BadValues] = {}

    def after(self, known: Mapping[str, str]) -> Source:
        new = {name: letter for name, letter in known.items() if letter in LEARNT and name not in self._types}
        if not new:
            return self
        source = SeveralFiles(self.name, self._files, self._open_one, self._types, new)
        source.notes, source.bad_values = self.notes, self.bad_values
        return source

    def batches(self) -> Iterator[tuple[Any, int]]:
        self.bad_values.clear()
        self.passed_over = ()
        known = {**self._elsewhere, **_known(self._first)}
        absent = set(self._types)
        kinds: dict[str, tuple[Kind, str]] = {}
        before = 0
        for number, file in enumerate(self._files):
            source = self._first if number == self._first_number else self._opened(file, known)
            if source is None:
                continue
            absent -= {*source.attribute_names, *source.left_out}
            position = 0
            for table, position in source.batches():
                _check_kinds(table, source, kinds)
                yield table, before + position
            for name, bad in source.bad_values.items():
                bad = replace(bad, file=source.name)
                self.bad_values[name] = self.bad_values[name].joined(bad) if name in self.bad_values else bad
            known = {**_known(source), **known}
            before += file.size or position
        if absent:
            raise InputError(f"{self.name}: no file has a column {min(absent)!r}, which types names")

    def _find_first(self) -> tuple[int, Source]:
        """Return the number of the first file with rows, and its source."""
        for number, file in enumerate(self._files):
            if (source := self._opened(file, self._elsewhere)) is not None:
                return number, source
        raise NoRows(f"{self.name}: no file holds a row")

    def _opened(self, file: DataFile, known: Mapping[str, str]) -> Source | None:
        try:
            check_not_empty(file)
            return self._open_one(file, known)
        except NoRows as empty:
            self.passed_over += (f"{empty}; it is passed over",)
            return None


def source_of(files: Sequence[DataFile], open_one: OpenOne, types: Mapping[str, str], name: str = "") -> Source:
    """Return one file, or several as one source; `types` are the declared types of columns."""
    if len(files) == 1:
        source = open_one(files[0], None)
        source.notes += _partitions(files)
        return source
    return SeveralFiles(name or f"{files[0].name} and {len(files) - 1} more", files, open_one, types)


def _partitions(files: Sequence[DataFile]) -> tuple[str, ...]:
    """Return a note on columns that only the names of folders have, as ``year=2024/1.parquet``."""
    file = next((file for file in files if _PARTITION.search(file.name)), None)
    if file is None:
        return ()
    names = _PARTITION.findall(file.name)
    folder = _PARTITION.split(file.name)[0] or "."
    reader = f"pyarrow.dataset.dataset({folder!r}, format={format_of(file)!r}, partitioning='hive').to_batches()"
    return (
        f"the names of folders hold values of {some(names)}, which are not read; in Python, after import "
        f"pyarrow.dataset, {reader} has them",
    )


def _known(source: Source) -> dict[str, str]:
    letters = zip(source.attribute_names, source.attribute_types, strict=True)
    found = {name: TIME if name in source.times else letter for name, letter in letters}
    return {name: letter for name, letter in found.items() if name not in source.undecided}


def _check_kinds(table: Any, source: Source, kinds: dict[str, tuple[Kind, str]]) -> None:
    """Raise InputError if a column is of another kind than in an earlier file."""
    for field in table.schema:
        undecided = field.name in source.undecided
        kind = Kind.IGNORED if undecided else Kind.TIME if field.name in source.times else _kind(field.type)
        place = source.name
        earlier, where = kinds.setdefault(field.name, (kind, place))
        if kind != earlier and Kind.IGNORED in (kind, earlier):
            kinds[field.name] = (kind if earlier is Kind.IGNORED else earlier, where)
        elif kind != earlier:
            raise InputError(
                f"{place}: column {field.name!r} holds {kind.value}, and in {where} it holds {earlier.value}; convert "
                f"one of the two, or leave the column out: types={{{field.name!r}: 'X'}}"
            )


def _kind(of: Any) -> Kind:
    import pyarrow as pa

    kinds = pa.types
    if kinds.is_null(of):
        return Kind.IGNORED  # no value
    if kinds.is_integer(of) or kinds.is_floating(of) or kinds.is_boolean(of) or kinds.is_decimal(of):
        return Kind.NUMBER
    if kinds.is_temporal(of):
        return Kind.TIME
    return Kind.LIST if kinds.is_list(of) or kinds.is_large_list(of) else Kind.TEXT
