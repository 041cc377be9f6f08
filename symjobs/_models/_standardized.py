"""Inputs of a model in standard units: means, deviations and correlations, as a snapshot's moments know them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from symjobs._errors import InputError
from symjobs._models._model import Checkpoint, Names
from symjobs._state import Snapshot
from symjobs._state._inputs import Input
from symjobs._text import some
from symkernels import PCAResult, SymkernelsError, pca


@dataclass(frozen=True, eq=False, slots=True)
class StandardizedInputs:
    """The inputs that vary.

    Attributes
    ----------
    inputs : tuple of Input
        The d of them.
    mean, deviation : (d,) float64
        Means and population standard deviations; each of the rows in which the input is present.
    correlation : (d, d) float64
        Each pair over the rows in which both are present: not positive semidefinite, perhaps, where values are missing.
    n_rows : int
        Rows learnt.
    n_common : int
        The fewest that a pair of inputs has in common.
    left_out : tuple of str
        Inputs without variance, which say nothing of how unusual a row is.
    """

    inputs: tuple[Input, ...]
    mean: np.ndarray
    deviation: np.ndarray
    correlation: np.ndarray
    n_rows: int
    n_common: int
    left_out: tuple[str, ...]

    def components(self, algo: str, checkpoint: Checkpoint | None, covariance: bool = False) -> PCAResult:
        """Return all d principal components of the correlations, or of the covariances that they stand for.

        Eigenvalues that are negative, or no more than rounding, are 0: there are ``rank`` others.
        """
        scale = self.deviation if covariance else np.ones(len(self.inputs))
        if checkpoint is not None:
            checkpoint(0, 1)
        try:
            found = pca(self.correlation * np.outer(scale, scale))
        except SymkernelsError as error:
            raise InputError(f"the {algo} model cannot be built: {error}") from error
        if checkpoint is not None:
            checkpoint(1, 1)
        found.values[found.rank :] = 0.0
        return found

    def facts(self, found: PCAResult) -> dict[str, str]:
        """Return what a model's info tells of the inputs and their components."""
        facts = {"rows": str(self.n_rows), "rank": str(found.rank)}
        if self.n_common < self.n_rows:
            facts["rows_in_common"] = str(self.n_common)
        if self.left_out:
            facts["left_out"] = f"{', '.join(self.left_out)}: constant or without values"
        if not found.psd:
            facts["positiveSemidefinite"] = (
                f"false: smallest eigenvalue {found.smallest:.3g}, as each pair of inputs has its own rows where "
                "values are missing; directions of negative variance count as of none"
            )
        return facts


def standard(snapshot: Snapshot, inputs: Names | None, targets: Names | None, algo: str) -> StandardizedInputs:
    """Return the inputs of a model that needs no targets.

    Parameters
    ----------
    snapshot : Snapshot
    inputs : sequence of str or int, or None
        Names or indexes; the name of a category or list column stands for its members. None: every C and B column.
    targets : sequence of str or int, or None
        Must be empty.
    algo : str
        For messages.

    Raises
    ------
    InputError
        If there are targets, an input is unknown or named twice, two inputs have no rows in common, fewer than two rows
        are learnt, or no input varies.
    """
    indices = chosen_indices(snapshot, inputs, targets, algo)
    names = [snapshot.names[i] for i in indices]
    moments = snapshot.moments
    deviation = np.sqrt(on_host(moments.var())[indices])
    correlation = on_host(moments.correlation(indices=indices))
    varies = (deviation > 0) & ~np.isnan(correlation.diagonal())
    if not varies.any():
        raise InputError(
            f"none of the inputs {some(names)} varies in the {snapshot.n_rows} rows of project {snapshot.name!r}; "
            "name others as inputs"
        )
    kept = np.flatnonzero(varies)
    correlation = np.ascontiguousarray(correlation[np.ix_(kept, kept)])
    undefined = np.argwhere(np.isnan(correlation))
    if len(undefined):
        i, j = (kept[place] for place in undefined[0])
        raise InputError(
            f"inputs {names[i]!r} and {names[j]!r} have too few rows in common, or one of them is constant there "
            f"({len(undefined) // 2} such pair(s)); leave one of them out"
        )
    chosen = [indices[i] for i in kept]
    counts = on_host(moments.pair_counts(indices=chosen))
    return StandardizedInputs(
        inputs=tuple(snapshot.input(i) for i in chosen),
        mean=on_host(moments.mean())[chosen],
        deviation=deviation[kept],
        correlation=correlation,
        n_rows=snapshot.n_rows,
        n_common=int(counts.min()),
        left_out=tuple(name for name, live in zip(names, varies, strict=True) if not live),
    )


def chosen_indices(snapshot: Snapshot, inputs: Names | None, targets: Names | None, algo: str) -> list[int]:
    """Return the attributes that a model without targets is asked to use, as `standard` takes and refuses them."""
    if targets:
        raise InputError(f"model {algo!r} has no targets; name its attributes as inputs")
    if inputs is not None and not len(inputs):
        raise InputError("no input is named; name at least one attribute, or leave inputs out to take every column")
    if snapshot.n_rows < 2:
        raise InputError(
            f"a model {algo!r} needs at least two rows, and project {snapshot.name!r} holds {snapshot.n_rows}; "
            "learn more first"
        )
    if inputs is None:
        columns = zip(snapshot.column_names, snapshot.column_types, strict=True)
        inputs = [name for name, letter in columns if letter in ("C", "B")]
        if not inputs:
            raise InputError(
                f"project {snapshot.name!r} has no C or B column; name the members of a category as inputs"
            )
    indices = snapshot.resolve(inputs, members=True)
    twice = [snapshot.names[i] for i in sorted(set(indices)) if indices.count(i) > 1]
    if twice:
        raise InputError(f"input {twice[0]!r} is named twice")
    return indices


def on_host(array: Any) -> np.ndarray:
    """Return an array of any library as float64 of NumPy."""
    return np.asarray(array.get() if hasattr(array, "get") else array, dtype=np.float64)
