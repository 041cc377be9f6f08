"""Where jobs are kept: in memory, or in a database that several processes share."""

from __future__ import annotations

import os

from symjobs._engine._store._base import OwnerLimits, SharedStore, Store
from symjobs._engine._store._memory import MemoryStore

__all__ = ["MemoryStore", "OwnerLimits", "SharedStore", "Store", "open_store"]


def open_store(url: str | None, folder: str | os.PathLike[str] | None = None) -> Store:
    """Open the store at an SQLAlchemy URL, or a new one in memory for None.

    Large results become files in the folder. By default it is beside the file of an SQLite database; for other
    databases there is none.
    """
    if url is None:
        return MemoryStore()
    from symjobs._engine._store._sql import SqlStore  # SQLAlchemy is slow to import

    return SqlStore(url, folder)
