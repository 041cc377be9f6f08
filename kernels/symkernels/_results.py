"""Library, device and dtype of a result's arrays."""

from __future__ import annotations

import array_api_compat as compat

from ._arrays import Array, namespace


def backend_of(x: Array) -> str:
    """Return the name of the library of ``x``: ``"numpy"``, ``"cupy"``, ``"array_api_strict"``, ..."""
    return str(namespace(x).__name__).rpartition(".")[2]


def device_of(x: Array) -> str:
    """Return the device of ``x`` as its library writes it; ``"cpu"`` for NumPy."""
    return str(compat.device(x))


class ArrayResult:
    """A result whose main array is ``values``, on the backend and device of the input."""

    values: Array

    @property
    def backend(self) -> str:
        """Name of the array library."""
        return backend_of(self._main_array())

    @property
    def device(self) -> str:
        """Device that holds the arrays."""
        return device_of(self._main_array())

    @property
    def dtype(self) -> str:
        """Name of the arrays' dtype."""
        return str(self._main_array().dtype).rpartition(".")[2]

    def _main_array(self) -> Array:
        """Return the array that stands for the result. A class without ``values`` overrides this."""
        return self.values
