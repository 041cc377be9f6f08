"""Raw sums of two attributes, and counts of pairs of 0/1 attributes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._arrays import Array
from ._answers import full_shift
from ._layout import Layout
from ._numbers import Parts
from ._parts import PARTS
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


@dataclass(frozen=True)
class CrossTable:
    """Weights of the rows where 0/1 attributes are 1: what `Moments.cross_table` returns.

    Entry [i, j] is of the i-th attribute of the rows and the j-th one of the columns, over the rows of data that have
    both.

    Attributes
    ----------
    both : (r, c) float64
        Where both are 1.
    row, column : (r, c) float64
        Where that of the row is 1; where that of the column is 1.
    present : (r, c) float64
        Where both are present.

    Examples
    --------
    >>> from symkernels import Moments
    >>> m = Moments(2, binary=[0, 1]).learn([[1.0, 1.0], [1.0, 0.0], [0.0, 0.0]])
    >>> table = m.cross_table([0], [1])
    >>> table.both, table.row, table.present
    (array([[1.]]), array([[2.]]), array([[3.]]))
    """

    both: Array
    row: Array
    column: Array
    present: Array


def cross_table(sums: Sums, layout: Layout, rows: np.ndarray, columns: np.ndarray) -> CrossTable:
    """Return the counts of the 0/1 attributes at two lists of positions. Their shifts are 0."""
    xp, shape = sums.xp, (len(rows), len(columns))
    both = Parts.of(sums.products(layout, rows, columns)).rounded()
    one, other = sums.index(rows), sums.index(columns)
    if sums.N is None:
        own, zeros = Parts.of(sums.T).rounded(), xp.zeros_like(both)
        row, column = xp.take(own, one)[:, None] + zeros, xp.take(own, other)[None, :] + zeros
        return CrossTable(both, row, column, sums.everywhere(*shape).rounded())
    of_one, of_other = sums.index(layout.group[rows]), sums.index(layout.group[columns])

    def picked(stored: Array, at: Array, group: Array) -> Array:
        return Parts.of(xp.take(xp.take(stored, at, axis=1), group, axis=2)).rounded()

    column = xp.matrix_transpose(picked(sums.T, other, of_one))
    return CrossTable(both, picked(sums.T, one, of_other), column, picked(sums.N, of_one, of_other))


def cross_sums(sums: Sums, layout: Layout, i: int, j: int) -> CrossSums:
    """Return the raw sums of the attributes at positions i and j."""

    def number(stored: Array, *place: int) -> Parts:
        return Parts(*(float(stored[part, *place]) for part in range(PARTS)))

    p = layout.n_dense

    def pair(a: int, b: int) -> tuple[Parts, Parts, Parts]:
        """Return count, sum and sum of squares of a over the rows where b is present, too."""
        if sums.N is None or sums.Q is None:
            total = number(sums.T, a)
            return Parts(*sums.mass), total, number(sums.S, a, a) if a < p else total
        g, h = int(layout.group[a]), int(layout.group[b])
        total = number(sums.T, a, h)
        return number(sums.N, g, h), total, number(sums.Q, a, h) if a < p else total

    shift = full_shift(sums, layout)
    c, d = float(shift[i]), float(shift[j])
    n, x, xx = pair(i, j)
    _, y, yy = pair(j, i)
    xy = number(sums.products(layout, np.array([i]), np.array([j])), 0, 0)
    xxy = xxyy = Parts(float("nan"), 0.0, 0.0)
    if layout.binary[j]:
        xxy = number(sums.V, i, _column(layout, j)) if i < p else xy
        xxyy = xxy = xxy + (xy * 2.0 + y * c) * c
    elif sums.D is not None and sums.F is not None:
        if i < p:
            u2v, uv2, u2v2 = number(sums.D, i, j), number(sums.D, j, i), number(sums.F, i, j)
        else:
            u2v, uv2 = xy, number(sums.V, j, _column(layout, i))
            u2v2 = uv2
        xxy = u2v + xx * d + (xy + x * d) * (2 * c) + (y + n * d) * c * c
        xxyy = (
            u2v2 + u2v * (2 * d) + xx * d * d
            + (uv2 + xy * (2 * d) + x * d * d) * (2 * c)
            + (yy + y * (2 * d) + n * d * d) * c * c
        )  # fmt: skip
    return CrossSums(
        *(
            float(value.rounded())
            for value in (
                n,
                x + n * c,
                y + n * d,
                xx + (x * 2.0 + n * c) * c,
                yy + (y * 2.0 + n * d) * d,
                xy + y * c + x * d + n * c * d,
                xxy,
                xxyy,
            )
        )
    )


def _column(layout: Layout, binary: int) -> int:
    """Return which column of V the 0/1 attribute at a position has."""
    return int(np.searchsorted(layout.binaries, binary))
