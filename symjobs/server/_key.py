"""The master key, which encrypts the secrets of users. It is never in the store."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from symjobs._errors import InputError, StoreError

VARIABLE = "SYMJOBS_KEY"
_KEY_WORDS = "32 random bytes in URL-safe Base64, as `symjobs user key` prints them"


class MasterKey:
    """Encrypts text with authentication (Fernet: AES-128-CBC and HMAC-SHA256).

    Parameters
    ----------
    text : str
        32 bytes in URL-safe Base64. Several with commas between them: the first encrypts, all decrypt, so that a key
        can be replaced.

    Raises
    ------
    InputError
        If it is no such key.

    Examples
    --------
    >>> import symjobs as sj
    >>> key = sj.server.MasterKey(sj.server.new_key())
    >>> key.decrypt(key.encrypt("a secret"))
    'a secret'
    """

    def __init__(self, text: str) -> None:
        try:
            self._keys = [Fernet(part.strip()) for part in text.split(",")]
        except ValueError:  # it may be a secret: it is not shown
            raise InputError(f"the master key is no key; it must be {_KEY_WORDS}") from None

    def encrypt(self, text: str) -> bytes:
        """Return the text, encrypted."""
        return self._keys[0].encrypt(text.encode())

    def decrypt(self, token: bytes) -> str:
        """Return the text; StoreError if it was encrypted with another key, or altered."""
        for key in self._keys:
            try:
                return key.decrypt(token).decode()
            except InvalidToken:
                continue
        raise StoreError(
            f"the secrets of users do not decrypt: they were stored with another master key ({VARIABLE} or its file), "
            "or altered"
        )


def new_key() -> str:
    """Return a new master key.

    Returns
    -------
    str
        32 random bytes in URL-safe Base64.

    Examples
    --------
    >>> import symjobs as sj
    >>> len(sj.server.new_key())
    44
    """
    return Fernet.generate_key().decode()


def read_key(path: Path, *, create: bool = False) -> MasterKey:
    """Return the master key of the environment, or of a file that nobody else may read.

    Parameters
    ----------
    path : Path
        The file, if ``SYMJOBS_KEY`` is not set.
    create : bool, default False
        Whether a file that is not there is written, with mode 0600 and a new key.

    Returns
    -------
    MasterKey

    Raises
    ------
    InputError
        If there is no key, the file's mode lets others read it, or it holds no key.

    Examples
    --------
    >>> import pathlib, tempfile, symjobs as sj
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     key = sj.server.read_key(pathlib.Path(folder) / "key", create=True)
    >>> key.decrypt(key.encrypt("a secret"))
    'a secret'
    """
    text = os.environ.get(VARIABLE)
    if text is not None:
        return MasterKey(text)
    if create:
        _create(path)
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        raise InputError(f"there is no master key: set {VARIABLE} to {_KEY_WORDS}, or write it to {path}") from None
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise InputError(f"{path} holds the master key, and others may read it; run: chmod 600 {path}")
    return MasterKey(text)


def _create(path: Path) -> None:
    # Whole or not at all, and only once, also if several processes start at the same time.
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(new_key() + "\n")
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        os.unlink(temporary)
