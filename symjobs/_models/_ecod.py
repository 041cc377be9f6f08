"""The ecod model: how far out each value of a row lies in the tails of its input's distribution."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from symjobs._entities import number_text
from symjobs._errors import InputError
from symjobs._models._anomaly import SCORE, AnomalyPredictions
from symjobs._models._blocks import Blocks
from symjobs._models._marginals import Marginal, concatenate_with_sizes, marginals, split_by_sizes
from symjobs._models._model import Checkpoint, Model, Names
from symjobs._parameters import Flag, Integer, Number, Parameters, parameter
from symjobs._state import Snapshot
from symjobs._state._inputs import Input
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


class EcodModel(Model):
    """Empirical tail probabilities of a project's attributes, and how unusual any row is by them.

    Parameters
    ----------
    inputs, fill
        As `Model` takes them.
    each : sequence of Marginal
        The inputs' distributions.
    settings : EcodParameters
    facts : dict of str to str
        What `info` tells.

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
    score: ClassVar[str | None] = SCORE

    def __init__(
        self,
        inputs: tuple[Input, ...],
        fill: np.ndarray,
        each: Sequence[Marginal],
        settings: EcodParameters,
        facts: dict[str, str],
    ) -> None:
        super().__init__(inputs, fill)
        self.each = tuple(each)
        self.settings = settings
        self.tables = LookupTables([_table(marginal, settings.use_skewness) for marginal in self.each])
        self._facts = facts
        more = {}
        if settings.threshold is not None:
            more[FLAG] = f"1 where score > {number_text(settings.threshold)}, else 0, as where an input is missing"
        for i in range(1, settings.explained + 1):
            more[f"feature_{i}"] = f"the input that adds most to the score, number {i}; empty where one is missing"
            more[f"probability_{i}"] = "its tail probability"
        self.keys = {**type(self).keys, **more}  # type: ignore[misc]  # this model has more of them

    @classmethod
    def build(
        cls,
        snapshot: Snapshot,
        inputs: Names | None,
        targets: Names | None,
        settings: EcodParameters,
        checkpoint: Checkpoint | None = None,
    ) -> Self:
        known = marginals(snapshot, inputs, targets, cls.algo, checkpoint)
        if settings.explained > len(known.inputs):
            raise InputError(
                f"parameter 'desired_prob_feats' is {settings.explained}, and the model has {len(known.inputs)} "
                "input(s) that vary; ask for no more than that"
            )
        facts = {
            "use_skewness": str(settings.use_skewness).lower(),
            "desired_prob_feats": str(settings.explained),
            "ecod_anomaly_threshold": "none" if settings.threshold is None else number_text(settings.threshold),
            **known.facts(),
        }
        return cls(known.inputs, known.mean, known.each, settings, facts)

    def predict(self, blocks: Blocks) -> AnomalyPredictions:
        scores: list[np.ndarray] = []
        features: list[np.ndarray] = []
        probabilities: list[np.ndarray] = []
        for block in blocks:
            if not self.settings.explained:
                scores.append(self.tables.sums(block).max(axis=0))
                continue
            values = self.tables.values(block)
            sums = np.add.accumulate(values, axis=2)[:, :, -1]  # in the order that `sums` adds in
            scores.append(sums.max(axis=0))
            winner = values[np.argmax(np.nan_to_num(sums), axis=0), np.arange(len(block))]
            most = np.argsort(-winner, axis=1, kind="stable")[:, : self.settings.explained]
            features.append(np.where(np.isnan(scores[-1])[:, None], -1, most))
            probabilities.append(np.exp(-np.take_along_axis(winner, most, axis=1)))
        score = np.concatenate(scores)
        missing = np.isnan(score)
        further: dict[str, np.ndarray] = {}
        if self.settings.threshold is not None:
            further[FLAG] = (score > self.settings.threshold).astype(np.int8)
        if features:
            names = np.array([*(known.name for known in self.inputs), ""])  # the last one where the feature is -1
            which, chance = np.concatenate(features), np.concatenate(probabilities)
            for i in range(self.settings.explained):
                further[f"feature_{i + 1}"] = names[which[:, i]]
                further[f"probability_{i + 1}"] = np.where(missing, np.nan, chance[:, i])
        return AnomalyPredictions(blocks.n_rows, blocks.n_missing, blocks.n_imputed, score, further)

    def info(self) -> dict[str, str]:
        return dict(self._facts)

    def arrays(self) -> dict[str, np.ndarray]:
        values, sizes = concatenate_with_sizes([marginal.values for marginal in self.each])
        return {
            "values": values,
            "sizes": sizes,
            "below": concatenate_with_sizes([marginal.below for marginal in self.each])[0],
            "upto": concatenate_with_sizes([marginal.upto for marginal in self.each])[0],
            "shape": np.array([(m.n, m.deviation, m.skewness) for m in self.each]),
        }

    def metadata(self) -> dict[str, Any]:
        settings = self.settings
        return {
            "threshold": settings.threshold,
            "use_skewness": settings.use_skewness,
            "explained": settings.explained,
            "facts": self._facts,
        }

    @classmethod
    def restore(
        cls, inputs: tuple[Input, ...], fill: np.ndarray, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, Any]
    ) -> Self:
        d, sizes, shape = len(inputs), arrays["sizes"], arrays["shape"]
        parts = [split_by_sizes(arrays[name], sizes, d) for name in ("values", "below", "upto")]
        if shape.shape != (d, 3) or not np.isfinite(shape).all() or not (shape[:, 0] >= 2).all():
            raise ValueError(f"its ecod model has counts of shape {shape.shape} for {d} inputs")
        each = []
        for values, below, upto, (n, deviation, skewness) in zip(*parts, shape.tolist(), strict=True):
            if not ((np.diff(values) > 0).all() and _are_shares(below, upto)):
                raise ValueError("its ecod model has a distribution that does not rise from 0 to 1")
            each.append(Marginal(int(n), values, below, upto, deviation, skewness))
        threshold, explained = metadata["threshold"], metadata["explained"]
        if type(explained) is not int or not 0 <= explained <= d:
            raise ValueError(f"its ecod model explains {explained!r} of {d} inputs")
        if threshold is not None and not (type(threshold) is float and 0.0 <= threshold < math.inf):
            raise ValueError(f"its ecod model has the threshold {threshold!r}")
        if not isinstance(metadata["use_skewness"], bool):
            raise ValueError("its ecod model has settings of other types")
        settings = EcodParameters(threshold=threshold, use_skewness=metadata["use_skewness"], explained=explained)
        return cls(inputs, fill, each, settings, dict(metadata["facts"]))


def _are_shares(below: np.ndarray, upto: np.ndarray) -> bool:
    steps = np.stack([below, upto], axis=1).reshape(-1)
    return bool(steps[0] == 0.0 and steps[-1] == 1.0 and (np.diff(steps) >= 0.0).all())


def _table(marginal: Marginal, use_skewness: bool) -> LookupTable:
    """-log of the tails' probabilities: of the smaller one, or of the left, the right and the one of the skewness."""
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
    high[:, 0], low[:, -1] = low[:, 0], high[:, -1]  # where nothing lies the shares are 0 and 1, but for rounding
    return LookupTable(marginal.values, at, low, high)
