"""Strict JSON of entities: writing and reading."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

from symjobs._entities._dataframe import DataFrame
from symjobs._entities._envelope import Envelope
from symjobs._entities._maps import KSVSMap
from symjobs._errors import InputError

T = TypeVar("T")


def to_json(obj: Any, /) -> bytes:
    """Return strict JSON of an entity, or of a dict or list of entities.

    A non-finite number becomes ``null``. A number in a DataFrame or a KSVSMap becomes text. NumPy numbers and arrays
    become numbers and lists.

    Parameters
    ----------
    obj : entity, dict or list
        What to write.

    Returns
    -------
    bytes
        UTF-8.

    Raises
    ------
    InputError
        If something in it has no JSON form.

    Examples
    --------
    >>> import symjobs as sj
    >>> sj.to_json(sj.KSVDMap([{"mean": 1.5}]))
    b'{"values":[{"mean":1.5}]}'
    """
    try:
        return _ENCODER.encode(_with_text(obj))
    except (TypeError, UnicodeEncodeError) as error:
        raise InputError(f"{type(obj).__name__} cannot be written as JSON: {error}") from error


def from_json(data: bytes | bytearray | memoryview | str, type: type[T], /) -> T:
    """Read strict JSON into an entity.

    A field that is ``null`` where that is not allowed counts as absent, as some clients write absent lists so.
    Unknown fields are ignored.

    Parameters
    ----------
    data : bytes-like or str
        The JSON, in UTF-8.
    type : type
        The entity, such as `DataFrame`, or any type that msgspec reads.

    Returns
    -------
    object
        An object of this type.

    Raises
    ------
    InputError
        If the JSON is not valid; the message has the place (``$.data[3][1]``) and what was expected there.

    Examples
    --------
    >>> import symjobs as sj
    >>> sj.from_json(b'{"inputAttributeNames": ["a", "b"]}', sj.MLContext).inputAttributeNames
    ['a', 'b']
    """
    try:
        try:
            return msgspec.json.decode(data, type=type)
        except msgspec.ValidationError as error:
            if "null`" not in str(error):
                raise
            return msgspec.convert(_without_nulls(msgspec.json.decode(data)), type=type)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        name = getattr(type, "__name__", str(type))
        raise InputError(f"{name}: {_place_first(str(error))}") from error


def _place_first(message: str) -> str:
    # msgspec says "Expected `str`, got `int` - at `$.a[0]`"; put the place first.
    match = re.fullmatch(r"(.*) - at `(.*)`", message, re.DOTALL)
    return f"at {match[2]}: {match[1]}" if match else message


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def _with_text(obj: Any) -> Any:
    # Only these hold cells where a string is due; everything else is encoded as it stands.
    if isinstance(obj, DataFrame):
        return obj.as_text()
    if isinstance(obj, KSVSMap):
        return KSVSMap(list(obj.values))
    if isinstance(obj, dict):
        return {key: _with_text(value) for key, value in obj.items()}
    if isinstance(obj, list | tuple):
        return [_with_text(value) for value in obj]
    if isinstance(obj, Envelope):
        return Envelope(obj.statusCode, obj.statusString, _with_text(obj.values))
    return obj


def _numpy_plain(value: Any) -> Any:
    # Scalars and arrays of NumPy, without importing it.
    if hasattr(value, "dtype") and hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__module__}.{type(value).__name__} has no JSON")


_ENCODER = msgspec.json.Encoder(enc_hook=_numpy_plain)
