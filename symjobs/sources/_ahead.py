"""Reading ahead: the next part of a source is read while the last one is learnt."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def read_ahead(parts: Generator[T, None, None]) -> Iterator[T]:
    """Yield the parts of a generator, the next of which another thread makes meanwhile."""
    with ThreadPoolExecutor(1, thread_name_prefix="symjobs-read") as reader:
        coming = reader.submit(next, parts, None)
        try:
            while (part := coming.result()) is not None:
                coming = reader.submit(next, parts, None)
                yield part
        finally:
            reader.submit(parts.close).result()  # in its thread, after what is under way
