"""A saved state's arrays, each checked when it is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ._errors import DataError

_DTYPES = {"b": np.bool_, "i": np.int64, "u": np.uint8, "f": np.float64}  # by the kind of NumPy's dtypes


class SavedArrays:
    """The arrays that a state's ``arrays()`` returned.

    Parameters
    ----------
    arrays : mapping of str to array
    what : str
        What the state holds, for messages: ``"moments"``.
    version : int
        The only version of the format that can be read.

    Raises
    ------
    DataError
        The arrays have another version or none. `array` and `scalar` raise it as well.
    """

    def __init__(self, arrays: Mapping[str, Any], what: str, version: int) -> None:
        self._arrays, self._what = arrays, what
        found = self.scalar("version")
        if found != version:
            raise DataError(f"saved {what} of version {found}; this library reads version {version}")

    def __contains__(self, name: str) -> bool:
        return name in self._arrays

    def size(self, name: str) -> int:
        """Return the number of entries of an array, 0 if it is absent."""
        return int(np.asarray(self._arrays.get(name, ())).size)

    def array(self, name: str, kind: str, *shape: int | None) -> np.ndarray:
        """Return a C-ordered copy of an array of this kind of dtype and this shape; None fits any length."""
        if name not in self._arrays:
            raise DataError(f"these arrays are no saved {self._what}: the array {name!r} is absent")
        array = np.asarray(self._arrays[name])
        fits = array.ndim == len(shape) and all(
            wanted in (None, length) for wanted, length in zip(shape, array.shape, strict=True)
        )
        if array.dtype.kind != kind or not fits:
            wanted = ", ".join("any" if length is None else str(length) for length in shape)
            raise self.damaged(
                f"{name!r} should be of kind {kind!r} and shape ({wanted}), "
                f"but is of kind {array.dtype.kind!r} and shape {array.shape}"
            )
        return np.array(array, dtype=_DTYPES[kind], order="C")

    def scalar(self, name: str, kind: str = "i") -> Any:
        """Return the one entry of an array of shape (1,)."""
        return self.array(name, kind, 1)[0].item()

    def one_of(self, name: str, allowed: tuple[Any, ...]) -> Any:
        """Return the entry of ``allowed`` at the position that is saved under ``name``."""
        position = self.scalar(name)
        if not 0 <= position < len(allowed):
            raise self.damaged(f"{name!r} is {position}, but must be from 0 to {len(allowed) - 1}")
        return allowed[position]

    def damaged(self, reason: str) -> DataError:
        """Return the error for arrays that contradict themselves."""
        return DataError(f"damaged {self._what}: {reason}")
