"""The base class of questions: options, data, job, tables and picture."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from symjobs._cli._learn import learn, parse_names, project_name
from symjobs._cli._options import add_parameters, given, option_names
from symjobs._cli._tables import Table, lay_out
from symjobs._engine import Job, Request
from symjobs._entities import MLContext
from symjobs._errors import InputError
from symjobs._explore import Catalogue
from symjobs._jobs import JOB_TYPES
from symjobs._parameters import Parameters
from symjobs._project import Project

NAMES_HELP = "names or indices separated by commas"


@dataclass(frozen=True)
class Answer:
    """A finished job, to be shown.

    Attributes
    ----------
    values : mapping of str to object
        The entities by their keys, as plain JSON: what a client gets.
    result : object
        What the job returned.
    data : object
        What `Question.read` returned, usually a project.
    labels : sequence of str
        A label for each map of a KSVDMap.
    inputs : list of str or None
        The attributes that were asked about; None for the default.
    title : str
    """

    values: Mapping[str, Any]
    result: Any = None
    data: Any = None
    labels: Sequence[str] = ()
    inputs: list[str] | None = None
    title: str = ""


class Question:
    """The base class of the questions of ``symjobs run``.

    Each question is a subclass in a file of its own, with one object named ``QUESTION``. The methods here suit a job on
    some attributes of a project, with declared parameters. A question overrides the others.

    Attributes
    ----------
    job_type : str
        The job that answers; a key of `JOB_TYPES`.
    what : str
        The question in words, for titles.
    example : str
        What follows ``symjobs run`` in an example.
    own_names : dict of str to str
        Options whose names differ from their parameters: ``{"n_components": "components"}``.
    left_out : frozenset of str
        Parameters without an option.
    defaults : dict of str to object
        Defaults of parameters, where the command line has its own.
    asks_project : bool
        Whether a project answers it, so that the rows are not needed.
    inputs_help : str
        What ``--inputs`` says in ``--help``.
    """

    job_type: ClassVar[str]
    what: ClassVar[str]
    example: ClassVar[str]
    own_names: ClassVar[Mapping[str, str]] = {}
    left_out: ClassVar[frozenset[str]] = frozenset()
    defaults: ClassVar[Mapping[str, Any]] = {}
    asks_project: ClassVar[bool] = True
    inputs_help: ClassVar[str] = f"attributes to ask about: {NAMES_HELP} (default: every numeric one)"

    @property
    def parameter_type(self) -> type[Parameters]:
        """The declared parameters of the job."""
        return JOB_TYPES[self.job_type].parameter_type

    @property
    def draws(self) -> bool:
        """Whether there is a picture, which means that `draw` is overridden."""
        return type(self).draw is not Question.draw

    def add_options(self, group: argparse._ArgumentGroup) -> None:
        """Add the options that only this question has: ``--inputs``, and one for each parameter of the job."""
        group.add_argument("--inputs", action="append", metavar="A,B", help=self.inputs_help)
        add_parameters(group, self.parameter_type, self.own_names, self.left_out, self.defaults)

    def check(self, options: argparse.Namespace) -> None:
        """Raise InputError for options that do not go together, before the data is read."""

    def read(self, options: argparse.Namespace) -> Any:
        """Read the data: by default into a project that learns it, or the one that the options name."""
        return learn(options)

    def make_job(self, options: argparse.Namespace, data: Any) -> Job:
        """Return the job on what `read` returned."""
        with self.in_words_of_options():
            return JOB_TYPES[self.job_type].from_request(self.request(options, data))

    def request(self, options: argparse.Namespace, data: Any) -> Request:
        """Return the request of a client with the same question."""
        names = self.inputs(options) or default_names(data)
        context = MLContext(inputAttributeNames=names, extraParameters=self.parameters(options))
        return Request(project=data, context=context)

    def parameters(self, options: argparse.Namespace) -> dict[str, str]:
        """Return the parameters that the options give, as on the wire."""
        return self.parameter_type.texts(**given(options, self.parameter_type))

    def inputs(self, options: argparse.Namespace) -> list[str] | None:
        """Return the attributes that the options name, or None if they name none."""
        return [name for text in options.inputs or [] for name in parse_names(text)] or None

    def labels(self, options: argparse.Namespace, data: Any) -> list[str]:
        """Return a label for each map of a KSVDMap in the answer."""
        return []

    def title(self, options: argparse.Namespace) -> str:
        """Return a title for tables and a picture: the data and the question."""
        return f"{project_name(options)}: {self.in_words(options)}"

    def in_words(self, options: argparse.Namespace) -> str:
        """Return the question in words, with the options."""
        return self.what

    def tables(self, answer: Answer) -> list[Table]:
        """Return the tables of an answer."""
        return lay_out(answer.values, answer.labels)

    def draw(self, answer: Answer) -> Any:
        """Return a matplotlib figure of an answer."""
        raise NotImplementedError(f"{type(self).__name__} draws nothing")

    @contextmanager
    def in_words_of_options(self) -> Iterator[None]:
        """Replace the names of parameters by those of options in errors."""
        try:
            yield
        except InputError as error:
            raise type(error)(self.with_options(str(error))) from error

    def with_options(self, text: str) -> str:
        """Return a message with options in place of parameters."""
        names = option_names(self.parameter_type, self.own_names, self.left_out)
        for declared in self.parameter_type.declared():
            if option := names.get(declared.name):
                if declared.wire != declared.name:
                    text = text.replace(declared.label, option).replace(declared.wire, option)
                elif text.startswith(f"{declared.name} "):  # elsewhere it may be any word of the text
                    text = f"{option}{text.removeprefix(declared.name)}"
        return text


def default_names(project: Project) -> list[str]:
    """Return the attributes that a question is about by default: every C and B column."""
    catalogue = Catalogue(project.snapshot())
    return [catalogue.name(attribute) for attribute in catalogue.select(None)]
