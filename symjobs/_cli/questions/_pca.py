"""``symjobs run pca``: principal components."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any, ClassVar

from symjobs import _plots
from symjobs._cli._tables import Cell, Table, number
from symjobs._cli.questions._matrix import MatrixQuestion
from symjobs._cli.questions._question import Answer


class PCAQuestion(MatrixQuestion):
    """Principal components of the correlation or covariance matrix."""

    job_type: ClassVar[str] = "PCAJob"
    example: ClassVar[str] = "pca iris --inputs sepal_length,sepal_width,petal_length,petal_width --plot scree.png"
    own_names: ClassVar[Mapping[str, str]] = {"n_components": "components"}

    def in_words(self, options: argparse.Namespace) -> str:
        return f"PCA of the {'covariance' if options.covariance else 'correlation'} matrix"

    def tables(self, answer: Answer) -> list[Table]:
        vectors = answer.values["pcaVectors"]
        rows = [[row[0], *map(number, row[1:])] for row in vectors["data"]]
        return [
            _eigenvalues(answer.values["pcaValues"], answer.values["pcaSumValues"]),
            Table("eigenvectors", vectors["attributeNames"], rows),
        ]

    def draw(self, answer: Answer) -> Any:
        eigenvalues = [float(text) for text in answer.values["pcaValues"]["data"][0]]
        return _plots.scree(eigenvalues, total=answer.values["pcaSumValues"], title=answer.title)


def _eigenvalues(frame: Mapping[str, Any], total: float | None) -> Table:
    rows: list[list[Cell]] = []
    explained = 0.0
    for name, text in zip(frame["attributeNames"], frame["data"][0] if frame["data"] else [], strict=True):
        value = float(text)
        explained += value
        shares: list[Cell] = [value / total, explained / total] if total else [None, None]
        rows.append([name, value, *shares])
    return Table("eigenvalues", ["component", "eigenvalue", "explained", "cumulative"], rows)


QUESTION = PCAQuestion()
