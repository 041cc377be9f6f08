"""Options of the command line: from declared parameters, and those of every question."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Mapping
from typing import Any

from symjobs._parameters import Choice, Declared, Flag, Integer, Parameters


def add_parameters(
    group: argparse._ArgumentGroup,
    parameter_type: type[Parameters],
    own_names: Mapping[str, str] = {},
    left_out: Collection[str] = (),
    defaults: Mapping[str, Any] = {},
) -> None:
    """Add an option for each declared parameter. An option that is not given is None.

    Parameters
    ----------
    group : argparse group
    parameter_type : type of Parameters
    own_names : mapping of str to str, optional
        Options by the parameter's name, where they differ.
    left_out : collection of str, optional
        Parameters that get no option.
    defaults : mapping of str to object, optional
        Defaults by the parameter's name, where the command line has its own.
    """
    names = option_names(parameter_type, own_names, left_out)
    for declared in parameter_type.declared():
        if declared.name in names:
            default = defaults.get(declared.name)
            argument = _argument(declared, default)
            group.add_argument(names[declared.name], dest=declared.name, default=default, **argument)


def option_names(
    parameter_type: type[Parameters], own_names: Mapping[str, str] = {}, left_out: Collection[str] = ()
) -> dict[str, str]:
    """Return the option of each parameter, by its name."""
    return {
        declared.name: f"--{own_names.get(declared.name, declared.name).replace('_', '-')}"
        for declared in parameter_type.declared()
        if declared.name not in left_out
    }


def given(options: argparse.Namespace, parameter_type: type[Parameters]) -> dict[str, Any]:
    """Return the values of the parameters whose options were given, by name."""
    values = {declared.name: getattr(options, declared.name, None) for declared in parameter_type.declared()}
    return {name: value for name, value in values.items() if value is not None}


def _argument(declared: Declared, default: Any) -> dict[str, Any]:
    text = declared.text.replace("%", "%%")
    if isinstance(declared.kind, Flag):
        return {"action": "store_true", "help": text}
    if default is not None:
        text, _, _ = text.partition("; by default")
    shown = declared.default if default is None else default
    if shown is not None:
        text += f" (default: {declared.kind.text(shown)})"
    if isinstance(declared.kind, Choice):
        return {"choices": declared.kind.allowed, "help": text}
    metavar = "N" if isinstance(declared.kind, Integer) else "VALUE"
    return {"type": _reader(declared), "metavar": metavar, "help": text}


def _reader(declared: Declared) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            return declared.kind.parse(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"must be {declared.kind.words}, got {text!r}") from None

    return read


DATA_HELP = "a file (CSV, Parquet, Arrow), a folder, a pattern, an address, or the name of a shipped data set"


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """Add the options about the data, which every question has."""
    data = parser.add_argument_group("the data")
    data.add_argument("--filter", metavar="TEST", help="learn only rows that pass, as 'petal_width>=0.2;size==1'")
    data.add_argument(
        "--types",
        action="append",
        metavar="A=T,B=S",
        help="type letters of columns: C continuous, B binary, T category, S text, L list, X ignored; may be repeated",
    )
    data.add_argument("--missing", choices=("pairwise", "listwise", "error"), default="pairwise", help="missing values")
    data.add_argument(
        "--separator", metavar="CHAR", help="CSV: between values (default: what a first line sep=; says, else a comma)"
    )
    data.add_argument("--quote", default='"', metavar="CHAR", help="CSV: around values; '' for none")
    data.add_argument("--no-header", action="store_true", help="CSV: the first line is data; columns are x1, x2, ...")
    data.add_argument(
        "--na",
        action="append",
        metavar="TEXT",
        help="CSV: a further text that means missing, as '?' (always missing: empty, null, NaN, NA); may be repeated",
    )
    data.add_argument("--comment", default="", metavar="TEXT", help="CSV: skip lines at the top that begin so, as '#'")
    data.add_argument("--decimal", default=".", metavar="CHAR", help="CSV: decimal mark, . or , (default: .)")
    data.add_argument("--thousands", default="", metavar="CHAR", help="CSV: what separates groups of three digits")
    data.add_argument("--percent", action="store_true", help="CSV: 12%% is the number 0.12")
    data.add_argument("--currency", default="", metavar="SIGNS", help="CSV: signs beside numbers, as '$€'")
    data.add_argument(
        "--dates",
        action="append",
        metavar="A,B",
        help="columns of ISO dates that are learnt as seconds since 1970; all for all of them; may be repeated",
    )
    data.add_argument(
        "--errors",
        choices=("raise", "missing"),
        default="raise",
        help="CSV: what becomes of a value that does not fit its column (default: raise)",
    )
    data.add_argument("--encoding", default="utf-8", help="CSV: encoding of the file")
    data.add_argument(
        "--encoding-errors",
        choices=("strict", "replace"),
        default="strict",
        help="CSV: what becomes of bytes that are not in the encoding (default: strict)",
    )
    data.add_argument(
        "--memory-budget", default="256MiB", metavar="SIZE", help="memory for reading and learning (default: 256MiB)"
    )


def add_answer_options(parser: argparse.ArgumentParser, *, draws: bool) -> None:
    """Add the options about the answer."""
    output = parser.add_argument_group("the answer")
    output.add_argument(
        "--json", action="store_true", help="print the JSON that a client of the job resource would get"
    )
    if draws:
        output.add_argument("--plot", metavar="FILE", help="draw a picture as .png, .svg or .pdf")
