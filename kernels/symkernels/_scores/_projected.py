"""Distances of rows from a center, within a subspace and from it: sums of squares of projected rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._arrays import Array, as_floats, is_numpy, namespace
from .._errors import DataError, ShapeError
from .._parameters import check_integer
from ._backends import squares_of
from ._projected_generic import Checkpoint


def projected_squares(
    X: Array,
    shift: Array,
    W: Array,
    split: int,
    /,
    *,
    checkpoint: Checkpoint | None = None,
) -> tuple[Array, Array]:
    """Return sums of squares of two groups of columns of ``(X - shift) @ W``, for each row.

    Let the columns of W be principal directions, those of the first group divided by the square roots of their
    eigenvalues. Then the first sum is the squared Mahalanobis distance of the row within the principal subspace
    (Hotelling's T squared). The second sum is its squared distance from that subspace (the squared prediction error).
    Neither loses digits where the other one is large, as nothing is subtracted but the shift.

    Parameters
    ----------
    X : (n, p) float64 or float32
        Rows. float32 is widened.
    shift : (p,) float64 or float32
        The center.
    W : (p, q) float64 or float32
        The matrix that multiplies the rows.
    split : int
        Number of columns of W in the first group, from 0 to q. The other columns are the second group.
    checkpoint : callable, optional
        Called as ``checkpoint(rows done, n)`` at least every 50 ms. An exception that it raises stops the work.

    Returns
    -------
    first, second : (n,) float64
        On the backend and device of X. Both are NaN for a row with a NaN or an infinity. The sum of a group without
        columns is 0.

    Raises
    ------
    ShapeError
        The shapes do not fit, X has no column, or the arrays do not hold real numbers.
    DataError
        ``shift`` or ``W`` is not finite.
    BackendError
        The arrays are of different libraries.
    ValueError
        ``split`` is not a whole number from 0 to q.

    Notes
    -----
    O(n p q) time. No array of n by q is allocated. NumPy rows are processed on all threads in groups that stay in
    registers, rows of other libraries in tiles. A sum of finite values that overflows is infinite.

    Examples
    --------
    >>> import numpy as np
    >>> from symkernels import projected_squares
    >>> X = np.array([[3.0, 0.5], [0.0, 2.0]])
    >>> projected_squares(X, np.zeros(2), np.eye(2), 1)
    (array([9., 0.]), array([0.25, 4.  ]))
    """
    X = as_floats(X, ndim=2, name="X")
    shift, W = as_floats(shift, ndim=1, name="shift"), as_floats(W, ndim=2, name="W")
    xp = namespace(X, shift, W)
    p, q = X.shape[1], W.shape[1]
    if p == 0:
        raise ShapeError(f"X must have at least one column, got shape {tuple(X.shape)}")
    if W.shape[0] != p or shift.shape[0] != p:
        raise ShapeError(
            f"X has {p} columns, so shift must have shape ({p},) and W must have shape ({p}, q); "
            f"got {tuple(shift.shape)} and {tuple(W.shape)}"
        )
    split = _check_split(split, q)
    shift, W = xp.astype(shift, xp.float64, copy=False), xp.astype(W, xp.float64, copy=False)
    for name, values in (("shift", shift), ("W", W)):
        if not bool(xp.all(xp.isfinite(values))):
            raise DataError(f"{name} holds a NaN or an infinity; it must be finite")
    if is_numpy(X):  # also from numpy.matrix, whose operators differ
        X, shift, W = np.asarray(X), np.asarray(shift), np.asarray(W)
    return squares_of(X, shift, W, split, checkpoint)


def _check_split(split: Any, q: int) -> int:
    try:
        columns = check_integer(split, "split", least=0)
    except TypeError as error:  # a ValueError, as for a whole number out of range
        raise ValueError(f"{error}: the number of columns in the first group") from None
    if columns > q:
        raise ValueError(f"split must be from 0 to the {q} columns of W, got {columns}")
    return columns
