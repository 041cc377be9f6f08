"""Columns of Arrow, as files and databases hold them: which can be read, and as what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from symjobs._errors import InputError
from symjobs._text import dates_option, types_option
from symjobs.sources._numerals import parse_time, parse_times, seconds

ARROW_LETTERS = "TSX"


class ArrowColumns:
    """What is read of tables with a schema.

    Parameters
    ----------
    schema : pyarrow.Schema
    types : mapping of str to str
        Columns that are categories (``T``), text (``S``) or are not read (``X``).
    dates : sequence of str, or bool
        Columns of dates and times that are read as seconds since 1970; True for all of them.
    place : str
        The name of the data in messages.
    strict : bool
        Whether every name must be that of a column.

    Attributes
    ----------
    names, letters : tuple of str
        The columns that are read, and their type letters.
    times, left_out, undecided : tuple of str
        Columns of times that are read as numbers; columns that are not read; columns without a type.
    hints, texts : tuple of str
        Which columns could be read otherwise; the columns of text.
    declared : dict of str to str
        The type letters that `types` and `dates` ask for.
    """

    def __init__(
        self, schema: Any, types: Mapping[str, str], dates: Sequence[str] | bool, place: str, *, strict: bool = True
    ) -> None:
        import pyarrow as pa

        self._pa, self._place = pa, place
        self._schema, self._types, self._dates = schema, types, dates
        names = [str(name) for name in schema.names]
        _check(names, types, dates, place, strict=strict)
        self.names = tuple(name for name in names if types.get(name) != "X")
        kinds = dict(zip(names, (field.type for field in schema), strict=True))
        self._categories = tuple(name for name in self.names if types.get(name) == "T")
        asked = () if isinstance(dates, bool) else dates
        self.times = tuple(
            name
            for name in self.names
            if name not in types and (name in asked or (dates is True and _is_time(pa, kinds[name])))
        )
        for name in self.names:
            if not (_is_time(pa, kinds[name]) or self._letter(name, kinds[name])):
                raise InputError(
                    f"{place}: column {name!r} has the type {kinds[name]}, which cannot be learnt; leave it out: "
                    f"types={{{name!r}: 'X'}} ({types_option(name, 'X')})"
                )
            if name in self.times and not (_is_time(pa, kinds[name]) or _is_text(pa, kinds[name])):
                raise InputError(f"{place}: dates names column {name!r}, which holds {kinds[name]}, no dates")
        self.letters = tuple(self._letter(name, kinds[name]) or "S" for name in self.names)
        for name, letter in zip(self.names, self.letters, strict=True):
            if types.get(name) == "S" and letter != "S":
                raise InputError(f"{place}: types says that column {name!r} is text (S), and it holds {kinds[name]}")
        self.texts = tuple(
            name
            for name, letter in zip(self.names, self.letters, strict=True)
            if letter == "S" and name not in types and not pa.types.is_null(kinds[name])
        )
        self.left_out = tuple(name for name in names if types.get(name) == "X")
        self.undecided = tuple(name for name in self.names if pa.types.is_null(kinds[name]))
        self.declared = {**dict.fromkeys(self._categories, "T"), **dict.fromkeys(self.times, "C")}
        self.hints = tuple(
            f"column {name!r} holds dates and is not learnt; dates=[{name!r}] ({dates_option([name])}) reads them "
            "as seconds since 1970"
            for name in self.names
            if _is_time(pa, kinds[name]) and name not in self.times and name not in types
        )

    def after(self, known: Mapping[str, str]) -> ArrowColumns:
        """Return the columns with those as categories that are known to be; these, if nothing changes."""
        asked = {*self._types, *(() if isinstance(self._dates, bool) else self._dates)}
        letters = zip(self.names, self.letters, strict=True)
        new = [name for name, letter in letters if known.get(name) == "T" and letter in "CBS" and name not in asked]
        if not new:
            return self
        types = {**dict.fromkeys(new, "T"), **self._types}
        return ArrowColumns(self._schema, types, self._dates, self._place, strict=False)

    def converted(self, batch: Any) -> Any:
        """Return a record batch with categories and times as they are learnt."""
        pa = self._pa
        for name in (*self._categories, *self.times):
            i = batch.schema.get_field_index(name)
            column = batch.column(i)
            if name in self.times:
                column = self._seconds(name, column)
            elif not pa.types.is_dictionary(column.type):
                column = column.cast(pa.string()).dictionary_encode()
            batch = batch.set_column(i, pa.field(name, column.type), column)
        return batch

    def _seconds(self, name: str, column: Any) -> Any:
        pa = self._pa
        if _is_time(pa, column.type):
            zone = getattr(column.type, "tz", None)
            return seconds(column.cast(pa.timestamp("us", zone), safe=False).cast(pa.int64()))
        texts = column.cast(pa.string())
        try:
            return parse_times(texts)
        except ValueError:
            found = [None if text is None else self._time(name, text) for text in texts.to_pylist()]
            return pa.array(found, pa.float64())

    def _time(self, name: str, text: str) -> float:
        try:
            return parse_time(text)
        except ValueError as error:
            raise InputError(f"{self._place}: column {name!r}: {text!r} is no date or time ({error})") from None

    def _letter(self, name: str, kind: Any) -> str | None:
        types = self._pa.types
        if name in self.times:
            return "C"
        if name in self._categories or types.is_dictionary(kind):
            return "T"
        if types.is_boolean(kind):
            return "B"
        if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
            return "C"
        if types.is_list(kind) or types.is_large_list(kind):
            return "L"
        return "S" if _is_text(self._pa, kind) or types.is_null(kind) or types.is_temporal(kind) else None


def _is_time(pa: Any, kind: Any) -> bool:
    return bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind))


def _is_text(pa: Any, kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _check(
    names: list[str], types: Mapping[str, str], dates: Sequence[str] | bool, place: str, *, strict: bool
) -> None:
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise InputError(f"{place}: several columns are named {', '.join(sorted(repeated))}; rename them")
    for name, letter in types.items():
        if strict and name not in names:
            raise InputError(f"{place} has no column {name!r}, which types names; it has {', '.join(names)}")
        if letter not in ARROW_LETTERS:
            raise InputError(
                f"types gives column {name!r} the letter {letter!r}; {place} has its own types, and only "
                "T (learn as a category), S (carry text) and X (do not read) can be asked for"
            )
    for name in () if isinstance(dates, bool) or not strict else dates:
        if name not in names:
            raise InputError(f"{place} has no column {name!r}, which dates names; it has {', '.join(names)}")
    if all(types.get(name) == "X" for name in names):
        raise InputError(f"{place}: every column is left out; there is nothing to read")
