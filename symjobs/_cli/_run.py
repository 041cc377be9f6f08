"""``symjobs run``: learn a file, ask one question, show the answer."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Mapping
from typing import Any

from symjobs import _plots, rest
from symjobs._cli import _watch
from symjobs._cli._print import show
from symjobs._cli.questions import QUESTIONS
from symjobs._cli.questions._question import Answer, Question
from symjobs._engine import JobManager
from symjobs._errors import InputError

_OWNER = "cli"
_OF_DATA = ("filter", "types", "na", "dates")  # options that have no meaning for a project

# The details of a job that say something of its answer.
_NOTES = {
    "atLeast": "lower bounds",
    "boundsOnly": "bounds only",
    "dependent": "dependent",
    "inputsLeftOut": "left out",
    "missingMatters": "missing values",
    "missingValues": "complete rows",
    "needsRebuild": "needs rebuild",
    "oneColumn": "one column",
    "positiveSemidefinite": "positive semidefinite",
    "silhouettes": "silhouettes",
    "undecided": "undecided",
    "undefined": "undefined",
}


def run(options: argparse.Namespace) -> int:
    """Return 0 if the job finished, 1 if it failed, 2 if it was refused. Bad data raises an error."""
    question = QUESTIONS[options.question].load()
    picture = getattr(options, "plot", None)
    _check_data(question, options)
    question.check(options)
    if picture:
        _plots.check_path(picture)
    data = question.read(options)
    result: Any = None
    notes: Mapping[str, Any] = {}
    with JobManager(workers=1, store=None) as manager:
        response = rest.create_job(manager, _OWNER, lambda: question.make_job(options, data))
        number = response.headers.get("sym-job-id")
        if number is not None:
            handle = manager.get(_OWNER, number)
            _watch.wait([handle], lambda _: question.job_type)
            response = rest.get_job(manager, _OWNER, number)
            notes = handle.info().details
            result = handle.result(timeout=0) if response.status == 200 else None
    if options.json:
        sys.stdout.buffer.write(response.json + b"\n")
        sys.stdout.flush()
    if response.status != 200:
        what = "" if number is None else f"job {number} failed: "
        print(f"symjobs: {what}{response.body['statusString']}", file=sys.stderr)
        return 2 if number is None else 1
    if options.json and "suggested" in notes:  # the answer has no place for it; a table has it as its title
        print(f"suggested: {notes['suggested']}", file=sys.stderr)
    for name, words in _NOTES.items():
        if name in notes:
            print(f"{words}: {notes[name]}", file=sys.stderr)
    answer = Answer(
        response.body["values"],
        result,
        data,
        question.labels(options, data),
        question.inputs(options),
        question.title(options),
    )
    if not options.json:
        show(question.tables(answer), heading=answer.title)
    if picture:
        path = _plots.save(question.draw(answer), picture)
        print(f"picture: {path}", file=sys.stderr)
    return 0


def _check_data(question: Question, options: argparse.Namespace) -> None:
    """Raise InputError unless there is either data or a project, and the question can be about it."""
    if options.data is not None and options.project is not None:
        raise InputError(
            f"symjobs run {options.question}: there are data, {options.data}, and a project, {options.project}; leave "
            f"one of them out (symjobs learn {shlex.quote(options.data)} --project {shlex.quote(options.project)} "
            "learns the data into the project)"
        )
    if options.data is None and options.project is None:
        raise InputError(
            f"symjobs run {options.question} needs data, or a project: symjobs run {options.question} DATA, or "
            f"symjobs run {options.question} --project FILE"
        )
    if options.project is None:
        return
    if not question.asks_project:
        raise InputError(f"{options.question} needs the rows; give the data instead of --project")
    for name in _OF_DATA:
        if getattr(options, name):
            raise InputError(f"--{name} is for data; a project has learnt its rows already")
