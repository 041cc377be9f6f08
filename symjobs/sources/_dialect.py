"""The format of a CSV file, and the types of its columns."""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from symjobs._errors import InputError
from symjobs._tables import MISSING_TEXTS
from symjobs._tables._cells import parse_number

TRUE_TEXTS = ("true", "True", "TRUE")
FALSE_TEXTS = ("false", "False", "FALSE")
LETTERS = "CBTSLX"
ROW_LABELS = "row"  # the name of a first column without one
_SEPARATORS = (";", "\t", "|", ",")


class Kind(Enum):
    """How the text of a column is read."""

    NUMBER = "numbers"
    FLAG = "true and false"
    TEXT = "text"
    CATEGORY = "categories"
    LIST = "lists"
    IGNORED = "nothing"


_KINDS = {"C": Kind.NUMBER, "B": Kind.NUMBER, "T": Kind.CATEGORY, "S": Kind.TEXT, "L": Kind.LIST, "X": Kind.IGNORED}


@dataclass(frozen=True)
class Dialect:
    """Separator, quote character (empty for none) and encoding of a CSV file, and the texts that mean missing."""

    separator: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    missing: frozenset[str] = MISSING_TEXTS

    @property
    def is_utf8(self) -> bool:
        """Whether the bytes of the file are UTF-8 already."""
        return codecs.lookup(self.encoding).name in ("utf-8", "utf-8-sig", "ascii")

    def __post_init__(self) -> None:
        if len(self.separator) != 1 or not self.separator.isascii() or self.separator in "\r\n":
            raise InputError(f"separator is {self.separator!r}; it must be one ASCII character, such as ',' or ';'")
        if len(self.quote) > 1 or not self.quote.isascii() or self.quote in ("\r", "\n", self.separator):
            raise InputError(
                f"quote is {self.quote!r}; it must be one ASCII character other than the separator, or '' for none"
            )
        try:
            name = codecs.lookup(self.encoding).name
        except LookupError:
            raise InputError(f"unknown encoding {self.encoding!r}; use a name such as 'utf-8' or 'latin-1'") from None
        if ",\n".encode(name).removeprefix(codecs.BOM_UTF8) != b",\n":
            raise InputError(f"encoding {self.encoding!r} does not extend ASCII; convert the file to UTF-8 first")


@dataclass(frozen=True)
class Columns:
    """The names and the kinds of the columns."""

    names: tuple[str, ...]
    kinds: tuple[Kind, ...]
    row_labels: str | None  # the column that labels the rows
    notes: tuple[str, ...]  # what was decided on columns without a name

    @property
    def learnt(self) -> list[int]:
        """The positions of the columns that are read."""
        return [j for j, kind in enumerate(self.kinds) if kind is not Kind.IGNORED]


def find_columns(
    names: Sequence[str],
    sample: Sequence[Sequence[str]],
    types: Mapping[str, str] | None,
    dialect: Dialect,
    place: str,
) -> Columns:
    """Return the kind of each column: from `types`, else from the first rows."""
    types = dict(types or {})
    texts = [[row[j] for row in sample if j < len(row)] for j in range(len(names))]
    unnamed_first = len(names) > 1 and not names[0]
    names, kinds, notes = _named(names, texts, dialect.missing)
    labels = names[0] if unnamed_first and names[0] not in types else None
    _check_names(names, place)
    for name, letter in types.items():
        if name not in names:
            raise InputError(
                f"{place} has no column {name!r}, which types names; it has {', '.join(names)}"
                f"{separator_hint(names, dialect)}"
            )
        if letter not in _KINDS:
            raise InputError(f"types gives column {name!r} the letter {letter!r}; allowed are {', '.join(LETTERS)}")
    for j, name in enumerate(names):
        if name in types:
            kinds[j] = _KINDS[types[name]]
        elif j not in kinds:
            kinds[j] = _kind(texts[j], dialect.missing)
    if all(kind is Kind.IGNORED for kind in kinds.values()):
        raise InputError(f"{place}: every column is ignored; there is nothing to read")
    return Columns(tuple(names), tuple(kinds[j] for j in range(len(names))), labels, tuple(notes))


def _named(
    names: Sequence[str], texts: Sequence[Sequence[str]], missing: frozenset[str]
) -> tuple[list[str], dict[int, Kind], list[str]]:
    # Names for columns without one, by number their kinds, and notes on them. R and pandas write row names into a first
    # column without a name; spreadsheets end each line with a separator.
    named, kinds, notes = list(names), {}, []
    unnamed = [j for j, name in enumerate(names) if not name]
    for j in unnamed:
        if j == len(names) - 1 > 0 and all(text.strip() in missing for text in texts[j]):
            kinds[j] = Kind.IGNORED
            notes.append(f"column {j + 1} has no name and no values, and is left out")
        elif j == 0 and len(names) > 1:
            kinds[j] = Kind.TEXT
        named[j] = _free(ROW_LABELS if kinds.get(j) is Kind.TEXT else f"column{j + 1}", named)
        if kinds.get(j) is Kind.TEXT:
            notes.append(f"column 1 has no name: its values are row labels, column {named[j]!r}, and not learnt")
        elif j not in kinds:
            notes.append(f"column {j + 1} has no name, and is called {named[j]!r}")
    return named, kinds, notes


def _free(name: str, taken: Sequence[str]) -> str:
    return next(free for free in (name, *(f"{name}_{i}" for i in range(2, len(taken) + 3))) if free not in taken)


def _check_names(names: Sequence[str], place: str) -> None:
    seen: dict[str, int] = {}
    for position, name in enumerate(names, start=1):
        if name in seen:
            raise InputError(
                f"{place}, line 1: columns {seen[name]} and {position} are both named {name!r}; rename one, "
                "since columns are matched by name"
            )
        seen[name] = position


def separator_hint(names: Sequence[str], dialect: Dialect) -> str:
    """Return a hint for errors if the header is one column and contains another separator; else an empty text."""
    found = _other_separator(names, dialect)
    if found is None:
        return ""
    written = r"\t" if found == "\t" else found
    return f"; the header looks separated by '{written}': pass separator='{written}' (--separator '{written}')"


def check_separator(names: Sequence[str], sample: Sequence[Sequence[str]], dialect: Dialect, place: str) -> None:
    """Raise InputError if header and rows have another separator than the dialect, so that all is one column."""
    found = _other_separator(names, dialect)
    if found is not None and all(found in dialect.separator.join(row) for row in sample):
        raise InputError(f"{place} has one column, {names[0]!r}{separator_hint(names, dialect)}")


def _other_separator(names: Sequence[str], dialect: Dialect) -> str | None:
    if len(names) != 1:
        return None
    counts = {mark: names[0].count(mark) for mark in _SEPARATORS if mark != dialect.separator}
    most = max(counts, key=lambda mark: counts[mark])
    return most if counts[most] else None


def _kind(texts: Sequence[str], missing: frozenset[str]) -> Kind:
    present = [text for text in texts if text.strip() not in missing]
    if present and all(text.strip() in TRUE_TEXTS or text.strip() in FALSE_TEXTS for text in present):
        return Kind.FLAG
    # Text among numbers is most likely an error in the file, which the reader reports with its line.
    return Kind.NUMBER if 2 * sum(map(is_number, present)) >= len(present) else Kind.TEXT


def is_number(text: str) -> bool:
    """Whether a value of the file is a number."""
    try:
        parse_number(text)
    except ValueError:
        return False
    return True
