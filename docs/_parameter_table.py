"""A Sphinx directive that shows declared parameters as a table.

    ```{parameters} PCAJob
    ```

The argument is the name of a job type, of a model type, or the full name of a `Parameters` class.
"""

from __future__ import annotations

import importlib
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from symjobs._jobs import JOB_TYPES
from symjobs._parameters import Parameters
from symjobs._parameters._declared import Declared


def parameter_type(name: str) -> type[Parameters]:
    """Return the class that declares the parameters of a job type, a model type, or the class of this full name."""
    if name in JOB_TYPES:
        return JOB_TYPES[name].parameter_type
    module, _, attribute = name.rpartition(".")
    found = getattr(importlib.import_module(module), attribute)
    if not (isinstance(found, type) and issubclass(found, Parameters)):
        raise TypeError(f"{name} is no Parameters class")
    return found


def rows(declared: tuple[Declared, ...]) -> list[list[tuple[str, bool]]]:
    """Return the rows of the table, its head first; each cell is a text, and whether it is code."""
    renamed = any(one.name != one.wire for one in declared)
    head = ["on the wire", *(["in Python"] if renamed else []), "value", "default", "what it does"]
    table = [[(text, False) for text in head]]
    for one in declared:
        names = [(one.wire, True), *([(one.name, True)] if renamed else [])]
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
            content: Any = nodes.literal(text, text) if code else nodes.Text(text)
            row += nodes.entry("", nodes.paragraph("", "", content))
        (body if number else head).append(row)
    group += [head, body]
    return nodes.table("", group, classes=["colwidths-auto"])


class ParametersDirective(SphinxDirective):
    """``{parameters} NAME``."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        declared = parameter_type(self.arguments[0]).declared()
        if not declared:
            raise self.error(f"{self.arguments[0]} declares no parameters")
        return [table_node(rows(declared))]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("parameters", ParametersDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
