"""The library and the device of an array. Nothing here imports a library that is not loaded yet."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import array_api_compat as compat
import numpy as np

from ._errors import BackendError, ShapeError

Array = Any  # an array of any library that follows the array API standard


def namespace(*arrays: Array) -> Any:
    """Return the array API namespace that all ``arrays`` share."""
    if all(type(a) is np.ndarray for a in arrays):
        return _numpy_namespace()
    try:
        return compat.array_namespace(*arrays)
    except TypeError as error:
        kinds = ", ".join(sorted({type(a).__module__.split(".")[0] + "." + type(a).__name__ for a in arrays}))
        raise BackendError(
            f"expected arrays of one library (NumPy, CuPy, ...), got {kinds}; convert them to one library first"
        ) from error


@lru_cache(maxsize=1)
def _numpy_namespace() -> Any:
    return compat.array_namespace(np.empty(0))


def on_same_device(a: Array, b: Array) -> bool:
    """Whether two arrays are of one library and on one device."""
    return namespace(a) is namespace(b) and compat.device(a) == compat.device(b)


def is_numpy(x: Array) -> bool:
    """Whether ``x`` is a NumPy array."""
    return isinstance(x, np.ndarray)


def is_cupy(x: Array) -> bool:
    """Whether ``x`` is a CuPy array. This does not import CuPy."""
    return bool(compat.is_cupy_array(x))


def values_at_a_time(x: Array, on_cpu: int) -> int:
    """Return how many values of ``x`` to process in one block: ``on_cpu``, or 2^25 (256 MiB of float64) on a GPU.

    On a GPU each operation costs a kernel launch, some 10 microseconds, so that small blocks leave it idle.
    """
    return 2**25 if is_cupy(x) else on_cpu


def to_numpy(x: Array) -> np.ndarray:
    """Return ``x`` as a NumPy array, in one transfer if it is on a device."""
    if is_cupy(x):
        return x.get()
    if not is_numpy(x):
        x = compat.to_device(x, namespace(x).__array_namespace_info__().default_device())
    return np.asarray(x)


def as_floats(x: Array, *, ndim: int, name: str) -> Array:
    """Return ``x`` as an array of real numbers with ``ndim`` dimensions, on its own library and device.

    Sequences become NumPy arrays. float32 and float64 stay as they are. Integers, booleans and other floats become
    float64. Raises `ShapeError` for everything else.
    """
    refuse_masked_or_sparse(x, name)
    if not compat.is_array_api_obj(x):
        try:
            x = np.asarray(x)
        except (TypeError, ValueError) as error:
            raise ShapeError(f"{name} cannot be converted to an array: {error}") from error
    xp = namespace(x)
    if x.ndim != ndim:
        raise ShapeError(f"{name} must have {ndim} dimension(s), got shape {tuple(x.shape)}")
    if xp.isdtype(x.dtype, "real floating"):
        return x if x.dtype in (xp.float32, xp.float64) else xp.astype(x, xp.float64)
    if xp.isdtype(x.dtype, ("integral", "bool")):
        return xp.astype(x, xp.float64)
    raise ShapeError(not_numbers(x, name))


def refuse_masked_or_sparse(x: Any, name: str) -> None:
    """Raise `ShapeError` for arrays whose marks or zeros `numpy.asarray` would lose."""
    if isinstance(x, np.ma.MaskedArray):
        raise ShapeError(
            f"{name} is a masked array, which is not supported; fill it with NaN: {name}.astype(float).filled(nan)"
        )
    if hasattr(x, "toarray") and hasattr(x, "nnz"):
        raise ShapeError(f"{name} is sparse ({type(x).__name__}), which is not supported; use {name}.toarray()")


def not_numbers(x: Array, name: str) -> str:
    """Return what an error says of an array that holds no real numbers."""
    kind = getattr(x.dtype, "kind", "")
    if kind == "M":
        advice = f"dates and times; subtract a date and divide by a unit: ({name} - {name}.min()) / timedelta64(1, 's')"
    elif kind == "m":
        advice = f"durations; divide by a unit: {name} / timedelta64(1, 's')"
    else:
        advice = "encode text and categories, and convert objects with astype(float)"
    return f"{name} must hold real numbers, got dtype {x.dtype}: {advice}"
