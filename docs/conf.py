"""Build the documentation: ``make docs``, or ``sphinx-build -W --keep-going -b html docs docs/_build/html``."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# The documentation is that of this source tree, installed or not; docs/ has a directive of its own.
sys.path[:0] = [str(ROOT), str(ROOT / "kernels"), str(ROOT / "docs")]

import symjobs  # noqa: E402

project = "symjobs"
author = "the symjobs developers"
copyright = "2026, the symjobs developers. Apache License 2.0"
version = release = symjobs.__version__

extensions = [
    "_parameter_table",
    "_question_table",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"symjobs {release}"

myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3

# `learn` in a docstring links to what Python would find under that name; what it does not find stays plain text.
default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the Parameters sections say more
numpydoc_show_class_members = False  # autodoc lists members
numpydoc_xref_param_type = False
