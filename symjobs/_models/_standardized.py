"""Means, deviations and correlations of a model's inputs, from a snapshot's moments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from symjobs._arrays import to_host
from symjobs._errors import InputError
from symjobs._models._inputs import VaryingInputs, chosen_indices, varying
from symjobs._models._model import Checkpoint, Names
from symjobs._state import Snapshot, check_memory_for_matrix
from symjobs._text import some
from symkernels import PCAResult, SymkernelsError, pca, svd_select


@dataclass(frozen=True, eq=False, kw_only=True)
class StandardizedInputs(VaryingInputs):
    """The inputs that vary, with their deviations and correlations.

    Attributes
    ----------
    deviation : (d,) float64
        Population standard deviations, over the rows in which the input is present.
    correlation : (d, d) float64
        Each pair over the rows in which both are present. With missing values it may not be positive semidefinite.
    n_common : int
        The fewest rows that a pair of inputs has in common.
    moments : Moments
        Of the snapshot.
    """

    deviation: np.ndarray
    correlation: np.ndarray
    n_common: int
    moments: Any

    def components(self, algo: str, checkpoint: Checkpoint | None, covariance: bool = False) -> PCAResult:
        """Return all d principal components of the correlation or covariance matrix.

        All eigenvalues but ``rank`` are 0: those that are negative or no more than rounding.
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

    def facts_of(self, found: PCAResult) -> dict[str, str]:
        """Return what a model's info tells of the inputs and their components."""
        facts = {**self.facts(), "rank": str(found.rank)}
        if found.rank < len(self.inputs):
            facts.update(self._dependent(found.rank))
        if self.n_common < self.n_rows:
            facts["rows_in_common"] = str(self.n_common)
        if not found.psd:
            facts["positiveSemidefinite"] = (
                f"false: smallest eigenvalue {found.smallest:.3g}, as each pair of inputs has its own rows where "
                "values are missing; directions of negative variance count as of none"
            )
        return facts

    def _dependent(self, rank: int) -> dict[str, str]:
        """Return what the digits of the sums say of inputs that a correlation matrix in float64 takes for dependent."""
        chosen = svd_select(self.moments, indices=[known.index for known in self.inputs])
        facts = {}
        if chosen.dropped:
            names = some([self.inputs[i].name for i in chosen.dropped])
            facts["dependent"] = f"{names}: linear functions of other inputs, as far as the sums have digits"
        if chosen.rank > rank:
            facts["nearly_dependent"] = (
                f"the inputs vary in {chosen.rank - rank} more direction(s), by less than the eighth digit of their "
                "values, which scores in float64 leave out; take differences of such inputs instead"
            )
        return facts


def standardized(snapshot: Snapshot, inputs: Names | None, algo: str) -> StandardizedInputs:
    """Return the inputs of a model, in standard units.

    Parameters
    ----------
    snapshot, inputs, algo
        As `chosen_indices` takes them.

    Raises
    ------
    InputError
        As `chosen_indices`; also if two inputs have no rows in common, or no input varies.
    """
    indices = chosen_indices(snapshot, inputs, algo)
    moments = snapshot.moments
    check_memory_for_matrix(f"{algo}: a correlation matrix", len(indices), len(indices))
    deviation = np.sqrt(to_host(moments.var())[indices])
    correlation = to_host(moments.correlation(indices=indices))
    varies = (deviation > 0) & ~np.isnan(correlation.diagonal())
    known = varying(snapshot, indices, varies)
    kept = np.flatnonzero(varies)
    correlation = np.ascontiguousarray(correlation[np.ix_(kept, kept)])
    undefined = np.argwhere(np.isnan(correlation))
    if len(undefined):
        one, other = (known.inputs[place].name for place in undefined[0])
        raise InputError(
            f"inputs {one!r} and {other!r} have too few rows in common, or one of them is constant there "
            f"({len(undefined) // 2} such pair(s)); leave one of them out"
        )
    counts = to_host(moments.pair_counts(indices=[indices[i] for i in kept]))
    return StandardizedInputs(
        **vars(known), deviation=deviation[kept], correlation=correlation, n_common=int(counts.min()), moments=moments
    )
