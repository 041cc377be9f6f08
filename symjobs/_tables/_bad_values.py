"""The check of numbers: infinite, too large, or missing where missing values are refused."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from symjobs._tables._cells import BadCell

LARGEST = 1e140  # the sums of the squares of larger values, and of products of these, overflow float64
_INFINITE = "is infinite; leave out the row, or make the value missing (NaN)"
_OVERFLOW = "is so large that sums of its powers overflow float64; rescale the column, or make the value missing"
MISSING = "is missing, and missing values are refused (missing='error')"


def find_bad_value(
    block: np.ndarray, names: Sequence[str], start: int, keep: np.ndarray | None = None, *, refuse_missing: bool = False
) -> BadCell | None:
    """Return the first bad value of a block of numbers, an infinite one before one that is too large or missing.

    Parameters
    ----------
    block : (m, d) float32 or float64
    names : sequence of str
        The d columns.
    start, keep
        As `original_row` takes them.
    refuse_missing : bool, default False
        Whether a missing value is a bad one.
    """
    large = np.abs(block) > np.float64(LARGEST)  # in float64: float32 has no such number
    problems = [(np.isinf(block), _INFINITE), (large, _OVERFLOW)] if large.any() else []
    if refuse_missing:
        problems.append((np.isnan(block), MISSING))
    for bad, problem in problems:
        if bad.any():
            row, j = (int(i) for i in np.argwhere(bad)[0])
            return BadCell(names[j], original_row(row, start, keep), float(block[row, j]), problem)
    return None


def original_row(row: int, start: int, keep: np.ndarray | None) -> int:
    """Return the row of the batch that a row of a block was.

    Parameters
    ----------
    row : int
        Of the block.
    start : int
        The row of the batch where the block begins.
    keep : array of bool, optional
        Which rows from there on are in the block; by default all.
    """
    return start + (row if keep is None else int(np.flatnonzero(keep)[row]))
