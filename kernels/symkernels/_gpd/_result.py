"""A fitted generalized Pareto law."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._arrays import namespace


@dataclass(frozen=True, eq=False, slots=True)
class GPDFit:
    """A generalized Pareto law fitted to excesses, or one law for each row of a batch.

    The probability that an excess is larger than x is (1 + shape x / scale) ** (-1 / shape), and exp(-x / scale) for
    shape 0. SciPy's ``genpareto(c=shape, loc=0, scale=scale)`` is the same; some papers call -shape k.

    Attributes
    ----------
    shape : float, or (m,) float64
        From -1 (uniform) over 0 (exponential) to 10; below 0 the law ends at -scale / shape. Dimensionless.
    scale : float, or (m,) float64
        In the unit of the excesses. 0 where there are no excesses.
    loglik : float, or (m,) float64
        Log-likelihood: of densities for excesses, of survival for censored ones.
    method : str, or (m,) NumPy array of str
        The estimator of shape and scale: ``"likelihood"``, ``"pwm"`` (probability-weighted moments), ``"moments"``, or
        ``"empirical"``: the exponential law of the same mean, for excesses that are fewer than 5 or all equal.
    converged : bool, or (m,) bool
        Whether the search for the maximum of the likelihood ended; False for ``"empirical"``.
    n : int, or (m,) int64
        Excesses used, without missing and censored ones, and without those that are 0 or as nothing beside the others.
    backend, device, dtype : str
        Library and device of the excesses, and of the arrays of a batch; the arrays' dtype.

    Examples
    --------
    >>> from symkernels import fit_gpd
    >>> tail = fit_gpd([1.0, 2.0, 3.0])  # too few for a shape: the exponential law of mean 2
    >>> tail.method, tail.scale
    ('empirical', 2.0)
    >>> round(tail.sf(2.0), 6), round(tail.isf(0.5), 6)
    (0.367879, 1.386294)
    """

    shape: Any
    scale: Any
    loglik: Any
    method: Any
    converged: Any
    n: Any
    backend: str = "numpy"
    device: str = "cpu"
    dtype: str = "float64"

    def sf(self, x: Any) -> Any:
        """Probability that an excess is larger than ``x``.

        Parameters
        ----------
        x : float or array
            In the unit of the excesses. With a batch it is broadcast against (m,).

        Returns
        -------
        float or array
            In [0, 1]; 0 beyond the end of the law, NaN for NaN.
        """
        xp = namespace(self.shape) if not isinstance(self.shape, float) else np
        x = xp.asarray(x) * 1.0
        zero = xp.zeros_like(x)
        scale = xp.asarray(self.scale) + zero
        some = scale > 0.0
        z = xp.where(x > 0, x, zero) / xp.where(some, scale, xp.ones_like(scale))
        shape = xp.asarray(self.shape) + zero
        flat = xp.abs(shape) < 1e-12
        safe = xp.where(flat, xp.ones_like(shape), shape)
        grown = safe * z
        inside = grown > -1.0
        logs = xp.log1p(xp.where(inside, grown, xp.zeros_like(grown)))
        tail = xp.where(inside, xp.exp(-xp.where(flat, z, logs / safe)), xp.zeros_like(z))
        tail = xp.where(some, tail, xp.astype(x < 0, x.dtype) if xp is not np else (x < 0) * 1.0)
        tail = xp.where(xp.isnan(x), x, tail)
        return float(tail) if isinstance(self.shape, float) and tail.ndim == 0 else tail

    def isf(self, p: float) -> Any:
        """Excess that is passed with probability ``p``: the inverse of `sf`.

        Parameters
        ----------
        p : float
            Above 0, at most 1.

        Returns
        -------
        float or (m,) float64
            In the unit of the excesses; infinite where it is beyond the range of float64.

        Raises
        ------
        ValueError
            ``p`` is outside (0, 1].
        """
        if not 0.0 < p <= 1.0:
            raise ValueError(f"p must be a probability above 0 and at most 1, got {p!r}")
        log = math.log(p)
        if isinstance(self.shape, float):
            return _isf(self.shape, self.scale, log)
        xp = namespace(self.shape)
        flat = xp.abs(self.shape) < 1e-12
        safe = xp.where(flat, xp.ones_like(self.shape), self.shape)
        return self.scale * xp.where(flat, xp.full_like(safe, -log), xp.expm1(-safe * log) / safe)


def _isf(shape: float, scale: float, log: float) -> float:
    if scale <= 0.0:
        return 0.0
    if abs(shape) < 1e-12:
        return -log * scale
    if -shape * log > 700.0:
        return math.inf
    return scale * math.expm1(-shape * log) / shape
