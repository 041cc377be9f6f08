"""Which options would read what is not read: each for Python and for the shell."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from symjobs._tables import MISSING_TEXTS
from symjobs._text import dates_option, shell_option, some, types_option
from symjobs.sources._cells import BadText
from symjobs.sources._dialect import Dialect, Kind, present_in
from symjobs.sources._numerals import Numerals, better_numerals, is_time, options_of

_FEW = 3  # texts that a hint names as missing; of more it says that they do not fit
_OTHER_DATE = re.compile(
    r"(?!\d{4}-\d\d-\d\d)(?:\d{4}([./-])\d\d?\1\d\d?|\d\d?([./-])\d\d?\2\d{4}|\d\d?/\d\d?/\d\d)(?:[T ].*)?"
)
_ISO = "dates are read in the form 2024-01-31 (ISO 8601): convert them to it first"


@dataclass(frozen=True)
class Options:
    """Arguments of Python, and options of the command line that are added to those that were given."""

    python: tuple[str, ...] = ()
    shell: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{', '.join(self.python)} ({' '.join(self.shell)})"

    def __add__(self, other: Options) -> Options:
        return Options(self.python + other.python, self.shell + other.shell)

    @classmethod
    def of_numerals(cls, numerals: Numerals, given: Numerals) -> Self:
        """Declare how numbers are written."""
        return cls(*options_of(numerals, given))

    @classmethod
    def of_dates(cls, names: Sequence[str]) -> Self:
        """Read columns as dates."""
        return cls((f"dates={list(names)!r}",), (dates_option(names),))

    @classmethod
    def of_missing(cls, texts: Sequence[str], dialect: Dialect) -> Self:
        """Declare texts missing, besides those that are."""
        both = (*sorted(dialect.missing - MISSING_TEXTS), *texts)
        # argparse takes away an argument that is "--"; blanks around a missing text mean nothing.
        shell = tuple(shell_option("--na", " --" if text == "--" else text) for text in texts)
        return cls((f"missing={both!r}",), shell)

    @classmethod
    def of_errors(cls) -> Self:
        """Read what does not fit as missing."""
        return cls(("errors='missing'",), ("--errors missing",))

    @classmethod
    def of_type(cls, name: str, letter: str) -> Self:
        """Declare the type of a column."""
        return cls((f"types={{{name!r}: {letter!r}}}",), (types_option(name, letter),))


@dataclass
class _Alike:
    """Columns of text for which the same options would do."""

    examples: dict[str, str] = field(default_factory=dict)
    rest: dict[str, None] = field(default_factory=dict)  # their values that the options do not read

    def add(self, name: str, values: Sequence[str], fit: Sequence[bool]) -> None:
        self.examples[name] = next(text for text, fits in zip(values, fit, strict=True) if fits)
        self.rest |= dict.fromkeys(text for text, fits in zip(values, fit, strict=True) if not fits)

    def looks_like(self, what: str) -> str:
        names, example = list(self.examples), next(iter(self.examples.values()))
        return f"{some(names)}, with values such as {example!r}, look{'s' if len(names) == 1 else ''} like {what}"

    def options(self, main: Options, dialect: Dialect) -> Options:
        """Return the options that read all values, or those that fit."""
        if not self.rest or dialect.errors == "missing":
            return main
        few = len(self.rest) <= _FEW
        return main + (Options.of_missing(list(self.rest), dialect) if few else Options.of_errors())


def column_hints(
    texts: Mapping[str, Sequence[str]],
    numbers: Mapping[str, Sequence[str]],
    times: Sequence[str],
    dialect: Dialect,
) -> tuple[str, ...]:
    """Return what could become of columns of text that are not learnt, most of whose values look like something.

    Parameters
    ----------
    texts, numbers : mapping of str to sequence of str
        The first values of columns of text, and of columns that are read as numbers.
    times : sequence of str
        Columns that are read as dates.
    dialect : Dialect
    """
    dates, others, written = _Alike(), _Alike(), dict[Numerals, _Alike]()
    for name, column in texts.items():
        present = present_in(column, dialect.missing_in(Kind.NUMBER))
        if _most(fit := [is_time(text) for text in present]):
            dates.add(name, present, fit)
        elif (numerals := better_numerals(present, dialect.numerals)) is not None:
            written.setdefault(numerals, _Alike()).add(name, present, [numerals.reads(text) for text in present])
        elif _most(fit := [_OTHER_DATE.fullmatch(text) is not None for text in present]):
            others.add(name, present, fit)
    hints = []
    if dates.examples:
        options = dates.options(Options.of_dates([*times, *dates.examples]), dialect)
        hints.append(f"{dates.looks_like('dates')}; {options} reads them as seconds since 1970")
    for numerals, alike in written.items():
        options = alike.options(Options.of_numerals(numerals, dialect.numerals), dialect)
        hints.append(f"{alike.looks_like('numbers')}; {options} reads them{_but(numerals, numbers, dialect)}")
    if others.examples:
        hints.append(f"{others.looks_like('dates')}; {_ISO}")
    return tuple(hints)


def value_hint(name: str, text: str, numbers: Mapping[str, Sequence[str]], dialect: Dialect) -> str:
    """Return which option reads a text in a column of numbers, or an empty text.

    `numbers` has values of all columns of numbers, this one too, to say what the option would not read.
    """
    if is_time(text):
        present = present_in(numbers[name], dialect.missing_in(Kind.TIME))
        dates = () if isinstance(dialect.dates, bool) else dialect.dates
        options = Options.of_dates([*dates, name])
        if all(map(is_time, present)):
            return f"{options} reads dates as seconds since 1970"
        return f"{options + Options.of_errors()} reads the dates of the column, and none of its numbers"
    if _OTHER_DATE.fullmatch(text):
        return _ISO
    numerals = better_numerals([text], dialect.numerals)
    if numerals is None:
        return ""
    options = Options.of_numerals(numerals, dialect.numerals)
    return f"{options} reads it as {numerals.parse(text):.15g}{_but(numerals, numbers, dialect)}"


def bad_cell(name: str, kind: Kind, bad: BadText, dialect: Dialect, numbers: Mapping[str, Sequence[str]]) -> str:
    """Return what is wrong with a value that does not fit its column, and which options read the column.

    `numbers` has values of all columns of numbers, to say what an option would not read.
    """
    reads = value_hint(name, bad.text, numbers, dialect) if kind is Kind.NUMBER else ""
    return (
        f"{_misfit(name, kind, bad)}{reads and f'; {reads}'}; correct it, or declare the column text: "
        f"{Options.of_type(name, 'S')}; if it means missing: {Options.of_missing([bad.text], dialect)}, or "
        f"{Options.of_errors()} for all such values"
    )


def sent_bad_cell(name: str, kind: Kind, bad: BadText) -> str:
    """Return the same for a client who has sent the file, and has neither Python nor a shell."""
    return f"{_misfit(name, kind, bad)}; correct it, leave it empty if it is missing, or declare the column S (text)"


def _misfit(name: str, kind: Kind, bad: BadText) -> str:
    return f", column {name!r}: {bad.problem}, and the column holds {kind.value}"


def _most(fit: Sequence[bool]) -> bool:
    return bool(fit) and 2 * sum(fit) >= len(fit)


def _but(numerals: Numerals, numbers: Mapping[str, Sequence[str]], dialect: Dialect) -> str:
    # Which of the numbers that are read now would be read no longer.
    for name, texts in numbers.items():
        for text in present_in(texts, dialect.missing_in(Kind.NUMBER)):
            if dialect.numerals.reads(text) and not numerals.reads(text):
                return f", but not {text!r} in column {name!r}"
    return ""
