"""A Sphinx directive that shows the questions of the command line, each with its options.

```{questions}
```
"""

from __future__ import annotations

import argparse
from typing import Any

from _parameter_table import table_node
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from symjobs._cli.questions import QUESTIONS
from symjobs._cli.questions._question import Question

Row = list[tuple[str, bool]]


def questions() -> list[Row]:
    """Return the rows of the table of all questions, its head first; each cell is a text, and whether it is code."""
    head = [(text, False) for text in ("question", "answer", "job")]
    rows = [
        [(name, True), (entry.summary, False), (QUESTIONS[name].load().job_type, True)]
        for name, entry in QUESTIONS.items()
    ]
    return [head, *rows]


def options(question: Question) -> list[Row]:
    """Return the rows of the table of a question's own options, its head first."""
    group = argparse.ArgumentParser().add_argument_group("question")
    question.add_options(group)
    rows = []
    for action in group._group_actions:
        value = f" {'|'.join(action.choices)}" if action.choices else f" {action.metavar}" if action.metavar else ""
        text = (action.help or "").replace("%%", "%")
        rows.append([(f"{action.option_strings[-1]}{value}", True), (text, False)])
    return [[("option", False), ("meaning", False)], *rows]


class QuestionsDirective(SphinxDirective):
    """``{questions}``."""

    def run(self) -> list[nodes.Node]:
        found: list[nodes.Node] = [table_node(questions())]
        for name in QUESTIONS:
            question = QUESTIONS[name].load()
            found.append(nodes.rubric("", f"symjobs run {name}"))
            found.append(table_node(options(question)))
            example = f"symjobs run {question.example}"
            found.append(nodes.literal_block(example, example, language="shell"))
        return found


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("questions", QuestionsDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
