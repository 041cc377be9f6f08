"""Tables of the server in the database of the jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from symjobs._engine._store._engine import DATABASE_ERRORS, WRITE, cause, open_engine
from symjobs._errors import StoreError


class Database:
    """Some tables, made where they are not there.

    Parameters
    ----------
    store : str
        An SQLAlchemy URL.
    tables : sqlalchemy.MetaData
    what : str
        What they hold, for messages.
    """

    def __init__(self, store: str, tables: sa.MetaData, what: str) -> None:
        self._engine = open_engine(store)
        self._what = what
        self.do(tables.create_all)

    def do(self, work: Callable[[sa.Connection], Any], *, write: bool = True) -> Any:
        """Do some work in a transaction; errors of the database but IntegrityError are a StoreError."""
        try:
            with self._engine.connect() as connection:
                if write:
                    connection = connection.execution_options(**WRITE)
                with connection.begin():
                    return work(connection)
        except sa.exc.IntegrityError:
            raise
        except DATABASE_ERRORS as error:
            raise StoreError(f"{self._what} cannot be read or written: {cause(error)}") from error

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()
