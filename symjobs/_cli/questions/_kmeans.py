"""``symjobs run kmeans``: k-means for a range of k, of the rows of a file or of its micro-clusters."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from symjobs import _plots
from symjobs._cli._learn import open_source, parse_pairs
from symjobs._cli._options import given
from symjobs._cli._tables import Cell, Table
from symjobs._cli.questions._kmeans_data import keep_clusters, read_line, read_rows
from symjobs._cli.questions._question import NAMES_HELP, Answer, Question
from symjobs._engine import Request
from symjobs._entities import MLContext
from symjobs._errors import InputError
from symjobs._jobs._kmeans_data import Settings
from symjobs._jobs._optimized_kmeans import OptimizedKmeansParameters, settings_of_parameters
from symjobs._project import Project
from symjobs._tables._types import check_types

_PAIRS = 200_000  # from so many rows on exact silhouettes take minutes


class KMeansQuestion(Question):
    """WSSSE and silhouette for every k of a range."""

    job_type: ClassVar[str] = "OptimizedKmeansJob"
    example: ClassVar[str] = "kmeans iris --k 2..6 --plot elbow.png"
    asks_project: ClassVar[bool] = False
    left_out: ClassVar[frozenset[str]] = frozenset({"k_min", "k_max"})  # --k has both
    defaults: ClassVar[Mapping[str, Any]] = {"seed": 0}  # so that the answer is always the same
    inputs_help: ClassVar[str] = f"columns to cluster by: {NAMES_HELP} (default: every numeric one)"

    def add_options(self, group: argparse._ArgumentGroup) -> None:
        group.add_argument(
            "--k",
            type=_k_range,
            default=(2, 10),
            metavar="A..B",
            help="numbers of clusters to try, or a single one (default: 2..10)",
        )
        super().add_options(group)
        group.add_argument(
            "--stream",
            action="store_true",
            help="keep micro-clusters while the file streams by, and not its rows: for files larger than memory",
        )
        group.add_argument(
            "--centroids",
            type=int,
            metavar="N",
            help="--stream: micro-clusters to keep (default: 100, or ten for each of the most clusters)",
        )

    def check(self, options: argparse.Namespace) -> None:
        self._settings(options)
        if options.centroids is not None and not options.stream:
            raise InputError("--centroids goes with --stream, which keeps so many micro-clusters instead of the rows")

    def read(self, options: argparse.Namespace) -> Any:
        """Return the complete rows of the file and their columns, or a project that keeps clusters."""
        settings = self._settings(options)
        types = check_types(parse_pairs("--types", options.types), "--types")
        source = open_source(options, types)
        columns = self.inputs(options)
        if options.stream:
            return keep_clusters(options, settings, source, types, columns)
        rows, names = read_rows(options, settings, source, types, columns)
        if not len(rows.X):
            condition = (
                f"passes the filter {options.filter!r}" if options.filter and not rows.n_input else "is complete"
            )
            raise InputError(f"{source.name}: no row {condition}")
        print(read_line(rows, names, source), file=sys.stderr)
        if settings.metric == "euclidean" and not settings.silhouette_sample and len(rows.X) > _PAIRS:
            pairs = len(rows.X) ** 2 / 2
            print(
                f"exact silhouettes of {pairs:.1e} pairs of rows; a sample or --metric sqeuclidean is far quicker",
                file=sys.stderr,
            )
        return rows.X, names

    def request(self, options: argparse.Namespace, data: Any) -> Request:
        context = MLContext(extraParameters=self.parameters(options))
        return (
            Request(project=data, context=context) if isinstance(data, Project) else Request(data=data, context=context)
        )

    def parameters(self, options: argparse.Namespace) -> dict[str, str]:
        k_min, k_max = options.k
        return OptimizedKmeansParameters.texts(k_min=k_min, k_max=k_max, **given(options, OptimizedKmeansParameters))

    def _settings(self, options: argparse.Namespace) -> Settings:
        with self.in_words_of_options():
            return settings_of_parameters(OptimizedKmeansParameters.from_text(self.parameters(options)), "none")

    def in_words(self, options: argparse.Namespace) -> str:
        how = "k-means by micro-clusters" if options.stream else "k-means"
        return f"{how}, every column divided by its standard deviation" if options.scale == "standard" else how

    def tables(self, answer: Answer) -> list[Table]:
        return list(_clusters(answer.result))

    def draw(self, answer: Answer) -> Any:
        result = answer.result
        return _plots.cluster_curves(
            result.ks,
            result.wssse,
            result.silhouette,
            k=result.k_silhouette,
            elbow=result.k_elbow,
            title=answer.title,
            squared=result.metric == "sqeuclidean",
            error=result.silhouette_error,
        )


def _k_range(text: str) -> tuple[int, int]:
    first, dots, last = text.partition("..")
    try:
        return int(first), int(last if dots else first)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no range such as 2..12") from None


def _clusters(result: Any) -> Iterator[Table]:
    columns = zip(result.ks.tolist(), result.wssse.tolist(), result.silhouette.tolist(), strict=True)
    rows: list[list[Cell]] = []
    sampled = result.largest_error is not None
    for i, (k, *numbers) in enumerate(columns):
        marks = ["largest silhouette"] if k == result.k_silhouette else []
        marks += ["elbow"] if k == result.k_elbow else []
        suggested = "suggested: " if k == result.k else ""
        notes = [f"{suggested}{' and '.join(marks)}"] if marks else []
        if result.n_iter[i] and not result.converged[i]:
            notes.append("stopped by --max-iterations")
        notes += [result.reasons[i]] if result.reasons[i] else []
        known = [None if math.isnan(number) else number for number in numbers]
        error: list[Cell] = [float(result.silhouette_error[i])] if sampled else []
        rows.append([k, *known, *error, round(float(result.seconds[i]), 4), int(result.n_iter[i]), "; ".join(notes)])
    header = ["k", "WSSSE", "silhouette", *(["std. error"] if sampled else []), "seconds", "iterations", "note"]
    yield Table(result.why, header, rows)
    if result.k is not None:
        at = result.ks.tolist().index(result.k)
        centers, sizes = result.centers[at].tolist(), result.sizes[at].tolist()
        members: list[list[Cell]] = [
            [number, round(size), *center]
            for number, (size, center) in enumerate(zip(sizes, centers, strict=True), start=1)
        ]
        yield Table("centers", ["cluster", "rows", *result.names], members)


QUESTION = KMeansQuestion()
