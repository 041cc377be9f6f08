"""The ecod model: how far in the tails of their distributions the values of a row are."""

from __future__ import annotations

import math
from functools import cached_property
from typing import ClassVar, Self

import numpy as np

from symjobs._entities import number_text
from symjobs._errors import InputError
from symjobs._models._anomaly import SCORE, AnomalyModel
from symjobs._models._marginals import Marginal, concatenate_with_sizes, marginals, split_by_sizes
from symjobs._models._model import Checkpoint, Names
from symjobs._models._saved import array
from symjobs._parameters import Flag, Integer, Number, Parameters, parameter
from symjobs._state import Snapshot
from symkernels import LookupTable, LookupTables

FLAG = "ecod_is_anomaly"


class EcodParameters(Parameters):
    """The parameters of an ``ecod`` model."""

    strict_prefix: ClassVar[str | None] = ""

    threshold: float | None = parameter(
        "ecod_anomaly_threshold", Number(0), "flag the rows whose score is above it", default=None
    )
    use_skewness: bool = parameter("use_skewness", Flag(), "use skewness, as the paper does", default=False)
    explained: int = parameter(
        "desired_prob_feats", Integer(0), "report so many inputs of each row with their probabilities", default=0
    )


class EcodModel(AnomalyModel):
    """Empirical tail probabilities of a project's attributes, and how unusual any row is by them.

    Parameters
    ----------
    inputs, fill, facts
        As `Model` takes them.
    values, below, upto : (n,) float64
        `Marginal` of one input after the other.
    sizes : (d,) int64
        How many values each has.
    shape : (d, 3) float64
        Number of rows, deviation and skewness of each.
    threshold, use_skewness, explained
        As `EcodParameters` has them.

    Notes
    -----
    The tails of a value are the share of the values learnt that are no larger, and the share of those that are no
    smaller (Li et al., "ECOD: unsupervised outlier detection using empirical cumulative distribution functions", IEEE
    TKDE 35, 2022). Beyond all values learnt, where that would be 0, half a row is counted. Where a sketch stands for
    the values, the logarithms of the shares are linear between those that it knows.

    * ``score`` is the sum over the inputs of -log of the smaller of both probabilities, in nats: what PyOD's ECOD
      computes of the rows it is fitted to, whose skewness has no effect (but where it is exactly 0).
    * with ``use_skewness`` it is the largest of three sums, as the paper has it: of the left tails, of the right tails,
      and of the tail that each input's skewness points to (the left one if it is negative).
    """

    algo: ClassVar[str] = "ecod"
    summary: ClassVar[str] = "how far in the tails the values are, by the distribution of each input"
    needs_histogram: ClassVar[bool] = True
    parameter_type: ClassVar[type[Parameters]] = EcodParameters
    keys: ClassVar[dict[str, str]] = {
        SCORE: "sum of -log of the tail probabilities of all inputs; NaN where an input is missing",
    }

    values: np.ndarray = array("n")
    sizes: np.ndarray = array("d", dtype=np.int64)
    below: np.ndarray = array("n")
    upto: np.ndarray = array("n")
    shape: np.ndarray = array("d", 3)
    threshold: float | None
    use_skewness: bool
    explained: int

    @classmethod
    def learn(
        cls,
        snapshot: Snapshot,
        inputs: Names | None,
        parameters: EcodParameters,
        checkpoint: Checkpoint | None = None,
    ) -> Self:
        known = marginals(snapshot, inputs, cls.algo, checkpoint)
        if parameters.explained > len(known.inputs):
            raise InputError(
                f"parameter 'desired_prob_feats' is {parameters.explained}, and the model has {len(known.inputs)} "
                "input(s) that vary; ask for no more than that"
            )
        facts = known.facts()
        if parameters.threshold is None:
            facts["ecod_anomaly_threshold"] = "none"
        values, sizes = concatenate_with_sizes([marginal.values for marginal in known.each])
        return cls(
            inputs=known.inputs,
            fill=known.mean,
            facts=facts,
            values=values,
            sizes=sizes,
            below=np.concatenate([marginal.below for marginal in known.each]),
            upto=np.concatenate([marginal.upto for marginal in known.each]),
            shape=np.array([(marginal.n, marginal.deviation, marginal.skewness) for marginal in known.each]),
            **parameters.values(),
        )

    @property
    def each(self) -> list[Marginal]:
        """The distribution of each input."""
        parts = (split_by_sizes(array, self.sizes) for array in (self.values, self.below, self.upto))
        return [
            Marginal(int(n), *arrays, *rest) for *arrays, (n, *rest) in zip(*parts, self.shape.tolist(), strict=True)
        ]

    @cached_property
    def tables(self) -> LookupTables:
        """What each value adds to the score."""
        return LookupTables([_table(marginal, self.use_skewness) for marginal in self.each])

    def result_keys(self) -> dict[str, str]:
        keys = dict(self.keys)
        if self.threshold is not None:
            keys[FLAG] = f"1 where score > {number_text(self.threshold)}, else 0, as where an input is missing"
        for i in range(1, self.explained + 1):
            keys[f"feature_{i}"] = f"the input that adds most to the score, number {i}; empty where one is missing"
            keys[f"probability_{i}"] = "its tail probability"
        return keys

    def answer(self, block: np.ndarray) -> dict[str, np.ndarray]:
        if not self.explained:
            return self._flagged(self.tables.sums(block).max(axis=0))
        values = self.tables.values(block)
        sums = np.add.accumulate(values, axis=2)[:, :, -1]  # in the same order as `sums` adds
        columns = self._flagged(sums.max(axis=0))
        missing = np.isnan(columns[SCORE])
        winner = values[np.argmax(np.nan_to_num(sums), axis=0), np.arange(len(block))]
        most = np.argsort(-winner, axis=1, kind="stable")[:, : self.explained]
        probabilities = np.exp(-np.take_along_axis(winner, most, axis=1))
        names = np.array([known.name for known in self.inputs])
        for i in range(self.explained):
            columns[f"feature_{i + 1}"] = np.where(missing, "", names[most[:, i]])
            columns[f"probability_{i + 1}"] = np.where(missing, np.nan, probabilities[:, i])
        return columns

    def _flagged(self, score: np.ndarray) -> dict[str, np.ndarray]:
        if self.threshold is None:
            return {SCORE: score}
        return {SCORE: score, FLAG: (score > self.threshold).astype(np.int8)}

    def check(self) -> None:
        if not (self.shape[:, 0] >= 2).all():
            raise ValueError("has a distribution of fewer than two rows")
        for marginal in self.each:
            if not ((np.diff(marginal.values) > 0).all() and _are_shares(marginal.below, marginal.upto)):
                raise ValueError("has a distribution that does not rise from 0 to 1")
        if not 0 <= self.explained <= len(self.inputs):
            raise ValueError(f"explains {self.explained} of {len(self.inputs)} inputs")
        if self.threshold is not None and not 0.0 <= self.threshold < math.inf:
            raise ValueError(f"has the threshold {self.threshold}")


def _are_shares(below: np.ndarray, upto: np.ndarray) -> bool:
    steps = np.stack([below, upto], axis=1).reshape(-1)
    return bool(steps[0] == 0.0 and steps[-1] == 1.0 and (np.diff(steps) >= 0.0).all())


def _table(marginal: Marginal, use_skewness: bool) -> LookupTable:
    """Return -log of the smaller tail probability, or of the left one, the right one and that of the skewness."""
    n, below, upto = marginal.n, marginal.below, marginal.upto

    def nats(share: np.ndarray) -> np.ndarray:
        return -np.log(np.maximum(share, 0.5 / n))

    # Each tail at the values, and its limits at both ends of the intervals below, between and above them.
    left = nats(upto), nats(np.append(0.0, upto)), nats(np.append(below, 1.0))
    right = nats(1.0 - below), nats(np.append(1.0, 1.0 - upto)), nats(np.append(1.0 - below, 0.0))
    if use_skewness:
        chosen = left if marginal.skewness < 0.0 else right
        at, low, high = (np.stack(each) for each in zip(left, right, chosen, strict=True))
    else:
        at, low, high = (np.maximum(one, other)[None] for one, other in zip(left, right, strict=True))
    high[:, 0], low[:, -1] = low[:, 0], high[:, -1]  # beyond the values the shares are 0 and 1, except for rounding
    return LookupTable(marginal.values, at, low, high)
