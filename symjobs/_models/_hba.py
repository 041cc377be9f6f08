"""The hba model: how rare the values of a row are in the histograms of its inputs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from symjobs._models._anomaly import SCORE, AnomalyModel
from symjobs._models._marginals import Marginal, concatenate_with_sizes, marginals, split_by_sizes
from symjobs._models._model import Checkpoint, Names
from symjobs._models._saved import array
from symjobs._parameters import Choice, Either, Integer, Number, Parameters, parameter
from symjobs._state import Snapshot
from symkernels import LookupTable, LookupTables

AUTO = "auto"
_MOST = 10_000
_FEWEST_AUTO, _MOST_AUTO = 5, 200


class HbaParameters(Parameters):
    """The parameters of an ``hba`` model."""

    strict_prefix: ClassVar[str | None] = ""

    bins: int | str = parameter(
        "hba_bins",
        Either(Choice(AUTO), Integer(2, _MOST)),
        "bins of each input; auto follows the rule of Freedman and Diaconis",
        default=10,
    )
    alpha: float = parameter("hba_alpha", Number(0), "added to the height of each bin, so that none is 0", default=0.1)


@dataclass(frozen=True, eq=False, slots=True)
class Histogram:
    """The histogram of an input: what each bin adds to the score.

    Attributes
    ----------
    edges : (k + 1,) float64
        Ascending. Bin i is edges[i] < x <= edges[i + 1], the first one with its lower edge.
    scores : (k,) float64
        0 in the highest bin.
    outside : float
        What a value adds that is more than half a bin from all of them.
    """

    edges: np.ndarray
    scores: np.ndarray
    outside: float

    def table(self) -> LookupTable:
        """Return the histogram as a table, with half a bin more at each end."""
        edges, scores = self.edges, self.scores
        below = min(edges[0] - (edges[1] - edges[0]) / 2, np.nextafter(edges[0], -np.inf))
        above = max(edges[-1] + (edges[-1] - edges[-2]) / 2, np.nextafter(edges[-1], np.inf))
        within = np.concatenate([scores[:1], scores, scores[-1:]])
        between = np.concatenate([[self.outside], within, [self.outside]])[None]
        return LookupTable(
            np.concatenate([[below], edges, [above]]), np.append(scores[:1], within)[None], between, between
        )


class HbaModel(AnomalyModel):
    """Histograms of a project's attributes, and how unusual any row is by them.

    Parameters
    ----------
    inputs, fill, facts
        As `Model` takes them.
    edges, scores : (n,) float64
        `Histogram` of one input after the other; a histogram has one score less than edges.
    sizes : (d,) int64
        How many edges each has.
    outside : (d,) float64
        Of each histogram.

    Notes
    -----
    ``score`` is the sum over the inputs of log((h* + a) / (h + a)), h the height of the bin that the value lies in, h*
    that of the highest one: Goldstein and Dengel, "Histogram-based outlier score (HBOS): a fast unsupervised anomaly
    detection algorithm", KI 2012, with bins of equal width from the smallest to the largest value. The regularizer
    a = ``hba_alpha`` is PyOD's; here the heights are densities of the input in its standard deviations, so that units
    do not matter: the scores rank as PyOD's HBOS does on standardized data. A B input, and a member of a category, has
    two bins, whose heights are their shares. Heights are at least those of half a row.

    A value up to half a bin beyond the ends counts as in the last bin; one further out as in a bin of height 0, since
    none such was learnt (PyOD: as in the lowest bin).
    """

    algo: ClassVar[str] = "hba"
    summary: ClassVar[str] = "how rare the values are, by a histogram of each input"
    needs_histogram: ClassVar[bool] = True
    parameter_type: ClassVar[type[Parameters]] = HbaParameters
    keys: ClassVar[dict[str, str]] = {
        SCORE: "sum of log(height of the highest bin / height of the value's bin); NaN where an input is missing",
    }

    edges: np.ndarray = array("edges")
    sizes: np.ndarray = array("d", dtype=np.int64)
    scores: np.ndarray = array("scores")
    outside: np.ndarray = array("d")

    @classmethod
    def learn(
        cls,
        snapshot: Snapshot,
        inputs: Names | None,
        parameters: HbaParameters,
        checkpoint: Checkpoint | None = None,
    ) -> Self:
        known = marginals(snapshot, inputs, cls.algo, checkpoint)
        each = [
            _histogram(marginal, parameters, binary=input.type == "B")
            for marginal, input in zip(known.each, known.inputs, strict=True)
        ]
        edges, sizes = concatenate_with_sizes([histogram.edges for histogram in each])
        return cls(
            inputs=known.inputs,
            fill=known.mean,
            facts=known.facts(),
            edges=edges,
            sizes=sizes,
            scores=np.concatenate([histogram.scores for histogram in each]),
            outside=np.array([histogram.outside for histogram in each]),
        )

    @property
    def each(self) -> list[Histogram]:
        """The histogram of each input."""
        edges, scores = split_by_sizes(self.edges, self.sizes), split_by_sizes(self.scores, self.sizes - 1)
        return [Histogram(*one) for one in zip(edges, scores, self.outside.tolist(), strict=True)]

    @cached_property
    def tables(self) -> LookupTables:
        """What each value adds to the score."""
        return LookupTables([histogram.table() for histogram in self.each])

    def answer(self, block: np.ndarray) -> dict[str, np.ndarray]:
        return {SCORE: self.tables.sums(block)[0]}

    def extra(self) -> dict[str, Any]:
        return {"bins": (self.sizes - 1).tolist()}

    def check(self) -> None:
        if not all((np.diff(histogram.edges) > 0).all() for histogram in self.each):
            raise ValueError("has edges that do not ascend")


def _histogram(marginal: Marginal, parameters: HbaParameters, *, binary: bool) -> Histogram:
    if binary:
        edges, shares, width = np.array([-0.5, 0.5, 1.5]), np.diff(marginal.upto, prepend=0.0), 1.0
    else:
        low, high = float(marginal.values[0]), float(marginal.values[-1])
        count = _freedman_diaconis(marginal) if isinstance(parameters.bins, str) else parameters.bins
        edges = np.unique(np.linspace(low, high, count + 1))  # fewer if float64 has not so many numbers between
        counted = marginal.share_upto(edges)
        counted[0], counted[-1] = 0.0, 1.0  # the first bin includes both ends
        shares = np.diff(counted)
        width = (high - low) / len(shares) / marginal.deviation
    heights = np.maximum(shares, 0.5 / marginal.n) / width
    highest = float(heights.max()) + parameters.alpha
    outside = math.log(highest / (0.5 / marginal.n / width + parameters.alpha))
    return Histogram(edges, np.log(highest / (heights + parameters.alpha)), outside)


def _freedman_diaconis(marginal: Marginal) -> int:
    """Return the number of bins by Freedman and Diaconis (1981): width 2 (Q3 - Q1) / n^(1/3)."""
    quarters = marginal.values[np.searchsorted(marginal.upto, [0.25, 0.75])]
    width = 2.0 * float(quarters[1] - quarters[0]) / marginal.n ** (1 / 3)
    span = float(marginal.values[-1] - marginal.values[0])
    if not width * _MOST_AUTO > span:
        return _MOST_AUTO
    return max(_FEWEST_AUTO, math.ceil(span / width))
