"""The parsers of the command line. Nothing heavy is imported here, so that --help and --version answer at once."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from symjobs._cli.questions import QUESTIONS
from symjobs._version import __version__


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, as all errors of the program."""

    def error(self, message: str) -> NoReturn:
        """Print the line and exit with code 2."""
        self.exit(2, f"symjobs: {message}; {self.prog} --help lists what is allowed\n")


class LazyParser(Parser):
    """A parser that loads its options when they are needed."""

    _filled = False

    def fill(self) -> None:
        """Add the options."""
        if not self._filled:
            self._filled = True
            self._add_options()

    def _add_options(self) -> None:
        raise NotImplementedError

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, with all options; argparse calls it for a command's words."""
        self.fill()
        return super().parse_known_args(args, namespace)


class QuestionParser(LazyParser):
    """The parser of one question.

    Parameters
    ----------
    question : str
    **kwargs
        As `argparse.ArgumentParser` takes them.
    """

    def __init__(self, *, question: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._question = question

    def _add_options(self) -> None:
        if not self._question:
            return
        from symjobs._cli._options import DATA_HELP, add_answer_options, add_data_options

        question = QUESTIONS[self._question].load()
        self.formatter_class = argparse.RawDescriptionHelpFormatter
        self.epilog = f"example:\n  symjobs run {question.example}\n"
        self.add_argument("data", nargs="?", help=DATA_HELP)
        self.add_argument(
            "--project", metavar="FILE", help="ask a project that symjobs learn has saved, instead of data"
        )
        question.add_options(self.add_argument_group("the question"))
        add_data_options(self)
        add_answer_options(self, draws=question.draws)

    def has(self, option: str) -> bool:
        """Whether this question has an option."""
        self.fill()
        return option in self._option_string_actions


class LearnParser(LazyParser):
    """The parser of ``symjobs learn``."""

    def _add_options(self) -> None:
        from symjobs._cli._options import DATA_HELP, add_data_options

        self.add_argument("data", nargs="+", help=f"{DATA_HELP}; several are learnt as one")
        self.add_argument("--project", required=True, metavar="FILE", help="the project; made if it is not there")
        self.add_argument("--forget", action="store_true", help="take the rows away, which were learnt before")
        self.add_argument("--histogram", action="store_true", help="keep quantiles (a new project only)")
        self.add_argument(
            "--param", action="append", metavar="NAME=VALUE", help="a parameter of a new project; may be repeated"
        )
        add_data_options(self)


class ProgramParser(Parser):
    """The program's parser. It says to which question a misplaced option belongs."""

    questions: dict[str, QuestionParser]

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        """Parse all words; exits with code 2 if one is unknown."""
        options, unknown = self.parse_known_args(args, namespace)
        if unknown:
            self._refuse(unknown, getattr(options, "question", None))
        return options

    def _refuse(self, unknown: Sequence[str], question: str | None) -> NoReturn:
        if question is None:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        option = unknown[0].partition("=")[0]
        owners = [name for name, parser in self.questions.items() if parser.has(option)]
        if owners:
            self.questions[question].error(f"{option} is for {', '.join(owners)}, not for {question}")
        self.questions[question].error(f"unrecognized arguments: {' '.join(unknown)}")


def build_parser() -> ProgramParser:
    """Return the parser; each command's function is its ``command``."""
    parser = ProgramParser(
        prog="symjobs", description="Learn a data file once, and ask: PCA, SVD, VIF, statistics and tests as jobs."
    )
    parser.add_argument("--version", action="version", version=f"symjobs {__version__}")
    commands = parser.add_subparsers(
        title="commands",
        required=True,
        metavar="{run,learn,show,merge,demo,serve,user,request,doctor}",
        parser_class=Parser,
    )
    run = commands.add_parser(
        "run",
        help="learn a data file and answer one question about it",
        description="Learn a data file (or a shipped data set: iris, longley, breast_cancer) and answer one question. "
        "symjobs run QUESTION --help has the options of a question.",
    )
    run.set_defaults(command=_later("_run", "run"))
    questions = run.add_subparsers(
        title="questions", dest="question", required=True, metavar="QUESTION", parser_class=QuestionParser
    )
    parser.questions = {
        name: questions.add_parser(name, question=name, help=entry.summary, description=_sentence(entry.summary))
        for name, entry in QUESTIONS.items()
    }
    _add_project_commands(commands)
    demo = commands.add_parser(
        "demo", help="learn the shipped data sets, run every kind of job, leave tables and pictures in a folder"
    )
    demo.add_argument("--out", default="symjobs-run", metavar="DIR", help="the folder (default: ./symjobs-run)")
    demo.set_defaults(command=_later("_demo", "demo"))
    _add_server_commands(commands)
    doctor = commands.add_parser("doctor", help="say what was found on this machine, and what to install")
    doctor.add_argument("--json", action="store_true", help="print the findings as JSON")
    doctor.add_argument(
        "--compile", action="store_true", help="compile all loops and keep the code on disk, for images of containers"
    )
    doctor.set_defaults(command=_later("_doctor", "doctor"))
    return parser


def _add_project_commands(commands: argparse._SubParsersAction[Parser]) -> None:
    about = "learn data into a project in a file, or forget it: learn once, ask later with symjobs run --project"
    commands._parser_class = LearnParser
    learn = commands.add_parser("learn", help=about, description=_sentence(about))
    commands._parser_class = Parser
    learn.set_defaults(command=_later("_project_files", "learn"))
    show = commands.add_parser("show", help="say what a project in a file has learnt")
    show.add_argument("project", metavar="FILE")
    show.add_argument("--json", action="store_true", help="print the ProjectInfo that a client would get")
    show.set_defaults(command=_later("_project_files", "show_project"))
    merge = commands.add_parser("merge", help="add projects in files up to one")
    merge.add_argument("projects", nargs="+", metavar="FILE")
    merge.add_argument("--out", required=True, metavar="FILE", help="the sum; none of the others is changed")
    merge.set_defaults(command=_later("_project_files", "merge"))


def _add_server_commands(commands: argparse._SubParsersAction[Parser]) -> None:
    serve = commands.add_parser("serve", help="answer the wire contract over HTTP (extra server)")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen at (default: 127.0.0.1, this machine)")
    serve.add_argument("--port", type=int, default=8000, help="port to listen at; 0 for any (default: 8000)")
    serve.add_argument("--workers", type=int, default=2, help="heavy jobs at the same time (default: 2)")
    serve.add_argument("--max-body", type=int, default=256, metavar="MIB", help="largest body (default: 256 MiB)")
    serve.add_argument("--cors", action="append", metavar="ORIGIN", help="let pages of this origin ask; repeatable")
    serve.add_argument(
        "--source-root", action="append", metavar="DIR", help="let clients name data files in this folder; repeatable"
    )
    serve.add_argument(
        "--source-host",
        action="append",
        metavar="HOST",
        help="let clients name data on this host, such as '*.example.org' or '*'; repeatable",
    )
    serve.add_argument(
        "--source-timeout", type=float, default=30, metavar="S", help="seconds to wait for such a host (default: 30)"
    )
    serve.add_argument(
        "--spark-master",
        action="append",
        metavar="MASTER",
        help="let clients learn data with this Spark, such as sc://host:15002; repeatable",
    )
    serve.add_argument("--refuse-repeats", action="store_true", help="refuse a change that was signed and sent before")
    serve.add_argument("--show-errors", action="store_true", help="show clients every error, not only of input")
    serve.add_argument("--access-log", action="store_true", help="log every request")
    serve.add_argument("--demo", action="store_true", help="add a user with the shipped data sets")
    serve.set_defaults(command=_later("_serve", "serve"))
    user = commands.add_parser("user", help="add, remove or list the users of a server, or make a master key")
    user.add_argument("action", choices=["add", "remove", "list", "key"])
    user.add_argument("name", nargs="?")
    user.set_defaults(command=_later("_serve", "user"))
    for parser in (serve, user):
        parser.add_argument("--root", default="symjobs-data", metavar="DIR", help="the server's folder (%(default)s)")
        parser.add_argument("--store", metavar="URL", help="where jobs and users are (default: SQLite in the folder)")
        parser.add_argument(
            "--key-file",
            metavar="FILE",
            help="the file of the master key, if SYMJOBS_KEY is not set (~/.config/symjobs/key, which is made)",
        )
    request = commands.add_parser("request", help="send one signed request to a server, and print the answer")
    request.add_argument("method", choices=["GET", "POST", "PUT", "DELETE"])
    request.add_argument("path", help="such as /jobs/1 or '/projects?pid=iris'")
    request.add_argument("--user", metavar="NAME", help="who asks (default: SYMJOBS_USER)")
    request.add_argument("--url", help="the server (default: SYMJOBS_URL, or http://127.0.0.1:8000)")
    request.add_argument("--data", metavar="JSON", help="the body; @FILE for a file, - for the standard input")
    request.set_defaults(command=_later("_request", "request"))


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _later(module: str, name: str) -> Callable[[argparse.Namespace], int]:
    # The command's module is loaded when the command runs.
    def command(options: argparse.Namespace) -> int:
        return int(getattr(importlib.import_module(f"symjobs._cli.{module}"), name)(options))

    return command
