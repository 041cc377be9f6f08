"""Statistics over the rows where a 0/1 attribute is 1."""

from __future__ import annotations

from dataclasses import dataclass

import array_api_compat as compat
import numpy as np

from .._arrays import Array, namespace
from ._answers import divide, full_shift
from ._layout import Layout
from ._sums import Sums


@dataclass(frozen=True)
class Condition:
    """Statistics of every attribute over the rows where one 0/1 attribute is 1: what `Moments.condition` returns.

    Attributes
    ----------
    count : (P,) float64
        Weight of the rows where the 0/1 attribute is 1 and the attribute is present.
    mean, var : (P,) float64
        Mean and population variance over these rows, in the attribute's unit and its square; NaN without rows.

    Examples
    --------
    >>> from symkernels import Moments
    >>> m = Moments(2, binary=[0]).learn([[1.0, 5.0], [0.0, 9.0], [1.0, 7.0]])
    >>> found = m.condition(0)
    >>> found.count, found.mean, found.variance(ddof=1)
    (array([2., 2.]), array([1., 6.]), array([0., 2.]))
    """

    count: Array
    mean: Array
    var: Array

    def variance(self, ddof: float = 0) -> Array:
        """Return the (P,) variances over ``count - ddof``; NaN where that is not positive."""
        xp = namespace(self.var)
        return divide(xp, self.var * self.count, self.count - ddof)


def condition(sums: Sums, layout: Layout, position: int, slack: float) -> Condition:
    """Return the statistics over the rows where the 0/1 attribute at ``position`` is 1.

    A count of at most ``slack`` is rounding error of weights that came and went: no row is there.
    """
    xp, dense = sums.xp, layout.n_dense
    S = xp.concat([sums.S[:position, position], sums.S[position, position:]])
    if sums.N is None:
        count = xp.full((layout.size,), float(sums.T[position]), dtype=xp.float64, device=compat.device(sums.S))
    else:
        count = xp.take(sums.T[position, :], sums.index(layout.group))
    count = xp.where(count > slack, count, 0.0)
    column = int(np.searchsorted(layout.binaries, position))
    squares = xp.concat([sums.V[:, column], S[dense:]])
    shifted = divide(xp, S, count)
    var = divide(xp, squares, count) - shifted * shifted
    return Condition(count, full_shift(sums, layout) + shifted, xp.where(var < 0, 0.0, var))
