"""What missing values did to a matrix of pairs: each pair of attributes has its own rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from symjobs._arrays import to_host
from symjobs._engine import JobContext

# Deviations by which a mean may differ in the rows where another attribute is present. The standard error of a mean
# over so few rows as 400 is 0.05: less than this is chance.
_MUCH = 0.1
_FEW = 400


def note_missing(context: JobContext, moments: Any, indices: list[int], names: list[str]) -> None:
    """Let a job say which share of the rows its answer stands on, and whether values are missing by chance."""
    weight = moments.weight
    if not (to_host(moments.count)[indices] < weight).any():
        return
    pairs = to_host(moments.pair_counts(indices=indices))
    i, j = np.unravel_index(np.argmin(pairs), pairs.shape)
    fewest = pairs[i, j]
    group = to_host(moments.group)[indices]
    one_each = np.unique(group, return_index=True)[1]
    at_least = max(0.0, 1.0 - float((1.0 - pairs.diagonal()[one_each] / weight).sum()))
    most = float(fewest / weight)
    between = f"{at_least:.1%}" if at_least > most - 5e-4 else f"{at_least:.1%} to {most:.1%}"
    where = f"{names[i]!r} and {names[j]!r}" if i != j else repr(names[i])
    context.details["missingValues"] = (
        f"{between} of the rows are complete; the fewest rows, {fewest:,.10g} of {weight:,.10g}, have {where}"
    )
    deviation = np.sqrt(to_host(moments.var())[indices])
    mean = to_host(moments.mean())[indices]
    with np.errstate(invalid="ignore", divide="ignore"):
        away = np.abs(to_host(moments.pair_mean(indices=indices)) - mean[:, None]) / deviation[:, None]
    away = np.where((pairs >= _FEW) & np.isfinite(away), away, 0.0)
    i, j = np.unravel_index(np.argmax(away), away.shape)
    if away[i, j] > _MUCH:
        context.details["missingMatters"] = (
            f"the mean of {names[i]!r} is {away[i, j]:.2g} standard deviations off in the rows where {names[j]!r} is "
            "present: values are not missing by chance, and complete rows alone (a project with missing=listwise) may "
            "give another answer"
        )
