"""The named data sources of the customers, encrypted as a whole."""

from __future__ import annotations

import threading
import time

import msgspec
import sqlalchemy as sa

from symjobs._entities import DSInfo
from symjobs._errors import InputError, StoreError
from symjobs._text import check_name, check_owner, check_segment, shown
from symjobs.server._database import Database
from symjobs.server._key import MasterKey

_metadata = sa.MetaData()
_sources = sa.Table(
    "symjobs_data_sources",
    _metadata,
    sa.Column("owner", sa.String(255), primary_key=True),
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("description", sa.LargeBinary, nullable=False),  # encrypted, with owner and name
    sa.Column("added", sa.BigInteger, nullable=False),
)
_LONGEST = 255


class _Kept(msgspec.Struct):
    owner: str
    dsinfo: DSInfo


class DataSources:
    """The data sources that customers have described, by name, in a database or in memory.

    Parameters
    ----------
    store : str, optional
        An SQLAlchemy URL; it may be that of the jobs. By default they are in memory, and end with the process.
    key : MasterKey or str, optional
        Encrypts the descriptions, with their secrets; needed with a store. As text 32 bytes in URL-safe Base64.

    Raises
    ------
    InputError, StoreError
        If the URL is none, there is a store without a key, or the database does not open.

    Examples
    --------
    >>> import symjobs as sj
    >>> sources = sj.server.DataSources()
    >>> sources.add("c1", sj.DSInfo("localfile", "people", {"path": "people.csv"}))
    True
    >>> sources.get("c1", "people").info, sources.get("c2", "people")
    ({'path': 'people.csv'}, None)
    >>> sources.close()
    """

    def __init__(self, store: str | None = None, key: MasterKey | str | None = None) -> None:
        if (store is None) != (key is None):
            raise InputError("data sources in a database need the master key that encrypts them: give both or none")
        self._key = MasterKey(key) if isinstance(key, str) else key
        self._database = None if store is None else Database(store, _metadata, "the data sources")
        self._lock = threading.Lock()
        self._memory: dict[tuple[str, str], DSInfo] = {}

    def add(self, owner: str, dsinfo: DSInfo) -> bool:
        """Add a description under its name, and return whether the name was free.

        Parameters
        ----------
        owner : str
            The customer.
        dsinfo : DSInfo

        Raises
        ------
        InputError
            If the name is none, or is longer than 255 characters.
        """
        check_owner(owner)
        check_segment(check_name(dsinfo.name, "data source"), "the name of a data source")
        if len(dsinfo.name) > _LONGEST:
            raise InputError(f"the name {shown(dsinfo.name)} has more than {_LONGEST} characters")
        if self._database is None:
            with self._lock:
                return self._memory.setdefault((owner, dsinfo.name), dsinfo) is dsinfo
        row = {**self._row(owner, dsinfo), "added": int(time.time() * 1000)}
        try:
            self._database.do(lambda connection: connection.execute(sa.insert(_sources).values(row)))
        except sa.exc.IntegrityError:
            return False
        return True

    def replace(self, owner: str, dsinfo: DSInfo) -> bool:
        """Replace the description of this name, and return whether there was one.

        Parameters
        ----------
        owner : str
            The customer.
        dsinfo : DSInfo
        """
        if self._database is None:
            with self._lock:
                known = (owner, dsinfo.name) in self._memory
                if known:
                    self._memory[owner, dsinfo.name] = dsinfo
                return known
        change = sa.update(_sources).where(_of(owner, dsinfo.name)).values(self._row(owner, dsinfo))
        return bool(self._database.do(lambda connection: connection.execute(change).rowcount))

    def remove(self, owner: str, name: str) -> bool:
        """Remove a description, and return whether there was one.

        Parameters
        ----------
        owner : str
            The customer.
        name : str
        """
        if self._database is None:
            with self._lock:
                return self._memory.pop((owner, name), None) is not None
        change = sa.delete(_sources).where(_of(owner, name))
        return bool(self._database.do(lambda connection: connection.execute(change).rowcount))

    def get(self, owner: str, name: str) -> DSInfo | None:
        """Return a description with its secrets, or None.

        Parameters
        ----------
        owner : str
            The customer.
        name : str

        Raises
        ------
        StoreError
            If it does not decrypt with the master key, or was altered.
        """
        if self._database is None:
            return self._memory.get((owner, name))
        query = sa.select(_sources.c.description).where(_of(owner, name))
        row = self._database.do(lambda connection: connection.execute(query).first(), write=False)
        return None if row is None else self._read(owner, name, row.description)

    def all(self, owner: str) -> list[DSInfo]:
        """Return the descriptions of a customer with their secrets, in the order in which they were added.

        Parameters
        ----------
        owner : str
            The customer.
        """
        if self._database is None:
            with self._lock:
                return [dsinfo for (who, _), dsinfo in self._memory.items() if who == owner]
        query = (
            sa.select(_sources.c.name, _sources.c.description)
            .where(_sources.c.owner == owner)
            .order_by(_sources.c.added, _sources.c.name)
        )
        rows = self._database.do(lambda connection: connection.execute(query).all(), write=False)
        return [self._read(owner, row.name, row.description) for row in rows]

    def close(self) -> None:
        """Close the connections."""
        if self._database is not None:
            self._database.close()

    def _row(self, owner: str, dsinfo: DSInfo) -> dict[str, object]:
        assert self._key is not None
        text = msgspec.json.encode(_Kept(owner, dsinfo)).decode()
        return {"owner": owner, "name": dsinfo.name, "description": self._key.encrypt(text)}

    def _read(self, owner: str, name: str, description: bytes) -> DSInfo:
        assert self._key is not None
        kept = msgspec.json.decode(self._key.decrypt(description), type=_Kept)
        if (kept.owner, kept.dsinfo.name) != (owner, name):
            raise StoreError(f"the data source {shown(name)} is that of another one: the database was altered")
        return kept.dsinfo


def _of(owner: str, name: str) -> sa.ColumnElement[bool]:
    return sa.and_(_sources.c.owner == owner, _sources.c.name == name)
