"""`fit_gpd`: what it takes, and which body fits."""

from __future__ import annotations

import math
from typing import Any

import array_api_compat as compat
import numpy as np

from .._arrays import Array, as_floats, is_numpy, namespace, refuse_masked_or_sparse, to_numpy
from .._errors import BackendError, DataError, ShapeError
from .._results import backend_of, device_of
from ._backends import fit_rows, uses_compiled
from ._methods import METHODS
from ._result import GPDFit

_NO_VALUES = np.empty(0)


def fit_gpd(excesses: Any, censored: Any = None) -> GPDFit:
    """Fit a generalized Pareto law to the excesses over a level.

    Parameters
    ----------
    excesses : (n,) float64 or float32, or (m, n) for a batch
        How far values lie above the level: 0 or more, in any order and unit. NaN is left out, so that rows of different
        lengths may be padded with NaN. float32 becomes float64. Zeros are values at the level, not above it: they are
        left out, too, and so are excesses that are as nothing beside the others (see Notes).
    censored : (k,) or (m, k), optional
        Right-censored excesses, which are only known to be larger than these; NaN is left out. Same library, device and
        number of dimensions as ``excesses``.

    Returns
    -------
    GPDFit
        Numbers for one series; arrays on the backend and device of ``excesses`` for a batch. Never NaN. Without any
        excess the scale is 0, and `method` is ``"empirical"``.

    Raises
    ------
    ShapeError
        The arrays do not have one or two dimensions of real numbers, or have different numbers of rows.
    DataError
        An excess is negative or infinite.
    BackendError
        ``censored`` is of another library or device.

    Notes
    -----
    Maximum likelihood (Grimshaw, "Computing maximum likelihood estimates for the generalized Pareto distribution",
    1993) in the one parameter theta = shape / scale, with the shape held between -1 and 10; below -1 the likelihood has
    no bound. Every maximum is bracketed, and the highest is taken. With NumPy and Numba, bounds show where there is no
    root; otherwise changes of sign between fixed points bracket the roots. At the shape -1 the law is uniform up to the
    largest excess, which short series with a light tail often favour. A right-censored value adds its log-survival, as
    in survival analysis. Grimshaw's bounds on theta are not needed, as those of the shape are narrower.

    Where the search does not end, probability-weighted moments and moments are tried (Hosking and Wallis, "Parameter
    and quantile estimation for the generalized Pareto distribution", 1987), and the estimate of the best likelihood is
    returned. They ignore censored values.

    Of rounded data, many values may be equal to the level. The likelihood of their excesses, 0, has no bound. If the
    level and a value were computed differently, the excess is a rounding error instead, with the same effect. So
    excesses up to 1e-11 of their upper quartile are left out. Of a Pareto law of any shape in the range, at most 1e-6
    of the excesses are so small.

    SciPy's ``genpareto.fit(excesses, floc=0)`` is a general search of the same likelihood. Results do not depend on the
    unit: powers of two scale exactly.

    O(n) time for each of 15 to 30 evaluations, no memory beyond the excesses. With NumPy the rows of a batch are split
    over threads; on a GPU a batch is one computation. For single series the CPU is faster.

    Examples
    --------
    >>> import numpy as np
    >>> from symkernels import fit_gpd
    >>> tail = fit_gpd(np.random.default_rng(0).exponential(2.0, 10_000))
    >>> tail.method, tail.n
    ('likelihood', 10000)
    >>> bool(abs(tail.shape) < 0.05 and abs(tail.scale - 2.0) < 0.1)
    True
    """
    if censored is None and _needs_no_conversion(excesses) and uses_compiled(excesses):
        return _one(np.ascontiguousarray(excesses), _NO_VALUES)  # the checks below take as long as a short fit
    x = _checked(excesses, "excesses", None)
    c = None if censored is None else _checked(censored, "censored", x.ndim)
    one = x.ndim == 1
    if c is not None:
        _same_place(x, c)
    if one and uses_compiled(x):
        return _one(x, _NO_VALUES if c is None else c)
    x = _without_ties_in_rows(x[None, :] if one else x)
    if one:
        fits = fit_rows(x, None if c is None else c[None, :])
        return GPDFit(
            float(fits.shape[0]), float(fits.scale[0]), float(fits.loglik[0]), METHODS[int(fits.code[0])],
            bool(fits.converged[0]), int(fits.n[0]), backend_of(x), device_of(x),
        )  # fmt: skip
    fits = fit_rows(x, c)
    method = np.asarray(METHODS)[to_numpy(fits.code)]
    return GPDFit(fits.shape, fits.scale, fits.loglik, method, fits.converged, fits.n, backend_of(x), device_of(x))


def _needs_no_conversion(x: Any) -> bool:
    return type(x) is np.ndarray and x.ndim == 1 and x.dtype == np.float64


def _one(x: np.ndarray, c: np.ndarray) -> GPDFit:
    from . import _loops

    missing, bad, low, high = _loops.examine(x)
    x = _without_missing(x, "excesses", missing, bad)
    if low <= _TIE * high:
        place = _quartile(len(x))
        x = x[x > _TIE * np.partition(x, place)[place]]
    missing, bad, _, _ = _loops.examine(c)
    c = _without_missing(c, "censored", missing, bad)
    shape, scale, loglik, code, converged, _ = _loops.fit(x, c, 0.0)
    return GPDFit(shape, scale, loglik, METHODS[code], converged, x.shape[0])


def _without_missing(x: np.ndarray, name: str, missing: int, bad: int) -> np.ndarray:
    if bad >= 0:
        _refuse(name, float(x[bad]), (bad,))
    return x[~np.isnan(x)] if missing else x


def _without_ties_in_rows(x: Array) -> Array:
    """Return rows with NaN in place of values at the level."""
    xp = namespace(x)
    if not x.size:
        return x
    present = ~xp.isnan(x)
    filled = xp.where(present, x, math.inf)
    if not bool(xp.any(filled <= _TIE * xp.max(xp.where(present, x, 0.0), axis=1)[:, None])):
        return x
    count = to_numpy(xp.sum(xp.astype(present, xp.int64), axis=1))
    places = xp.asarray(_quartile(count) + np.arange(len(count)) * x.shape[1], device=compat.device(x))
    upper = xp.take(xp.reshape(xp.sort(filled, axis=1), (-1,)), places)
    return xp.where(filled > _TIE * upper[:, None], x, math.nan)


def _quartile(n: Any) -> Any:
    return 3 * np.maximum(n - 1, 0) // 4


_TIE = 1e-11  # of the upper quartile


def _refuse(name: str, value: float, place: tuple[int, ...]) -> None:
    at = ", ".join(str(int(i)) for i in place)
    raise DataError(
        f"{name}[{at}] is {value}; an excess is finite and 0 or more (value - level, for the values above the level), "
        "or NaN for a missing one"
    )


def _checked(x: Any, name: str, ndim: int | None) -> Array:
    """Return ``x`` as float64 of one or two dimensions, or of ``ndim``; NumPy's contiguous."""
    refuse_masked_or_sparse(x, name)
    if not compat.is_array_api_obj(x):
        try:
            x = np.asarray(x)
        except (TypeError, ValueError) as error:
            raise ShapeError(
                f"{name} cannot be made an array: {error}; pad rows of different lengths with NaN"
            ) from error
    if ndim is None and x.ndim not in (1, 2):
        raise ShapeError(f"{name} must have 1 dimension, or 2 for a batch of rows, got shape {tuple(x.shape)}")
    x = as_floats(x, ndim=ndim or x.ndim, name=name)
    xp = namespace(x)
    x = xp.astype(x, xp.float64, copy=False)
    bad = (x < 0) | xp.isinf(x)
    if x.size and bool(xp.any(bad)):
        place = tuple(int(i[0]) for i in np.nonzero(to_numpy(bad)))
        _refuse(name, float(x[place]), place)
    return np.ascontiguousarray(x) if is_numpy(x) else x


def _same_place(x: Array, c: Array) -> None:
    namespace(x, c)
    if compat.device(x) != compat.device(c):
        raise BackendError(f"excesses are on {compat.device(x)}, censored on {compat.device(c)}; move them together")
    if x.ndim == 2 and x.shape[0] != c.shape[0]:
        raise ShapeError(f"excesses and censored must have the same rows, got {tuple(x.shape)} and {tuple(c.shape)}")
