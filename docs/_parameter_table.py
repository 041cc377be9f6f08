"""A Sphinx directive that shows declared parameters as a table.

    ```{parameters} PCAJob
    ```

The argument is the name of a job type, of a model type, or the full name of a `Parameters` class. For a job type the
column "in Python" has the argument of the constructor.
"""

from __future__ import annotations

import importlib
import inspect
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from symjobs._jobs import JOB_TYPES
from symjobs._models import MODEL_TYPES
from symjobs._parameters import Parameters
from symjobs._parameters._declared import Declared


def parameter_type(name: str) -> type[Parameters]:
    """Return the class that declares the parameters of a job type, a model type, or the class of this full name."""
    if name in JOB_TYPES:
        return JOB_TYPES[name].parameter_type
    if name in MODEL_TYPES:
        return MODEL_TYPES[name].parameter_type
    module, _, attribute = name.rpartition(".")
    found = getattr(importlib.import_module(module), attribute)
    if not (isinstance(found, type) and issubclass(found, Parameters)):
        raise TypeError(f"{name} is no Parameters class")
    return found


def arguments(name: str) -> list[str]:
    """Return the arguments of a job type's constructor; nothing for other names."""
    return list(inspect.signature(JOB_TYPES[name]).parameters) if name in JOB_TYPES else []


def rows(name: str) -> list[list[tuple[str, bool]]]:
    """Return the rows of the table, its head first; each cell is a text, and whether it is code."""
    in_python = arguments(name)
    head = ["parameter", *(["in Python"] if in_python else []), "value", "default", "what it does"]
    table = [[(text, False) for text in head]]
    for one in parameter_type(name).declared():
        argument = (one.name if one.name in in_python else "", True)
        names = [(one.wire, True), *([argument] if in_python else [])]
        table.append([*names, (one.kind.words, False), default(one), (one.text, False)])
    return table


def default(declared: Declared) -> tuple[str, bool]:
    """Return a parameter's default in words or as it is on the wire, and whether it is code."""
    if declared.required:
        return "required", False
    if declared.default is None:
        return "none", False
    return declared.kind.text(declared.default), True


def table_node(cells: list[list[tuple[str, bool]]]) -> nodes.table:
    """Return the table for docutils."""
    group = nodes.tgroup(cols=len(cells[0]))
    group += [nodes.colspec(colwidth=1) for _ in cells[0]]
    head, body = nodes.thead(), nodes.tbody()
    for number, line in enumerate(cells):
        row = nodes.row()
        for text, code in line:
            content: Any = nodes.literal(text, text) if code and text else nodes.Text(text)
            row += nodes.entry("", nodes.paragraph("", "", content))
        (body if number else head).append(row)
    group += [head, body]
    return nodes.table("", group, classes=["colwidths-auto"])


class ParametersDirective(SphinxDirective):
    """``{parameters} NAME``."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        table = rows(self.arguments[0])
        if len(table) == 1:
            raise self.error(f"{self.arguments[0]} declares no parameters")
        return [table_node(table)]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("parameters", ParametersDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
