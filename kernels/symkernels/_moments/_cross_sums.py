"""Raw sums of two attributes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._answers import full_shift
from ._layout import Layout
from ._sums import Sums


@dataclass(frozen=True)
class CrossSums:
    """Sums of two attributes x and y over the rows where both are present: what `Moments.cross_sums` returns.

    Attributes
    ----------
    n : float
        Weight of these rows.
    sum_x, sum_y, sum_xx, sum_yy, sum_xy : float
        Weighted sums of x, y, x^2, y^2 and x y, not shifted.
    sum_xxy, sum_xxyy : float
        Weighted sums of x^2 y and x^2 y^2; NaN if the state does not keep them.

    Examples
    --------
    >>> from symkernels import Moments
    >>> sums = Moments(2).learn([[1.0, 2.0], [3.0, 4.0]]).cross_sums(0, 1)
    >>> sums.n, sums.sum_x, sums.sum_yy, sums.sum_xy
    (2.0, 4.0, 20.0, 14.0)
    """

    n: float
    sum_x: float
    sum_y: float
    sum_xx: float
    sum_yy: float
    sum_xy: float
    sum_xxy: float
    sum_xxyy: float


def cross_sums(sums: Sums, layout: Layout, i: int, j: int) -> CrossSums:
    """Return the raw sums of the attributes at positions i and j."""

    def pair(a: int, b: int) -> tuple[float, float, float]:
        """Return count, sum and sum of squares of a over the rows where b is present, too."""
        if sums.N is None or sums.Q is None:
            return sums.weight, float(sums.T[a]), float(sums.S[a, a])
        g, h = int(layout.group[a]), int(layout.group[b])
        return float(sums.N[g, h]), float(sums.T[a, h]), float(sums.Q[a, h])

    shift = full_shift(sums, layout)
    c, d = float(shift[i]), float(shift[j])
    n, x, xx = pair(i, j)
    _, y, yy = pair(j, i)
    xy = float(sums.S[min(i, j), max(i, j)])
    xxy = xxyy = float("nan")
    if layout.binary[j]:
        column = int(np.searchsorted(layout.binaries, j))
        xxy = float(sums.V[i, column]) if i < layout.n_dense else xy
        xxyy = xxy = xxy + c * (2 * xy + c * y)
    elif sums.D is not None and sums.F is not None:
        u2v, uv2, u2v2 = float(sums.D[i, j]), float(sums.D[j, i]), float(sums.F[i, j])
        xxy = u2v + d * xx + 2 * c * (xy + d * x) + c * c * (y + d * n)
        xxyy = (
            u2v2 + 2 * d * u2v + d * d * xx
            + 2 * c * (uv2 + 2 * d * xy + d * d * x)
            + c * c * (yy + 2 * d * y + d * d * n)
        )  # fmt: skip
    return CrossSums(
        n=n,
        sum_x=x + c * n,
        sum_y=y + d * n,
        sum_xx=xx + c * (2 * x + c * n),
        sum_yy=yy + d * (2 * y + d * n),
        sum_xy=xy + c * y + d * x + c * d * n,
        sum_xxy=xxy,
        sum_xxyy=xxyy,
    )
