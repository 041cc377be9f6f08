"""The array libraries that kernels are tested with, and how their results are compared."""

from __future__ import annotations

import importlib.util
from enum import Enum
from typing import Any

import array_api_compat as compat
import numpy as np

Array = Any


class Backend(Enum):
    """An array library; the value is the module that it is used through."""

    NUMPY = "array_api_compat.numpy"
    ARRAY_API_STRICT = "array_api_strict"
    CUPY = "array_api_compat.cupy"

    @property
    def namespace(self) -> Any:
        return importlib.import_module(self.value)

    @property
    def available(self) -> bool:
        """CuPy counts only where there is a card for it."""
        if self is not Backend.CUPY:
            return True
        if importlib.util.find_spec("cupy") is None:
            return False
        import cupy

        try:
            return bool(cupy.cuda.runtime.getDeviceCount() > 0)
        except cupy.cuda.runtime.CUDARuntimeError:
            return False


def device_of_tests(xp: Any) -> Any:
    """A device that results must stay on. array-api-strict's is not its default one, so that a stray one is noticed."""
    return xp.Device("device1") if xp.__name__ == "array_api_strict" else None


def put(xp: Any, x: Any, dtype: str = "float64") -> Array:
    """``x`` as an array of the library under test, on the device of the tests."""
    return xp.asarray(np.asarray(x, dtype=dtype), device=device_of_tests(xp))


def get(x: Array) -> np.ndarray:
    """An array of any library as a NumPy array."""
    if isinstance(x, np.ndarray):
        return x
    if compat.is_cupy_array(x):
        return x.get()
    return np.asarray(compat.to_device(x, type(x.device)("CPU_DEVICE")))


def tolerance(dtype: Any, operations: float = 1.0) -> float:
    """Relative tolerance of a sum of ``operations`` terms in ``dtype``: 8 eps for each."""
    return 8 * operations * float(np.finfo(str(dtype).rpartition(".")[2]).eps)


def assert_kind(actual: Array, like: Array) -> None:
    """``actual`` is of the library and on the device of ``like``, and is float64."""
    assert type(actual) is type(like)
    assert compat.device(actual) == compat.device(like)
    assert str(actual.dtype).rpartition(".")[2] == "float64"


def assert_same(actual: Array, expected: Any, like: Array, *, operations: float = 1.0, atol: float = 0.0) -> None:
    """``actual`` is of the kind of ``like`` and has the values of ``expected``, to the tolerance of its dtype.

    Without ``atol`` the tolerance is taken of the largest finite magnitude in ``expected``.
    """
    assert_kind(actual, like)
    values, expected = get(actual), np.asarray(expected)
    assert values.shape == expected.shape
    finite = np.abs(expected[np.isfinite(expected)])
    largest = finite.max() if finite.size else 0.0
    np.testing.assert_allclose(values, expected, rtol=0, atol=atol or tolerance(actual.dtype, operations) * largest)
