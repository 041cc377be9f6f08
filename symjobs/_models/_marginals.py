"""The distribution of each input of a model, from a snapshot's sketches and counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from symjobs._arrays import to_host
from symjobs._errors import InputError
from symjobs._models._inputs import VaryingInputs, chosen_indices, varying
from symjobs._models._model import Checkpoint, Names
from symjobs._models._registry import MODEL_TYPES, row_scoring_types
from symjobs._state import Snapshot


@dataclass(frozen=True, eq=False, slots=True)
class Marginal:
    """One input's distribution over the rows in which it is present.

    Attributes
    ----------
    n : int
        Number of these rows.
    values : (m,) float64
        Learnt values, ascending. All of them while the sketch is exact; else the knots of its distribution function.
        The first and the last are the smallest and the largest value.
    below, upto : (m,) float64
        Share of the rows with a smaller value, and of those with a value that is not larger. Linear in between.
    deviation, skewness : float
        From the moments.
    """

    n: int
    values: np.ndarray
    below: np.ndarray
    upto: np.ndarray
    deviation: float
    skewness: float

    def share_upto(self, x: np.ndarray) -> np.ndarray:
        """Return the share of the rows with a value no larger than each of x."""
        at = np.searchsorted(self.values, x)  # the first value >= x
        right, left = np.minimum(at, len(self.values) - 1), np.maximum(at - 1, 0)
        hit = (self.values[right] == x) & (at < len(self.values))
        inner = (at > 0) & (at < len(self.values)) & ~hit
        gap = np.where(inner, self.values[right] - self.values[left], 1.0)
        part = np.where(inner, x - self.values[left], 0.0) / gap
        between = np.where(at > 0, self.upto[left], 0.0)
        between += part * np.where(inner, self.below[right] - self.upto[left], 0.0)
        return np.where(hit, self.upto[right], between)


@dataclass(frozen=True, eq=False, kw_only=True)
class Marginals(VaryingInputs):
    """The inputs that vary, with their distributions.

    Attributes
    ----------
    each : tuple of Marginal
    n_sketched : int
        Inputs whose sketches are no longer exact.
    """

    each: tuple[Marginal, ...]
    n_sketched: int

    def facts(self) -> dict[str, str]:
        return {**super().facts(), "sketched": str(self.n_sketched)}


def marginals(snapshot: Snapshot, inputs: Names | None, algo: str, checkpoint: Checkpoint | None = None) -> Marginals:
    """Return the distributions of a model's inputs.

    Parameters
    ----------
    snapshot, inputs, algo
        As `chosen_indices` takes them.
    checkpoint : callable, optional
        Called with inputs done and inputs to do.

    Raises
    ------
    InputError
        As `chosen_indices`; also if a C input has no sketch, or no input varies.
    """
    indices = chosen_indices(snapshot, inputs, algo)
    moments = snapshot.moments
    counts, means = to_host(moments.count), to_host(moments.mean())
    deviations, skewness = np.sqrt(to_host(moments.var())), to_host(moments.skewness())
    found: dict[int, Marginal] = {}
    sketched = 0
    for done, i in enumerate(indices):
        if checkpoint is not None:
            checkpoint(done, len(indices))
        if not deviations[i] > 0:  # constant, or NaN as there are no values
            continue
        n, skew = int(counts[i]), float(skewness[i]) if np.isfinite(skewness[i]) else 0.0
        if snapshot.types[i] == "B":
            ones = float(means[i])
            values, below, upto = np.array([0.0, 1.0]), np.array([0.0, 1.0 - ones]), np.array([1.0 - ones, 1.0])
        else:
            sketch = snapshot.sketch(i)
            if sketch is None:
                raise InputError(_without_sketch(snapshot, snapshot.names[i], algo))
            n, (values, below, upto) = sketch.n, _distinct(*sketch.distribution())
            sketched += not sketch.exact
            if len(values) < 2:  # a sketch of one value, whose deviation is rounding
                continue
        found[i] = Marginal(n, values, below, upto, float(deviations[i]), skew)
    known = varying(snapshot, indices, [i in found for i in indices])
    if checkpoint is not None:
        checkpoint(len(indices), len(indices))
    return Marginals(**vars(known), each=tuple(found.values()), n_sketched=sketched)


def _distinct(values: np.ndarray, below: np.ndarray, upto: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each value once. The smallest and the largest value of a digest may be equal to a centroid."""
    new = np.diff(values) > 0.0
    first, last = np.append(True, new), np.append(new, True)
    return values[first], below[first], upto[last]


def _without_sketch(snapshot: Snapshot, name: str, algo: str) -> str:
    if not snapshot.histogram:
        others = [other for other in row_scoring_types() if not MODEL_TYPES[other].needs_histogram]
        return (
            f"a model {algo!r} needs the distribution of {name!r}, and project {snapshot.name!r} keeps no histograms; "
            f"create it with histogram=True (enableHistogram), or choose a model that needs none: {' or '.join(others)}"
        )
    return (
        f"a model {algo!r} needs the distribution of {name!r}, and the histograms of project {snapshot.name!r} have "
        "lost it: rows were forgotten, which a sketch cannot undo, or a project without histograms was merged; learn "
        "the rows into a new project with histogram=True"
    )


def concatenate_with_sizes(parts: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the arrays as one, and their lengths, as a file holds them."""
    return np.concatenate(parts), np.array([len(part) for part in parts], dtype=np.int64)


def split_by_sizes(array: np.ndarray, sizes: np.ndarray) -> list[np.ndarray]:
    """Return the arrays that `concatenate_with_sizes` put together; ValueError if they do not fit."""
    if (sizes < 1).any() or int(sizes.sum()) != len(array):
        raise ValueError(f"has {len(array)} values for parts of the sizes {sizes.tolist()}")
    return np.split(array, np.cumsum(sizes)[:-1])
