"""The correlations of a question's attributes, for pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symjobs import _plots
from symjobs._arrays import to_host
from symjobs._cli.questions._question import Answer
from symjobs._explore import Catalogue
from symjobs._project import Project
from symjobs._state import check_memory_for_matrix


def correlations(project: Project, inputs: Sequence[str] | None) -> tuple[list[str], np.ndarray]:
    """Return the names of attributes, by default of every C and B column, and their (p, p) correlations."""
    snapshot = project.snapshot()
    catalogue = Catalogue(snapshot)
    attributes = catalogue.select(None if inputs is None else tuple(inputs))
    names = [catalogue.name(attribute) for attribute in attributes]
    check_memory_for_matrix("a correlation matrix", len(names), len(names))
    return names, to_host(snapshot.moments.correlation(indices=[attribute.index for attribute in attributes]))


def draw_correlations(answer: Answer) -> Any:
    """Return a picture of the correlations of an answer's attributes."""
    return _plots.correlation_map(*correlations(answer.data, answer.inputs), title=answer.title)
