"""The format of a CSV file, and the types of its columns."""

from __future__ import annotations

import codecs
import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Self

from symjobs._errors import InputError
from symjobs._tables import MISSING_TEXTS
from symjobs._text import shown
from symjobs.sources._numerals import Numerals, is_time

_CASES = (str.lower, str.upper, str.title)
TRUE_TEXTS = frozenset(case(text) for text in ("true", "yes") for case in _CASES)
FALSE_TEXTS = frozenset(case(text) for text in ("false", "no") for case in _CASES)
# In columns that have no text otherwise.
NUMERIC_MISSING = frozenset(case(text) for text in ("n/a", "na", "nan", "null", "none", "-") for case in _CASES)
LETTERS = "CBTSLX"
TIME = "time"  # what is known of a column of times from another file
ROW_LABELS = "row"  # the name of a first column without one
_SEPARATORS = (";", "\t", "|", ",")


class Kind(Enum):
    """How the text of a column is read."""

    NUMBER = "numbers"
    FLAG = "true and false"
    TIME = "dates and times"
    TEXT = "text"
    CATEGORY = "categories"
    LIST = "lists"
    IGNORED = "nothing"


_KINDS = {"C": Kind.NUMBER, "B": Kind.NUMBER, "T": Kind.CATEGORY, "S": Kind.TEXT, "L": Kind.LIST, "X": Kind.IGNORED}


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written, and what to do with what does not fit.

    Attributes
    ----------
    separator, quote : str
        One character each; no quote is an empty text.
    encoding : str
    encoding_errors : {"strict", "replace"}
        Whether bytes that are not in the encoding are an error.
    missing : frozenset of str
        The texts that mean missing in every column.
    numerals : Numerals
    dates : tuple of str, or bool
        Columns of dates and times that are read as numbers; True for all that look like that.
    comment : str
        How lines at the top begin that are skipped; empty for none.
    errors : {"raise", "missing"}
        Whether a value that does not fit its column is an error, or is missing.
    """

    separator: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    encoding_errors: str = "strict"
    missing: frozenset[str] = MISSING_TEXTS
    numerals: Numerals = Numerals()  # noqa: RUF009 - it cannot be changed
    dates: tuple[str, ...] | bool = ()
    comment: str = ""
    errors: str = "raise"

    @property
    def transcoding(self) -> str | None:
        """The encoding from which the file must be recoded before it is parsed, or None."""
        is_utf8 = codecs.lookup(self.encoding).name in ("utf-8", "utf-8-sig", "ascii")
        return None if is_utf8 and self.encoding_errors == "strict" else self.encoding

    def missing_in(self, kind: Kind) -> frozenset[str]:
        """Return the texts that mean missing in columns of a kind."""
        return self.missing if kind in (Kind.TEXT, Kind.CATEGORY, Kind.LIST) else self.missing | NUMERIC_MISSING

    def __post_init__(self) -> None:
        for name, allowed in (("encoding_errors", ("strict", "replace")), ("errors", ("raise", "missing"))):
            if getattr(self, name) not in allowed:
                raise InputError(f"{name} is {getattr(self, name)!r}; allowed are {' and '.join(map(repr, allowed))}")
        if not isinstance(self.dates, bool) and not all(isinstance(name, str) for name in self.dates):
            raise InputError(f"dates is {shown(self.dates)}; it must be names of columns, or True for all of them")
        if not isinstance(self.comment, str) or "\n" in self.comment:
            raise InputError(f"comment is {shown(self.comment)}; it must be how such lines begin, such as '#'")
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
class CsvOptions:
    """What a caller says of a CSV file.

    Attributes
    ----------
    dialect : Dialect
    has_separator : bool
        Whether the caller gave the separator; otherwise a first line ``sep=;`` may.
    header : bool
        Whether the first line has the names of the columns.
    types : mapping of str to str
        Type letters of some columns.
    known : mapping of str to str
        Type letters of columns that the file may have, from other files of the same source, or from the project;
        `TIME` for times.
    several : bool
        Whether it is one of several files, so that what is said of columns may be about others.
    """

    dialect: Dialect = Dialect()
    has_separator: bool = False
    header: bool = True
    types: Mapping[str, str] = field(default_factory=dict)
    known: Mapping[str, str] = field(default_factory=dict)
    several: bool = False

    @property
    def asked(self) -> set[str]:
        """The columns for which the caller has said what they are."""
        dates = self.dialect.dates
        return {*self.types, *(() if isinstance(dates, bool) else dates)}

    def after(self, known: Mapping[str, str] | None) -> CsvOptions:
        """Return the options for one of several files, given what is known from earlier ones; None: the only file."""
        if known is None:
            return self
        return replace(self, types={}, known={**self.known, **known, **self.types}, several=True)

    @classmethod
    def of(
        cls,
        *,
        separator: str | None = None,
        quote: str = '"',
        header: bool = True,
        types: Mapping[str, str] | None = None,
        encoding: str = "utf-8",
        encoding_errors: str = "strict",
        decimal: str = ".",
        thousands: str = "",
        percent: bool = False,
        currency: str = "",
        dates: Sequence[str] | bool = (),
        missing: Sequence[str] = (),
        comment: str = "",
        errors: str = "raise",
    ) -> Self:
        """Check and keep the arguments of `symjobs.sources.csv`."""
        if isinstance(missing, str) or not all(isinstance(text, str) for text in missing):
            raise InputError(f"missing is {missing!r}; it must be a sequence of texts, such as ('?', '-')")
        dialect = Dialect(
            "," if separator is None else separator,
            quote,
            encoding,
            encoding_errors,
            MISSING_TEXTS.union(text.strip() for text in missing),
            Numerals(decimal, thousands, percent, currency),
            dates if isinstance(dates, bool) else (dates,) if isinstance(dates, str) else tuple(dates),
            comment,
            errors,
        )
        return cls(dialect, separator is not None, header, dict(types or {}))


# The arguments of `symjobs.sources.csv` that say something of a file, and their defaults.
CSV_OPTIONS = {name: parameter.default for name, parameter in inspect.signature(CsvOptions.of).parameters.items()}


@dataclass(frozen=True)
class Columns:
    """The names and the kinds of the columns."""

    names: tuple[str, ...]
    kinds: tuple[Kind, ...]
    letters: tuple[str, ...]  # their type letters, as far as the first rows show them
    row_labels: str | None  # the column that labels the rows
    notes: tuple[str, ...]  # what was decided on columns without a name
    texts: tuple[str, ...]  # the columns that are text, without a declaration
    undecided: tuple[str, ...]  # those without a value so far, and without a declaration

    @property
    def learnt(self) -> list[int]:
        """The positions of the columns that are read."""
        return [j for j, kind in enumerate(self.kinds) if kind is not Kind.IGNORED]


def find_columns(
    names: Sequence[str], sample: Sequence[Sequence[str]], options: CsvOptions, dialect: Dialect, place: str
) -> Columns:
    """Return the kind of each column: from the types of the options, else from the first rows."""
    types = dict(options.types)
    names = _all_named(names, sample)
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
    known = {name: letter for name, letter in options.known.items() if name in names and name not in types}
    types |= {name: "C" if letter == TIME else letter for name, letter in known.items()}
    for name in () if options.several or isinstance(dialect.dates, bool) else dialect.dates:
        if name not in names:
            raise InputError(f"{place} has no column {name!r}, which dates names; it has {', '.join(names)}")
    for j, name in enumerate(names):
        if known.get(name) == TIME or _holds_times(name, texts[j], options.types.get(name), types.get(name), dialect):
            kinds[j] = Kind.TIME
        elif name in known and types[name] in "CB" and _all_flags(texts[j], dialect):
            kinds[j] = Kind.FLAG
        elif name in types:
            kinds[j] = _KINDS[types[name]]
        elif j not in kinds:
            kinds[j] = _kind(texts[j], dialect)
    if all(kind is Kind.IGNORED for kind in kinds.values()):
        raise InputError(f"{place}: every column is ignored; there is nothing to read")
    letters = [
        "C" if kinds[j] is Kind.TIME else types.get(name) or _letter(kinds[j], texts[j]) for j, name in enumerate(names)
    ]
    return Columns(
        tuple(names),
        tuple(kinds[j] for j in range(len(names))),
        tuple(letters),
        labels,
        tuple(notes),
        tuple(name for j, name in enumerate(names) if kinds[j] is Kind.TEXT and name not in (*types, labels)),
        tuple(name for j, name in enumerate(names) if name not in types and not present_in(texts[j], dialect.missing)),
    )


def _all_named(names: Sequence[str], sample: Sequence[Sequence[str]]) -> list[str]:
    # R's `write.table` gives row names no place in the header; other programs end all rows but the header with a
    # separator. In both cases every row has one value more.
    if not sample or any(len(row) != len(names) + 1 for row in sample):
        return list(names)
    return [*names, ""] if all(not row[-1].strip() for row in sample) else ["", *names]


def _holds_times(name: str, texts: Sequence[str], declared: str | None, known: str | None, dialect: Dialect) -> bool:
    # What is known from elsewhere does not go before a column that `dates` names.
    if isinstance(dialect.dates, bool):
        return dialect.dates and known in (None, "C") and _all_times(texts, dialect)
    return name in dialect.dates and declared in (None, "C")


def _all_times(texts: Sequence[str], dialect: Dialect) -> bool:
    present = present_in(texts, dialect.missing_in(Kind.TIME))
    return bool(present) and all(map(is_time, present))


def present_in(texts: Iterable[str], missing: frozenset[str]) -> list[str]:
    """Return the texts that do not mean missing, without blanks around them."""
    return [trimmed for text in texts if (trimmed := text.strip()) not in missing]


def _all_flags(texts: Sequence[str], dialect: Dialect) -> bool:
    present = present_in(texts, dialect.missing_in(Kind.FLAG))
    return bool(present) and TRUE_TEXTS.union(FALSE_TEXTS).issuperset(present)


def _letter(kind: Kind, texts: Sequence[str]) -> str:
    if kind is Kind.NUMBER:
        return "B" if {text.strip() for text in texts} <= {"0", "1", ""} else "C"
    return {Kind.FLAG: "B", Kind.TIME: "C", Kind.CATEGORY: "T", Kind.LIST: "L", Kind.IGNORED: "X"}.get(kind, "S")


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
                f"{place}, the header: columns {seen[name]} and {position} are both named {name!r}; rename one, "
                "since columns are matched by name"
            )
        seen[name] = position


def separator_hint(names: Sequence[str], dialect: Dialect) -> str:
    """Return a hint for errors if the header is one column and contains another separator; else an empty text."""
    found = _other_separator(names, dialect)
    return "" if found is None else _looks_separated(found)


def _looks_separated(mark: str) -> str:
    written = r"\t" if mark == "\t" else mark
    return f"; the header looks separated by '{written}': pass separator='{written}' (--separator '{written}')"


def check_separator(names: Sequence[str], sample: Sequence[Sequence[str]], dialect: Dialect, place: str) -> None:
    """Raise InputError if header and rows have another separator than the dialect, so that all is one column."""
    found = _other_separator(names, dialect)
    if found is not None and all(found in dialect.separator.join(row) for row in sample):
        raise InputError(f"{place} has one column, {names[0]!r}{_looks_separated(found)}")


def check_blanks(rows: Sequence[Sequence[str]], name: str, dialect: Dialect, place: str) -> None:
    """Raise InputError if a file of one column, `name`, is a table of numbers when blanks separate its `rows`."""
    header, *more = rows
    widths = set(map(len, more))
    # R's `write.table` gives row names no place in the header.
    if len(header) > 1 and widths in ({len(header)}, {len(header) + 1}) and any(map(dialect.numerals.reads, more[0])):
        raise InputError(f"{place} has one column, {name!r}{_looks_separated(' ')}")


def _other_separator(names: Sequence[str], dialect: Dialect) -> str | None:
    if len(names) != 1:
        return None
    counts = {mark: names[0].count(mark) for mark in _SEPARATORS if mark != dialect.separator}
    most = max(counts, key=lambda mark: counts[mark])
    return most if counts[most] else None


def _kind(texts: Sequence[str], dialect: Dialect) -> Kind:
    present = present_in(texts, dialect.missing_in(Kind.NUMBER))
    if not present:
        return Kind.NUMBER if all(map(dialect.numerals.reads, present_in(texts, dialect.missing))) else Kind.TEXT
    if _all_flags(texts, dialect):
        return Kind.FLAG
    # Text among numbers is most likely an error in the file, which the reader reports with its line.
    return Kind.NUMBER if 2 * sum(map(dialect.numerals.reads, present)) >= len(present) else Kind.TEXT
