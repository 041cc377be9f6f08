"""The hba model: how rare the values of a row are in the histograms of its inputs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from symjobs._entities import number_text
from symjobs._models._anomaly import SCORE, AnomalyPredictions
from symjobs._models._blocks import Blocks
from symjobs._models._marginals import Marginal, concatenate_with_sizes, marginals, split_by_sizes
from symjobs._models._model import Checkpoint, Model, Names
from symjobs._parameters import Choice, Either, Integer, Number, Parameters, parameter
from symjobs._state import Snapshot
from symjobs._state._inputs import Input
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
    """What each bin of one input adds to a score.

    Attributes
    ----------
    edges : (k + 1,) float64
        Ascending. Bin i is edges[i] < x <= edges[i + 1], the first one with its lower edge.
    scores : (k,) float64
        0 in the highest bin.
    outside : float
        Further than half a bin from all of them.
    """

    edges: np.ndarray
    scores: np.ndarray
    outside: float

    def table(self) -> LookupTable:
        """Return it as a table, with half a bin more at each end."""
        edges, scores = self.edges, self.scores
        below = min(edges[0] - (edges[1] - edges[0]) / 2, np.nextafter(edges[0], -np.inf))
        above = max(edges[-1] + (edges[-1] - edges[-2]) / 2, np.nextafter(edges[-1], np.inf))
        within = np.concatenate([scores[:1], scores, scores[-1:]])
        between = np.concatenate([[self.outside], within, [self.outside]])[None]
        return LookupTable(
            np.concatenate([[below], edges, [above]]), np.append(scores[:1], within)[None], between, between
        )


class HbaModel(Model):
    """Histograms of a project's attributes, and how unusual any row is by them.

    Parameters
    ----------
    inputs, fill
        As `Model` takes them.
    each : sequence of Histogram
        One for each input.
    facts : dict of str to str
        What `info` tells.

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
    score: ClassVar[str | None] = SCORE

    def __init__(
        self, inputs: tuple[Input, ...], fill: np.ndarray, each: Sequence[Histogram], facts: dict[str, str]
    ) -> None:
        super().__init__(inputs, fill)
        self.each = tuple(each)
        self.tables = LookupTables([histogram.table() for histogram in self.each])
        self._facts = facts

    @classmethod
    def build(
        cls,
        snapshot: Snapshot,
        inputs: Names | None,
        targets: Names | None,
        settings: HbaParameters,
        checkpoint: Checkpoint | None = None,
    ) -> Self:
        known = marginals(snapshot, inputs, targets, cls.algo, checkpoint)
        each = [
            _histogram(marginal, settings, binary=input.type == "B")
            for marginal, input in zip(known.each, known.inputs, strict=True)
        ]
        facts = {
            "hba_bins": str(settings.bins),
            "hba_alpha": number_text(settings.alpha),
            **known.facts(),
        }
        return cls(known.inputs, known.mean, each, facts)

    def predict(self, blocks: Blocks) -> AnomalyPredictions:
        scores = np.concatenate([self.tables.sums(block)[0] for block in blocks])
        return AnomalyPredictions(blocks.n_rows, blocks.n_missing, blocks.n_imputed, scores)

    def info(self) -> dict[str, str]:
        return dict(self._facts)

    def extra(self) -> dict[str, Any]:
        return {"bins": [len(histogram.scores) for histogram in self.each]}

    def arrays(self) -> dict[str, np.ndarray]:
        edges, sizes = concatenate_with_sizes([histogram.edges for histogram in self.each])
        return {
            "edges": edges,
            "sizes": sizes,
            "scores": concatenate_with_sizes([histogram.scores for histogram in self.each])[0],
            "outside": np.array([histogram.outside for histogram in self.each]),
        }

    def metadata(self) -> dict[str, Any]:
        return {"facts": self._facts}

    @classmethod
    def restore(
        cls, inputs: tuple[Input, ...], fill: np.ndarray, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, Any]
    ) -> Self:
        d, sizes = len(inputs), arrays["sizes"]
        edges, scores = split_by_sizes(arrays["edges"], sizes, d), split_by_sizes(arrays["scores"], sizes - 1, d)
        outside = split_by_sizes(arrays["outside"], np.ones(d, dtype=np.int64), d)
        if not all((np.diff(one) > 0).all() for one in edges):
            raise ValueError("its hba model has edges that do not ascend")
        each = [Histogram(one, two, float(end[0])) for one, two, end in zip(edges, scores, outside, strict=True)]
        return cls(inputs, fill, each, dict(metadata["facts"]))


def _histogram(marginal: Marginal, settings: HbaParameters, *, binary: bool) -> Histogram:
    if binary:
        edges, shares, width = np.array([-0.5, 0.5, 1.5]), np.diff(marginal.upto, prepend=0.0), 1.0
    else:
        low, high = float(marginal.values[0]), float(marginal.values[-1])
        count = _freedman_diaconis(marginal) if isinstance(settings.bins, str) else settings.bins
        edges = np.unique(np.linspace(low, high, count + 1))  # fewer, where float64 has no more numbers between
        counted = marginal.share_upto(edges)
        counted[0], counted[-1] = 0.0, 1.0  # the first bin has both of its ends
        shares = np.diff(counted)
        width = (high - low) / len(shares) / marginal.deviation
    heights = np.maximum(shares, 0.5 / marginal.n) / width
    highest = float(heights.max()) + settings.alpha
    outside = math.log(highest / (0.5 / marginal.n / width + settings.alpha))
    return Histogram(edges, np.log(highest / (heights + settings.alpha)), outside)


def _freedman_diaconis(marginal: Marginal) -> int:
    """Bins whose width is twice the distance of the quartiles over the cube root of n (Freedman & Diaconis 1981)."""
    quarters = marginal.values[np.searchsorted(marginal.upto, [0.25, 0.75])]
    width = 2.0 * float(quarters[1] - quarters[0]) / marginal.n ** (1 / 3)
    span = float(marginal.values[-1] - marginal.values[0])
    if not width * _MOST_AUTO > span:
        return _MOST_AUTO
    return max(_FEWEST_AUTO, math.ceil(span / width))
