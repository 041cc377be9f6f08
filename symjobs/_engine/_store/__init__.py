"""Where jobs are kept: in memory, or in a database that several processes share."""

from __future__ import annotations

from symjobs._engine._store._base import SharedStore, Store
from symjobs._engine._store._memory import MemoryStore

__all__ = ["MemoryStore", "SharedStore", "Store", "open_store"]


def open_store(url: str | None) -> Store:
    """Open the store at an SQLAlchemy URL, or a new one in memory for None."""
    if url is None:
        return MemoryStore()
    from symjobs._engine._store._sql import SqlStore  # SQLAlchemy is slow to import

    return SqlStore(url)
