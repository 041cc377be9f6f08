"""The fields of a model as a file holds them: arrays with their shapes, and JSON."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

_ARRAY = "array"


def array(*shape: str | int, dtype: type[np.generic] = np.float64) -> Any:
    """Declare an array of a model, as the value of a class attribute of a `Model` class.

    Parameters
    ----------
    *shape : str or int
        Its dimensions. ``"d"`` is the number of inputs; another name is any size, one for all arrays of the model.
    dtype : type, default float64
        Arrays of floats hold finite numbers only.
    """
    return dataclasses.field(metadata={_ARRAY: (shape, np.dtype(dtype))})


def array_fields(model_type: type) -> list[dataclasses.Field[Any]]:
    """Return the fields that were declared with `array`."""
    return [field for field in dataclasses.fields(model_type) if _ARRAY in field.metadata]


def json_fields(model_type: type) -> list[dataclasses.Field[Any]]:
    """Return the others, without the inputs, which a file holds apart."""
    return [
        field for field in dataclasses.fields(model_type) if _ARRAY not in field.metadata and field.name != "inputs"
    ]


def read_arrays(model_type: type, d: int, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the arrays of a model of d inputs; KeyError or ValueError if they are not as declared."""
    sizes: dict[str | int, int] = {"d": d}
    read = {}
    for field in array_fields(model_type):
        shape, dtype = field.metadata[_ARRAY]
        found = read[field.name] = arrays[field.name]
        if found.ndim == len(shape):
            sizes = {**dict(zip(shape, found.shape, strict=True)), **sizes}
        expected = tuple(size if isinstance(size, int) else sizes.get(size, size) for size in shape)
        if found.dtype != dtype or found.shape != expected:
            raise ValueError(
                f"holds {field.name!r} as {found.dtype} of shape {found.shape}, and for {d} inputs it must be {dtype} "
                f"of shape {expected}"
            )
        if dtype.kind == "f" and not np.isfinite(found).all():
            raise ValueError(f"holds values in {field.name!r} that are not finite")
    return read


def read_json(model_type: type, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the other fields; KeyError or ValueError if they are not of the declared types."""
    types = typing.get_type_hints(model_type)
    read = {}
    for field in json_fields(model_type):
        try:
            read[field.name] = msgspec.convert(metadata[field.name], types[field.name])
        except msgspec.ValidationError as error:
            raise ValueError(f"holds {field.name!r} as {metadata[field.name]!r}: {error}") from None
    return read
