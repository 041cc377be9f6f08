"""The t-digest of datasketches: the library, and the bytes that hold a digest's centroids."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._errors import MissingDependency

CENTROID = np.dtype([("mean", "<f8"), ("weight", "<u8")])
_HEAD = 32  # bytes before the centroids


def require_datasketches() -> Any:
    """Return the package datasketches; raises `MissingDependency` with the command that installs it."""
    try:
        import datasketches
    except ImportError:
        raise MissingDependency(
            "a QuantileSketch needs the package 'datasketches'; install it with: pip install 'symjobs[histogram]'"
        ) from None
    return datasketches


def centroids_of(digest: Any) -> NDArray[Any]:
    """Return the centroids of a digest, or none for None, as an array of `CENTROID`."""
    return np.empty(0, CENTROID) if digest is None else _centroids_in(digest.serialize())


def _centroids_in(data: bytes) -> NDArray[Any]:
    # The format that all languages of DataSketches share. A digest of one value has no list of centroids.
    if len(data) <= _HEAD - 8:
        (value,) = struct.unpack_from("<d", data, 8)
        return np.array([(value, 1)], CENTROID)
    (n, buffered) = struct.unpack_from("<II", data, 8)
    found = np.frombuffer(data, CENTROID, n, _HEAD)
    assert not buffered  # every write to a digest is followed by compress()
    return found


def read_digest(data: bytes, k: int) -> Any:
    """Return the digest in ``data``; raises `ValueError` or an error of the library if it is not one of size ``k``."""
    digest = require_datasketches().tdigest_double.deserialize(data)
    if digest.k != k or digest.is_empty() or digest.serialize() != data:
        raise ValueError("the digest has another size, or its bytes are not in the usual form")
    found = _centroids_in(data)
    ends = np.array([digest.get_min_value(), *found["mean"], digest.get_max_value()])
    weight = found["weight"].astype(np.float64)
    if not np.isfinite(ends).all() or (ends[1:] < ends[:-1]).any() or (weight < 1).any():
        raise ValueError("the digest's centroids are not in order")
    if int(found["weight"].sum()) != digest.get_total_weight():
        raise ValueError("the digest's weights do not add up to its total")
    return digest
