"""The DataFrame entity of the wire."""

from __future__ import annotations

from collections.abc import Iterator

from symjobs._entities import DataFrame
from symjobs._errors import InputError
from symjobs._tables._batch import Batch
from symjobs._tables._columns import ObjectColumn


def read(data: DataFrame) -> Iterator[Batch]:
    """Read a DataFrame entity. Text that is a number counts as a number where the type is inferred."""
    names = data.attributeNames
    if data.attributeTypes and len(data.attributeTypes) != len(names):
        raise InputError(f"{len(data.attributeTypes)} attributeTypes came with {len(names)} attributeNames")
    for i, row in enumerate(data.data):
        if len(row) != len(names):
            raise InputError(f"row {i} has {len(row)} values, and there are {len(names)} attributeNames")
    columns = [ObjectColumn(name, [row[j] for row in data.data], parse=True) for j, name in enumerate(names)]
    types = dict(zip(names, data.attributeTypes, strict=False))
    yield Batch(len(data.data), columns, types=types, alone=True)
