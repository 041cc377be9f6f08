"""The hba model: how rare the values of a row are in the histograms of its inputs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from symjobs._entities import number_text
from symjobs._errors import InputError
from symjobs._models._anomaly import SCORE, AnomalyPredictions
from symjobs._models._blocks import Blocks
from symjobs._models._marginals import Marginal, concatenate_with_sizes, marginals, split_by_sizes
from symjobs._models._model import Checkpoint, Model, Names
from symjobs._parameters import integer, number
from symjobs._state import Snapshot
from symjobs._state._inputs import Input
from symkernels import LookupTable, LookupTables

AUTO = "auto"
BINS = 10
REGULARIZER = 0.1
_MOST = 10_000
_FEWEST_AUTO, _MOST_AUTO = 5, 200


@dataclass(frozen=True, slots=True)
class _Settings:
    """The parameters, typed; no number of bins is the rule."""

    bins: int | None
    alpha: float

    @classmethod
    def parse(cls, given: Mapping[str, str]) -> _Settings:
        bins = None if given.get("hba_bins", "").strip().lower() == AUTO else integer(given, "hba_bins", BINS)
        settings = cls(bins, number(given, "hba_alpha", REGULARIZER))
        if bins is not None and not 2 <= bins <= _MOST:
            raise InputError(f"parameter 'hba_bins' must be from 2 to {_MOST:,}, or {AUTO!r}, got {bins}")
        if settings.alpha < 0.0:
            raise InputError(f"parameter 'hba_alpha' must be 0 or more, got {settings.alpha!r}")
        return settings


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
    parameters: ClassVar[tuple[str, ...]] = ("hba_alpha", "hba_bins")
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
        parameters: Mapping[str, str],
        checkpoint: Checkpoint | None = None,
    ) -> Self:
        settings = _Settings.parse(parameters)
        known = marginals(snapshot, inputs, targets, cls.algo, checkpoint)
        each = [
            _histogram(marginal, settings, binary=input.type == "B")
            for marginal, input in zip(known.each, known.inputs, strict=True)
        ]
        facts = {
            "hba_bins": AUTO if settings.bins is None else str(settings.bins),
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


def _histogram(marginal: Marginal, settings: _Settings, *, binary: bool) -> Histogram:
    if binary:
        edges, shares, width = np.array([-0.5, 0.5, 1.5]), np.diff(marginal.upto, prepend=0.0), 1.0
    else:
        low, high = float(marginal.values[0]), float(marginal.values[-1])
        count = _freedman_diaconis(marginal) if settings.bins is None else settings.bins
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
