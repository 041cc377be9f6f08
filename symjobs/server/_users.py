"""The users of a server, and their secrets."""

from __future__ import annotations

import secrets
import threading
import time

import sqlalchemy as sa

from symjobs._errors import InputError, StoreError
from symjobs._text import check_owner, shown
from symjobs.server._database import Database
from symjobs.server._key import MasterKey
from symjobs.server._signature import OLDEST, new_secret

_SECRET_BYTES = 16
_FRESH_SECONDS = 2.0  # a secret is looked up again after this time, so that a removed user is refused soon

_metadata = sa.MetaData()
_users = sa.Table(
    "symjobs_users",
    _metadata,
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("secret", sa.LargeBinary, nullable=False),  # encrypted, with the name
    sa.Column("added", sa.BigInteger, nullable=False),
)
_used = sa.Table(
    "symjobs_used_signatures",
    _metadata,
    sa.Column("signature", sa.String(64), primary_key=True),
    sa.Column("until", sa.BigInteger, nullable=False, index=True),
)


class Users:
    """The users of a server in a database, with secrets that a master key encrypts.

    Parameters
    ----------
    store : str
        An SQLAlchemy URL; it may be that of the jobs.
    key : MasterKey or str
        Encrypts the secrets; as text 32 bytes in URL-safe Base64.

    Raises
    ------
    InputError, StoreError
        If the URL is none, the key is none, or the database does not open.

    Examples
    --------
    >>> import tempfile, symjobs.server
    >>> folder = tempfile.TemporaryDirectory()
    >>> users = symjobs.server.Users(f"sqlite:///{folder.name}/users.db", symjobs.server.new_key())
    >>> secret = users.add("c1")  # shown once
    >>> users.names(), users.secret("c1") == secret, users.secret("c2")
    (['c1'], True, None)
    >>> users.close()
    >>> folder.cleanup()
    """

    def __init__(self, store: str, key: MasterKey | str) -> None:
        self._key = MasterKey(key) if isinstance(key, str) else key
        self._database = Database(store, _metadata, "the users")
        self._lock = threading.Lock()
        self._fresh: dict[str, tuple[float, str]] = {}

    def add(self, name: str) -> str:
        """Add a user and return the new secret, 16 random bytes in Base64.

        Parameters
        ----------
        name : str
            1 to 255 printable characters without ``/``.

        Raises
        ------
        InputError
            If the name is none, or there is such a user.
        """
        check_owner(name)
        secret = new_secret(secrets.token_bytes(_SECRET_BYTES))
        row = {"name": name, "secret": self._key.encrypt(f"{name}\n{secret}"), "added": int(time.time() * 1000)}

        def insert(connection: sa.Connection) -> None:
            if connection.execute(sa.select(_users.c.name).where(_users.c.name == name)).first() is not None:
                raise InputError(f"there is a user {shown(name)} already; remove it first, or take another name")
            connection.execute(sa.insert(_users).values(row))

        try:
            self._database.do(insert)
        except sa.exc.IntegrityError:  # another process was faster
            raise InputError(f"there is a user {shown(name)} already") from None
        self._forget(name)
        return secret

    def remove(self, name: str) -> None:
        """Remove a user: within two seconds no server lets it in. Its jobs and projects stay.

        Parameters
        ----------
        name : str

        Raises
        ------
        InputError
            If there is no such user.
        """
        found = self._database.do(
            lambda connection: connection.execute(sa.delete(_users).where(_users.c.name == name)).rowcount
        )
        self._forget(name)
        if not found:
            raise InputError(f"there is no user {shown(name)}")

    def names(self) -> list[str]:
        """Return the names of all users, in the order in which they were added."""
        query = sa.select(_users.c.name).order_by(_users.c.added, _users.c.name)
        return [row.name for row in self._database.do(lambda connection: connection.execute(query).all(), write=False)]

    def secret(self, name: str) -> str | None:
        """Return a user's secret, or None if there is no such user.

        Parameters
        ----------
        name : str

        Raises
        ------
        StoreError
            If the secret does not decrypt with the master key.
        """
        known = self.known(name)
        if known is not None:
            return known
        query = sa.select(_users.c.secret).where(_users.c.name == name)
        row = self._database.do(lambda connection: connection.execute(query).first(), write=False)
        secret = None
        if row is not None:
            owner, _, secret = self._key.decrypt(row.secret).rpartition("\n")
            if owner != name:
                raise StoreError(f"the secret of user {shown(name)} is that of another one: the database was altered")
            with self._lock:  # strangers' names are not kept: anyone can send them
                self._fresh[name] = (time.monotonic() + _FRESH_SECONDS, secret)
        return secret

    def known(self, name: str) -> str | None:
        """Return a user's secret if it was read in the last two seconds, else None."""
        with self._lock:
            found = self._fresh.get(name)
        return found[1] if found is not None and found[0] > time.monotonic() else None

    def use_once(self, signature: str) -> bool:
        """Note a signature, and return False if it was used before in the time in which its date is accepted."""
        now = int(time.time())
        row = {"signature": signature[:64], "until": now + 2 * int(OLDEST)}

        def insert(connection: sa.Connection) -> bool:
            connection.execute(sa.delete(_used).where(_used.c.until < now))
            known = sa.select(_used.c.signature).where(_used.c.signature == row["signature"])
            if connection.execute(known).first() is not None:
                return False
            connection.execute(sa.insert(_used).values(row))
            return True

        try:
            return bool(self._database.do(insert))
        except sa.exc.IntegrityError:  # another server was faster
            return False

    def close(self) -> None:
        """Close the connections."""
        self._database.close()

    def _forget(self, name: str) -> None:
        with self._lock:
            self._fresh.pop(name, None)
